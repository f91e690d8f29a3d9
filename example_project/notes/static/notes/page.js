// Own tokens: get one, use it, refresh it, use one up, end them all, sign in elsewhere.

import { element } from "../pages/grant_form.js";
import { Issuer, Refused } from "../pages/issuer.js";
import { durationInWords, refusalInWords } from "../pages/words.js";
import { callWith } from "./calls.js";

const byId = (id) => document.getElementById(id);
const { issuer: base, api, upload, enter } = byId("main").dataset;
const MOST_LINES = 12;

const issuer = new Issuer(base);
// Both live in this page alone: no storage, no address.
let access = null;
let oneTime = null;

function hold(token, scope, seconds) {
  access = { token, endsAt: Date.now() + seconds * 1000 };
  byId("scope").textContent = scope;
}

setInterval(() => {
  byId("left").textContent = access ? durationInWords((access.endsAt - Date.now()) / 1000) : "–";
}, 250);

// One line for each thing that was tried: what, whether, and in words.
function tell(what, status, words) {
  const badge = element("span", { className: "badge", textContent: status || "no answer" });
  badge.dataset.standing = status >= 200 && status < 300 ? "live" : "revoked";
  const line = element("li", {}, badge, element("strong", { textContent: what }), element("span", { textContent: words }));
  byId("nothing").hidden = true;
  byId("log").prepend(line);
  while (byId("log").children.length > MOST_LINES) byId("log").lastChild.remove();
}

async function attempt(what, work) {
  try {
    const [status, words] = await work();
    tell(what, status, words);
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    tell(what, refused.status, refusalInWords(refused.body));
  }
}

// A button or a form. It is disabled until somebody listens, but not while it works: that would take the focus away.
function on(id, what, work) {
  const control = byId(id);
  const isForm = control.matches("form");
  (isForm ? control.querySelector("button") : control).disabled = false;
  control.addEventListener(isForm ? "submit" : "click", async (event) => {
    event.preventDefault();
    if (control.ariaBusy === "true") return;
    control.ariaBusy = "true";
    await attempt(what, () => work(control)).finally(() => {
      control.ariaBusy = null;
    });
  });
}

function showNotes(notes) {
  byId("notes").replaceChildren(...notes.map(({ text }) => element("li", { textContent: text })));
}

on("access", "Get access token", async (form) => {
  const { token, sdk, expires_in: seconds } = await issuer.issue("api", { scope: form.elements.scope.value });
  hold(token, sdk.scope, seconds);
  return [201, `For ${sdk.scope}. The cookie with the refresh token came along.`];
});

on("refresh", "Refresh", async () => {
  const answer = await issuer.refresh("api");
  hold(answer.access_token, answer.scope, answer.expires_in);
  return [200, "Another access token, and another refresh token in the cookie, which this page has never seen."];
});

on("read", "Read notes", async () => {
  const { status, body: notes } = await callWith(access?.token, "GET", api);
  showNotes(notes);
  return [status, `${notes.length} ${notes.length === 1 ? "note" : "notes"}.`];
});

on("write", "Add note", async (form) => {
  const { status, body: note } = await callWith(access?.token, "POST", api, { text: form.elements.text.value });
  byId("notes").prepend(element("li", { textContent: note.text }));
  form.reset();
  return [status, "Written."];
});

on("once", "Get one-time token", async () => {
  const answer = await issuer.issue("uploads", { access: "readwrite", lifetime: 60 });
  oneTime = answer.token;
  return [201, `Good for ${answer.expires_in} seconds, and once.`];
});

on("upload", "Use one-time token", async (form) => {
  const { status } = await callWith(oneTime, "POST", upload, form.elements.text.value);
  return [status, "The note was left, and the token is used up."];
});

on("make-key", "Make login key", async () => {
  const answer = await issuer.loginKey("api", { scope: "notes:read", starts_session: true, key_lifetime: 120 });
  // Behind the #, which no browser sends to a server.
  const address = `${location.origin}${enter}#${answer.key}`;
  Object.assign(byId("key"), { href: address, textContent: address });
  byId("link").hidden = false;
  return [201, `Good for ${answer.expires_in} seconds, and once.`];
});

on("end", "End all my tokens", async () => {
  const { live } = await issuer.endAll("ended by their owner");
  return [200, `Live until now: ${live}. This page still holds their texts: try them.`];
});
