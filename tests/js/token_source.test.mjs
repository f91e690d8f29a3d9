// The browser module, in Node, against a server that answers as the issuer does.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { inspect } from "node:util";

import { TokenError, createTokenSource } from "../../token_issuer/static/token_issuer/token-issuer.js";
import { Clock } from "./clock.mjs";
import { Issuer, heard, until } from "./issuer.mjs";

let clock;
let issuer;
let sources;

beforeEach(async () => {
  issuer = await new Issuer().start();
  sources = [];
});

afterEach(async () => {
  for (const source of sources) source.close();
  clock?.release();
  mock.restoreAll();
  await issuer.stop();
});

function made(options = {}) {
  const source = createTokenSource({ application: "rooms", grant: { channel: "room-42" }, baseUrl: issuer.base, ...options });
  sources.push(source);
  return source;
}

// From now on time stands still, except for `pass`.
function frozen({ chance = 0 } = {}) {
  clock = new Clock();
  mock.method(Math, "random", () => chance);
}

// Time enough for a request that should not come.
const quiet = () => new Promise((resolve) => setTimeout(resolve, 50));
const pass = (seconds) => clock.pass(seconds);
const refused = (code) => (error) => error instanceof TokenError && error.code === code;
const denial = [403, { error: "policy_denied", reason: "not_a_member", error_description: "No.", request_id: "r9" }];
const busy = (seconds) => [503, { error: "unavailable", error_description: "Soon.", retry_after: seconds, request_id: "r8" }];

describe("asking", () => {
  test("nothing is asked before the first get", () => {
    made();
    assert.equal(issuer.seen.length, 0);
  });

  test("a token is asked for as the API wants it", async () => {
    const token = await made({ lifetime: 600, slot: 2 }).get();
    assert.equal(token.token, "secret-token-1");
    assert.equal(token.sdk.uid, 16);
    assert.deepEqual(issuer.seen.map(({ method, path }) => [method, path]), [
      ["GET", "/issuer/applications/"],
      ["POST", "/issuer/applications/rooms/tokens/"],
    ]);
    const [{ headers, body }] = issuer.posts;
    assert.deepEqual(body, { channel: "room-42", lifetime: 600, slot: 2 });
    assert.equal(headers["x-csrftoken"], "csrf-1");
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers.accept, "application/json");
  });

  test("what is not said is not sent", async () => {
    await made({ grant: undefined }).get();
    assert.deepEqual(issuer.posts[0].body, {});
  });

  test("a lifetime and a slot beside the grant's own fields are sent, too", async () => {
    await made({ grant: { channel: "a", lifetime: 60, slot: 1 }, slot: 2, lifetime: undefined }).get();
    assert.deepEqual(issuer.posts[0].body, { channel: "a", lifetime: 60, slot: 2 });
  });

  test("an address without its slash, and a slug with letters of its own", async () => {
    const source = made({ application: "a/../b", baseUrl: issuer.base.slice(0, -1) });
    await assert.rejects(source.get(), refused("not_found"));
    assert.equal(issuer.posts[0].path, "/issuer/applications/a%2F..%2Fb/tokens/");
  });

  test("fetch is told to keep to this origin and to keep nothing", async () => {
    const real = globalThis.fetch;
    const asked = mock.method(globalThis, "fetch", (...all) => real(...all));
    await made().get();
    for (const { arguments: [, options] } of asked.mock.calls) {
      assert.equal(options.credentials, "same-origin");
      assert.equal(options.cache, "no-store");
      assert.equal(options.redirect, "error");
    }
  });

  test("a fresh token is not asked for again", async () => {
    const source = made();
    assert.equal(await source.get(), await source.get());
    assert.equal(issuer.posts.length, 1);
  });

  test("nobody can change what others are handed", async () => {
    const token = await made().get();
    assert.throws(() => (token.token = "another"), TypeError);
    assert.throws(() => (token.sdk.uid = 17), TypeError);
  });

  test("however many ask, one call is under way", async () => {
    const source = made();
    const tokens = await Promise.all([source.get(), source.get(), source.renew(), source.get()]);
    assert.equal(new Set(tokens).size, 1);
    assert.deepEqual([issuer.greetings.length, issuer.posts.length], [1, 1]);
  });

  test("whoever shares a flight that fails gets its error, told once", async () => {
    const source = made();
    const events = heard(source);
    issuer.answers = [denial];
    const results = await Promise.allSettled([source.get(), source.renew()]);
    assert.deepEqual(results.map(({ reason }) => reason.code), ["policy_denied", "policy_denied"]);
    assert.deepEqual(events, [["denied", "policy_denied"]]);
  });

  test("renewing asks at once, with the same CSRF token", async () => {
    const source = made();
    const events = heard(source);
    await source.get();
    assert.equal((await source.renew()).token, "secret-token-2");
    assert.equal((await source.get()).token, "secret-token-2");
    assert.equal(issuer.greetings.length, 1);
    assert.deepEqual(events, [["token", "secret-token-1"], ["token", "secret-token-2"]]);
  });
});

describe("tokens that work once", () => {
  const once = (more) => {
    frozen();
    Object.assign(issuer, { oneTime: true, lifetime: 600, ...more });
    return made();
  };

  test("no two callers get the same one", async () => {
    const source = once();
    const given = await Promise.all([source.get(), source.renew(), source.get(), source.renew()]);
    assert.equal(new Set(given.map(({ token }) => token)).size, 4);
    assert.deepEqual([issuer.greetings.length, issuer.posts.length], [1, 4]);
  });

  test("none is given out again", async () => {
    const source = once();
    assert.equal((await source.get()).token, "secret-token-1");
    assert.equal((await source.get()).token, "secret-token-2");
  });

  test("none is given out again when asking fails", async () => {
    const source = once();
    await source.get();
    issuer.answers = [busy()];
    await assert.rejects(source.get(), refused("unavailable"));
    await assert.rejects(source.get(), refused("unavailable"));
  });

  test("nothing renews one or tells of its end", async () => {
    const source = once();
    const events = heard(source);
    await source.get();
    assert.equal(clock.timers, 0);
    pass(86_400);
    await quiet();
    assert.equal(issuer.posts.length, 1);
    assert.deepEqual(events, [["token", "secret-token-1"]]);
  });

  test("whoever waits behind a call that fails gets its error", async () => {
    const source = once();
    issuer.answers = [busy()];
    const results = await Promise.allSettled([source.get(), source.get()]);
    assert.deepEqual(results.map(({ reason }) => reason.code), ["unavailable", "unavailable"]);
    assert.equal(issuer.posts.length, 1);
  });

  test("closing ends those that wait, too", async () => {
    const source = once();
    source.addEventListener("token", () => source.close());
    const results = await Promise.allSettled([source.get(), source.get()]);
    assert.deepEqual(results.map(({ value, reason }) => value?.token ?? reason.code), ["secret-token-1", "closed"]);
  });
});

describe("sessions", () => {
  test("a session that began anew is greeted again, once", async () => {
    const source = made();
    await source.get();
    issuer.session = 2;
    assert.equal((await source.renew()).token, "secret-token-2");
    assert.deepEqual([issuer.greetings.length, issuer.posts.length], [2, 3]);
  });

  test("a CSRF check that fails twice is an error", async () => {
    const source = made();
    const events = heard(source);
    const failed = [403, { error: "csrf_failed", error_description: "", request_id: "" }];
    issuer.answers = [failed, failed, failed];
    await assert.rejects(source.get(), refused("csrf_failed"));
    assert.equal(issuer.posts.length, 2);
    assert.deepEqual(events, [["error", "csrf_failed"]]);
  });

  test("one 401 is tried once more", async () => {
    const source = made();
    issuer.answers = [[401, { error: "not_authenticated", error_description: "", request_id: "" }]];
    assert.equal((await source.get()).token, "secret-token-1");
    assert.deepEqual([issuer.greetings.length, issuer.posts.length], [2, 2]);
  });

  test("a second 401 is the end", async () => {
    const source = made();
    const events = heard(source);
    const no = [401, { error: "invalid_token", error_description: "", request_id: "" }];
    issuer.answers = [no, no, no];
    await assert.rejects(source.get(), refused("invalid_token"));
    assert.equal(issuer.posts.length, 2);
    assert.deepEqual(events, [["signed-out", "invalid_token"]]);
  });

  test("after a log-out the token is forgotten, and nothing renews it", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    issuer.signedIn = false;
    await assert.rejects(source.renew(), refused("not_authenticated"));
    assert.deepEqual(events.at(-1), ["signed-out", "not_authenticated"]);
    const asked = issuer.seen.length;
    pass(4000);
    assert.equal(issuer.seen.length, asked);
    assert.equal(events.length, 2);
    await assert.rejects(source.get(), refused("not_authenticated"));
  });

  for (const oneTime of [false, true]) {
    test(`somebody else's session does not go on unawares${oneTime ? ", with tokens that work once" : ""}`, async () => {
      issuer.oneTime = oneTime;
      const source = made();
      const events = heard(source);
      await source.get();
      issuer.session = 2;
      issuer.person = 2;
      await assert.rejects(source.renew(), refused("somebody_else"));
      assert.deepEqual(events, [["token", "secret-token-1"], ["signed-out", "somebody_else"]]);
      assert.equal((await source.get()).token, "secret-token-3"); // whoever asks again knows that
      assert.equal((await source.renew()).subject, "user-2");
    });
  }

  test("whoever signs in again, after a log-out that was told, may be somebody else", async () => {
    frozen();
    const source = made();
    await source.get();
    issuer.signedIn = false;
    await assert.rejects(source.renew(), refused("not_authenticated"));
    Object.assign(issuer, { signedIn: true, session: 2, person: 2 });
    pass(1);
    assert.equal((await source.get()).subject, "user-2");
    assert.equal(issuer.posts.length, 3); // with the CSRF token of the new session at once
  });

  test("while nobody is signed in, the site is asked once a second", async () => {
    frozen();
    const source = made();
    issuer.signedIn = false;
    for (let round = 1; round < 4; round += 1) {
      for (let time = 0; time < 5; time += 1) await assert.rejects(source.get(), refused("not_authenticated"));
      assert.equal(issuer.seen.length, round);
      pass(1);
    }
  });

  test("whoever signs in again goes on", async () => {
    frozen();
    const source = made();
    issuer.signedIn = false;
    await assert.rejects(source.get(), refused("not_authenticated"));
    issuer.signedIn = true;
    issuer.session = 2;
    pass(1);
    assert.equal((await source.get()).token, "secret-token-1");
  });
});

describe("time", () => {
  test("it is renewed at renew_at, and not before", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    pass(3569);
    assert.equal(issuer.posts.length, 1);
    pass(1);
    await until(() => events.some(([, token]) => token === "secret-token-2"));
    pass(3569);
    assert.equal(issuer.posts.length, 2);
    assert.equal((await source.get()).token, "secret-token-2");
  });

  test("chance makes it later, well before the end", async () => {
    frozen({ chance: 0.999 });
    const source = made();
    await source.get();
    pass(3572);
    assert.equal(issuer.posts.length, 1);
    pass(1);
    await until(() => issuer.posts.length === 2);
  });

  for (const skew of [-86_400_000, 86_400_000]) {
    test(`a clock that is wrong by ${skew / 3_600_000} h renews in time`, async () => {
      frozen();
      issuer.skew = skew;
      const source = made();
      await source.get();
      pass(3569);
      assert.equal(issuer.posts.length, 1);
      pass(1);
      await until(() => issuer.posts.length === 2);
    });
  }

  test("a clock that is put back gives out nothing that has expired", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    clock.set(-7200);
    pass(3570);
    await until(() => events.at(-1)[1] === "secret-token-2");
    assert.equal((await source.get()).token, "secret-token-2");
  });

  test("a clock that is put back gives out nothing that has expired, without a timer, too", async () => {
    frozen();
    issuer.renewable = false;
    const source = made();
    await source.get();
    clock.set(-7200);
    pass(3600);
    assert.equal((await source.get()).token, "secret-token-2");
  });

  test("after a machine's sleep nothing is given out that has expired", async () => {
    frozen();
    const source = made();
    await source.get();
    clock.set(3600);
    assert.equal((await source.get()).token, "secret-token-2");
  });

  test("a clock that is put back makes no rest longer", async () => {
    frozen();
    const source = made();
    issuer.answers = [busy()];
    await assert.rejects(source.get(), refused("unavailable"));
    clock.set(-86_400);
    await assert.rejects(source.get(), { retryAfter: 1 });
    pass(1);
    await source.get();
  });

  test("a server's clock that is put back makes no rest longer", async () => {
    frozen();
    const source = made();
    await source.get();
    issuer.answers = [busy()];
    await assert.rejects(source.renew(), refused("unavailable"));
    pass(1);
    issuer.skew = -3_600_000;
    await source.renew();
    assert.equal((await source.renew()).token, "secret-token-3");
  });

  test("an answer that took its time makes nothing late", async () => {
    frozen();
    let answer;
    issuer.delay = new Promise((resolve) => (answer = resolve));
    const source = made();
    const coming = source.get();
    await until(() => issuer.greetings.length === 1);
    issuer.delay.then(() => (issuer.delay = null));
    answer();
    await coming;
    pass(3570);
    await until(() => issuer.posts.length === 2);
  });

  test("30 seconds before the end, and at the end, it is told", async () => {
    frozen();
    issuer.renewable = false;
    const source = made();
    const events = heard(source);
    await source.get();
    pass(3569);
    assert.equal(events.length, 1);
    pass(1);
    assert.deepEqual(events.at(-1), ["will-expire", "secret-token-1"]);
    pass(29);
    assert.equal(events.length, 2);
    pass(1);
    assert.deepEqual(events.at(-1), ["did-expire", "secret-token-1"]);
    pass(86_400);
    assert.equal(events.length, 3);
  });

  test("what is checked at joining only is not renewed by itself, but by whoever asks after its end", async () => {
    frozen();
    issuer.renewable = false;
    const source = made();
    await source.get();
    pass(3600);
    assert.equal(issuer.posts.length, 1);
    assert.equal((await source.get()).token, "secret-token-2");
  });

  for (const [lifetime, fresh] of [[3600, 3570], [60, 54]]) {
    test(`what is checked at joining only, and lives for ${lifetime} s, is given out for ${fresh} s`, async () => {
      frozen();
      Object.assign(issuer, { renewable: false, lifetime });
      const source = made();
      await source.get();
      pass(fresh - 0.1);
      assert.equal((await source.get()).token, "secret-token-1");
      pass(0.1);
      assert.equal((await source.get()).token, "secret-token-2");
    });
  }

  test("a renewed token's predecessor does not expire aloud", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    pass(100);
    await source.renew();
    pass(3500);
    assert.deepEqual(events.map(([name]) => name), ["token", "token"]);
  });

  test("a short life is warned of at once, and renewed a tenth before its end", async () => {
    frozen();
    issuer.lifetime = 20;
    const source = made();
    const events = heard(source);
    await source.get();
    pass(0);
    assert.deepEqual(events.at(-1), ["will-expire", "secret-token-1"]);
    pass(17.9);
    assert.equal(issuer.posts.length, 1);
    pass(0.1);
    await until(() => issuer.posts.length === 2);
  });

  test("a life longer than a timer counts right", async () => {
    frozen();
    issuer.lifetime = 60 * 86_400; // 2^31 - 1 ms are 24.8 days
    const source = made();
    await source.get();
    for (let day = 0; day < 59; day += 1) pass(86_400);
    assert.equal(issuer.posts.length, 1);
    pass(86_370);
    await until(() => issuer.posts.length === 2);
  });

  test("no timer is longer than browsers can count", async () => {
    issuer.lifetime = 60 * 86_400;
    const timers = mock.method(globalThis, "setTimeout");
    const source = made();
    await source.get();
    const longest = Math.max(...timers.mock.calls.map(({ arguments: [, delay] }) => delay ?? 0));
    assert.equal(longest, 2 ** 31 - 1);
  });
});

describe("refusals", () => {
  test("a denial says why, and is not asked again by itself", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    issuer.answers = [denial];
    pass(3570);
    await until(() => events.some(([name]) => name === "denied"));
    pass(29);
    assert.equal((await source.get()).token, "secret-token-1"); // which is good until its end
    assert.equal(issuer.posts.length, 2);
    pass(1);
    assert.deepEqual(events.map(([name]) => name), ["token", "will-expire", "denied", "did-expire"]);
    pass(86_400);
    assert.equal(issuer.posts.length, 2);
  });

  test("the error has what the server said", async () => {
    const source = made();
    issuer.answers = [[400, { error: "invalid_request", error_description: "channel: no", fields: { channel: ["no"] }, request_id: "r7" }]];
    const error = await source.get().catch((caught) => caught);
    const { name, message, code, status, description, fields, requestId, retryAfter, reason } = error;
    assert.deepEqual(
      { name, message, code, status, description, fields, requestId, retryAfter, reason },
      { name: "TokenError", message: "invalid_request", code: "invalid_request", status: 400, description: "channel: no",
        fields: { channel: ["no"] }, requestId: "r7", retryAfter: null, reason: "" },
    );
  });

  test("a reason is in the message", async () => {
    const source = made();
    issuer.answers = [denial];
    await assert.rejects(source.get(), { message: "policy_denied: not_a_member", reason: "not_a_member", description: "No." });
  });

  for (const [status, code] of [[429, "rate_limited"], [502, "vendor_unavailable"], [503, "unavailable"]]) {
    test(`${status}: nobody asks again before retry_after`, async () => {
      frozen();
      const source = made();
      const events = heard(source);
      issuer.answers = [[status, { error: code, error_description: "", retry_after: 7, request_id: "" }]];
      await assert.rejects(source.get(), refused(code));
      pass(6);
      await assert.rejects(source.get(), (error) => error.code === code && error.retryAfter === 1);
      await assert.rejects(source.renew(), refused(code));
      assert.equal(issuer.posts.length, 1);
      assert.deepEqual(events, [["error", code]]);
      pass(1);
      assert.equal((await source.get()).token, "secret-token-1");
    });
  }

  test("a renewal that fails is tried again, rarer each time, while the old token is handed out", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    issuer.answers = [busy(), busy(), busy()];
    pass(3570);
    await until(() => issuer.posts.length === 2 && events.at(-1)[0] === "error");
    assert.equal((await source.get()).token, "secret-token-1");
    for (const [seconds, posts] of [[1, 3], [2, 4], [4, 5]]) {
      pass(seconds - 0.1);
      await quiet();
      assert.equal(issuer.posts.length, posts - 1);
      pass(0.1);
      await until(() => issuer.posts.length === posts && events.length === posts + 1);
    }
    assert.deepEqual(events.at(-1), ["token", "secret-token-2"]);
    issuer.answers = [busy()];
    await source.renew().catch(() => {});
    await assert.rejects(source.renew(), { retryAfter: 1 }); // what went well begins the count anew
  });

  const passing = {
    "a 408": [[408, ""]],
    "a proxy's own 403": [[403, "<h1>Forbidden</h1>"]],
    "a proxy's own 404": [[404, "<h1>Not Found</h1>"]],
    "a proxy's own 400": [[400, "<h1>Bad Request</h1>"]],
    "a CSRF check that fails twice": [[403, { error: "csrf_failed" }], [403, { error: "csrf_failed" }]],
  };
  for (const [what, answers] of Object.entries(passing)) {
    test(`${what} does not end renewal`, async () => {
      frozen();
      const source = made();
      const events = heard(source);
      await source.get();
      issuer.answers = answers;
      pass(3570);
      await until(() => events.at(-1)[0] === "error");
      pass(1);
      await until(() => events.at(-1)[1] === "secret-token-2");
    });
  }

  test("what is asked for wrongly is not asked for again by itself", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    issuer.answers = [[400, { error: "invalid_request" }]];
    pass(3570);
    await until(() => events.at(-1)[0] === "error");
    pass(29);
    await quiet();
    assert.equal(issuer.posts.length, 2);
  });

  test("once it has ended, no token is given out, whatever becomes of its renewal", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    issuer.answers = [denial, denial, busy()];
    pass(3570);
    await until(() => events.at(-1)[0] === "denied");
    pass(29.9);
    assert.equal((await source.get()).token, "secret-token-1");
    pass(0.1);
    await assert.rejects(source.get(), refused("policy_denied"));
    pass(2);
    await assert.rejects(source.get(), refused("unavailable"));
  });

  test("the longest rest is a minute", async () => {
    frozen();
    const source = made();
    issuer.answers = Array.from({ length: 9 }, () => busy(undefined));
    const rests = [];
    while (issuer.answers.length) {
      await assert.rejects(source.get(), refused("unavailable"));
      rests.push((await source.get().catch((error) => error)).retryAfter);
      pass(rests.at(-1));
    }
    assert.deepEqual(rests, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test("chance makes a rest longer, so that not all come back at once", async () => {
    frozen({ chance: 0.999 });
    const source = made();
    issuer.answers = [busy()];
    await assert.rejects(source.get(), refused("unavailable"));
    pass(1);
    await assert.rejects(source.get(), refused("unavailable"));
    pass(0.1);
    await source.get();
  });

  for (const seconds of ["soon", "60", [9], null]) {
    test(`a retry_after of ${JSON.stringify(seconds)} is none`, async () => {
      frozen();
      const source = made();
      const events = heard(source);
      await source.get();
      issuer.answers = [busy(seconds)];
      pass(3570);
      await until(() => events.at(-1)[0] === "error");
      pass(1);
      await until(() => events.at(-1)[1] === "secret-token-2");
    });
  }

  test("what is checked at joining only is not asked for again by itself after a failure", async () => {
    frozen();
    issuer.renewable = false;
    const source = made();
    await source.get();
    issuer.answers = [busy()];
    await assert.rejects(source.renew(), refused("unavailable"));
    pass(10);
    await quiet();
    assert.equal(issuer.posts.length, 2);
    assert.equal((await source.get()).token, "secret-token-1");
  });

  test("it goes on after the end of the token", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    issuer.answers = [busy(45)];
    pass(3570);
    await until(() => events.at(-1)[0] === "error");
    pass(30);
    assert.deepEqual(events.at(-1), ["did-expire", "secret-token-1"]);
    pass(15);
    await until(() => events.at(-1)[1] === "secret-token-2");
  });

  test("an answer that never comes is given up", async () => {
    frozen();
    const source = made();
    issuer.delay = new Promise(() => {});
    const coming = assert.rejects(source.get(), refused("unreachable"));
    await until(() => issuer.greetings.length === 1);
    pass(20);
    await coming;
  });

  const broken = {
    "a connection that ends": (response) => response.destroy(),
    "an answer that ends in the middle": (response) => {
      response.writeHead(201, { "Content-Type": "application/json", "Content-Length": 100 });
      response.write("{");
      setImmediate(() => response.destroy());
    },
    "a page instead of an answer": [200, "<!doctype html>"],
    "an answer without a token": [201, { expires_at: "2026-01-01T00:00:00Z", server_time: "2026-01-01T00:00:00Z" }],
    "an answer without an end": [201, { token: "x", server_time: "2026-01-01T00:00:00Z" }],
    "a server's own page": [500, "<h1>Server Error</h1>"],
    "somebody else's refusal": [400, { detail: "no" }],
    "a way elsewhere": [302, "", { Location: "/sign-in/" }],
  };
  for (const [what, answer] of Object.entries(broken)) {
    test(`${what} is an error`, async () => {
      const source = made();
      const events = heard(source);
      issuer.answers = [answer];
      await assert.rejects(source.get(), (error) => ["unreachable", "garbled"].includes(error.code) && error.description !== "");
      assert.deepEqual(events.map(([name]) => name), ["error"]);
    });
  }

  test("a wrong address is an error, and no denial", async () => {
    const source = made({ baseUrl: `${issuer.base}elsewhere/` });
    const events = heard(source);
    await assert.rejects(source.get(), refused("garbled"));
    assert.deepEqual(events, [["error", "garbled"]]);
  });

  test("an application that is not there is a denial", async () => {
    const source = made({ application: "halls" });
    const events = heard(source);
    await assert.rejects(source.get(), refused("not_found"));
    assert.deepEqual(events, [["denied", "not_found"]]);
  });

  test("what fails does not stay unheard as a rejection", async () => {
    frozen();
    const unheard = [];
    const listen = (error) => unheard.push(error);
    process.on("unhandledRejection", listen);
    const source = made();
    await source.get();
    issuer.answers = [denial];
    pass(3570);
    await until(() => issuer.posts.length === 2);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listen);
    assert.deepEqual(unheard, []);
  });
});

describe("closing", () => {
  test("a closed source says so", async () => {
    const source = made();
    await source.get();
    source.close();
    await assert.rejects(source.get(), refused("closed"));
    await assert.rejects(source.renew(), refused("closed"));
    assert.equal(issuer.posts.length, 1);
  });

  test("closing ends a call that is under way, without an event", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    issuer.delay = new Promise(() => {});
    let ended = null;
    source.get().catch((error) => (ended = error));
    await until(() => issuer.greetings.length === 1);
    source.close();
    await until(() => ended);
    assert.equal(ended.code, "closed");
    assert.deepEqual(events, []);
  });

  test("an answer that was read when it closes is not kept", async () => {
    const source = made();
    const events = heard(source);
    const { json } = Response.prototype;
    mock.method(Response.prototype, "json", async function read() {
      const body = await json.call(this);
      if (body.token) source.close();
      return body;
    });
    await assert.rejects(source.get(), refused("closed"));
    assert.deepEqual(events, []);
  });

  test("an answer that comes after closing is not kept", async () => {
    const source = made();
    const events = heard(source);
    const coming = source.get();
    issuer.answers = [(response) => {
      source.close();
      response.writeHead(201, { "Content-Type": "application/json" });
      response.end(JSON.stringify(issuer.issued()));
    }];
    await assert.rejects(coming, refused("closed"));
    assert.deepEqual(events, []);
  });

  test("no timer is left behind", async () => {
    frozen();
    const source = made();
    const events = heard(source);
    await source.get();
    assert.equal(clock.timers, 1);
    source.close();
    assert.equal(clock.timers, 0);
    pass(4000);
    assert.equal(issuer.posts.length, 1);
    assert.equal(events.length, 1);
  });

  test("whoever closes it while hearing of an end is not called again", async () => {
    frozen();
    issuer.renewable = false;
    const source = made();
    const events = heard(source);
    source.addEventListener("will-expire", () => source.close());
    await source.get();
    pass(3600);
    assert.deepEqual(events.map(([name]) => name), ["token", "will-expire"]);
  });
});

describe("secrecy", () => {
  test("a source shows no token", async () => {
    const source = made();
    await source.get();
    const shown = inspect(source, { depth: 9, showHidden: true }) + JSON.stringify(source) + String(source);
    assert.ok(!shown.includes("secret-token"));
    assert.ok(!shown.includes("csrf-"));
  });

  test("no token is in an address, a log or an error", async () => {
    const logs = ["log", "info", "warn", "error", "debug"].map((name) => mock.method(console, name, () => {}));
    const source = made();
    await source.get();
    issuer.answers = [(response) => {
      response.writeHead(201, { "Content-Type": "application/json" });
      response.end('{"token": "secret-token-9", oops');
    }];
    const error = await source.renew().catch((caught) => caught);
    assert.ok(!(inspect(error, { depth: 9 }) + JSON.stringify(error) + error.stack).includes("secret-token"));
    assert.equal(error.cause, undefined);
    assert.ok(issuer.seen.every(({ path }) => !path.includes("secret") && !path.includes("csrf")));
    assert.deepEqual(logs.flatMap((each) => each.mock.calls), []);
  });
});
