// A token that stays fresh: asked for once for all callers, renewed before it expires, kept in memory alone. One that
// works once goes to one caller, and is not kept.
// No token goes into storage, an address, a log or an error. Types: token-issuer.d.ts; guide: docs/browser.md.

const LONGEST_TIMER = 2 ** 31 - 1; // milliseconds; browsers run a longer one at once
const WARNING = 30_000; // before the end, as Agora's own event
const MARGIN = 30_000; // what is left of a token that get() hands out, or a tenth of its life
const PATIENCE = 20_000; // for one answer
const LONGEST_REST = 60_000;
const SIGNED_OUT_REST = 1000;

/** A call that failed. `code` is the server's word, or `unreachable`, `garbled`, `closed`, `somebody_else`; it never holds a token. */
export class TokenError extends Error {
  constructor(code, { status = 0, reason = "", description = "", retryAfter = null, fields = {}, requestId = "" } = {}) {
    super(reason ? `${code}: ${reason}` : code);
    Object.assign(this, { name: "TokenError", code, status, reason, description, retryAfter, fields, requestId });
  }
}

const words = {
  closed: "The token source is closed.",
  unreachable: "The site does not answer.",
  garbled: "The site's answer cannot be read.",
  somebody_else: "Somebody else is signed in now.",
};
const failure = (code, more) => new TokenError(code, { description: words[code], ...more });

const refusal = (status, body) =>
  typeof body?.error === "string"
    ? new TokenError(body.error, {
        status,
        reason: body.reason,
        description: body.error_description,
        retryAfter: typeof body.retry_after === "number" ? body.retry_after : null,
        fields: body.fields,
        requestId: body.request_id,
      })
    : failure(status < 500 ? "garbled" : "unreachable", { status });

// A no that is about this person and this grant, whoever asks again.
const isDenial = ({ status, code }) => (status === 403 || status === 404) && code !== "csrf_failed" && code !== "garbled";

// Whether waiting helps. It does against all else: a busy server, a proxy's own page, a check of a session that began anew.
const passes = (error) => !isDenial(error) && (error.status !== 400 || error.code === "garbled");

// What is handed to several callers, none of whom may change it for the others.
const shared = (answer) => {
  Object.freeze(answer.sdk);
  return Object.freeze(answer);
};

const read = () => ({ date: Date.now(), ticks: performance.now() });

class TokenSource extends EventTarget {
  #address;
  #body;
  #csrfToken = null;
  #closed = false;
  #token = null;
  #subject; // whose token the last one was
  #since = { ...read(), server: 0 }; // what all clocks said when the last answer was asked for
  #due = { renew: Infinity, warn: Infinity, end: Infinity }; // by the server's clock
  #freshUntil = 0;
  #endsAt = 0;
  #timer;
  #flight = null;
  #abort = null;
  #failures = 0;
  #rest = { until: 0, error: null };

  constructor({ application, grant = {}, baseUrl = "/issuer/", lifetime, slot }) {
    super();
    const base = baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`;
    const tokens = `${base}applications/${encodeURIComponent(application)}/tokens/`;
    this.#address = { applications: `${base}applications/`, tokens };
    const said = Object.entries({ lifetime, slot }).filter(([, value]) => value !== undefined);
    this.#body = JSON.stringify({ ...grant, ...Object.fromEntries(said) });
  }

  async get() {
    if (this.#closed) throw failure("closed");
    if (this.#now() < this.#freshUntil) return this.#token;
    try {
      return await this.#fly();
    } catch (error) {
      if (!this.#token || this.#now() >= this.#endsAt) throw error;
      return this.#token; // still good; the renewal is tried again
    }
  }

  async renew() {
    return this.#fly();
  }

  close() {
    this.#closed = true;
    this.#forget();
    this.#abort?.abort();
  }

  // The server's time, or a little later. A clock that is put back holds time up, and one stands still in sleep.
  #now() {
    const { date, ticks, server } = this.#since;
    const { date: today, ticks: counted } = read();
    return server + Math.max(today - date, counted - ticks);
  }

  // One flight for all callers; where its token works once, the first of them has it, and the others fly on.
  async #fly() {
    if (this.#closed) throw failure("closed");
    if (this.#flight) {
      const answer = await this.#flight;
      return answer.one_time ? this.#fly() : answer;
    }
    const left = this.#rest.until - this.#now();
    if (left > 0) {
      const { error } = this.#rest;
      throw new TokenError(error.code, { ...error, retryAfter: Math.ceil(left / 1000) });
    }
    this.#flight = this.#journey().finally(() => {
      this.#flight = null;
    });
    return this.#flight;
  }

  async #journey() {
    try {
      const { answer, began } = await this.#asked();
      if (this.#closed) throw failure("closed");
      // The page was told of one person, and must not go on as another one unawares.
      if ((this.#subject ??= answer.subject) !== answer.subject) throw failure("somebody_else");
      this.#keep(answer, began);
      return answer;
    } catch (error) {
      if (this.#closed) throw failure("closed");
      this.#fail(error);
      throw error;
    }
  }

  async #asked() {
    if (this.#csrfToken === null) await this.#greet();
    try {
      return await this.#issue();
    } catch (error) {
      // A session that began anew has another CSRF token; one that ended says so when it is asked for it.
      if (error.status !== 401 && error.code !== "csrf_failed") throw error;
      await this.#greet();
      return this.#issue();
    }
  }

  async #greet() {
    const { csrf_token: token } = await this.#call(this.#address.applications, {});
    if (typeof token !== "string") throw failure("garbled");
    this.#csrfToken = token;
  }

  async #issue() {
    const began = read();
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.#csrfToken };
    const answer = await this.#call(this.#address.tokens, { method: "POST", headers, body: this.#body });
    const whole = typeof answer.token === "string" && Date.parse(answer.expires_at) && Date.parse(answer.server_time);
    if (!whole) throw failure("garbled");
    return { answer, began };
  }

  async #call(address, options) {
    if (this.#closed) throw failure("closed");
    this.#abort = new AbortController();
    const timer = setTimeout(() => this.#abort.abort(), PATIENCE);
    const headers = { Accept: "application/json", ...options.headers };
    const { signal } = this.#abort;
    try {
      const own = { headers, signal, credentials: "same-origin", cache: "no-store", redirect: "error" };
      const response = await fetch(address, { ...options, ...own });
      const body = await response.json().catch((error) => (signal.aborted ? Promise.reject(error) : null));
      if (!response.ok) throw refusal(response.status, body);
      return body ?? {};
    } catch (error) {
      // What fetch throws may quote an address or a body: only that it failed is told.
      throw error instanceof TokenError ? error : failure("unreachable");
    } finally {
      clearTimeout(timer);
    }
  }

  #keep(answer, began) {
    this.#failures = this.#rest.until = 0;
    if (!answer.one_time) this.#stayFresh(shared(answer), began);
    this.#tell("token", answer);
  }

  #stayFresh(answer, began) {
    const [ends, renews] = [Date.parse(answer.expires_at), Date.parse(answer.renew_at)]; // no date: NaN
    this.#token = answer;
    this.#since = { ...began, server: Date.parse(answer.server_time) }; // as if the answer had taken no time to come: never late
    this.#endsAt = ends;
    // Later by chance, so that a server that was away is not asked by everybody at once.
    const renewal = Number.isNaN(renews) ? Infinity : renews + ((ends - renews) / 10) * Math.random();
    const margin = Math.min(MARGIN, (ends - Date.parse(answer.server_time)) / 10);
    this.#freshUntil = renewal < Infinity ? renewal : ends - margin;
    this.#due = { renew: renewal, warn: ends - WARNING, end: ends };
    this.#arm();
  }

  #fail(error) {
    if (error.status === 401 || error.code === "somebody_else") {
      this.#csrfToken = null;
      this.#forget();
      if (error.status === 401) this.#rest = { until: this.#now() + SIGNED_OUT_REST, error };
      this.#tell("signed-out", error);
      return;
    }
    const backoff = Math.min(1000 * 2 ** this.#failures++, LONGEST_REST) * (1 + Math.random() / 10);
    const rest = Math.max((error.retryAfter ?? 0) * 1000, backoff);
    this.#rest = { until: this.#now() + rest, error };
    if (this.#token && this.#token.renew_at !== null) {
      const again = passes(error);
      this.#due.renew = again ? this.#now() + rest : Infinity;
      if (!again) this.#freshUntil = this.#endsAt; // asking before the end would only be refused once more
      this.#arm();
    }
    this.#tell(isDenial(error) ? "denied" : "error", error);
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#token = this.#subject = null;
    this.#freshUntil = this.#endsAt = 0;
    this.#due = { renew: Infinity, warn: Infinity, end: Infinity };
  }

  // One timer for whatever is due next. Whoever has reason to think that time went by unnoticed may call #tick.
  #arm() {
    clearTimeout(this.#timer);
    const next = Math.min(...Object.values(this.#due)) - this.#now();
    if (next < Infinity) this.#timer = setTimeout(() => this.#tick(), Math.min(Math.max(next, 0), LONGEST_TIMER));
  }

  #tick() {
    const [now, token] = [this.#now(), this.#token];
    const due = (what) => now >= this.#due[what] && (this.#due[what] = Infinity);
    if (due("renew")) this.#fly().catch(() => {}); // told as an event
    if (due("warn")) this.#tell("will-expire", token);
    if (due("end")) this.#tell("did-expire", token);
    this.#arm();
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * Returns a source of tokens for one application and grant. Nothing is asked before the first `get()`.
 *
 * @param {import("./token-issuer.d.ts").TokenSourceOptions} options
 * @returns {import("./token-issuer.d.ts").TokenSource}
 */
export function createTokenSource(options) {
  return new TokenSource(options);
}
