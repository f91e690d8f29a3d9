// Time that stands still for the module under test, and only for it: Node's own fetch keeps real timers, which
// node:test's mock would take from it.

const MODULE = "token-issuer.js";
const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: Date.now, ticks: performance.now };
const asksModule = () => new Error("who asks?").stack.includes(MODULE);

export class Clock {
  #now = real.now();
  #ticks = 1000;
  #timers = new Set();

  constructor() {
    Date.now = () => this.#now;
    performance.now = () => (asksModule() ? this.#ticks : real.ticks.call(performance));
    globalThis.setTimeout = (call, delay, ...rest) => {
      if (!asksModule()) return real.setTimeout(call, delay, ...rest);
      const timer = { call, at: this.#ticks + delay };
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
    const end = Math.round(this.#ticks + seconds * 1000);
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#go(Math.max(this.#ticks, due.at));
      due.call();
    }
    this.#go(end);
  }

  // The computer's clock is set, or goes on while the machine sleeps: nothing else moves.
  set(seconds) {
    this.#now += seconds * 1000;
  }

  #go(ticks) {
    this.#now += ticks - this.#ticks;
    this.#ticks = ticks;
  }

  release() {
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Date.now = real.now;
    performance.now = real.ticks;
  }
}
