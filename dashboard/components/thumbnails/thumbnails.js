/* Some pictures of an image set, each with its name; asked for once, shown as parts of one sheet. */

const PIECE = 60;

class Thumbnails {
  constructor(node) {
    this.node = node;
    this.server = new Server("sets");
    this.sheets = [];
  }

  async update(data) {
    Object.assign(this.server, { run: data.set, token: data.token });
    const shown = JSON.stringify([data.set, data.version, data.rows]);
    if (shown === this.shown) return;
    this.shown = shown;
    this.sheets.forEach((sheet) => sheet.release());
    this.sheets = [];
    this.node.classList.toggle("smooth", data.is_large);
    const pictures = data.rows.map(({ key, ...shape }) => {
      const picture = make("div", "picture");
      Sheet.cut(picture, shape);
      picture.title = key;
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", key);
      return picture;
    });
    this.node.replaceChildren(...pictures);
    try {
      for (let start = 0; start < pictures.length; start += PIECE) await this.paint(data, pictures.slice(start, start + PIECE), start, shown);
    } catch (error) {
      if (error.status === 403) this.renew();
      this.node.replaceChildren(make("div", "trouble", error.status ? error.message : "The server cannot be reached now."));
      this.shown = null;
    }
  }

  async paint(data, pictures, start, shown) {
    const rows = data.rows.slice(start, start + PIECE).map(({ row }) => row);
    const { blob } = await this.server.picture(`thumbnails/${data.version}?samples=${rows.join(",")}`);
    const sheet = await Sheet.of(blob, 1, rows.length);
    if (shown !== this.shown) {
      sheet.release();
      return;
    }
    this.sheets.push(sheet);
    pictures.forEach((picture, at) => sheet.show(picture, 0, at));
    this.node.dataset.painted = start + pictures.length;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector(".thumbnails");
  node.thumbnails ??= new Thumbnails(node);
  node.thumbnails.renew = () => setTriggerValue("stale", true);
  node.thumbnails.update(data);
}
