/* The filtered ranking, of which only the stretches near the eye are here: cards and their sprites, in blocks. */

const BLOCK = 60;
const MOST_BLOCKS = 40;

class Ranking {
  constructor(server, { onChange, onTrouble }) {
    Object.assign(this, { server, onChange, onTrouble });
    this.reset("");
  }

  reset(query) {
    this.query = query;
    this.total = null;
    this.version = "";
    this.ranking = "";
    for (const number of [...(this.blocks?.keys() ?? [])]) this.forget(number);
    this.blocks = new Map();
  }

  forget(number) {
    this.blocks.get(number).sprite?.release();
    this.blocks.delete(number);
  }

  card(position) {
    return this.blocks.get(Math.floor(position / BLOCK))?.cards?.[position % BLOCK] ?? null;
  }

  hasPictures(position) {
    return !!this.blocks.get(Math.floor(position / BLOCK))?.sprite;
  }

  /* Shows the original (side 0) or the aligned image (side 1), which must be there. */
  show(node, position, side) {
    this.blocks.get(Math.floor(position / BLOCK)).sprite.show(node, side, position % BLOCK);
  }

  /* Fetches what lies between two positions and is not here yet. */
  want(first, last) {
    const from = Math.max(0, Math.floor(first / BLOCK));
    for (let number = from; number <= Math.floor(last / BLOCK); number += 1) this.load(number);
  }

  load(number) {
    const kept = this.blocks.get(number);
    if (kept) {
      this.blocks.delete(number);
      this.blocks.set(number, kept);
      return kept.ready;
    }
    const block = { cards: null, sprite: null };
    this.blocks.set(number, block);
    block.ready = this.fetch(number, block, this.query).catch((error) => {
      if (this.blocks.get(number) === block) this.blocks.delete(number);
      this.onTrouble(error);
    });
    for (const old of [...this.blocks.keys()].slice(0, -MOST_BLOCKS)) this.forget(old);
    return block.ready;
  }

  async fetch(number, block, query) {
    const said = await this.server.json(`cards?${query}&start=${number * BLOCK}&count=${BLOCK}`);
    if (query !== this.query) return;
    Object.assign(this, { total: said.total, version: said.version, ranking: said.ranking });
    block.cards = said.cards;
    this.onChange();
    if (!said.cards.length) return;
    const samples = said.cards.map((card) => card.sample).join(",");
    const { blob } = await this.server.picture(`sprite/${said.version}?samples=${samples}`);
    block.sprite = await Sheet.of(blob, 2, said.cards.length);
    this.onChange();
  }
}
