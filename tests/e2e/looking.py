"""What is asked of every page, however it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.e2e import axe

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 800}
# Django fades its colours; one that is caught half-way is nobody's.
SETTLED = "Promise.all(document.getAnimations().map((one) => one.finished.catch(() => 0))).then(() => 0)"
COLOURS = {"color-contrast", "link-in-text-block"}
FORM = "#content form[method=post]:not(#changelist-form):not(.token-issuer-paste)"

# What axe-core does not ask: one heading of the first order, tables that say what they are, help that is announced with
# its field, icons that are not.
STRUCTURE = """() => {
  const all = (what) => [...document.querySelectorAll(what)];
  const problems = [];
  if (!document.documentElement.lang) problems.push("no language");
  if (all("h1").length !== 1) problems.push(`${all("h1").length} headings of the first order`);
  if (!document.title.includes("|")) problems.push("no title of its own");
  // Django's own lists have rows with a heading that does not say so.
  for (const th of all("#content th:not(#result_list tbody th)")) if (!th.scope)
    problems.push(`th without scope: ${th.textContent.trim()}`);
  for (const table of all("table.token-issuer-table"))
    if (!table.caption && !table.matches("[aria-label], [aria-labelledby]"))
      problems.push(`table without a name: ${table.textContent.trim().slice(0, 30)}`);
  const read = (one, name) => (one.getAttribute(name) ?? "").split(" ");
  const described = new Set(all("[aria-describedby]").flatMap((one) => read(one, "aria-describedby")));
  for (const help of all("#content [id$=_helptext]"))
    if (!described.has(help.id)) problems.push(`help that is not announced: ${help.id}`);
  for (const id of described) if (!document.getElementById(id)) problems.push(`described by nothing: ${id}`);
  for (const icon of all("#content svg"))
    if (!icon.closest("[aria-hidden=true]") && !icon.matches("[aria-label], [aria-labelledby]"))
      problems.push("an icon that is read aloud");
  const ids = all("[id]").map((one) => one.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) problems.push(`twice: #${id}`);
  return problems;
}"""

# A field that is wrong says so itself, and what is wrong is read with it.
UNTOLD = """() => [...document.querySelectorAll("#content .errors :is(input, select, textarea)")]
  .filter((field) => !["hidden", "checkbox", "radio"].includes(field.type) && !field.closest(".select2-container"))
  .filter((field) => {
    const owner = field.closest("fieldset[aria-describedby]") ?? field;
    const ids = `${field.getAttribute("aria-describedby") ?? ""} ${owner.getAttribute("aria-describedby") ?? ""}`;
    return !ids.split(" ").some((id) => document.getElementById(id)?.matches(".errorlist, .errorlist *"));
  }).map((field) => field.name)"""


def look(page: Page, *, errors: bool = False) -> list[str]:
    """Return what is wrong with a page; the browser is left as it was found."""
    expect(page.locator("#content")).to_have_count(1)
    page.wait_for_load_state("load")
    problems = [*axe.findings(page), *page.evaluate(STRUCTURE)]
    if errors:
        expect(page.locator(".errorlist").first).to_be_visible()
        problems += [f"does not tell its error: {name}" for name in page.evaluate(UNTOLD)]
    page.emulate_media(color_scheme="dark")
    page.evaluate(SETTLED)
    problems += [f"in the dark: {line}" for line in axe.findings(page, rules=COLOURS)]
    page.emulate_media(color_scheme="light")
    page.evaluate(SETTLED)
    page.set_viewport_size(PHONE)
    wide = page.evaluate("document.documentElement.scrollWidth") - PHONE["width"]
    page.set_viewport_size(DESK)
    return [*problems, *([f"a phone scrolls sideways by {wide}px"] if wide > 0 else [])]


def clear_required(page: Page) -> bool:
    """Empty what a form asks for; False where it asks for nothing, and would therefore do something."""
    return bool(
        page.evaluate(
            """(what) => {
              const form = document.querySelector(what);
              const fields = form ? [...form.querySelectorAll("[required]:not([type=checkbox])")] : [];
              for (const field of fields) field.value = "";
              if (form) form.noValidate = true;
              return fields.length;
            }""",
            FORM,
        )
    )


def submit(page: Page) -> None:
    """Press the form's first button."""
    page.locator(f"{FORM} [type=submit]").first.click()
    page.wait_for_load_state()
