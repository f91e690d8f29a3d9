"""Without a mouse: the leak path and forms, by Tab, Enter and Space alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.admin_pages import HOME, LIVE, dashed, one

pytestmark = pytest.mark.e2e

# What has the focus, and whether that can be seen: by an outline, a ring or another border or ground than before.
FOCUSED = """() => {
  const one = document.activeElement;
  const look = () => { const s = getComputedStyle(one);
    return [s.outlineStyle === "none" ? "" : s.outlineWidth + s.outlineColor, s.boxShadow, s.borderColor,
            s.backgroundColor, s.textDecoration, s.color].join("|"); };
  const focused = look();
  one.blur();
  const plain = look();
  one.focus({ focusVisible: true });
  return { name: (one.labels?.[0]?.textContent ?? one.value ?? one.textContent ?? "").trim(), tag: one.tagName,
           seen: focused !== plain, box: one.getBoundingClientRect().height > 0 };
}"""


def tab_to(page, name, *, most=80):
    """Press Tab until something of this name has the focus; whatever has it on the way can be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["seen"], f"the focus is not seen on {focused}"
        if name in focused["name"]:
            return
    pytest.fail(f"the keyboard does not get to {name}")


def test_a_token_is_found_and_revoked_by_keys_alone(staff, rows):
    admin = staff()
    page = admin.page
    token = one(rows, f"select id from token_issuer_issuedtoken where {LIVE} order by id limit 1")
    admin.go(f"{HOME}issuedtoken/")
    tab_to(page, "Paste a token")
    page.keyboard.type(dashed(token))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to(page, "Revoke")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    tab_to(page, "Reason")
    page.keyboard.type("by keys alone")
    tab_to(page, "Revoke")
    with page.expect_navigation():
        page.keyboard.press("Space")
    assert one(rows, "select reason from token_issuer_issuedtoken where id = ?", token) == "by keys alone"


def test_the_first_stop_skips_to_the_content(staff):
    admin = staff()
    admin.go(f"{HOME}issuedtoken/")
    admin.page.keyboard.press("Tab")
    expect(admin.page.locator(":focus")).to_have_text("Skip to main content")
    admin.page.keyboard.press("Enter")
    admin.page.keyboard.press("Tab")
    assert admin.page.evaluate("document.activeElement.closest('#content-start, #main, #content') !== null")


def test_what_is_missing_is_told_and_the_field_is_reached_again(staff, rows):
    admin = staff()
    token = one(rows, f"select id from token_issuer_issuedtoken where {LIVE} order by id desc limit 1")
    admin.go(f"{HOME}issuedtoken/{dashed(token)}/revoke/")
    admin.page.evaluate("document.querySelector('#content-main form').noValidate = true")
    admin.page.locator("#content-main input[type=submit]").focus()
    with admin.page.expect_navigation():
        admin.page.keyboard.press("Enter")
    expect(admin.page.locator(".errornote")).to_be_visible()
    tab_to(admin.page, "Reason")
    expect(admin.page.locator(":focus")).to_have_attribute("aria-invalid", "true")
