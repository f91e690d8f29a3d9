// A call to an API that knows no session: the token is the credential, and the only one that is sent.

import { Refused } from "../pages/issuer.js";

export async function callWith(token, method, url, body) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const isText = typeof body === "string";
  if (body) headers["Content-Type"] = isText ? "text/plain" : "application/json";
  const options = { method, headers, credentials: "omit", body: isText ? body : JSON.stringify(body) };
  const response = await fetch(url, options).catch(() => {
    throw new Refused(0, { error: "unreachable" });
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, { error: problemOf(response) ?? answer.error });
  return { status: response.status, body: answer };
}

// RFC 6750 section 3: what is wrong stands in the challenge, and nothing at all where no token was sent.
function problemOf(response) {
  const challenge = response.headers.get("WWW-Authenticate");
  if (challenge === null) return undefined;
  return /error="([^"]+)"/.exec(challenge)?.[1] ?? "no_token";
}
