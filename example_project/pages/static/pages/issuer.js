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
  #csrfToken = "";

  constructor(base) {
    this.#base = base;
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

  // Not the issuer's but this site's own: it reads a token without a secret.
  decode(url, token) {
    return this.#send(url, { token });
  }

  async #post(path, body) {
    try {
      return await this.#send(this.#base + path, body);
    } catch (refused) {
      if (refused.body?.error !== "csrf_failed") throw refused;
      await this.applications(); // signing in again has changed the CSRF token: fetch it, try once more
      return this.#send(this.#base + path, body);
    }
  }

  #send(url, body) {
    return this.#fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.#csrfToken },
      body: JSON.stringify(body),
    });
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
