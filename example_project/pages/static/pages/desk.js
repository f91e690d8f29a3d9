// The desk: choose an application, fill in the grant, get the token, which then keeps itself fresh.

import { createTokenSource } from "../token_issuer/token-issuer.js";
import { buildForm, element, readForm, readValue, showWrong } from "./grant_form.js";
import { Issuer, Refused } from "./issuer.js";
import { OwnTokens } from "./own_tokens.js";
import { ShownToken } from "./shown_token.js";
import { refusalInWords } from "./words.js";

const byId = (id) => document.getElementById(id);
const { issuer: base, decode: decodeUrl, signIn } = byId("main").dataset;

const issuer = new Issuer(base);
const shown = new ShownToken();
const ownTokens = new OwnTokens(issuer, {
  onStanding,
  onRefusal: showRefusal,
});
const fields = byId("fields");
let offers = [];
let source = null; // of the token that is shown; null once somebody has ended that token
let newestId = null; // of its newest token, which is shown as soon as it is decoded

const chosen = () => offers.find((offer) => offer.slug === byId("grant").elements.application.value);

// What applications take beside their own grant; a lifetime only where the vendor does not set it.
function extraFields({ lifetime, slots }) {
  const extra = [];
  if (lifetime) {
    const { minimum, maximum, default: usual } = lifetime;
    const description = `Seconds, ${minimum.toLocaleString()} to ${maximum.toLocaleString()}.`;
    extra.push(["lifetime", { type: "integer", title: "Lifetime", description, minimum, maximum, default: usual }]);
  }
  if (slots > 1) {
    const description = `0 to ${slots - 1}: a second device or tab is 1.`;
    extra.push(["slot", { type: "integer", title: "Device", description, minimum: 0, maximum: slots - 1, default: 0 }]);
  }
  return extra;
}

function showOffers() {
  const choices = offers.map(({ slug, label }, index) => {
    const radio = element("input", { type: "radio", name: "application", value: slug, checked: index === 0 });
    return element("label", {}, radio, label);
  });
  const none = element("p", { className: "aside", textContent: "No application is open to you." });
  byId("applications").replaceChildren(element("legend", { textContent: "Application" }), ...(choices.length ? choices : [none]));
  byId("get").disabled = !choices.length;
  if (choices.length) showFields();
}

function showFields() {
  const offer = chosen();
  buildForm(fields, offer.grant, extraFields(offer));
  showRefusal(null);
}

function showRefusal(body) {
  const box = byId("refusal");
  box.hidden = body === null;
  box.replaceChildren();
  if (body === null) return;
  box.append(refusalInWords(body), " ", element("code", { textContent: [body.error, body.reason].filter(Boolean).join(": ") }));
  if (body.error === "not_authenticated") box.append(" ", element("a", { href: signIn, textContent: "Sign in" }));
}

function optionsFor(offer) {
  const extra = extraFields(offer).map(([name, schema]) => [name, readValue(fields, name, schema)]);
  return { application: offer.slug, baseUrl: base, grant: readForm(fields, offer.grant), ...Object.fromEntries(extra) };
}

// The token is the caller's now: that it cannot be read aloud must not hide it.
async function decoded({ token, format }) {
  try {
    return await issuer.decode(decodeUrl, token);
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    if (refused.status === 400) return { format, details: [["inside", "nothing that anybody else can read"]], problems: [] };
    return { format, details: [], problems: ["The token is yours, but it could not be decoded just now."] };
  }
}

function onStanding(id, standing) {
  if (id === shown.tokenId) shown.stands(standing);
  if (id === newestId && standing === "revoked") takeOver(null); // whoever ended it wants no successor
}

function takeOver(opened) {
  source?.close();
  source = opened;
  byId("renew").disabled = opened === null;
}

function openSource(options) {
  const opened = createTokenSource(options);
  opened.addEventListener("token", async ({ detail: answer }) => {
    const focus = opened !== source; // one that came by itself must not take the focus away
    if (focus) takeOver(opened);
    newestId = answer.token_id;
    showRefusal(null); // before anything is waited for: a later refusal is not wiped out by this token
    const seen = await decoded(answer);
    if (opened !== source) return;
    byId("life-told").textContent = "";
    shown.show(answer, seen, { focus });
  });
  opened.addEventListener("will-expire", ({ detail: { renew_at: renewAt } }) => {
    byId("life-told").textContent = renewAt ? "It expires soon, and will be renewed." : "It expires soon.";
  });
  opened.addEventListener("did-expire", () => {
    byId("life-told").textContent = "It has expired.";
  });
  for (const name of ["denied", "signed-out", "error"]) {
    opened.addEventListener(name, ({ detail: error }) => {
      const code = error.status === 401 ? "not_authenticated" : error.code;
      showRefusal({ error: code, reason: error.reason, error_description: error.description });
      showWrong(fields, error.fields);
    });
  }
  return opened;
}

// What goes wrong is told as an event.
const quietly = (asking) => asking.then(() => ownTokens.refresh(), () => ownTokens.refresh());

async function getToken() {
  showRefusal(null);
  showWrong(fields, {});
  const opened = openSource(optionsFor(chosen()));
  await quietly(opened.get());
  if (opened !== source) opened.close(); // it was refused: the token that is shown lives on
}

byId("renew").addEventListener("click", () => quietly(source.renew()));
byId("applications").addEventListener("change", showFields);
byId("grant").addEventListener("submit", async (event) => {
  event.preventDefault();
  byId("get").disabled = true;
  await getToken().finally(() => {
    byId("get").disabled = false;
  });
});

try {
  offers = await issuer.applications();
  showOffers();
  await ownTokens.refresh();
} catch (refused) {
  showRefusal(refused.body ?? {});
}
