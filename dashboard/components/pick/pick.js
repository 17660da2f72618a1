/* Picking the reserved set: proposals as a grid, decided by key, posted one by one. Its state lives on the DOM node,
   since Streamlit calls the default export at every new data. */

const BLOCK = 60;
const POLL_MS = 4000;
const SIGNS = { true: "✓", false: "✕" };
const WORDS = { true: "confirmed", false: "rejected" };
const MOST_NAMED = 3;

const HELP = [
  ["← ↑ → ↓, Home, End, PageUp, PageDown", "move"],
  ["k", "confirm: a clean image with the right label"],
  ["d", "reject: leave it where it is"],
  ["u", "undo"],
  ["n", "next image that nobody has decided about"],
  ["?", "show or hide the keys"],
];

class Picker {
  constructor(node) {
    this.node = node;
    this.server = new Server("sets");
    this.standing = new Standing();
    this.outbox = new Outbox(this.server, {
      onSaved: ({ pick }) => this.standing.saved(pick),
      onRefused: (step, why) => {
        this.say(`Not saved: ${why}`, true);
        this.poll();
      },
      onChange: () => this.stepsChanged(),
    });
    Object.assign(this, { rows: [], tiles: [], blocks: 0, total: 0, focus: 0, label: "", names: [] });
    this.build();
    this.poller = setInterval(() => this.poll(), POLL_MS);
  }

  /* ------------------------------------------------------------ page */

  build() {
    this.reviewer = new Reviewer("Decisions", { say: (text, isTrouble) => this.say(text, isTrouble), goBack: () => this.takeFocus() });
    this.chosen = make("select", "class");
    this.chosen.setAttribute("aria-label", "Class");
    this.chosen.onchange = () => this.filter(this.chosen.value);
    this.summary = make("div", "summary");
    this.bar = make("div", "fill");
    const track = make("div", "track", this.bar);
    track.setAttribute("aria-hidden", "true");
    const act = (name, text, title, does) => button(name, text, title, () => {
      does();
      this.takeFocus();
    });
    const deciding = make(
      "div",
      "deciding",
      act("confirm", "✓ Confirm", "Clean, and the label is right (k)", () => this.decide(true)),
      act("reject", "✕ Reject", "Leave it where it is (d)", () => this.decide(false)),
      act("plain", "Undo", "Take back the last step (u)", () => this.undo()),
      button("plain", "? Keys", "Show or hide the keys (?)", () => this.toggleHelp()),
    );
    const tools = make("div", "tools", make("label", "", "Class ", this.chosen), make("label", "", "Reviewer ", this.reviewer.field), deciding);
    this.message = make("div", "message");
    this.message.setAttribute("role", "status");
    this.list = make("div", "list");
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Proposed images");
    this.list.setAttribute("aria-orientation", "horizontal");
    this.more = make("div", "more");
    this.scroll = make("div", "scroll", this.list, this.more);
    this.help = keysHelp(HELP, () => this.toggleHelp());
    const body = make("div", "body", this.scroll, this.help);
    this.reserve = button("reserve", "Make these the reserved set", "", () => this.finish());
    this.missing = make("div", "missing");
    this.node.replaceChildren(make("div", "head", this.summary, tools), track, this.message, body, make("div", "foot", this.reserve, this.missing));
    body.onkeydown = (event) => this.key(event);
    new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.load(), { root: this.scroll, rootMargin: "400px" }).observe(this.more);
  }

  /* Streamlit's word: another set, another version of it, another goal, another theme, or a restarted server's token. */
  update(data) {
    const isOther = data.set !== this.server.run || data.version !== this.data?.version;
    const isOtherSet = data.set !== this.server.run;
    Object.assign(this.server, { run: data.set, token: data.token });
    this.data = data;
    this.names = data.class_names;
    this.node.classList.toggle("smooth", data.is_large);
    if (isOther) {
      this.standing.reset();
      this.fillClasses();
      if (isOtherSet) this.outbox.open(`set:${data.set}`);
      this.filter(this.label);
      if (isOtherSet) this.load().then(() => isFocusFree() && this.takeFocus());
      this.poll();
    }
    this.outbox.send();
    this.stepsChanged();
  }

  /* ------------------------------------------------------------ proposals */

  filter(label) {
    this.label = label;
    this.tiles.forEach((tile) => tile.node.remove());
    this.sheets?.forEach((sheet) => sheet.release());
    Object.assign(this, { rows: [], tiles: [], sheets: [], blocks: 0, total: null, focus: 0, loading: null });
    this.load();
  }

  load() {
    if (!this.data || (this.total !== null && this.rows.length >= this.total)) return this.loading;
    const { rows } = this;
    this.loading ??= this.fetch().then((isThere) => {
      if (rows !== this.rows) return;
      this.loading = null;
      this.draw();
      /* A tall page shows more than a block. */
      if (isThere && this.scroll.scrollHeight <= this.scroll.clientHeight + 400) this.load();
    });
    return this.loading;
  }

  /* Whether the next block is there. */
  async fetch() {
    const { label, rows, data } = this;
    const query = new URLSearchParams({ start: rows.length, count: BLOCK, ...(label === "" ? {} : { class: label }) });
    try {
      const found = await this.server.json(`proposals?${query}`);
      if (rows !== this.rows) return false;
      if (found.version !== data.version) {
        this.renew();
        return false;
      }
      this.total = found.total;
      const first = this.rows.length;
      this.rows.push(...found.rows);
      found.rows.forEach((row, at) => this.addTile(row, first + at));
      if (found.rows.length) await this.paint(found.rows, first);
      return true;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  async paint(rows, first) {
    const path = `thumbnails/${this.data.version}?samples=${rows.map(({ row }) => row).join(",")}`;
    const { tiles, sheets } = this;
    const { blob } = await this.server.picture(path);
    const sheet = await Sheet.of(blob, 1, rows.length);
    sheets.push(sheet);
    if (tiles !== this.tiles) return;
    rows.forEach((_, at) => sheet.show(tiles[first + at].picture, 0, at));
    this.node.dataset.painted = first + rows.length;
  }

  addTile(row, position) {
    const tile = { row, picture: make("div", "picture"), mark: make("div", "mark"), node: null };
    Sheet.cut(tile.picture, row);
    const label = make("div", "label", this.names[row.label]);
    label.title = row.key;
    tile.node = make("div", "tile", tile.picture, label, tile.mark);
    tile.node.setAttribute("role", "option");
    tile.node.dataset.row = row.row;
    tile.node.onclick = () => this.move(position);
    this.tiles.push(tile);
    this.list.append(tile.node);
  }

  /* ------------------------------------------------------------ drawing */

  draw() {
    if (!this.data) return;
    this.tiles.forEach((tile, position) => this.drawTile(tile, position));
    const left = this.total === null ? "Loading ..." : this.total === 0 ? "Nothing can be picked here: the training part has no such image." : "";
    this.more.textContent = left;
    this.drawCounts();
    this.node.dataset.waiting = this.outbox.steps.length;
  }

  drawTile(tile, position) {
    const said = this.standing.of(tile.row.row);
    const isFocus = position === this.focus;
    const state = said.isWaiting ? (this.outbox.isOffline ? "not saved (will be sent again)" : "saving") : "";
    const text = said.clean === null ? "" : `${SIGNS[said.clean]} ${WORDS[said.clean]}`;
    const shown = [isFocus, text, state, said.reviewer].join();
    if (shown === tile.shown) return;
    tile.shown = shown;
    tile.node.classList.toggle("focus", isFocus);
    tile.node.tabIndex = isFocus ? 0 : -1;
    tile.node.dataset.clean = said.clean === null ? "" : String(said.clean);
    tile.node.setAttribute("aria-selected", String(said.clean === true));
    tile.mark.textContent = state ? `${text} ${state}`.trim() : text;
    tile.mark.title = said.reviewer ?? "";
    tile.node.setAttribute(
      "aria-label",
      `image ${position + 1}, class ${this.names[tile.row.label]}, ${said.clean === null ? "not decided" : `${WORDS[said.clean]} by ${said.reviewer}`}${state ? `, ${state}` : ""}`,
    );
  }

  /* How many are wanted of a class: no more than there are. */
  goal(label, rejected) {
    const { wanted, reserved, available } = this.data;
    return Math.min(wanted, reserved[label] + available[label] - rejected[label]);
  }

  drawCounts() {
    const { confirmed, rejected } = this.standing.counts(this.names.length);
    const labels = this.names.map((_, label) => label);
    const goals = labels.map((label) => this.goal(label, rejected));
    const have = labels.map((label) => this.data.reserved[label] + confirmed[label]);
    const sum = (values) => values.reduce((one, other) => one + other, 0);
    const reached = sum(labels.map((label) => Math.min(have[label], goals[label])));
    const wanted = sum(goals);
    const bold = (value) => make("b", "", value.toLocaleString("en"));
    const focused = this.rows[this.focus]?.label;
    const beyond = sum(have) - reached;
    const parts = [make("span", "total", bold(reached), ` of ${wanted.toLocaleString("en")} wanted${beyond ? `, and ${beyond.toLocaleString("en")} more` : ""}`)];
    if (focused !== undefined) parts.push(make("span", "here", bold(have[focused]), ` of ${goals[focused]} in class ${this.names[focused]}`));
    parts.push(make("span", "", bold(sum(rejected)), " rejected"));
    const { steps, isOffline } = this.outbox;
    if (steps.length && isOffline) parts.push(make("span", "offline", `${steps.length} not saved (will be sent again)`));
    this.summary.replaceChildren(...parts);
    this.bar.style.width = `${wanted ? (100 * reached) / wanted : 0}%`;
    [...this.chosen.options].slice(1).forEach((option, label) => {
      option.textContent = `${this.names[label]}: ${have[label]} of ${goals[label]}`;
    });
    this.drawMissing(labels.filter((label) => have[label] < goals[label]).map((label) => [label, goals[label] - have[label]]), have, sum(confirmed));
  }

  drawMissing(lacking, have, numConfirmed) {
    const none = this.names.filter((_, label) => have[label] === 0);
    const named = lacking.slice(0, MOST_NAMED).map(([label, num]) => `${num} of ${this.names[label]}`);
    if (lacking.length > MOST_NAMED) named.push(`more of ${lacking.length - MOST_NAMED} other classes`);
    const listed = named.length > 1 ? `${named.slice(0, -1).join(", ")} and ${named.at(-1)}` : named[0];
    let text = "";
    if (lacking.length) text = `Still to confirm: ${listed}. Or ask for fewer per class, above.`;
    else if (none.length) text = `No image of class ${none[0]} can be picked; the reserved set needs one of each class.`;
    else if (!numConfirmed) text = "Nothing new is confirmed.";
    else if (this.outbox.steps.length) text = "Some steps are still on their way.";
    this.missing.textContent = text;
    this.reserve.disabled = text !== "";
  }

  fillClasses() {
    const option = (value, text) => Object.assign(make("option", "", text), { value });
    this.chosen.replaceChildren(option("", "All classes, in turn"), ...this.names.map((name, label) => option(String(label), name)));
    if (Number(this.label) >= this.names.length) this.label = "";
    this.chosen.value = this.label;
  }

  say(text, isTrouble = false) {
    this.message.textContent = text;
    this.message.classList.toggle("trouble", isTrouble);
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    this.takeFocus();
  }

  /* ------------------------------------------------------------ moving */

  key(event) {
    if (event.target.closest("input, select") || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.tagName === "BUTTON" && [" ", "Enter"].includes(event.key)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const to = this.target(key);
    const todo = to !== null ? () => this.move(to) : this.commands()[key];
    if (!todo) return;
    todo();
    event.preventDefault();
    event.stopPropagation();
  }

  commands() {
    return {
      k: () => this.decide(true),
      d: () => this.decide(false),
      u: () => this.undo(),
      n: () => this.seek(),
      "?": () => this.toggleHelp(),
      Escape: () => {
        this.help.hidden = true;
        this.say("");
      },
    };
  }

  columns() {
    const top = this.tiles[0]?.node.offsetTop;
    const below = this.tiles.findIndex((tile) => tile.node.offsetTop > top);
    return below < 0 ? Math.max(1, this.tiles.length) : below;
  }

  target(key) {
    const last = this.tiles.length - 1;
    const columns = this.columns();
    const page = columns * Math.max(1, Math.floor(this.scroll.clientHeight / (this.tiles[0]?.node.offsetHeight || 1)) - 1);
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (key === "Home") return 0;
    if (key === "End") return last;
    if (key === "PageUp") return Math.max(this.focus % columns, this.focus - page);
    if (key === "PageDown") return Math.min(last, this.focus + page);
    if (!(key in steps)) return null;
    const to = this.focus + steps[key];
    return to < 0 || to > last ? this.focus : to;
  }

  move(position) {
    if (!this.tiles.length) return;
    this.focus = position;
    this.draw();
    this.takeFocus();
    this.tiles[position].node.scrollIntoView({ block: "nearest" });
    if (position > this.tiles.length - BLOCK / 2) this.load();
  }

  takeFocus() {
    this.tiles[this.focus]?.node.focus({ preventScroll: true });
  }

  async seek() {
    for (let position = this.focus + 1; ; position += 1) {
      if (position >= this.tiles.length) await this.load();
      if (position >= this.tiles.length) break;
      if (this.standing.of(this.rows[position].row).clean === null) {
        this.move(position);
        return;
      }
    }
    this.say("Nobody has left anything undecided behind this image.");
  }

  /* ------------------------------------------------------------ deciding */

  decide(clean) {
    const row = this.rows[this.focus];
    const reviewer = row && this.reviewer.person();
    if (!reviewer) return;
    this.standing.done.push({ row, clean: this.standing.of(row.row).clean });
    this.post(row, clean, reviewer);
  }

  undo() {
    const step = this.standing.done.pop();
    if (!step) {
      this.say("There is no step of yours to take back on this page.");
      return;
    }
    const reviewer = this.reviewer.person();
    if (!reviewer) return;
    this.post(step.row, step.clean, reviewer);
    const position = this.rows.findIndex(({ row }) => row === step.row.row);
    if (position >= 0) this.move(position);
  }

  post(row, clean, reviewer) {
    this.say("");
    this.outbox.add("picks", { reviewer, version: this.data.version, row: row.row, label: row.label, clean });
  }

  stepsChanged() {
    this.standing.play(this.outbox.steps);
    this.draw();
  }

  /* Others decide too; and an answer tells that the server is there again. */
  async poll() {
    if (!this.node.isConnected || document.visibilityState !== "visible" || this.isPolling || !this.data) return;
    this.isPolling = true;
    try {
      const { version } = this.data;
      const said = await this.server.json(`picks?known=${this.standing.known}`);
      if (version !== this.data.version) return;
      if (said.version !== version) this.renew();
      else this.standing.take(said);
      if (this.message.classList.contains("unreachable")) this.say("");
      this.message.classList.remove("unreachable");
      this.outbox.send();
    } catch (error) {
      this.failed(error);
    } finally {
      this.isPolling = false;
    }
    this.draw();
  }

  failed(error) {
    if (error.status === 403) this.renew();
    this.message.classList.add("unreachable");
    this.say(error.status ? error.message : "The server cannot be reached. Decisions are kept here and sent later.", true);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector(".pick");
  node.picker ??= new Picker(node);
  node.picker.renew = () => setTriggerValue("stale", true);
  node.picker.finish = () => setTriggerValue("reserve", true);
  node.picker.update(data);
  return () => clearInterval(node.picker.poller);
}
