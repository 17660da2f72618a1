/* What the side panel asks of its sample beyond the card: the energy step, the other models, and what resembles it. */

const MOST_ALIKE = 3;

class Resembling {
  constructor(gallery) {
    this.gallery = gallery;
    this.name = "";
    this.node = null;
    this.height = 0;
  }

  /* The same node as long as the sample is the same; filled when the answer is here. */
  of(card) {
    const name = `${versionName(this.gallery)}:${card.sample}`;
    if (this.name !== name) {
      Object.assign(this, { name, node: make("section", "resembling", make("p", "", "…")) });
      /* What stands below does not jump while the answer is on its way. */
      this.node.style.minHeight = `${this.height}px`;
      clearTimeout(this.timer);
      /* A held arrow key passes many samples: only the one where it rests is asked for. */
      this.timer = setTimeout(() => this.fetch(card, this.node), 80);
    }
    return this.node;
  }

  async fetch(card, node) {
    try {
      const said = await this.gallery.server.json(`samples/${card.sample}`);
      node.replaceChildren(this.facts(card, said), ...(await this.alike(card, said)), this.link(card));
      node.style.minHeight = "";
      this.height = node.offsetHeight || this.height;
    } catch (error) {
      node.replaceChildren(make("p", "", `Energy and nearest images: not reachable. ${error.message}`), this.link(card));
    }
  }

  facts(card, said) {
    const names = this.gallery.names;
    const belief = (label, shares) => `${names[label]}${shares ? ` (${percent(shares[label])})` : ""}`;
    const rows = [["base", belief(said.base_prediction, said.beliefs.base)]];
    const { repaired } = said.beliefs;
    if (repaired) rows.push(["repaired", belief(repaired.indexOf(Math.max(...repaired)), repaired)]);
    if (said.step) {
      rows.push(["energy", `${number(said.step.energy_before, 2)} → ${number(said.step.energy_after, 2)}`]);
      rows.push(["step", percent(said.step.relative_step)]);
    }
    const list = make("dl");
    for (const [term, value] of rows) list.append(make("dt", "", term), make("dd", "", value));
    return list;
  }

  async alike(card, said) {
    const head = make("h4", "", "Nearest reserved images");
    if (!said.nearest) return [head, make("p", "", "not computed for this run")];
    const kinds = card.given === card.believed ? ["given"] : ["given", "believed"];
    const rows = kinds.map((kind) => [kind, said.nearest[kind].slice(0, MOST_ALIKE)]);
    const wanted = rows.flatMap(([, found]) => found.map((one) => one.reserved));
    if (!wanted.length) return [];
    const { blob } = await this.gallery.server.picture(`reserved/${said.reserved_version}?samples=${wanted.join(",")}`);
    const sheet = await Sheet.of(blob, 1, wanted.length);
    let place = 0;
    const cell = (one) => {
      const picture = make("div", "picture");
      sheet.show(picture, 0, place);
      place += 1;
      return make("figure", "", picture, make("figcaption", "", `cos ${one.cosine.toFixed(3)}`));
    };
    return [head, ...rows.flatMap(([kind, found]) => [
      make("p", "", `${kind} ${this.gallery.names[card[kind]]}`),
      make("div", "figures", ...found.map(cell)),
    ])];
  }

  link(card) {
    const address = new URLSearchParams(location.search);
    address.delete("at");
    address.set("run", this.gallery.server.run);
    address.set("sample", card.sample);
    return Object.assign(make("a", "page", "Open as a page"), { href: `sample?${address}`, target: "_self" });
  }
}
