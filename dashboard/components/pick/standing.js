/* What people say of each row: the server's word, and on top of it the steps of this page that are still on their way. */

class Standing {
  constructor() {
    this.reset();
  }

  reset() {
    this.known = 0;
    this.said = new Map();
    this.pending = new Map();
    this.done = [];
  }

  /* Takes an answer of the server; without picks nothing has changed. */
  take({ known, picks }) {
    this.known = known;
    if (picks) this.said = new Map(picks.map((pick) => [pick.row, pick]));
  }

  /* Takes what the server has written. */
  saved(pick) {
    if (pick.clean === null) this.said.delete(pick.row);
    else this.said.set(pick.row, pick);
  }

  play(steps) {
    this.pending = new Map(steps.map(({ body }) => [body.row, body]));
  }

  /* {clean, reviewer, label, isWaiting} of a row; clean is null where nobody has said anything. */
  of(row) {
    const waiting = this.pending.get(row);
    if (waiting) return { ...waiting, isWaiting: true };
    return this.said.get(row) ?? { clean: null };
  }

  /* By class, how many are confirmed and rejected. */
  counts(numClasses) {
    const confirmed = new Array(numClasses).fill(0);
    const rejected = new Array(numClasses).fill(0);
    for (const row of new Set([...this.said.keys(), ...this.pending.keys()])) {
      const { clean, label } = this.of(row);
      if (clean === true) confirmed[label] += 1;
      if (clean === false) rejected[label] += 1;
    }
    return { confirmed, rejected };
  }
}
