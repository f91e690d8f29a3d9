// The desk: choose an application, fill in the grant, get the token.

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
  onStanding: (id, standing) => id === shown.tokenId && shown.stands(standing),
  onRefusal: showRefusal,
});
const fields = byId("fields");
let offers = [];

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

function bodyOf(offer) {
  const extra = extraFields(offer).map(([name, schema]) => [name, readValue(fields, name, schema)]);
  const grant = readForm(fields, offer.grant);
  return { ...grant, ...Object.fromEntries(extra.filter(([, value]) => value !== undefined)) };
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

async function getToken() {
  const offer = chosen();
  showRefusal(null);
  showWrong(fields, {});
  try {
    const answer = await issuer.issue(offer.slug, bodyOf(offer));
    shown.show(answer, await decoded(answer));
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    showRefusal(refused.body);
    showWrong(fields, refused.body.fields ?? {});
  }
  await ownTokens.refresh();
}

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
