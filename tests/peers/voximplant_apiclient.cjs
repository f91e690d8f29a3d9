"use strict";
// Asks npm @voximplant/apiclient-nodejs for the request of one call, at the time that the question names. Its own
// library for HTTP hands the request over instead of sending it.
const fs = require("fs");
const path = require("path");
const os = require("os");
const { createRequire } = require("module");
const Client = require("@voximplant/apiclient-nodejs").default;
const axios = createRequire(require.resolve("@voximplant/apiclient-nodejs"))("axios");

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "credentials-"));
const file = path.join(folder, "credentials.json");

let taken;
axios.defaults.adapter = async (config) => {
  taken = config;
  return { status: 200, headers: {}, data: { result: 1 }, config };
};

const ready = (credentials) =>
  new Promise((resolve) => {
    fs.writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 });
    const client = new Client({ pathToCredentials: file });
    client.onReady = () => resolve(client);
  });

async function answer({ credentials, now, command, request }) {
  const client = await ready(credentials);
  Date.prototype.valueOf = () => now * 1000; // it reads the clock as +new Date()
  await client.Users[command](request);
  return {
    method: taken.method,
    url: taken.url,
    authorization: taken.headers.Authorization,
    type: taken.data.getHeaders()["content-type"],
    body: taken.data.getBuffer().toString("base64"),
  };
}

(async () => {
  const lines = fs.readFileSync(0, "utf8").split("\n").filter(Boolean);
  console.log = console.error;
  try {
    for (const line of lines) process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + "\n");
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
})();
