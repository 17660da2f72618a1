/* One suspect. */

function percent(share) {
  return `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
}

function number(value, digits = 3) {
  if (value === null || value === undefined) return "-";
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return value.toFixed(digits);
}

function verdictText(said, names) {
  if (said.conflict) return "conflict";
  if (!said.verdict) return "";
  return said.verdict === "relabel" ? `relabel → ${names[said.label] ?? said.label}` : WORDS[said.verdict];
}

/* Two names of more letters together leave no room for words beside them. */
const SHORT_NAMES = 6;

/* Of more classes the likeliest are drawn. */
const MOST_BARS = 20;
const LEAST_BAR = 0.04;

class Tile {
  constructor(gallery, position) {
    Object.assign(this, { gallery, position });
    this.original = make("div", "picture");
    this.aligned = make("div", "picture");
    this.nothing = make("div", "picture none", "not aligned");
    this.labels = make("div", "labels");
    this.facts = make("div", "facts");
    this.bars = make("div", "bars");
    this.actions = make("div", "actions");
    this.mark = make("div", "mark");
    this.pair = make("div", "pair", this.original, this.aligned, this.nothing);
    this.node = make("div", "tile", this.pair, this.labels, this.facts, this.bars, this.actions, this.mark);
    this.node.setAttribute("role", "gridcell");
    this.node.onclick = (event) => gallery.clicked(position, event);
    this.node.onpointerdown = (event) => {
      gallery.pressed = event.button === 0 && event.pointerType === "mouse" ? position : null;
    };
    this.node.onpointerenter = (event) => gallery.swept(position, event);
    this.painted = false;
    this.drawn = null;
  }

  draw() {
    const card = this.gallery.ranking.card(this.position);
    const isFocus = this.position === this.gallery.focus;
    const isSelected = this.gallery.selection.has(this.position);
    this.node.classList.toggle("focus", isFocus);
    this.node.classList.toggle("selected", isSelected);
    this.node.tabIndex = isFocus ? 0 : -1;
    this.node.setAttribute("aria-selected", String(isSelected));
    this.node.dataset.position = this.position;
    if (!card) {
      this.node.setAttribute("aria-label", `suspect ${this.position + 1}, loading`);
      return;
    }
    if (this.drawn !== card) this.drawCard(card);
    if (!this.painted && this.gallery.ranking.hasPictures(this.position)) {
      this.painted = true;
      this.gallery.ranking.show(this.original, this.position, 0);
      if (card.aligned) this.gallery.ranking.show(this.aligned, this.position, 1);
    }
    this.drawActions(card, isFocus);
    this.drawMark(card, isSelected);
  }

  drawCard(card) {
    const names = this.gallery.names;
    this.drawn = card;
    this.node.dataset.sample = card.sample;
    this.aligned.hidden = !card.aligned;
    this.nothing.hidden = card.aligned;
    const [given, believed] = [make("b", "", names[card.given]), make("b", "", names[card.believed])];
    const isShort = names[card.given].length + names[card.believed].length <= SHORT_NAMES;
    this.labels.replaceChildren(...(isShort ? ["given ", given, " → believed ", believed] : [given, " → ", believed]));
    this.labels.title = `given ${names[card.given]}, believed ${names[card.believed]}`;
    const score = make("span", "", "score ", make("b", "", number(card.score)));
    this.facts.replaceChildren(make("span", "rank", `#${card.rank.toLocaleString("en")}`), score);
    if (card.true !== null) {
      const isWrong = card.true !== card.given;
      this.facts.append(make("span", isWrong ? "truly wrong" : "truly", `truly ${names[card.true]}`));
    }
    this.bars.style.background = bars(card);
    this.bars.title = likeliest(card, names);
  }

  drawActions(card, isFocus) {
    this.bars.hidden = isFocus;
    this.actions.hidden = !isFocus;
    if (!isFocus || this.actions.childElementCount) return;
    const act = (verdict, label) => (event) => {
      event.stopPropagation();
      this.gallery.decide(this.position, verdict, label);
    };
    const believed = this.gallery.names[card.believed];
    this.actions.append(
      button("keep", make("span", "", "✓ Keep"), "Keep this sample as it is (k)", act("keep", null)),
      button("remove", make("span", "", "✕ Remove"), "Remove it from the data (d)", act("remove", null)),
      button("relabel", `⇄ ${believed}`, `Relabel to ${believed} (r)`, act("relabel", card.believed)),
    );
    for (const one of this.actions.children) {
      one.tabIndex = -1;
      one.setAttribute("aria-label", one.title);
    }
  }

  drawMark(card, isSelected) {
    const said = this.gallery.review.of(card.sample);
    const text = verdictText(said, this.gallery.names);
    const kind = said.conflict ? "conflict" : (said.verdict ?? "");
    const state = this.gallery.stateText(said);
    const opinions = said.opinions.map((one) => `${one.reviewer}: ${verdictText(one, this.gallery.names)}`).join("; ");
    const shown = [card.sample, text, kind, state, isSelected, opinions].join("\n");
    if (shown === this.shown) return;
    this.shown = shown;
    const chip = make("span", `chip ${kind}`, text && `${SIGNS[kind] ?? "!"} ${text}`);
    this.mark.replaceChildren(...(text ? [chip] : []), make("span", "state", state));
    this.mark.title = opinions;
    this.node.dataset.verdict = kind;
    this.node.dataset.state = said.state === "waiting" ? (this.gallery.outbox.isOffline ? "unsaved" : "saving") : "saved";
    const names = this.gallery.names;
    const truth = card.true === null ? "" : `, truly ${names[card.true]}`;
    this.node.setAttribute(
      "aria-label",
      `suspect ${card.rank}, given ${names[card.given]}, believed ${names[card.believed]}${truth}, ` +
        `score ${number(card.score)}, ${text || "no verdict"}${state ? `, ${state}` : ""}${isSelected ? ", selected" : ""}`,
    );
  }
}

/* The soft label as bars over a line, all in one background: a node for each would be most of what a page holds. */
function bars(card) {
  const { soft, given, believed } = card;
  const likeliest = soft.map((_, label) => label).sort((one, other) => soft[other] - soft[one]).slice(0, MOST_BARS);
  const places = [...new Set([believed, given, ...likeliest])].sort((one, other) => one - other);
  const step = places.length > 1 ? 100 / (places.length - 1) : 0;
  const layer = (color, x, width, height) => `linear-gradient(var(${color}) 0 0) ${x}% 100% / ${width}% ${height} no-repeat`;
  const drawn = [...places.entries()].filter(([, label]) => soft[label] >= LEAST_BAR || label === given || label === believed);
  const layers = drawn.map(([place, label]) => {
    const color = label === believed ? "--believed" : label === given ? "--remove" : "--plain";
    return layer(color, place * step, 84 / places.length, `max(2px, ${100 * soft[label]}%)`);
  });
  return [...layers, layer("--plain", 0, 100, "1px")].join(", ");
}

function likeliest(card, names) {
  const sorted = card.soft.map((share, label) => [share, label]).sort((one, other) => other[0] - one[0]);
  return `The enhanced model believes: ${sorted.slice(0, 3).map(([share, label]) => `${names[label]} ${percent(share)}`).join(", ")}`;
}
