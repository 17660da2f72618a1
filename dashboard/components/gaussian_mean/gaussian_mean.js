/* The example itself: sliders, the two charts, and what they say in words. Nothing here asks the server. */

function html(name, className, ...content) {
  const node = document.createElement(name);
  node.className = className;
  node.append(...content);
  return node;
}

const strong = (text) => html("strong", "", text);

class GaussianMean {
  constructor(node, data) {
    this.node = node;
    this.data = data;
    this.setting = { ...data.presets[0].at };
    this.controls = data.sliders.map((slider) => this.control(slider));
    this.errors = element("svg", { role: "img" });
    this.scores = element("svg", { role: "img" });
    [this.verdict, this.caught, this.average, this.means] = ["verdict", "caught", "average", "means"].map((name) => html("p", `said ${name}`));
    node.replaceChildren(
      html("div", "sliders", ...this.controls.map(({ box }) => box), this.presets()),
      html(
        "div", "charts",
        html("h2", "", "How wrong the three means are"), this.errors, this.verdict,
        html("h2", "", "Who is suspect"), this.scores, this.caught, this.average, this.means,
      ),
    );
    new ResizeObserver(() => this.draw()).observe(node);
  }

  /* ------------------------------------------------------------ sliders */

  control({ key, title, symbol, stops }) {
    const input = html("input", "");
    Object.assign(input, { type: "range", min: 0, max: stops.length - 1, step: 1 });
    input.setAttribute("aria-label", title);
    input.oninput = () => this.set({ [key]: stops[input.valueAsNumber] });
    const value = html("output", "");
    const name = html("span", "name", `${title} `, html("i", "", symbol));
    const box = html("div", "slider", html("div", "top", name, value), html("div", "track", input));
    return { key, stops, input, value, box };
  }

  presets() {
    const buttons = this.data.presets.map(({ title, at }) => {
      const button = html("button", "", title);
      button.type = "button";
      button.onclick = () => this.set(at);
      return button;
    });
    return html("div", "presets", html("p", "", "Set all to:"), ...buttons);
  }

  /* ------------------------------------------------------------ drawing */

  set(change) {
    Object.assign(this.setting, change);
    this.draw();
  }

  draw() {
    const { setting, data } = this;
    for (const { key, stops, input, value } of this.controls) {
      const text = short(setting[key]);
      input.value = stops.indexOf(setting[key]);
      input.style.setProperty("--share", input.valueAsNumber / (stops.length - 1));
      input.setAttribute("aria-valuetext", text);
      value.textContent = text;
    }
    const width = this.errors.parentElement.clientWidth;
    if (!width) return;
    const bounds = errorBounds(setting, data);
    const errors = simulatedErrors(setting, data);
    const quantiles = errors.map((sorted) => quantile(sorted, 1 - data.p));
    const one = trainingSet(setting, data);
    drawErrors(this.errors, width, { models: data.models, errors, quantiles, bounds });
    drawScores(this.scores, width, { kinds: data.kinds, ...one, delta: setting.delta, sigma: data.sigma });
    this.describe(bounds, quantiles, one);
  }

  describe(bounds, quantiles, one) {
    this.sayVerdict(bounds);
    this.saySuspects(one);
    this.sayAverage(expectedScores(this.setting, this.data));
    const told = this.data.models.map(({ title }, at) => `${title}: bound ${short(bounds[at])}, 95 % of errors below ${short(quantiles[at])}`);
    this.errors.setAttribute("aria-label", `Simulated errors of the three means. ${told.join(". ")}.`);
    this.scores.setAttribute("aria-label", `Histogram of the scores of one training set. ${this.caught.textContent}`);
  }

  sayVerdict(bounds) {
    const limit = alignmentLimit(this.setting, this.data);
    const isBetter = this.setting.aligned < limit;
    const now = `It is ${short(this.setting.aligned)}: ${isBetter ? "alignment" : "removal"} has the lower bound.`;
    this.verdict.replaceChildren("Alignment beats removal while the alignment error is below ", strong(short(limit)), `. ${now}`);
    this.verdict.dataset.winner = isBetter ? "alignment" : "removal";
    if (bounds[0] <= bounds[isBetter ? 2 : 1]) {
      this.verdict.append(" But leaving the data as it is has no higher one: so small a shift is not worth a repair.");
    }
    const { stops, box } = this.controls.find(({ key }) => key === "aligned");
    box.classList.toggle("limited", limit <= stops.at(-1));
    box.style.setProperty("--limit", limit / stops.at(-1));
  }

  saySuspects({ base, enhanced, scores }) {
    const parts = scores.map((group) => `${group.filter((score) => score > 0).length} of ${group.length}`);
    this.caught.replaceChildren("Above zero, hence suspect: ", strong(parts[1]), " shifted and ", strong(parts[0]), " target samples.");
    const side = enhanced < base ? "above" : "below";
    const middle = short((base + enhanced) / 2);
    this.means.replaceChildren(
      `Base mean θ = ${short(base)}, enhanced mean φ = ${short(enhanced)}: loss rises for samples ${side} the midpoint ${middle}.`,
    );
  }

  sayAverage({ target, shifted, variance }) {
    const exact = `Average score over all such training sets: target ${short(target)}, shifted ${short(shifted)}. `;
    const share = `Both contain the variance term ${short(variance)}, which the paper omits`;
    const turned = target > 0 ? ": it lifts even the average target sample above zero here." : ".";
    this.average.replaceChildren(exact, share, turned);
    this.average.classList.toggle("warned", target > 0);
  }
}

export default function ({ data, parentElement }) {
  const node = parentElement.querySelector(".gaussian");
  node.gaussianMean ??= new GaussianMean(node, data);
  node.gaussianMean.draw();
}
