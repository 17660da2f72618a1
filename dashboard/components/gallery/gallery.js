/* The gallery itself: its state lives on the DOM node, since Streamlit calls the default export at every new data. */

const GAP = 10;
const AROUND_PICTURES = 24;
const BELOW_PICTURES = 124;
const TALLEST = 8_000_000;
const CONFIRM_ABOVE = 20;
const FETCH_EVERY = 40;
const SEEK_AT_MOST = 12_000;
const MOVES = {
  "verdicts/undo": { done: "Undone", way: "Ctrl+Shift+Z brings it back.", nothing: "There is no verdict of yours left to undo." },
  "verdicts/redo": { done: "Redone", way: "u undoes it.", nothing: "There is nothing to redo." },
};

class Gallery {
  constructor(node) {
    this.node = node;
    this.server = new Server();
    this.review = new Review();
    this.ranking = new Ranking(this.server, { onChange: () => this.drawSoon(), onTrouble: (error) => this.say(error.message, true) });
    this.outbox = new Outbox(this.server, {
      onSaved: (said, step) => this.saved(said, step),
      onRefused: (step, why) => this.say(`Not saved: ${why}`, true),
      onChange: () => this.stepsChanged(),
    });
    this.keys = new Keys(this);
    this.detail = new Detail(this);
    Object.assign(this, { names: [], focus: 0, total: 0, columns: 1, rowsInView: 1, rows: new Map(), anchor: null, fetched: -Infinity });
    this.selection = new Ranges();
    this.pressed = null;
    this.known = new Map();
    this.size = Number(localStorage.getItem("bir-tile-size")) || 72;
    this.isDetailed = localStorage.getItem("bir-detail") !== "no";
    this.build();
    new ResizeObserver(() => this.draw()).observe(this.scroll);
    this.poller = setInterval(() => this.poll(), 2000);
  }

  /* ------------------------------------------------------------ page */

  build() {
    this.counts = make("div", "counts");
    this.conflictCount = make("b");
    this.conflicts = button("count conflict", "", "Show only these", () => this.filterConflicts());
    this.conflicts.append("! ", this.conflictCount, " in conflict");
    this.summary = make("div", "summary", this.counts);
    this.reviewer = new Reviewer("Verdicts", { say: (text, isTrouble) => this.say(text, isTrouble), goBack: () => this.takeFocus() });
    const slider = make("input", "size");
    Object.assign(slider, { type: "range", min: 68, max: 220, step: 4, value: this.size, title: "Tile size" });
    slider.setAttribute("aria-label", "Tile size");
    slider.oninput = () => this.resize(Number(slider.value));
    this.detailButton = button("plain", "Details", "Show or hide the details (Space)", () => this.toggleDetail());
    const all = button("plain", "Select all", "Select every sample that passes the filters (Ctrl+A)", () => {
      this.selectAll();
      this.takeFocus();
    });
    const help = button("plain", "? Keys", "Show or hide the keys (?)", () => this.toggleHelp());
    const person = make("label", "person", "Reviewer ", this.reviewer.field);
    const tools = make("div", "tools", person, make("label", "sizes", "Size ", slider), all, this.detailButton, help);
    this.message = make("div", "message");
    this.message.setAttribute("role", "status");
    this.scroll = make("div", "scroll");
    this.scroll.setAttribute("role", "grid");
    this.scroll.setAttribute("aria-label", "Suspects");
    this.scroll.setAttribute("aria-multiselectable", "true");
    this.scroll.onscroll = () => this.drawSoon();
    this.spacer = make("div", "spacer");
    this.spacer.setAttribute("role", "presentation");
    this.scroll.append(this.spacer);
    this.help = keysHelp(HELP, () => this.toggleHelp());
    this.dialog = make("div", "dialog");
    this.dialog.setAttribute("role", "alertdialog");
    this.dialog.hidden = true;
    const body = make("div", "body", this.scroll, this.detail.node, this.help, this.dialog);
    this.node.replaceChildren(make("div", "head", this.summary, tools), this.message, body);
    body.onkeydown = (event) => this.keys.handle(event);
  }

  /* Streamlit's word: another run, other filters, another theme, or a restarted server's token. */
  update(data) {
    const isOtherRun = data.run !== this.server.run;
    Object.assign(this.server, { run: data.run, token: data.token });
    this.data = data;
    this.told = new Set(data.told);
    this.names = data.class_names;
    this.node.classList.toggle("smooth", data.image_width > 64);
    const query = new URLSearchParams(data.filters).toString();
    if (isOtherRun) {
      this.review.reset();
      this.outbox.open(data.run);
    }
    if (isOtherRun || query !== this.ranking.query) this.showRanking(query, isOtherRun);
    this.outbox.send();
    this.stepsChanged();
    this.poll();
  }

  showRanking(query, isFirst) {
    this.ranking.reset(query);
    this.total = this.data.total;
    this.clear();
    this.rows.forEach((row) => row.node.remove());
    this.rows.clear();
    const asked = Number(new URLSearchParams(location.search).get("at"));
    this.focus = isFirst && asked >= 1 && asked <= this.total ? Math.floor(asked) - 1 : 0;
    this.draw();
    this.reveal();
    this.draw();
    if (isFirst && isFocusFree()) this.takeFocus();
  }

  /* ------------------------------------------------------------ drawing */

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  measure() {
    const width = this.scroll.clientWidth - 2;
    const wanted = Math.max(168, 2 * this.size + AROUND_PICTURES);
    const columns = Math.max(1, Math.floor((width + GAP) / (wanted + GAP)));
    const picture = ((width - GAP * (columns - 1)) / columns - AROUND_PICTURES) / 2;
    const shape = this.data.image_height / this.data.image_width;
    this.rowHeight = Math.round(picture * shape) + BELOW_PICTURES + GAP;
    this.node.style.setProperty("--shape", `${this.data.image_width} / ${this.data.image_height}`);
    if (columns !== this.columns) {
      this.rows.forEach((row) => row.node.remove());
      this.rows.clear();
    }
    this.columns = columns;
    this.view = this.scroll.clientHeight;
    this.rowsInView = Math.max(1, Math.floor(this.view / this.rowHeight));
    const whole = Math.ceil(this.total / columns) * this.rowHeight;
    const height = Math.min(whole, TALLEST);
    /* No browser scrolls a million rows: above a height, one pixel of the bar stands for several. */
    this.ratio = whole > height ? (whole - this.view) / (height - this.view) : 1;
    this.spacer.style.height = `${height}px`;
  }

  draw() {
    if (!this.data || !this.scroll.clientWidth) return;
    if (this.ranking.total !== null) this.total = this.ranking.total;
    const hadFocus = this.hasFocus();
    this.measure();
    /* Read once: after a row was written, reading it lays the whole page out again. */
    const { scrollTop } = this.scroll;
    const top = scrollTop * this.ratio;
    const lastRow = Math.ceil(this.total / this.columns) - 1;
    const first = Math.max(0, Math.floor(top / this.rowHeight) - 1);
    const last = Math.min(lastRow, Math.ceil((top + this.view) / this.rowHeight));
    const wanted = new Set([Math.floor(this.focus / this.columns)]);
    for (let row = first; row <= last; row += 1) wanted.add(row);
    for (const [number, row] of this.rows) {
      if (wanted.has(number)) continue;
      row.node.remove();
      this.rows.delete(number);
    }
    for (const number of wanted) this.drawRow(number, number * this.rowHeight - top + scrollTop);
    this.scroll.setAttribute("aria-rowcount", lastRow + 1);
    this.scroll.setAttribute("aria-colcount", this.columns);
    this.drawSummary();
    this.detail.draw();
    this.detailButton.setAttribute("aria-pressed", String(this.isDetailed));
    if (hadFocus && !this.hasFocus()) this.takeFocus();
    this.seen = [first * this.columns, (last + 2) * this.columns];
    this.fetchSoon();
  }

  drawRow(number, at) {
    let row = this.rows.get(number);
    if (!row) {
      row = { node: make("div", "row"), tiles: [] };
      row.node.setAttribute("role", "row");
      row.node.setAttribute("aria-rowindex", number + 1);
      this.rows.set(number, row);
      this.scroll.append(row.node);
    }
    const start = number * this.columns;
    const count = Math.max(0, Math.min(this.columns, this.total - start));
    while (row.tiles.length > count) row.tiles.pop().node.remove();
    while (row.tiles.length < count) {
      const tile = new Tile(this, start + row.tiles.length);
      row.tiles.push(tile);
      row.node.append(tile.node);
    }
    row.node.style.gridTemplateColumns = `repeat(${this.columns}, minmax(0, 1fr))`;
    row.node.style.height = `${this.rowHeight - GAP}px`;
    row.node.style.top = `${at}px`;
    for (const tile of row.tiles) tile.draw();
  }

  /* At once after a pause; what is passed in a fast scroll is left out. */
  fetchSoon() {
    if (this.fetching) return;
    const since = performance.now() - this.fetched;
    if (since > FETCH_EVERY) this.fetch();
    else this.fetching = setTimeout(() => this.fetch(), FETCH_EVERY - since);
  }

  fetch() {
    this.fetching = null;
    this.fetched = performance.now();
    this.ranking.want(this.focus, this.focus);
    this.ranking.want(this.seen[0], Math.min(this.seen[1], this.total - 1));
  }

  /* Counts all that was ever said, so only when something in it has changed: it is asked at every key. */
  drawSummary() {
    const { steps, isOffline } = this.outbox;
    const shown = [this.review.revision, this.total, this.selection.size, steps.length, isOffline, this.ranking.query].join();
    if (shown === this.summed) return;
    this.summed = shown;
    const counts = this.review.counts((sample, standing) => this.passes(this.known.get(sample) ?? standing));
    const count = (value) => make("b", "", value.toLocaleString("en"));
    const part = (kind, text) => make("span", `count ${kind}`, `${SIGNS[kind]} `, count(counts[kind]), ` ${text}`);
    const left = Math.max(0, this.total - counts.reviewed);
    this.counts.replaceChildren(
      make("span", "", count(this.total), this.total === 1 ? " suspect" : " suspects"),
      make("span", "", count(counts.reviewed), " reviewed, ", count(left), " left"),
      part("keep", "keep"),
      part("remove", "remove"),
      part("relabel", "relabel"),
      ...(this.selection.size ? [make("span", "chosen", count(this.selection.size), " selected")] : []),
    );
    this.drawConflicts(counts.conflict);
    this.node.dataset.waiting = steps.length;
    this.node.dataset.seq = this.review.seq;
    if (steps.length && isOffline) this.counts.append(make("span", "offline", `${steps.length} not saved (will be sent again)`));
  }

  /* One button for good, which keeps the focus and an unfinished click however often the page is drawn. */
  drawConflicts(num) {
    const { t, verdict } = this.data.filters;
    this.conflictCount.textContent = num.toLocaleString("en");
    this.conflicts.disabled = t === undefined || verdict === "conflict";
    if (!num) this.conflicts.remove();
    else if (!this.conflicts.isConnected) this.summary.append(this.conflicts);
  }

  passes(facts) {
    if (this.data.only) return !!facts && this.data.only.includes(facts.sample);
    const { t, below, given, believed } = this.data.filters;
    const has = (list, label) => !list || list.split(",").includes(String(label));
    return !!facts && this.wasSaid(facts.sample) && (facts.score === null || (facts.score > Number(t) && facts.score <= Number(below ?? Infinity))) && has(given, facts.given) && has(believed, facts.believed);
  }

  /* Whether the filter by verdict lets a sample pass; verdicts since it was applied do not change that. */
  wasSaid(sample) {
    const { verdict, asof } = this.data.filters;
    if (!verdict || this.told.has(sample)) return true;
    const isTold = this.review.history.get(sample)?.[0].seq <= Number(asof);
    return verdict.split(",").includes("undecided") && !isTold;
  }

  stateText(said) {
    if (said.state === "waiting") return this.outbox.isOffline ? "not saved (will be sent again)" : "saving";
    return said.state;
  }

  say(text, isTrouble = false) {
    this.message.textContent = text;
    this.message.classList.toggle("trouble", isTrouble);
  }

  /* ------------------------------------------------------------ moving and selecting */

  hasFocus() {
    return this.scroll.contains(this.node.getRootNode().activeElement);
  }

  takeFocus() {
    const row = this.rows.get(Math.floor(this.focus / this.columns));
    row?.tiles[this.focus % this.columns]?.node.focus({ preventScroll: true });
  }

  reveal() {
    const from = Math.floor(this.focus / this.columns) * this.rowHeight;
    const top = this.scroll.scrollTop * this.ratio;
    if (from < top) this.scroll.scrollTop = from / this.ratio;
    else if (from + this.rowHeight > top + this.view) this.scroll.scrollTop = (from + this.rowHeight - this.view) / this.ratio;
  }

  move(position, extends_) {
    if (!this.total) return;
    if (extends_) {
      if (this.anchor === null) [this.anchor, this.before] = [this.focus, this.selection];
      const [low, high] = [Math.min(this.anchor, position), Math.max(this.anchor, position)];
      this.selection = this.before.with(low, high);
    } else {
      this.anchor = null;
    }
    this.focus = position;
    this.keys.relabelled = null;
    this.reveal();
    this.draw();
    this.takeFocus();
    clearTimeout(this.linkTimer);
    this.linkTimer = setTimeout(() => this.writeLink(), 250);
  }

  /* A link to this sample: its place under the filters, which stand in the link too. */
  writeLink() {
    const url = new URL(location.href);
    url.searchParams.set("at", this.focus + 1);
    history.replaceState(history.state, "", url);
  }

  clicked(position, event) {
    this.move(position, event.shiftKey);
  }

  /* A tile is entered with the mouse button down: everything from the tile where it was pressed is selected. */
  swept(position, event) {
    if (event.buttons !== 1 || this.pressed === null || this.pressed === position) return;
    if (this.anchor === null) this.move(this.pressed, false);
    this.move(position, true);
  }

  toggleSelected(position) {
    this.selection = this.selection.has(position) ? this.selection.without(position) : this.selection.with(position, position);
    this.anchor = null;
    this.draw();
  }

  selectAll() {
    if (this.total) this.selection = new Ranges([[0, this.total - 1]]);
    this.anchor = null;
    this.draw();
  }

  clear() {
    this.selection = new Ranges();
    this.anchor = null;
    this.help.hidden = true;
    this.say("");
    this.draw();
  }

  toggleDetail() {
    this.isDetailed = !this.isDetailed;
    localStorage.setItem("bir-detail", this.isDetailed ? "yes" : "no");
    this.draw();
    this.reveal();
    this.draw();
  }

  /* Moves to the next sample, after the end from the start again, of which people have said what is wanted. */
  async seek(what, isWanted) {
    const from = this.focus;
    const reach = Math.min(this.total, SEEK_AT_MOST);
    for (let step = 1; step <= reach; step += 1) {
      const position = (from + step) % this.total;
      await this.ranking.load(Math.floor(position / BLOCK));
      const card = this.ranking.card(position);
      if (!card || this.focus !== from) return;
      if (isWanted(this.review.of(card.sample))) {
        this.move(position, false);
        return;
      }
    }
    this.say(`None of the ${reach < this.total ? `next ${reach.toLocaleString("en")}` : this.total.toLocaleString("en")} samples is ${what}.`);
  }

  /* They are Streamlit's, outside of this component. */
  goToFilters() {
    document.querySelector(".st-key-given input")?.focus();
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    this.takeFocus();
  }

  resize(size) {
    this.size = size;
    localStorage.setItem("bir-tile-size", String(size));
    this.draw();
    this.reveal();
    this.draw();
  }

  /* ------------------------------------------------------------ deciding */

  decide(position, verdict, label) {
    const card = this.ranking.card(position);
    const reviewer = card && this.reviewer.person();
    if (!reviewer) return;
    this.known.set(card.sample, card);
    this.say("");
    this.outbox.add("verdicts", { reviewer, decisions: [{ sample: card.sample, verdict, label }] });
  }

  settle(sample, opinion) {
    const reviewer = this.reviewer.person();
    if (!reviewer) return;
    const decisions = [{ sample, verdict: opinion.verdict, label: opinion.label }];
    this.say("");
    this.outbox.add("verdicts", { reviewer, decisions, settle: true });
    this.takeFocus();
  }

  undo() {
    const reviewer = this.reviewer.person();
    if (!reviewer) return;
    this.say("");
    /* A step on its way is named: if the server refuses it, the undo must not take back an earlier one. */
    const step = this.review.newest(this.outbox.steps);
    this.outbox.add("verdicts/undo", step ? { reviewer, step } : { reviewer });
  }

  redo() {
    const reviewer = this.reviewer.person();
    if (!reviewer) return;
    this.say("");
    this.outbox.add("verdicts/redo", { reviewer });
  }

  /* Only the answer to an undo or a redo tells what it was about. */
  saved(said, { path, body }) {
    this.review.saved(said);
    if (!(path in MOVES)) return;
    const { done, way, nothing } = MOVES[path];
    const { entries, verdicts } = said;
    const where = entries.length === 1 ? `sample ${entries[0].sample}` : `${entries.length.toLocaleString("en")} samples`;
    if (entries.length) this.say(`${done}: ${verdicts.join(" and ")} on ${where}. ${way}`);
    /* The undo of a step that was refused has nothing to undo either: why it was refused is said already. */
    else if (!body.step) this.say(nothing);
  }

  async decideSelection(verdict) {
    const reviewer = this.reviewer.person();
    const count = this.selection.size;
    if (!reviewer || !count) return;
    const isAll = count === this.total;
    const several = `${count.toLocaleString("en")} ${isAll ? this.data.what : "selected samples"}`;
    const what = count === 1 ? "1 selected sample" : isAll ? `all ${several}` : several;
    const { stretches } = this.selection;
    if (count > CONFIRM_ABOVE && !(await this.confirm(verdict, what, count))) return;
    this.outbox.add("verdicts/bulk", {
      reviewer,
      verdict,
      query: Object.fromEntries(new URLSearchParams(this.ranking.query)),
      stretches: isAll ? null : stretches,
      ranking: this.ranking.ranking,
      count,
    });
    this.say(`${WORDS[verdict]}: ${what}. u undoes it.`);
  }

  confirm(verdict, what, count) {
    return new Promise((resolve) => {
      const end = (answer) => () => {
        this.dialog.hidden = true;
        this.takeFocus();
        resolve(answer);
      };
      const yes = button(verdict, `Yes, ${verdict} ${count.toLocaleString("en")}`, "", end(true));
      const no = button("plain", "Cancel", "", end(false));
      const question = `${verdict[0].toUpperCase()}${verdict.slice(1)} ${what}?`;
      this.dialog.setAttribute("aria-label", question);
      this.dialog.replaceChildren(make("p", "", question), yes, no);
      this.dialog.onkeydown = (event) => {
        event.stopPropagation();
        if (event.key === "Escape") end(false)();
      };
      this.dialog.hidden = false;
      yes.focus();
    });
  }

  stepsChanged() {
    this.review.play(this.outbox.steps);
    this.draw();
  }

  /* Others decide too; and an answer tells that the server is there again. */
  async poll() {
    if (!this.node.isConnected || document.visibilityState !== "visible" || this.isPolling) return;
    this.isPolling = true;
    try {
      const run = this.server.run;
      const said = await this.server.json(`verdicts?after=${this.review.seq}`);
      if (run !== this.server.run) return;
      this.review.take(said);
      this.review.seq = said.seq;
      if (said.more) setTimeout(() => this.poll());
      if (this.message.classList.contains("unreachable")) this.say("");
      this.message.classList.remove("unreachable");
      this.outbox.send();
    } catch (error) {
      if (error.status === 403) this.renew();
      this.message.classList.add("unreachable");
      this.say(error.status ? error.message : "The server cannot be reached. Verdicts are kept here and sent later.", true);
    } finally {
      this.isPolling = false;
    }
    this.draw();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const node = parentElement.querySelector(".gallery");
  node.gallery ??= new Gallery(node);
  node.gallery.renew = () => setTriggerValue("stale", true);
  node.gallery.filterConflicts = () => setTriggerValue("conflicts", true);
  node.gallery.update(data);
  return () => clearInterval(node.gallery.poller);
}
