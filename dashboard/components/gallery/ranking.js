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
    this.blocks = new Map();
  }

  card(position) {
    return this.blocks.get(Math.floor(position / BLOCK))?.cards?.[position % BLOCK] ?? null;
  }

  /* Draws the original (side 0) or the aligned image (side 1); false while the sprite is on its way. */
  paint(canvas, position, side) {
    const sprite = this.blocks.get(Math.floor(position / BLOCK))?.sprite;
    if (!sprite) return false;
    const [width, height] = [sprite.width / 2, sprite.height / sprite.rows];
    Object.assign(canvas, { width, height });
    canvas.getContext("2d").drawImage(
      sprite.bitmap, side * width, (position % BLOCK) * height, width, height, 0, 0, width, height,
    );
    return true;
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
    for (const old of [...this.blocks.keys()].slice(0, -MOST_BLOCKS)) this.blocks.delete(old);
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
    const bitmap = await createImageBitmap(blob);
    block.sprite = { bitmap, width: bitmap.width, height: bitmap.height, rows: said.cards.length };
    this.onChange();
  }
}
