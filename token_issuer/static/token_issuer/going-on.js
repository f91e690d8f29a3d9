/*
 * Goes on with what ends batch by batch, while its page is open: sends the form that "Continue" sends, and shows what
 * comes back. Without this module the button does the same.
 */
const PAUSE = 200; // milliseconds between two batches

const waited = () => new Promise((resolve) => setTimeout(resolve, PAUSE));

/** The part of a page that changes from batch to batch. */
const shown = (page) => page.querySelector("#content-main");

async function next(form) {
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error("stopped");
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** Show how far it has come, in words that are announced, in the elements that are there already. */
function progress(here, there) {
  const [bar, now] = [here.querySelector("progress"), there.querySelector("progress")];
  if (now.hasAttribute("value")) bar.max = now.max;
  if (now.hasAttribute("value")) bar.value = now.value;
  here.querySelector("#progress-words").textContent = there.querySelector("#progress-words").textContent;
  here.querySelector("input[name=work]").value = there.querySelector("input[name=work]").value;
}

function stopped(here) {
  here.querySelector("#progress-words").textContent = here.dataset.stopped;
}

/** Say so after the batch that was under way: how far it has come stands before it. */
function rests(here) {
  here.querySelector("#progress-words").append(` ${here.dataset.paused}`);
}

/** Put the result in the place of the progress, and the reader on it. */
function finished(here, page) {
  document.title = page.title;
  const [title, result] = [page.querySelector("#content h1"), shown(page)];
  if (title) document.querySelector("#content h1").textContent = title.textContent;
  here.replaceWith(document.adoptNode(result));
  result.querySelector("[tabindex='-1']")?.focus();
}

async function goOn(here) {
  const [form, pause] = [here.querySelector("form"), here.querySelector("[data-token-issuer-pause]")];
  let [paused, byHand] = [false, here.querySelector("[role=alert]") !== null];
  form.addEventListener("submit", () => (byHand = true));
  pause.hidden = byHand;
  pause.addEventListener("click", () => {
    paused = true;
    form.querySelector("[type=submit]").focus(); // what is hidden loses the focus
    pause.hidden = true;
  });
  while (!paused && !byHand) {
    await waited();
    if (paused || byHand) break;
    const page = await next(form);
    const there = shown(page);
    if (!there?.matches("[data-token-issuer-going-on]")) return finished(here, page);
    if (there.querySelector("[role=alert]")) throw new Error("stopped");
    progress(here, there);
  }
  if (!byHand) rests(here);
}

const here = document.querySelector("[data-token-issuer-going-on]");
if (here) {
  goOn(here).catch(() => {
    here.querySelector("[data-token-issuer-pause]").hidden = true;
    stopped(here);
  });
}
