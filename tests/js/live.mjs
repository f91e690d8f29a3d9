// The real module against a real site: the address and a session's cookie come as arguments, orders on standard input,
// one a line, and what happened goes out as one JSON value a line.

import { createInterface } from "node:readline";

import { createTokenSource } from "../../token_issuer/static/token_issuer/token-issuer.js";

const [baseUrl, session, options] = process.argv.slice(2);
const jar = new Map([["sessionid", session]]);
const bare = globalThis.fetch;

// Node's fetch keeps no cookies.
globalThis.fetch = async (address, request) => {
  const cookie = [...jar].map((pair) => pair.join("=")).join("; ");
  const response = await bare(address, { ...request, headers: { ...request.headers, Cookie: cookie } });
  for (const line of response.headers.getSetCookie()) jar.set(...line.split(";")[0].split("="));
  return response;
};

const source = createTokenSource({ baseUrl, ...JSON.parse(options) });
const events = [];
for (const name of ["token", "denied", "signed-out", "error"]) source.addEventListener(name, () => events.push(name));

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
for await (const order of createInterface({ input: process.stdin })) {
  const { token_id: id = null, code = null, reason = null, sdk = null } = await source[order]().catch((error) => error);
  say({ id, code, reason, sdk, events: events.splice(0) });
}
source.close();
