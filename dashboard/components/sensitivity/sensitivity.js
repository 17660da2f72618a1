/* The repaired model's accuracy by threshold, drawn once. A line is moved over it by hand or by keys, and the figures
   and the link below follow: all of it from tables that came once, so that moving asks nobody. */

const SVG = "http://www.w3.org/2000/svg";
const FRAME = { left: 64, right: 16, top: 62, bottom: 90, height: 414 };
const BESIDE = 0.4; // room beside the first and the last threshold, in distances between two
const APART = 10; // pixels between the marks of two parts at one threshold
const CAP = 3;

function element(name, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}

function html(name, className, ...content) {
  const node = document.createElement(name);
  node.className = className;
  node.append(...content);
  return node;
}

function mark(shape, x, y, color) {
  if (shape === "circle") return element("circle", { cx: x, cy: y, r: 4.5, fill: color });
  const [d, turn] = shape === "square" ? [4, 0] : [4, 45];
  return element("rect", { x: x - d, y: y - d, width: 2 * d, height: 2 * d, fill: color, transform: `rotate(${turn} ${x} ${y})` });
}

class Sensitivity {
  constructor(node) {
    this.node = node;
    this.back = element("g", { "aria-hidden": "true" });
    this.front = element("g", { "aria-hidden": "true", class: "front" });
    this.line = element("g", {
      class: "threshold", tabindex: 0, role: "slider", "aria-orientation": "horizontal", "aria-valuemin": 1,
      "aria-label": "Threshold, from the one that flags fewest samples to the one that flags most",
    });
    this.svg = element("svg", { role: "group", height: FRAME.height });
    this.svg.append(this.back, this.line, this.front);
    this.cards = html("div", "cards");
    this.link = html("a", "");
    this.link.target = "_self";
    const hint = html("p", "hint", "Drag the line or click in the chart, or use the arrow keys, Home and End.");
    node.replaceChildren(this.svg, hint, this.cards, html("p", "link", this.link));
    this.listen();
  }

  listen() {
    this.line.onkeydown = (event) => this.key(event);
    this.svg.onpointerdown = (event) => this.pressed(event);
    this.svg.onpointermove = (event) => this.dragged(event);
    this.svg.onpointerup = () => (this.isDragged = false);
    this.svg.onpointercancel = () => (this.isDragged = false);
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  update(data) {
    const made = JSON.stringify(data);
    if (made !== this.made) this.place = data.own;
    this.made = made;
    this.data = data;
    this.draw();
  }

  /* ------------------------------------------------------------ places and values */

  x(place) {
    const share = (place + BESIDE) / (this.data.stops.length - 1 + 2 * BESIDE);
    return FRAME.left + share * (this.width - FRAME.left - FRAME.right);
  }

  y(accuracy) {
    const { ticks } = this.data;
    const share = (accuracy - ticks[0]) / (ticks.at(-1) - ticks[0]);
    return FRAME.height - FRAME.bottom - share * (FRAME.height - FRAME.top - FRAME.bottom);
  }

  nearest(x) {
    const places = this.data.stops.map((_, place) => Math.abs(this.x(place) - x));
    return places.indexOf(Math.min(...places));
  }

  /* ------------------------------------------------------------ what stays as it is: the chart */

  draw() {
    this.width = this.node.clientWidth;
    if (!this.data || !this.width) return;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${FRAME.height}`);
    this.svg.setAttribute("aria-label", this.data.title);
    this.line.setAttribute("aria-valuemax", this.data.stops.length);
    this.back.replaceChildren(this.accuracies(), this.thresholds());
    this.front.replaceChildren(this.legend(), ...this.data.parts.map((part, at) => this.part(part, at)));
    this.move(this.place);
  }

  accuracies() {
    const group = element("g");
    for (const tick of this.data.ticks) {
      const y = this.y(tick);
      group.append(
        element("line", { x1: FRAME.left, x2: this.width - FRAME.right, y1: y, y2: y, class: "grid" }),
        element("text", { x: FRAME.left - 8, y: y + 4, "text-anchor": "end" }, String(tick)),
      );
    }
    const middle = (FRAME.top + FRAME.height - FRAME.bottom) / 2;
    group.append(element("text", { transform: `translate(16 ${middle}) rotate(-90)`, "text-anchor": "middle" }, this.data.heights));
    return group;
  }

  thresholds() {
    const group = element("g");
    const floor = FRAME.height - FRAME.bottom;
    const { stops, own, axis } = this.data;
    stops.forEach(({ tick, flagged }, place) => {
      const said = place === own ? [tick, flagged, "this run"] : [tick, flagged];
      said.forEach((text, row) => {
        const y = floor + 26 + 17 * row;
        group.append(element("text", { x: this.x(place), y, "text-anchor": "middle", class: place === own ? "strong" : "" }, text));
      });
    });
    const x = this.x(own);
    group.append(element("line", { x1: x, x2: x, y1: FRAME.top, y2: floor, class: "landmark" }));
    group.append(element("text", { x: (FRAME.left + this.width - FRAME.right) / 2, y: FRAME.height - 8, "text-anchor": "middle" }, axis));
    return group;
  }

  part({ color, shape, base }, at) {
    const group = element("g");
    const shift = (at - (this.data.parts.length - 1) / 2) * APART;
    const points = this.data.stops.map(({ points }, place) => ({ x: this.x(place) + shift, ...points[at] }));
    const curve = points.map(({ x, value }) => `${x.toFixed(1)} ${this.y(value).toFixed(1)}`).join("L");
    const ends = { x1: FRAME.left, x2: this.width - FRAME.right, y1: this.y(base), y2: this.y(base) };
    group.append(element("line", { ...ends, stroke: color, class: "base" }), element("path", { d: `M${curve}`, stroke: color, class: "curve" }));
    for (const { x, value, bounds } of points) {
      const [low, high] = bounds.map((bound) => this.y(bound));
      const d = `M${x - CAP} ${low}h${2 * CAP}M${x - CAP} ${high}h${2 * CAP}M${x} ${low}V${high}`;
      group.append(element("path", { d, stroke: color, class: "whisker" }), mark(shape, x, this.y(value), color));
    }
    return group;
  }

  legend() {
    const group = element("g");
    let x = FRAME.left;
    for (const { title, color, shape } of this.data.parts) {
      group.append(element("line", { x1: x, x2: x + 24, y1: 10, y2: 10, stroke: color, class: "curve" }), mark(shape, x + 12, 10, color));
      group.append(element("text", { x: x + 31, y: 14 }, title));
      x += 50 + 6 * title.length;
    }
    group.append(element("line", { x1: x, x2: x + 24, y1: 10, y2: 10, stroke: "var(--plain)", class: "base" }));
    group.append(element("text", { x: x + 31, y: 14 }, "Base model"));
    return group;
  }

  /* ------------------------------------------------------------ what moves: the line, the figures, the link */

  move(place) {
    this.place = Math.min(Math.max(place, 0), this.data.stops.length - 1);
    const { exact, name, cards } = this.data.stops[this.place];
    this.line.setAttribute("aria-valuenow", this.place + 1);
    this.line.setAttribute("aria-valuetext", this.words());
    this.line.replaceChildren(...this.marker());
    this.cards.replaceChildren(...cards.map((card) => this.card(card)));
    this.link.textContent = `Repair at the threshold ${name}`;
    this.link.href = `repair?${new URLSearchParams({ run: this.data.run, t: exact })}`;
  }

  words() {
    const { name, flagged, cards } = this.data.stops[this.place];
    const own = this.place === this.data.own ? " (this run)" : "";
    return `${name} nats${own}, ${flagged} suspects, accuracy ${cards[1].value}`;
  }

  marker() {
    const { name, flagged } = this.data.stops[this.place];
    const x = this.x(this.place);
    const floor = FRAME.height - FRAME.bottom;
    const isLeft = x > this.width * 0.6;
    const text = element("text", { x: isLeft ? x + 6 : x - 6, y: FRAME.top - 16, "text-anchor": isLeft ? "end" : "start", class: "label" });
    text.append(element("tspan", { class: "strong" }, `threshold ${name}`), element("tspan", {}, `, ${flagged} suspects`));
    return [
      element("line", { x1: x, x2: x, y1: FRAME.top - 8, y2: floor, class: "at" }),
      element("circle", { cx: x, cy: floor, r: 6, class: "knob" }),
      text,
    ];
  }

  card({ title, value, note, tone, said }) {
    return html(
      "div", "card",
      html("p", "", title), html("p", "value", value), html("p", `note ${tone}`, note), html("p", "said", said),
    );
  }

  /* ------------------------------------------------------------ mouse, touch, keys */

  pressed(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.line.focus({ preventScroll: true });
    this.isDragged = true;
    this.dragged(event);
  }

  dragged(event) {
    if (this.isDragged) this.move(this.nearest(event.clientX - this.svg.getBoundingClientRect().left));
  }

  key(event) {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 };
    const to = { Home: 0, End: this.data.stops.length - 1 }[event.key] ?? this.place + steps[event.key];
    if (Number.isNaN(to)) return;
    event.preventDefault();
    event.stopPropagation();
    this.move(to);
  }
}

export default function ({ data, parentElement }) {
  const node = parentElement.querySelector(".sensitivity");
  node.sensitivity ??= new Sensitivity(node);
  node.sensitivity.update(data);
}
