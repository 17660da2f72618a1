/* What people have said: the server's word, and on top of it the steps of this page that are still on their way. */

const WORDS = { keep: "keep", remove: "remove", relabel: "relabel" };
const SIGNS = { keep: "✓", remove: "✕", relabel: "⇄" };

class Review {
  constructor() {
    this.reset();
  }

  reset() {
    this.seq = 0;
    this.revision = 0;
    this.standing = new Map();
    this.history = new Map();
    this.seen = new Set();
    this.justSaved = new Map();
    this.pending = new Map();
  }

  /* Takes an answer of the server: entries of the log, and what now holds for their samples. */
  take(said) {
    if (said.entries.length || said.standing.length) this.revision += 1;
    for (const entry of said.entries) {
      if (this.seen.has(entry.seq)) continue;
      this.seen.add(entry.seq);
      const lines = this.history.get(entry.sample) ?? [];
      lines.push(entry);
      lines.sort((one, other) => one.seq - other.seq);
      this.history.set(entry.sample, lines);
    }
    for (const found of said.standing) this.standing.set(found.sample, found);
  }

  saved(said) {
    this.take(said);
    for (const { sample, verdict } of said.entries) {
      if (verdict) this.justSaved.set(sample, Date.now());
      else this.justSaved.delete(sample);
    }
  }

  /* Plays the waiting steps: an undo takes back the last of them, if there is one that it can take back. */
  play(steps) {
    this.revision += 1;
    const decisions = this.inForce(steps).flatMap(({ body }) => body.decisions ?? []);
    this.pending = new Map(decisions.map((decision) => [decision.sample, decision]));
  }

  /* The key of the newest waiting step that an undo would take back; nothing when none waits. */
  newest(steps) {
    return this.inForce(steps).at(-1)?.body.key;
  }

  inForce(steps) {
    const done = [];
    const undone = [];
    for (const step of steps) {
      if (step.path === "verdicts/undo") {
        if (done.length) undone.push(done.pop());
      } else if (step.path === "verdicts/redo") {
        if (undone.length) done.push(undone.pop());
      } else {
        done.push(step);
      }
    }
    return done;
  }

  /* {verdict, label, conflict, state, opinions} of a sample; state is "saved" for a moment, "waiting" before. */
  of(sample) {
    const found = this.standing.get(sample);
    const opinions = found?.opinions ?? [];
    const waiting = this.pending.get(sample);
    if (waiting) return { verdict: waiting.verdict, label: waiting.label, conflict: false, state: "waiting", opinions };
    const state = Date.now() - (this.justSaved.get(sample) ?? 0) < 2000 ? "saved" : "";
    if (!opinions.length || found.conflict) return { verdict: null, label: null, conflict: !!found?.conflict, state, opinions };
    return { verdict: opinions[0].verdict, label: opinions[0].label, conflict: false, state, opinions };
  }

  /* How many samples that pass the filters are decided, and how. */
  counts(passes) {
    const counts = { reviewed: 0, keep: 0, remove: 0, relabel: 0, conflict: 0 };
    for (const sample of new Set([...this.standing.keys(), ...this.pending.keys()])) {
      if (!passes(sample, this.standing.get(sample))) continue;
      const { verdict, conflict } = this.of(sample);
      if (verdict || conflict) counts.reviewed += 1;
      if (conflict) counts.conflict += 1;
      else if (verdict) counts[verdict] += 1;
    }
    return counts;
  }
}
