"use strict";
// Asks npm @videosdk.live/server-sdk, at the time that the question names.
const lines = require("./lines.cjs");
const sdk = require("@videosdk.live/server-sdk");

const operations = {
  build({ api_key, secret, participant, room, grants, api, lifetime, claims }) {
    const client = new sdk.VideoSDK({ apiKey: api_key, secret });
    const builder = client.accessToken();
    if (participant) builder.setParticipant(participant);
    if (room) builder.forRoom(room);
    if (grants) builder.grant(...grants);
    if (api) builder.forApi();
    if (lifetime) builder.expiresIn(lifetime);
    for (const [name, value] of Object.entries(claims ?? {})) builder.setClaim(name, value);
    return builder.toJwt();
  },
  // What it would send to the server API; nothing leaves this machine.
  async call({ api_key, secret, method, body }) {
    let sent;
    globalThis.fetch = async (url, init) => {
      const headers = Object.fromEntries(new Headers(init.headers));
      sent = { url: String(url), method: init.method, authorization: headers.authorization, body: init.body };
      return new Response("{}", { headers: { "content-type": "application/json" } });
    };
    await new sdk.VideoSDK({ apiKey: api_key, secret }).sessions[method](body);
    return sent;
  },
  verify: ({ token, secret }) => sdk.verifyToken(token, secret),
};

lines((question) => {
  Date.now = () => question.now * 1000;
  return operations[question.op](question);
});
