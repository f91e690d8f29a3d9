// Time that stands still for the module under test, and only for it: Node's own fetch keeps real timers, which
// node:test's mock would take from it.

const MODULE = "token-issuer.js";
const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: Date.now };

export class Clock {
  #now = real.now();
  #timers = new Set();

  constructor() {
    Date.now = () => this.#now;
    globalThis.setTimeout = (call, delay, ...rest) => {
      if (!new Error("who asks?").stack.includes(MODULE)) return real.setTimeout(call, delay, ...rest);
      const timer = { call, at: this.#now + delay };
      this.#timers.add(timer);
      return timer;
    };
    globalThis.clearTimeout = (timer) => (this.#timers.delete(timer) ? undefined : real.clearTimeout(timer));
  }

  get timers() {
    return this.#timers.size;
  }

  // Lets seconds go by; whatever is due is called in its order, at its time.
  pass(seconds) {
    const end = Math.round(this.#now + seconds * 1000);
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.call();
    }
    this.#now = end;
  }

  release() {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Date.now = real.now;
  }
}
