"""Without a mouse: the leak path and forms, by Tab, Enter and Space alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.admin_pages import HOME, application, dashed, one, user
from tests.e2e.doing import add_copies, add_rooms

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
        if focused["tag"] == "BODY":  # between the end of a page and its beginning
            continue
        assert focused["seen"], f"the focus is not seen on {focused}"
        if name in focused["name"]:
            return
    pytest.fail(f"the keyboard does not get to {name}")


def press_on(page, name, key="Enter"):
    """Press Tab until the link or button has the focus, then a key, and wait for what it answers."""
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press(key)


def type_into(page, name, text):
    """Press Tab until the field has the focus, then type."""
    tab_to(page, name)
    page.keyboard.type(text)


def test_a_token_is_found_and_revoked_by_keys_alone(staff, rows, token):
    admin = staff()
    page = admin.page
    admin.go(f"{HOME}issuedtoken/")
    type_into(page, "Paste a token", dashed(token))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    press_on(page, "Revoke")
    type_into(page, "Reason", "by keys alone")
    press_on(page, "Revoke", "Space")
    assert one(rows, "select reason from token_issuer_issuedtoken where id = ?", token) == "by keys alone"


def test_a_leaked_certificate_is_replaced_by_keys_alone(staff, rows):
    admin = staff()
    add_rooms(admin, "keyed")
    press_on(admin.page, "Replace now, it leaked")
    type_into(admin.page, "Reason", "it was on a screen")
    type_into(admin.page, "Secret", "e" * 40)
    press_on(admin.page, "Replace now", "Space")
    expect(admin.page.get_by_role("heading", name="What is left to do at the vendor")).to_be_visible()
    asked = "select active_slot, reason from token_issuer_certificate where application_id = ? order by id"
    old, new = rows(asked, application("keyed")(rows).replace("-", ""))
    assert (old["active_slot"], old["reason"]) == (None, "it was on a screen")
    assert (new["active_slot"], new["reason"]) == (1, "")


def test_all_access_is_ended_by_keys_alone(staff, rows):
    admin = staff()
    cleo = user("cleo")(rows)
    admin.go(f"{HOME}issuedtoken/person/{cleo}/")
    press_on(admin.page, "End all access")
    tab_to(admin.page, "Take him out of the rules")
    admin.page.keyboard.press("Space")
    type_into(admin.page, "Reason", "left, by keys alone")
    press_on(admin.page, "End all access", "Space")
    expect(admin.page.get_by_text("This is what was ended:")).to_be_visible()
    expect(admin.page.locator("#content-main")).to_contain_text("Not done:")
    told = rows("select detail from token_issuer_auditevent where kind = 'access_ended' and detail ->> 'of' = ?", cleo)
    assert "left, by keys alone" in told[0]["detail"]
    assert one(rows, "select count(*) from token_issuer_rule_users where user_id = ?", cleo) == 1


def test_tokens_of_an_address_are_chosen_and_revoked_by_keys_alone(staff, rows, token, folder):
    admin, ip = staff(), "203.0.113.88"
    ago = datetime.now(UTC) - timedelta(minutes=9)
    add_copies(folder / "site.sqlite3", 3, of=token, at=ago, ip=ip)
    admin.go(f"{HOME}issuedtoken/revoke-where/")
    type_into(admin.page, "IP address", ip)
    press_on(admin.page, "Show what this would end", "Space")
    type_into(admin.page, "Reason", "many, by keys alone")
    press_on(admin.page, "Revoke all of these")
    expect(admin.page.get_by_role("status")).to_contain_text("3 tokens were ended.")
    asked = "select count(*) from token_issuer_issuedtoken where ip = ? and reason = 'many, by keys alone'"
    assert one(rows, asked, ip) == 3


def test_the_first_stop_skips_to_the_content(staff):
    admin = staff()
    admin.go(f"{HOME}issuedtoken/")
    admin.page.keyboard.press("Tab")
    expect(admin.page.locator(":focus")).to_have_text("Skip to main content")
    admin.page.keyboard.press("Enter")
    admin.page.keyboard.press("Tab")
    assert admin.page.evaluate("document.activeElement.closest('#content-start, #main, #content') !== null")


def test_what_is_missing_is_told_and_the_field_is_reached_again(staff, token):
    admin = staff()
    admin.go(f"{HOME}issuedtoken/{dashed(token)}/revoke/")
    admin.page.evaluate("document.querySelector('#content-main form').noValidate = true")
    admin.page.locator("#content-main input[type=submit]").focus()
    with admin.page.expect_navigation():
        admin.page.keyboard.press("Enter")
    expect(admin.page.locator(".errornote")).to_be_visible()
    tab_to(admin.page, "Reason")
    expect(admin.page.locator(":focus")).to_have_attribute("aria-invalid", "true")
