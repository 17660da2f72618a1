/* The histogram of all scores. The threshold is a line that is dragged or moved by keys; a stretch can be brushed. All
   of it is drawn here from tables that came once; the server is told where the line rests. */

const SVG = "http://www.w3.org/2000/svg";
const FRAME = { left: 64, right: 16, top: 44, bottom: 52, height: 330 };
const REST_MS = 90;
const GRIP = 10;

function element(name, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text) node.textContent = text;
  return node;
}

const count = (value) => value.toLocaleString("en");
const short = (value) => String(Number(value.toPrecision(4)));
const written = (tick) => (tick && (Math.abs(tick) < 1e-3 || Math.abs(tick) >= 1e5) ? tick.toExponential() : String(tick));

class Histogram {
  constructor(node) {
    this.node = node;
    this.svg = element("svg", { role: "group" });
    this.said = document.createElement("p");
    this.said.className = "said";
    this.said.setAttribute("role", "status");
    this.moved = -Infinity;
    this.told = 0;
    node.replaceChildren(this.svg, this.said);
    this.svg.onpointerdown = (event) => this.pressed(event);
    this.svg.onpointermove = (event) => this.dragged(event);
    this.svg.onpointerup = (event) => this.released(event);
    this.svg.onpointercancel = () => this.dropped();
    new ResizeObserver(() => this.draw()).observe(node);
  }

  update(data) {
    if (data.heard < (this.data?.heard ?? 0)) this.told = data.heard; // another server, which counts anew
    const isOther = JSON.stringify([data.stops, data.run]) !== this.made;
    this.made = JSON.stringify([data.stops, data.run]);
    this.data = data;
    if (isOther) this.brushed = null;
    // An answer to an earlier move must not take the line back from where it was moved since.
    const isLate = data.heard < this.told;
    if (this.drag !== "line" && !this.timer && !isLate) this.threshold = data.threshold;
    this.draw();
  }

  /* ------------------------------------------------------------ places and values */

  spread(score) {
    return Math.asinh(score / this.data.near_zero);
  }

  x(score) {
    const { low, high } = this.data;
    const share = (this.spread(score) - low) / (high - low);
    return FRAME.left + Math.min(Math.max(share, 0), 1) * (this.width - FRAME.left - FRAME.right);
  }

  score(x) {
    const { low, high, near_zero } = this.data;
    const share = (x - FRAME.left) / (this.width - FRAME.left - FRAME.right);
    return Math.sinh(low + Math.min(Math.max(share, 0), 1) * (high - low)) * near_zero;
  }

  /* The stop nearest to a place: counts are known for the stops. */
  nearest(x) {
    const { stops } = this.data;
    let best = 0;
    for (let at = 1; at < stops.length; at += 1) {
      if (Math.abs(this.x(stops[at]) - x) < Math.abs(this.x(stops[best]) - x)) best = at;
    }
    return best;
  }

  place() {
    return this.nearest(this.x(this.threshold));
  }

  /* ------------------------------------------------------------ drawing */

  draw() {
    this.width = this.node.clientWidth;
    if (!this.data || !this.width) return;
    const { height } = FRAME;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${height}`);
    this.svg.setAttribute("height", height);
    this.svg.setAttribute("aria-label", this.data.title);
    const hadFocus = this.node.getRootNode().activeElement === this.grip;
    this.svg.replaceChildren(this.axes(), this.bars(), this.landmarks(), this.stretch(), this.line(), this.legend());
    this.fit(this.grip.querySelector(".label"));
    if (hadFocus) this.grip.focus({ preventScroll: true });
    this.say();
  }

  y(number) {
    const top = Math.log10(Math.max(this.data.top, 2) * 2);
    const share = number > 0 ? (Math.log10(number) + 0.25) / (top + 0.25) : 0;
    return FRAME.height - FRAME.bottom - share * (FRAME.height - FRAME.top - FRAME.bottom);
  }

  axes() {
    const group = element("g", { "aria-hidden": "true" });
    const floor = FRAME.height - FRAME.bottom;
    for (let power = 0; 10 ** power <= Math.max(this.data.top, 1); power += 1) {
      const y = this.y(10 ** power);
      group.append(element("line", { x1: FRAME.left, x2: this.width - FRAME.right, y1: y, y2: y, class: "grid" }));
      group.append(element("text", { x: FRAME.left - 8, y: y + 4, "text-anchor": "end" }, count(10 ** power)));
    }
    for (const tick of this.data.ticks) {
      group.append(element("text", { x: this.x(tick), y: floor + 18, "text-anchor": "middle" }, written(tick)));
    }
    const middle = (FRAME.left + this.width - FRAME.right) / 2;
    group.append(element("line", { x1: FRAME.left, x2: this.width - FRAME.right, y1: floor, y2: floor, class: "grid" }));
    group.append(element("text", { x: middle, y: FRAME.height - 10, "text-anchor": "middle" }, this.data.axis));
    return group;
  }

  bars() {
    const group = element("g", { "aria-hidden": "true" });
    const { low, high, kinds } = this.data;
    const floor = FRAME.height - FRAME.bottom;
    for (const { counts, color } of kinds) {
      const step = (this.width - FRAME.left - FRAME.right) / counts.length;
      const path = counts.map((number, at) => `V${this.y(number).toFixed(1)}H${(FRAME.left + (at + 1) * step).toFixed(1)}`);
      group.append(element("path", { d: `M${FRAME.left} ${floor}${path.join("")}V${floor}Z`, fill: color, "fill-opacity": 0.72 }));
    }
    return group;
  }

  landmarks() {
    const group = element("g", { "aria-hidden": "true" });
    for (const [name, value] of Object.entries(this.data.landmarks)) {
      const x = this.x(value);
      group.append(element("line", { x1: x, x2: x, y1: FRAME.top, y2: FRAME.height - FRAME.bottom, class: "landmark" }));
      const text = element("text", { x: 0, y: 0, class: "mark", transform: `translate(${x - 4} ${FRAME.top + 4}) rotate(-90)`, "text-anchor": "end" }, name);
      group.append(text);
    }
    return group;
  }

  stretch() {
    const group = element("g", { "aria-hidden": "true" });
    if (!this.brushed) return group;
    const [from, to] = this.brushed.map((score) => this.x(score));
    group.append(element("rect", { x: from, y: FRAME.top, width: Math.max(to - from, 1), height: FRAME.height - FRAME.top - FRAME.bottom, class: "brush" }));
    return group;
  }

  line() {
    const { stops, above } = this.data;
    const x = this.x(this.threshold);
    const floor = FRAME.height - FRAME.bottom;
    const place = this.place();
    this.grip = element("g", {
      class: "threshold", tabindex: 0, role: "slider", "aria-label": this.data.unit ? `Threshold (${this.data.unit.trim()})` : "Threshold", "aria-orientation": "horizontal",
      "aria-valuemin": stops[0], "aria-valuemax": stops.at(-1), "aria-valuenow": this.threshold,
      "aria-valuetext": `${short(this.threshold)}${this.data.unit}, ${this.label(place)}`,
    });
    this.grip.onkeydown = (event) => this.key(event);
    const text = element("text", { x: x + 8, y: FRAME.top - 12, class: "label" });
    text.append(element("tspan", { class: "strong" }, `threshold ${short(this.threshold)}`), element("tspan", {}, `  ${this.label(place)}`));
    this.grip.append(
      element("rect", { x, y: FRAME.top, width: Math.max(this.width - FRAME.right - x, 0), height: floor - FRAME.top, class: "above" }),
      element("rect", { x: x - GRIP, y: FRAME.top - 8, width: 2 * GRIP, height: floor - FRAME.top + 8, class: "grip" }),
      element("line", { x1: x, x2: x, y1: FRAME.top - 6, y2: floor, class: "at" }),
      element("circle", { cx: x, cy: floor, r: 6, class: "knob" }),
      text,
    );
    return this.grip;
  }

  /* The label stands right of the line, left of it where there is no room, and at the edge where there is none either. */
  fit(label) {
    const x = this.x(this.threshold);
    const length = label.getComputedTextLength();
    if (x + 8 + length <= this.width) return;
    label.setAttribute("x", x - 8 - length >= 0 ? x - 8 - length : Math.max(this.width - length, 0));
  }

  /* What the threshold catches, exactly: at a stop from the tables, elsewhere as the server counted it. */
  label(place) {
    const { stops, above, caught, known } = this.data;
    const isExact = this.threshold === this.data.threshold;
    const number = isExact ? this.data.count : above[place];
    if (!caught) return `${count(number)} ${this.data.noun}`;
    const right = isExact ? this.data.right : caught[place];
    const precision = number ? `, precision ${((100 * right) / number).toFixed(1)} %` : "";
    return `${count(number)} ${this.data.noun}${precision}, recall ${((100 * right) / known).toFixed(1)} %`;
  }

  legend() {
    const group = element("g", { "aria-hidden": "true" });
    let x = FRAME.left;
    for (const { title, color } of this.data.kinds) {
      group.append(element("rect", { x, y: 2, width: 12, height: 12, rx: 2, fill: color }));
      group.append(element("text", { x: x + 18, y: 12 }, title));
      x += 40 + 7.2 * title.length;
    }
    return group;
  }

  /* ------------------------------------------------------------ mouse, touch, keys */

  at(event) {
    return event.clientX - this.svg.getBoundingClientRect().left;
  }

  pressed(event) {
    if (event.button !== 0) return;
    const x = this.at(event);
    this.svg.setPointerCapture(event.pointerId);
    event.preventDefault();
    if (Math.abs(x - this.x(this.threshold)) <= GRIP && !event.shiftKey) {
      this.drag = "line";
      this.grip.focus({ preventScroll: true });
      return;
    }
    this.drag = "brush";
    this.from = x;
    this.brushed = null;
  }

  dragged(event) {
    if (!this.drag) return;
    const x = this.at(event);
    if (this.drag === "line") {
      this.threshold = this.data.stops[this.nearest(x)];
    } else if (Math.abs(x - this.from) > 3) {
      const ends = [this.nearest(Math.min(x, this.from)), this.nearest(Math.max(x, this.from))];
      this.brushed = ends.map((place) => this.data.stops[place]);
    }
    this.draw();
  }

  released(event) {
    if (this.drag === "line") this.rest();
    else if (this.drag === "brush" && !this.brushed) this.move(this.nearest(this.at(event)));
    this.drag = null;
    this.draw();
  }

  dropped() {
    this.drag = null;
    this.threshold = this.data.threshold;
    this.draw();
  }

  key(event) {
    const far = event.shiftKey ? 10 : 1;
    const steps = { ArrowRight: far, ArrowUp: far, ArrowLeft: -far, ArrowDown: -far, PageUp: 10, PageDown: -10 };
    const last = this.data.stops.length - 1;
    const place = this.place();
    const to = { Home: 0, End: last }[event.key] ?? (event.key in steps ? place + steps[event.key] : null);
    if (event.key === "Escape") this.brushed = null;
    if (to === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.move(Math.min(Math.max(to, 0), last));
  }

  move(place) {
    this.threshold = this.data.stops[place];
    this.draw();
    this.rest();
  }

  /* The server is asked when the line rests: at once after a single move, after a pause when one follows another. */
  rest() {
    clearTimeout(this.timer);
    const isAlone = performance.now() - this.moved > REST_MS;
    this.moved = performance.now();
    const tell = () => {
      this.timer = null;
      this.told = Math.max(this.told, this.data.heard) + 1;
      this.onMoved({ threshold: this.threshold, number: this.told });
    };
    if (isAlone) tell();
    else this.timer = setTimeout(tell, REST_MS);
  }

  say() {
    const { stops, above, caught } = this.data;
    if (!this.brushed) {
      this.said.replaceChildren("Drag the line, or use the arrow keys. Drag beside it to count a stretch of scores.");
      return;
    }
    const [from, to] = this.brushed.map((score) => stops.indexOf(score));
    const number = above[from] - above[to];
    const wrong = caught ? `, ${count(caught[from] - caught[to])} of them corrupted` : "";
    const link = document.createElement("a");
    const query = new URLSearchParams({ run: this.data.run, t: this.brushed[0], below: this.brushed[1] });
    Object.assign(link, { href: `suspects?${query}`, textContent: "Show them in the gallery", target: "_self" });
    this.said.replaceChildren(
      `${count(number)} samples with scores above ${short(this.brushed[0])}, at most ${short(this.brushed[1])}${wrong}. `,
      ...(number && this.data.opens ? [link] : []),
    );
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector(".histogram");
  node.histogram ??= new Histogram(node);
  node.histogram.onMoved = (move) => setTriggerValue("moved", move);
  node.histogram.update(data);
}
