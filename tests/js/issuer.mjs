// A loopback server that answers as the issuer does, and lets a test say what comes next.

import { once } from "node:events";
import { createServer } from "node:http";

export class Issuer {
  signedIn = true;
  session = 1; // another number is another session, with another CSRF token
  person = 1;
  seen = []; // every request: {method, path, headers, body}
  answers = []; // what the next POSTs are answered: a function of the response, or [status, body, headers]
  lifetime = 3600;
  renewable = true;
  oneTime = false;
  skew = 0; // milliseconds that the server's clock is ahead
  delay = null; // a promise that answers wait for
  #count = 0;
  #server = createServer((request, response) => this.#take(request, response));

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.base = `http://127.0.0.1:${this.#server.address().port}/issuer/`;
    return this;
  }

  async stop() {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  get posts() {
    return this.seen.filter(({ method }) => method === "POST");
  }

  get greetings() {
    return this.seen.filter(({ method }) => method === "GET");
  }

  async #take(request, response) {
    const chunks = await request.toArray();
    const { method, url, headers } = request;
    this.seen.push({ method, path: url, headers, body: chunks.length ? JSON.parse(Buffer.concat(chunks)) : undefined });
    await this.delay;
    if (method === "POST" && this.answers.length) return this.#scripted(this.answers.shift(), response);
    const [status, body, more] = this.#answer(method, url, headers);
    return this.#send(response, status, body, more);
  }

  #scripted(answer, response) {
    return typeof answer === "function" ? answer(response) : this.#send(response, ...answer);
  }

  #send(response, status, body, more = {}) {
    response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store", ...more });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  #answer(method, url, headers) {
    if (!url.startsWith("/issuer/applications/")) return [404, "<h1>Not Found</h1>"];
    if (!this.signedIn) return [401, { error: "not_authenticated", error_description: "Sign in first.", request_id: "r1" }];
    if (url === "/issuer/applications/" && method === "GET") return [200, { csrf_token: this.csrfToken, applications: [] }];
    if (url !== "/issuer/applications/rooms/tokens/" || method !== "POST") return [404, { error: "not_found", error_description: "", request_id: "r2" }];
    if (headers["x-csrftoken"] !== this.csrfToken) return [403, { error: "csrf_failed", error_description: "", request_id: "r3" }];
    return [201, this.issued()];
  }

  get csrfToken() {
    return `csrf-${this.session}`;
  }

  issued() {
    const now = Date.now() + this.skew;
    const ends = now + this.lifetime * 1000;
    const ahead = Math.min(30_000, this.lifetime * 100);
    this.#count += 1;
    return {
      token: `secret-token-${this.#count}`,
      token_id: String(this.#count),
      subject: `user-${this.person}`,
      expires_at: new Date(ends).toISOString(),
      expires_in: this.lifetime,
      renew_at: this.renewable ? new Date(ends - ahead).toISOString() : null,
      one_time: this.oneTime,
      server_time: new Date(now).toISOString(),
      sdk: { token: `secret-token-${this.#count}`, uid: 16 },
    };
  }
}

// Waits until something is true; real time, whatever the test's clock says.
export async function until(condition) {
  const began = performance.now();
  while (performance.now() - began < 10_000) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it never came: ${condition}`);
}

// Every event of a source, by its name and detail.
export function heard(source) {
  const events = [];
  for (const name of ["token", "will-expire", "did-expire", "denied", "signed-out", "error"]) {
    source.addEventListener(name, ({ detail }) => events.push([name, detail.token ?? detail.code]));
  }
  return events;
}
