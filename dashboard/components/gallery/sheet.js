/* Many pictures in one file, shown as backgrounds: a canvas for each would be a layer of its own to the browser. */

class Sheet {
  constructor(url, columns, rows) {
    Object.assign(this, { url, columns, rows });
  }

  /* Resolves when it can be painted at once. */
  static async of(blob, columns, rows) {
    const sheet = new Sheet(URL.createObjectURL(blob), columns, rows);
    sheet.image = Object.assign(new Image(), { src: sheet.url });
    await sheet.image.decode();
    return sheet;
  }

  show(node, column, row) {
    const part = (at, number) => (number > 1 ? (100 * at) / (number - 1) : 0);
    Object.assign(node.style, {
      backgroundImage: `url("${this.url}")`,
      backgroundSize: `${100 * this.columns}% ${100 * this.rows}%`,
      backgroundPosition: `${part(column, this.columns)}% ${part(row, this.rows)}%`,
    });
  }

  /* A square of the sheet without what is beside a picture of another shape, nor half a pixel of its neighbours. */
  static cut(node, { width, height }) {
    const beside = (share) => `calc(${(50 * (1 - share)).toFixed(3)}% + 0.5px)`;
    const longer = Math.max(width, height);
    node.style.clipPath = `inset(${beside(height / longer)} ${beside(width / longer)})`;
  }

  release() {
    URL.revokeObjectURL(this.url);
  }
}
