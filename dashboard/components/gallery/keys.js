/* What a key does. Handled keys go no further, so that Streamlit's own shortcuts stay out of it. */

const HELP = [
  ["← ↑ → ↓, Home, End, PageUp, PageDown", "move"],
  ["k", "keep as it is"],
  ["d", "remove from the data"],
  ["r", "relabel to the believed class; digits or first letters then choose another class"],
  ["u or Ctrl+Z", "undo"],
  ["Ctrl+Shift+Z", "redo"],
  ["x", "select or deselect; Shift+arrows or Shift+click extend; Ctrl+A selects all"],
  ["a, then k, d or r", "apply to the selection"],
  ["Esc", "clear the selection, close this"],
  ["n", "next sample that nobody has decided about"],
  ["c", "next sample about which reviewers differ"],
  ["/", "go to the filters"],
  ["Space", "show or hide the details"],
  ["?", "show or hide the keys"],
];

const VERDICT_KEYS = { k: "keep", d: "remove", r: "relabel" };

class Keys {
  constructor(gallery) {
    this.gallery = gallery;
    this.relabelled = null;
    this.typed = "";
    this.applies = false;
  }

  handle(event) {
    if (event.target.closest("input, select, textarea") || event.altKey) return;
    const isButton = event.target.tagName === "BUTTON" && [" ", "Enter"].includes(event.key);
    if (isButton || !this.act(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  act(event) {
    const { gallery } = this;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      if (key === "a") {
        gallery.selectAll();
        return true;
      }
      if (key !== "z") return false;
      event.shiftKey ? gallery.redo() : gallery.undo();
      return true;
    }
    const to = this.target(key);
    if (to !== null) {
      gallery.move(to, event.shiftKey);
      return true;
    }
    if (/^[0-9]$/.test(key)) return this.digit(key);
    if (this.spells(key)) return true;
    const todo = this.commands()[key];
    if (!todo) return false;
    todo();
    return true;
  }

  commands() {
    const { gallery } = this;
    const verdict = (name) => () => this.verdict(name);
    return {
      k: verdict("keep"),
      d: verdict("remove"),
      r: verdict("relabel"),
      u: () => gallery.undo(),
      x: () => gallery.toggleSelected(gallery.focus),
      a: () => this.startApplying(),
      " ": () => gallery.toggleDetail(),
      n: () => gallery.seek("undecided", (said) => !said.verdict && !said.conflict),
      c: () => gallery.seek("in conflict", (said) => said.conflict),
      "/": () => gallery.goToFilters(),
      "?": () => gallery.toggleHelp(),
      Escape: () => {
        this.applies = false;
        gallery.clear();
      },
    };
  }

  /* Where a moving key leads, null for any other key. */
  target(key) {
    const { focus, columns, total, rowsInView } = this.gallery;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const page = columns * Math.max(1, rowsInView - 1);
    if (key === "Home") return 0;
    if (key === "End") return total - 1;
    if (key === "PageUp") return Math.max(focus % columns, focus - page);
    if (key === "PageDown") return Math.min(total - 1, focus + page);
    if (!(key in steps)) return null;
    const to = focus + steps[key];
    return to < 0 || to >= total ? focus : to;
  }

  verdict(name) {
    const { gallery } = this;
    if (this.applies) {
      this.applies = false;
      gallery.decideSelection(name);
      return;
    }
    const card = gallery.ranking.card(gallery.focus);
    if (!card) return;
    gallery.decide(gallery.focus, name, name === "relabel" ? card.believed : null);
    this.relabelled = name === "relabel" ? gallery.focus : null;
    this.typed = "";
  }

  /* Right after a relabelling, letters that begin the name of a class choose it; others are commands again. */
  spells(key) {
    const { gallery } = this;
    if (this.relabelled !== gallery.focus || !/^\p{L}$/u.test(key)) return false;
    const label = gallery.names.findIndex((name) => name.toLowerCase().startsWith(this.typed + key));
    if (label < 0) return false;
    this.typed += key;
    gallery.decide(gallery.focus, "relabel", label);
    return true;
  }

  /* Digits in a row are one number as long as there is such a class; else the last one begins anew. */
  digit(key) {
    const { gallery } = this;
    if (this.relabelled !== gallery.focus) return false;
    const typed = [this.typed + key, key].find((text) => this.numbered(text) !== null);
    if (typed === undefined) return true;
    this.typed = typed;
    gallery.decide(gallery.focus, "relabel", this.numbered(typed));
    return true;
  }

  /* The class whose name is this text, else whose number it is; null where there is none. */
  numbered(text) {
    const { names } = this.gallery;
    const named = names.indexOf(text);
    const label = named >= 0 ? named : Number(text);
    return Number.isInteger(label) && label < names.length ? label : null;
  }

  startApplying() {
    const count = this.gallery.selection.size;
    this.applies = count > 0;
    this.gallery.say(count ? `Apply to ${count} selected: press k, d or r (Esc: do not).` : "Nothing is selected: x selects, Shift+arrows extend.");
  }
}
