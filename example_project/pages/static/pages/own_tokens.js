// The caller's own tokens, with a button to end each live one.

import { element } from "./grant_form.js";
import { Refused } from "./issuer.js";
import { placeInWords, timeInWords } from "./words.js";

const byId = (id) => document.getElementById(id);
const SHOWN = 8;

export class OwnTokens {
  #issuer;
  #onStanding;
  #onRefusal;

  constructor(issuer, { onStanding, onRefusal }) {
    this.#issuer = issuer;
    this.#onStanding = onStanding;
    this.#onRefusal = onRefusal;
    // An administrator may have ended one meanwhile.
    document.addEventListener("visibilitychange", () => document.hidden || this.refresh());
    setInterval(() => document.hidden || this.refresh(), 15_000);
  }

  async refresh() {
    let tokens;
    try {
      tokens = await this.#issuer.ownTokens();
    } catch {
      return; // the next round asks again
    }
    byId("none").hidden = tokens.length > 0;
    byId("tokens").replaceChildren(...tokens.slice(0, SHOWN).map((token) => this.#row(token)));
    for (const token of tokens) this.#onStanding(token.token_id, token.standing);
  }

  #row(token) {
    const cell = (...children) => element("td", {}, ...children);
    const badge = element("span", { className: "badge", textContent: token.standing });
    badge.dataset.standing = token.standing;
    const row = element(
      "tr",
      {},
      cell(token.application),
      cell(placeInWords(token)),
      cell(token.privileges.join(", ")),
      cell(timeInWords(token.expires_at)),
      cell(badge),
      cell(...(token.standing === "live" ? [this.#button(token)] : [])),
    );
    row.dataset.token = token.token_id;
    return row;
  }

  #button(token) {
    const button = element("button", { type: "button", className: "quiet", textContent: "Revoke" });
    button.setAttribute("aria-label", `Revoke the token for ${token.resource || token.application}`);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        const ending = await this.#issuer.revoke(token.token_id, "revoked by its owner");
        byId("ended").textContent = `Revoked. ${ending.sentence}`;
      } catch (refused) {
        if (!(refused instanceof Refused)) throw refused;
        this.#onRefusal(refused.body);
        button.disabled = false;
      }
      await this.refresh();
    });
    return button;
  }
}
