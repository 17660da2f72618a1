/* The two charts of the example. Each is drawn anew at every move of a slider. */

const SVG = "http://www.w3.org/2000/svg";
const SIDES = { left: 1, right: 14 };
const ROW = { height: 90, band: 28 };
const ERRORS = { top: 30, bottom: 46, bins: 90 };
const SCORES = { top: 34, bottom: 46, height: 210, bins: 60 };
/* The error axis ends at one of these, so that it stands still while a slider moves and jumps only now and then. */
const ENDS = [0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8];
const BEYOND = 3.5; // standard deviations that the score axis reaches beyond the two groups

function element(name, attributes = {}, ...content) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...content);
  return node;
}

/* Three figures that matter, without an exponent and with a true minus. */
function short(value) {
  const text = Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3, maximumFractionDigits: 20, useGrouping: false });
  return text.replace("-", "−");
}

/* Round ticks in a stretch, about as many as asked for. */
function ticks(low, high, number) {
  const raw = (high - low) / number;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= raw);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, at) => (first + at) * step);
}

function histogram(values, low, high, bins) {
  const counts = new Array(bins).fill(0);
  for (const value of values) counts[Math.min(Math.max(Math.floor(((value - low) / (high - low)) * bins), 0), bins - 1)] += 1;
  return counts;
}

/* A filled outline of counts over a floor, as high as its highest bar. */
function outline(counts, { from, step, floor, height, color }) {
  const most = Math.max(...counts, 1);
  const path = counts.map((count, at) => `V${(floor - (count / most) * height).toFixed(1)}H${(from + (at + 1) * step).toFixed(1)}`);
  return element("path", { d: `M${from} ${floor}${path.join("")}V${floor}Z`, fill: color, stroke: color, class: "shape" });
}

function legend(entries) {
  const group = element("g");
  let x = SIDES.left;
  for (const { title, mark } of entries) {
    const at = element("g", { transform: `translate(${x} 4)` });
    at.append(mark, element("text", { x: 22, y: 10 }, title));
    group.append(at);
    x += 44 + 6.4 * title.length;
  }
  return group;
}

const swatch = (color) => element("rect", { width: 14, height: 12, rx: 2, fill: color, stroke: color, class: "shape" });
const upright = (name) => element("line", { x1: 8, x2: 8, y1: -2, y2: 14, class: name });

function axis(marks, { x, floor, title, width }) {
  const group = element("g");
  group.append(element("line", { x1: SIDES.left, x2: width - SIDES.right, y1: floor, y2: floor, class: "grid" }));
  for (const mark of marks) {
    const at = x(mark);
    const anchor = at < 30 ? "start" : at > width - 40 ? "end" : "middle";
    group.append(element("line", { x1: at, x2: at, y1: floor, y2: floor + 4, class: "grid" }));
    group.append(element("text", { x: at, y: floor + 17, "text-anchor": anchor }, short(mark)));
  }
  group.append(element("text", { x: (SIDES.left + width - SIDES.right) / 2, y: floor + 38, "text-anchor": "middle" }, title));
  return group;
}

/* How far off the three means are: simulated errors, their 95 % quantile and the bound. */
function drawErrors(svg, width, { models, errors, quantiles, bounds }) {
  const height = ERRORS.top + 3 * ROW.height + ERRORS.bottom;
  const floor = height - ERRORS.bottom;
  const most = Math.max(...bounds, ...quantiles) * 1.08;
  const end = ENDS.find((one) => one >= most) ?? most;
  const span = width - SIDES.left - SIDES.right;
  const x = (error) => SIDES.left + Math.min(error / end, 1) * span;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  const key = legend([
    { title: `${errors[0].length.toLocaleString("en")} simulated errors`, mark: swatch("var(--quiet)") },
    { title: "95 % of them lie below", mark: upright("quantile") },
    { title: "bound", mark: upright("bound") },
  ]);
  const rows = models.map(({ title, said, color }, at) => {
    const bottom = ERRORS.top + (at + 1) * ROW.height;
    const top = bottom - ROW.height + ROW.band;
    const counts = histogram(errors[at].filter((error) => error < end), 0, end, ERRORS.bins);
    const name = element("text", { x: SIDES.left, y: top - 6, class: "label" });
    name.append(element("tspan", { class: "strong" }, title), `: ${said}`);
    const figures = element("text", { x: width - SIDES.right, y: top - 6, "text-anchor": "end", class: "label figures" });
    figures.append(`95 %: ${short(quantiles[at])}, bound: `, element("tspan", { class: "strong" }, short(bounds[at])));
    const row = element("g");
    row.append(
      element("line", { x1: SIDES.left, x2: width - SIDES.right, y1: bottom, y2: bottom, class: "grid" }),
      outline(counts, { from: SIDES.left, step: span / ERRORS.bins, floor: bottom, height: ROW.height - ROW.band - 6, color }),
      element("line", { x1: x(quantiles[at]), x2: x(quantiles[at]), y1: top, y2: bottom, class: "quantile" }),
      element("line", { x1: x(bounds[at]), x2: x(bounds[at]), y1: top, y2: bottom, class: "bound" }),
      name,
      figures,
    );
    return row;
  });
  svg.replaceChildren(key, ...rows, axis(ticks(0, end, 6), { x, floor, title: "Error |mean − μ|", width }));
}

/* The scores of one training set: the axis is the line of the samples, stretched, so that the shapes stay theirs. */
function drawScores(svg, width, { kinds, scores, score, delta, sigma }) {
  const { top, height } = SCORES;
  const floor = height - SCORES.bottom;
  const ends = [score(-BEYOND * sigma), score(delta + BEYOND * sigma), 0];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const span = width - SIDES.left - SIDES.right;
  const x = (value) => SIDES.left + ((value - low) / (high - low)) * span;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  const shapes = kinds.map(({ color }, at) =>
    outline(histogram(scores[at], low, high, SCORES.bins), {
      from: SIDES.left, step: span / SCORES.bins, floor, height: floor - top - 12, color,
    }),
  );
  const zero = x(0);
  const isLeft = zero > width * 0.6;
  const word = element("text", { x: isLeft ? zero - 6 : zero + 6, y: top + 3, "text-anchor": isLeft ? "end" : "start", class: "strong" });
  word.append(isLeft ? "suspect →" : "→ suspect");
  svg.replaceChildren(
    legend(kinds.map(({ title, color }) => ({ title, mark: swatch(color) }))),
    element("rect", { x: zero, y: top - 8, width: Math.max(width - SIDES.right - zero, 0), height: floor - top + 8, class: "above" }),
    ...shapes,
    element("line", { x1: zero, x2: zero, y1: top - 8, y2: floor, class: "zero" }),
    word,
    axis(ticks(low, high, 6), { x, floor, title: "Score = loss after − loss before", width }),
  );
}
