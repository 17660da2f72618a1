/* Steps that the server does not have yet. Each lies in localStorage under its own name until it is acknowledged, so
   it outlives a reload, and two tabs cannot overwrite each other's; sent twice it is stored once, thanks to its key. */

class Outbox {
  constructor(server, { onSaved, onRefused, onChange }) {
    Object.assign(this, { server, onSaved, onRefused, onChange });
    this.steps = [];
    this.isSending = false;
    this.isOffline = false;
    this.timer = 0;
    this.count = 0;
  }

  /* Takes over what an earlier page of this run has left. */
  open(run) {
    this.prefix = `bir-queue:${run}:`;
    const names = Object.keys(localStorage).filter((name) => name.startsWith(this.prefix)).sort();
    this.steps = names.flatMap((name) => {
      try {
        return [{ ...JSON.parse(localStorage.getItem(name)), name }];
      } catch {
        localStorage.removeItem(name);
        return [];
      }
    });
    this.isOffline = false;
    this.send();
  }

  add(path, body) {
    const key = crypto.randomUUID();
    const order = `${Date.now()}-${String(this.count++).padStart(6, "0")}`;
    const step = { path, body: { ...body, key }, name: `${this.prefix}${order}-${key}` };
    this.steps.push(step);
    try {
      localStorage.setItem(step.name, JSON.stringify({ path, body: step.body }));
    } catch {
      /* The browser's store is full or forbidden: the step is still sent, it just would not outlive a reload. */
    }
    /* On its way first: what it changes is drawn meanwhile. */
    this.send();
    this.onChange();
  }

  drop(step) {
    this.steps = this.steps.filter((other) => other !== step);
    localStorage.removeItem(step.name);
  }

  /* One at a time, in order: the next leaves when the one before has been answered. */
  async send() {
    if (this.isSending || !this.steps.length) return;
    clearTimeout(this.timer);
    this.isSending = true;
    const step = this.steps[0];
    try {
      const said = await this.server.json(step.path, { body: step.body });
      this.isOffline = false;
      this.drop(step);
      this.onSaved(said, step);
    } catch (error) {
      if (isFinal(error.status)) {
        this.drop(step);
        this.onRefused(step, error.message);
      } else {
        this.isOffline = true;
        this.timer = setTimeout(() => this.send(), 1000);
      }
    } finally {
      this.isSending = false;
      this.onChange();
    }
    if (!this.isOffline) this.send();
  }
}

/* The server will never take it. Not final: 403, which a restarted server answers until the page has its new token. */
function isFinal(status) {
  return status >= 400 && status < 500 && ![403, 408, 429].includes(status);
}
