// The issuer's calls, as docs/callers.md describes them. The session's cookie is the credential.

export class Refused extends Error {
  constructor(status, body) {
    super(body.error_description ?? `HTTP ${status}`);
    this.status = status;
    this.body = body;
  }
}

export class Issuer {
  #base;
  #csrfToken;

  constructor(base, { csrfToken = "" } = {}) {
    this.#base = base;
    this.#csrfToken = csrfToken;
  }

  async applications() {
    const answer = await this.#call("applications/");
    this.#csrfToken = answer.csrf_token;
    return answer.applications;
  }

  issue(slug, grant) {
    return this.#post(`applications/${encodeURIComponent(slug)}/tokens/`, grant);
  }

  async ownTokens() {
    return (await this.#call("tokens/")).results;
  }

  revoke(tokenId, reason) {
    return this.#post(`tokens/${encodeURIComponent(tokenId)}/revoke/`, { reason });
  }

  endAll(reason) {
    return this.#post("tokens/revoke-mine/", { reason });
  }

  // The browser itself adds the refresh token: it lives in a cookie that no script can read.
  refresh(slug) {
    return this.#post("oauth/token", new URLSearchParams({ grant_type: "refresh_token", application: slug }));
  }

  loginKey(slug, grant) {
    return this.#post(`applications/${encodeURIComponent(slug)}/one-time-keys/`, grant);
  }

  // Whoever redeems is nobody yet, so a stale CSRF token cannot be fetched again.
  redeem(key) {
    return this.#send(`${this.#base}one-time-keys/redeem/`, { key });
  }

  // Not the issuer's but this site's own: it reads a token without a secret.
  decode(url, token) {
    return this.#send(url, { token });
  }

  async #post(path, body) {
    if (!this.#csrfToken) await this.applications();
    try {
      return await this.#send(this.#base + path, body);
    } catch (refused) {
      if (refused.body?.error !== "csrf_failed") throw refused;
      await this.applications(); // signing in again has changed the CSRF token: fetch it, try once more
      return this.#send(this.#base + path, body);
    }
  }

  #send(url, body) {
    const isForm = body instanceof URLSearchParams; // whose Content-Type the browser says
    const headers = { "X-CSRFToken": this.#csrfToken, ...(isForm ? {} : { "Content-Type": "application/json" }) };
    return this.#fetch(url, { method: "POST", headers, body: isForm ? body : JSON.stringify(body) });
  }

  #call(path) {
    return this.#fetch(this.#base + path, {});
  }

  async #fetch(url, options) {
    const headers = { Accept: "application/json", ...options.headers };
    const response = await fetch(url, { ...options, headers }).catch(() => {
      throw new Refused(0, { error: "unreachable" });
    });
    const body = await response.json().catch(() => ({}));
    if (!response.ok) throw new Refused(response.status, body);
    return body;
  }
}
