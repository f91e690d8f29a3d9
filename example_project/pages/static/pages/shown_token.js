// One token, decoded, with its remaining time. The token itself lives in this page alone: no storage, no address.

import { element } from "./grant_form.js";
import { durationInWords, endingInWords, placeInWords, renewalInWords, timeInWords } from "./words.js";

const byId = (id) => document.getElementById(id);

export class ShownToken {
  #answer = null;
  #skew = 0; // milliseconds that this computer's clock is behind the server's
  #standing = "live";

  constructor() {
    setInterval(() => this.#tick(), 250);
    byId("copy").addEventListener("click", () => navigator.clipboard.writeText(this.#answer.token));
  }

  get tokenId() {
    return this.#answer?.token_id;
  }

  show(answer, decoded, { focus }) {
    this.#answer = answer;
    this.#skew = Date.parse(answer.server_time) - Date.now();
    this.#standing = "live";
    byId("facts").replaceChildren(...factsOf(answer, decoded));
    byId("notices").replaceChildren(...noticesOf(answer, decoded));
    byId("token").textContent = answer.token;
    byId("nothing").hidden = true;
    byId("shown").hidden = false;
    if (focus) byId("answer-title").focus();
    this.#tick();
  }

  stands(standing) {
    this.#standing = standing;
    this.#tick();
  }

  #tick() {
    if (!this.#answer) return;
    const now = Date.now() + this.#skew;
    const left = (Date.parse(this.#answer.expires_at) - now) / 1000;
    const standing = this.#standing === "live" && left <= 0 ? "expired" : this.#standing;
    byId("left").textContent = durationInWords(left);
    byId("life").value = Math.max(0, left) / this.#answer.expires_in;
    byId("standing").textContent = standing;
    byId("standing").dataset.standing = standing;
  }
}

function factsOf(answer, decoded) {
  const pairs = [
    ["Application", `${answer.application} (${answer.provider})`],
    ["Speaks for", answer.subject],
    ["Opens", placeInWords(answer)],
    ["May", answer.privileges.join(", ")],
    ["Expires", timeInWords(answer.expires_at)],
    ["Renew", renewalInWords(answer)],
  ];
  const inside = element("dt", { className: "group", textContent: `What the ${decoded.format} token says` });
  return [...pairs.flatMap(pair), inside, ...decoded.details.flatMap(pair)];
}

const pair = ([label, value]) => [element("dt", { textContent: label }), element("dd", { textContent: value })];

function noticesOf(answer, decoded) {
  const warnings = [...(answer.notices ?? []), ...decoded.problems].map((textContent) => element("li", { textContent }));
  const ending = element("li", { textContent: endingInWords(answer.revocation) });
  ending.dataset.kind = "fact";
  return [ending, ...warnings];
}
