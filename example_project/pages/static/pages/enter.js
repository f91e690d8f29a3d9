// Signing in with a login key: pasted, or from behind the # of a link.

import { Issuer, Refused } from "./issuer.js";
import { refusalInWords } from "./words.js";

const byId = (id) => document.getElementById(id);
const { issuer: base, inside } = byId("main").dataset;
const form = byId("enter");
const button = form.querySelector("button"); // disabled until now: a plain submit would put the key into an address
const issuer = new Issuer(base, { csrfToken: form.elements.csrfmiddlewaretoken.value });

// The key is secret until it is used: it does not stay in the address, nor in the history.
if (location.hash) {
  form.elements.key.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
}

function showRefusal(body) {
  byId("refusal").hidden = body === null;
  byId("refusal").textContent = body === null ? "" : refusalInWords(body);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  showRefusal(null);
  button.disabled = true;
  try {
    const { session_started: started } = await issuer.redeem(form.elements.key.value.trim());
    if (started) location.assign(inside);
    else showRefusal({ error_description: "That key was good, but not for signing in. It is used up now." });
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    showRefusal(refused.body);
  } finally {
    button.disabled = false;
  }
});

button.disabled = false;
