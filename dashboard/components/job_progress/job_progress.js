/* A job as it goes on. While its tab is looked at, the server is asked once a second; Streamlit is told only when the
   page shows what is not so any more. */

const FIRST_MS = 500;
const EVERY_MS = 1000;
const TIMEOUT_MS = 10000;
const PATIENCE_MS = 4000;
const LONGEST_PATIENCE_MS = 120000;
const UNREACHABLE = "The server cannot be reached now.";

function make(tag, name, ...inside) {
  const node = document.createElement(tag);
  node.className = name;
  node.append(...inside);
  return node;
}

/* Text that stays the same is not touched, or a screen reader would say it again. */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}

function line() {
  const sign = make("span", "sign");
  sign.setAttribute("aria-hidden", "true");
  const track = make("div", "track", make("div", "fill"));
  for (const [name, value] of Object.entries({ role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 })) track.setAttribute(name, value);
  return make("li", "", sign, make("span", "title"), track, make("span", "amount"));
}

function fill(row, step) {
  const [sign, title, track, amount] = row.children;
  row.className = step.state;
  put(sign, step.sign);
  put(title, step.title);
  put(amount, step.amount);
  track.firstChild.style.width = `${step.share}%`;
  track.setAttribute("aria-label", step.title);
  track.setAttribute("aria-valuenow", step.share);
  track.setAttribute("aria-valuetext", `${step.state}, ${Math.round(step.share)} %`);
}

class JobProgress {
  constructor(node) {
    this.title = make("h2", "");
    this.note = make("p", "note");
    this.text = make("p", "text");
    this.steps = make("ul", "steps");
    this.steps.setAttribute("role", "list");
    this.button = make("button", "");
    this.button.title = "Finished stages are kept; you can resume later.";
    this.button.onclick = () => this.cancel();
    const status = make("div", "", this.title, this.note);
    status.setAttribute("role", "status");
    node.replaceChildren(status, this.text, this.steps, this.button);
    this.seen = () => this.wait(FIRST_MS);
  }

  update(data) {
    const basis = JSON.stringify([data.token, data.until, data.drawn]);
    if (basis !== this.basis) Object.assign(this, { basis, patience: PATIENCE_MS, renewed: -Infinity });
    this.data = data;
    this.isGone = false;
    this.draw(data.job);
    this.say("");
    this.free();
    document.addEventListener("visibilitychange", this.seen);
    this.wait(FIRST_MS);
  }

  stop() {
    this.isGone = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
  }

  /* ------------------------------------------------------------ drawing */

  draw({ title, text, steps }) {
    put(this.title, title);
    put(this.text, text);
    while (this.steps.children.length > steps.length) this.steps.lastChild.remove();
    while (this.steps.children.length < steps.length) this.steps.append(line());
    steps.forEach((step, at) => fill(this.steps.children[at], step));
  }

  say(sentence) {
    put(this.note, sentence);
  }

  free() {
    this.button.disabled = false;
    put(this.button, this.data.token ? "Cancel" : "");
  }

  /* ------------------------------------------------------------ asking */

  wait(milliseconds) {
    clearTimeout(this.timer);
    if (this.isGone || document.hidden || !this.data.drawn.length) return;
    this.timer = setTimeout(() => this.ask(), milliseconds);
  }

  async ask() {
    const asked = this.data;
    try {
      const { jobs } = await this.request("GET", "jobs");
      if (asked === this.data) this.take(jobs);
      if (this.isLost) this.say("");
      this.isLost = false;
    } catch (error) {
      this.failed(error);
      this.isLost = true;
    }
    this.wait(EVERY_MS);
  }

  take(jobs) {
    const { job, until, drawn, all } = this.data;
    const own = jobs.find(({ id }) => id === job.id);
    if (own) this.draw(own);
    const now = (all ? jobs : jobs.filter((one) => one === own)).map(({ id, state }) => [id, state]);
    const isThere = own?.steps.some(({ stage, state }) => stage === until && ["finished", "skipped"].includes(state));
    if (isThere || JSON.stringify(now) !== JSON.stringify(drawn)) this.renew();
  }

  async cancel() {
    this.button.disabled = true;
    put(this.button, "Cancelling ...");
    try {
      await this.request("POST", `jobs/${this.data.job.id}/cancel`);
      this.renew();
    } catch (error) {
      this.failed(error);
      this.free();
    }
  }

  async request(method, path) {
    const headers = { "x-bir-token": this.data.token };
    const answer = await fetch(`/api/${path}`, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (answer.ok) return answer.json();
    const { error } = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(error ?? `The server answered ${answer.status}.`), { status: answer.status });
  }

  /* A server that was started anew has another token, which comes with the page. */
  failed(error) {
    if (error.status === 403) this.renew();
    else this.say(error.status ? error.message : UNREACHABLE);
  }

  /* What gets lost on its way to Streamlit, whose connection may be down, is told again, but ever more rarely: nothing
     makes the page draw itself over and over. */
  renew() {
    if (this.isGone || performance.now() - this.renewed < this.patience) return;
    if (this.renewed > 0) this.patience = Math.min(2 * this.patience, LONGEST_PATIENCE_MS);
    this.renewed = performance.now();
    this.onChanged();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector(".job");
  node.progress ??= new JobProgress(node);
  node.progress.onChanged = () => setTriggerValue("changed", true);
  node.progress.update(data);
  return () => node.progress.stop();
}
