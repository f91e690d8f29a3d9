// "Test it" without leaving the page: the form is posted to the button's own address, and the answer shown beside it.
// Without this module the answer opens in another tab. What was typed stays in the form and goes nowhere else.

/** Post the form of a button to its `formaction` and return the answer's `#tried`; null where there is none. */
export async function tried(button, fetching = fetch) {
  const data = new FormData(button.form);
  if (button.name) data.append(button.name, button.value);
  const answer = await fetching(button.formAction, { method: "POST", body: data, credentials: "same-origin", cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return answer.ok ? page.getElementById("tried") : null;
}

async function show(button) {
  const region = document.getElementById(button.dataset.try);
  region.textContent = region.dataset.busy;
  button.disabled = true;
  try {
    const found = await tried(button);
    if (found) region.replaceChildren(...document.adoptNode(found).childNodes);
    else region.textContent = region.dataset.failed;
  } catch {
    region.textContent = region.dataset.failed;
  } finally {
    button.disabled = false;
  }
}

for (const button of document.querySelectorAll("button[data-try]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    show(button);
  });
}
