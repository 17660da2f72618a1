/* Who decides: a field for the name, which the browser remembers for every page. */

class Reviewer {
  /* what: what needs the name, in words; say: shows a sentence; goBack: where the keys work. */
  constructor(what, { say, goBack }) {
    Object.assign(this, { what, say, goBack });
    this.field = make("input", "reviewer");
    Object.assign(this.field, { type: "text", placeholder: "Your name", maxLength: 80, value: localStorage.getItem("bir-reviewer") ?? "" });
    this.field.setAttribute("aria-label", "Reviewer: your name");
    this.field.onchange = () => this.named();
    this.field.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key !== "Enter") return;
      this.named();
      if (this.name) this.goBack();
    };
  }

  get name() {
    return this.field.value.trim();
  }

  named() {
    localStorage.setItem("bir-reviewer", this.name);
    this.say(this.name ? "" : `${this.what} need your name.`);
  }

  /* The name, or null after asking for it. */
  person() {
    if (this.name) return this.name;
    this.say("First tell who decides: type your name, then press Enter.", true);
    this.field.focus();
    return null;
  }
}
