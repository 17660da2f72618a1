/* Everything about the focused suspect, beside the grid. */

class Detail {
  constructor(gallery) {
    this.gallery = gallery;
    this.node = make("aside", "detail");
    this.node.setAttribute("aria-label", "Details of the focused suspect");
    this.shown = "";
    this.difference = null;
    this.resembling = new Resembling(gallery);
  }

  /* Draws anew only when something that it shows has changed: it is asked at every key. */
  draw() {
    const { gallery } = this;
    const card = gallery.ranking.card(gallery.focus);
    this.node.hidden = !gallery.isDetailed;
    if (!card || !gallery.isDetailed) return;
    const said = gallery.review.of(card.sample);
    const lines = gallery.review.history.get(card.sample) ?? [];
    const hasSprite = gallery.ranking.hasPictures(gallery.focus);
    const shown = JSON.stringify([card.sample, gallery.ranking.version, hasSprite, said, lines.length, gallery.stateText(said)]);
    if (shown === this.shown) return;
    this.shown = shown;
    const title = make("h3", "", `#${card.rank.toLocaleString("en")}`, make("span", "", `sample ${card.sample}`));
    this.node.replaceChildren(title, this.pictures(card), this.facts(card), this.beliefs(card), this.resembling.of(card), this.verdicts(card, said), this.past(lines));
  }

  pictures(card) {
    const { ranking, focus } = this.gallery;
    const original = make("div", "picture");
    const aligned = card.aligned ? make("div", "picture") : make("div", "picture none", "not computed");
    if (ranking.hasPictures(focus)) {
      ranking.show(original, focus, 0);
      if (card.aligned) ranking.show(aligned, focus, 1);
    }
    const figure = (picture, caption) => make("figure", "", picture, make("figcaption", "", caption));
    const figures = make("div", "figures", figure(original, "original"), figure(aligned, "aligned"));
    if (card.aligned) figures.append(this.differenceOf(card, figure));
    return figures;
  }

  differenceOf(card, figure) {
    const name = `${versionName(this.gallery)}:${card.sample}`;
    if (this.difference?.name !== name) {
      if (this.difference) URL.revokeObjectURL(this.difference.image.src);
      const image = make("img", "picture");
      image.alt = "aligned minus original";
      const shown = figure(image, "difference");
      this.difference = { name, image, shown };
      clearTimeout(this.timer);
      /* A held arrow key passes many samples: only the one where it rests is asked for. */
      this.timer = setTimeout(() => this.fetchDifference(card, image, shown), 80);
    }
    return this.difference.shown;
  }

  async fetchDifference(card, image, shown) {
    try {
      const { blob, amplification } = await this.gallery.server.picture(`difference/${this.gallery.ranking.version}/${card.sample}.png`);
      image.src = URL.createObjectURL(blob);
      shown.lastChild.textContent = `difference × ${amplification}`;
      shown.title = "Aligned minus original: orange = brighter, blue = darker.";
    } catch (error) {
      image.replaceWith(make("div", "picture")); /* else the browser puts its sign for a broken image there */
      shown.lastChild.textContent = "difference: not reachable";
      shown.title = error.message;
    }
  }

  facts(card) {
    const names = this.gallery.names;
    const rows = [
      ["given", names[card.given]],
      ["believed", names[card.believed]],
      ...(card.true === null ? [] : [["truly", names[card.true]]]),
      ["score", `${number(card.score)} nats`],
      ["loss", `${number(card.loss_before)} → ${number(card.loss_after)} nats`],
    ];
    const list = make("dl");
    for (const [term, value] of rows) list.append(make("dt", "", term), make("dd", term === "truly" && card.true !== card.given ? "wrong" : "", value));
    return list;
  }

  beliefs(card) {
    const names = this.gallery.names;
    const order = card.soft.map((share, label) => label);
    if (order.length > 12) order.sort((one, other) => card.soft[other] - card.soft[one]).splice(12);
    const rows = order.map((label) => {
      const fill = make("i", label === card.believed ? "fill believed" : "fill");
      fill.style.width = `${100 * card.soft[label]}%`;
      const name = make("span", label === card.given ? "name given" : "name", names[label]);
      name.title = names[label];
      return make("div", "belief", name, make("span", "track", fill), make("span", "share", percent(card.soft[label])));
    });
    return make("section", "", make("h4", "", "Enhanced model's belief"), ...rows);
  }

  verdicts(card, said) {
    const section = make("section", "", make("h4", "", "Verdict"));
    const text = verdictText(said, this.gallery.names);
    const kind = said.conflict ? "conflict" : (said.verdict ?? "");
    const state = make("span", "state", this.gallery.stateText(said));
    section.append(make("p", "", text ? make("span", `chip ${kind}`, `${SIGNS[kind] ?? "!"} ${text}`) : "none yet ", state));
    const choose = make("select", "class");
    choose.setAttribute("aria-label", "Relabel to another class");
    choose.append(new Option("Relabel to …", "", true, true), ...this.gallery.names.map((name, label) => new Option(name, String(label))));
    choose.onchange = () => {
      this.gallery.takeFocus();
      this.gallery.decide(this.gallery.focus, "relabel", Number(choose.value));
    };
    section.append(choose);
    if (said.conflict) section.append(this.settling(card, said));
    return section;
  }

  /* Two people differ: the verdict of one of them, or of a third, is made everybody's. */
  settling(card, said) {
    const box = make("div", "settle", make("p", "", "The reviewers differ. Settle it for all:"));
    for (const one of said.opinions) {
      const text = `${verdictText(one, this.gallery.names)} (${one.reviewer})`;
      box.append(button(one.verdict, text, "Overrule the other verdicts on this sample", () => this.gallery.settle(card.sample, one)));
    }
    return box;
  }

  past(lines) {
    const section = make("section", "history", make("h4", "", "History"));
    if (!lines.length) section.append(make("p", "", "no verdict yet"));
    for (const entry of lines.slice(-12).reverse()) {
      const verdict = entry.verdict ? verdictText(entry, this.gallery.names) : "none";
      const what = entry.action === "decide" ? verdict : `${entry.action}: ${verdict}`;
      const time = make("time", "", new Date(entry.time).toLocaleString("en-GB", { dateStyle: "short", timeStyle: "short" }));
      section.append(make("div", "line", make("b", "", what), make("span", "who", entry.reviewer), time));
    }
    return section;
  }
}

function versionName(gallery) {
  return `${gallery.server.run}:${gallery.ranking.version}`;
}
