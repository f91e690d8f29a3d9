"""A person: what happened to him, in order; and the end of all that he has, counted before, told after, and true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.admin_pages import HOME, application, at, dashed, one, user
from tests.e2e.doing import add_copies, press_at_notes
from tests.e2e.looking import look

pytestmark = pytest.mark.e2e

HIS = {
    "Live tokens": "token_issuer_issuedtoken where user_id = ? and revoked_at is null and consumed_at is null"
    " and expires_at > datetime('now')",
    "Token families that can be renewed": "token_issuer_tokenfamily where user_id = ? and closed_at is null",
    "One-time login keys": "token_issuer_onetimekey where user_id = ? and revoked_at is null and consumed_at is null",
}


@pytest.fixture
def at_notes(person, sessions):
    """Opens the page about own tokens for somebody who is signed in."""

    def go(name, **options):
        somebody = person(storage_state=sessions(name), **options)
        somebody.go("/notes/")
        return somebody

    return go


def choose(page, field, name):
    """Search for a person in a field that completes names, and take him."""
    page.locator(f".field-{field} .select2-selection").click()
    page.keyboard.type(name)
    expect(page.locator(".select2-results__option--highlighted")).to_have_text(name)
    page.keyboard.press("Enter")


def give_a_key(admin, rows, name):
    """Make an API key that acts as somebody."""
    at("apikey/add/?application={id}", id=application("api"))(admin, rows)
    admin.page.locator("#id_purpose").fill(f"Acts as {name}")
    admin.page.locator("input[name=scopes]").first.check()
    choose(admin.page, "acts_as", name)
    admin.page.locator(".submit-row [type=submit].default").click()
    expect(admin.page.get_by_text("This is shown once.")).to_be_visible()


def name_in_a_rule(admin, rows, name):
    """Make a rule for somebody alone."""
    at("rule/add/?application={id}", id=application("classes"))(admin, rows)
    admin.page.locator("input[name=privileges]").first.check()
    choose(admin.page, "users", name)
    admin.page.locator("#id_resource_pattern").fill("class-9*")
    admin.page.locator(".submit-row [type=submit].default").click()
    expect(admin.page.get_by_role("listitem").filter(has_text="was added successfully")).to_be_visible()


def test_ending_all_access_ends_what_was_counted(staff, at_notes, rows):
    outsider, admin, reason = at_notes("outsider", refusals={401}), staff(), "his laptop is in other hands"
    page, key = admin.page, user("outsider")(rows)
    press_at_notes(outsider, "Get access token", "Make login key")
    give_a_key(admin, rows, "outsider")
    name_in_a_rule(admin, rows, "outsider")
    has = {label: one(rows, f"select count(*) from {where}", key) for label, where in HIS.items()}

    admin.go(f"{HOME}issuedtoken/person/{key}/")
    page.get_by_role("link", name="End all access").click()
    shown = {line.locator("th").inner_text(): line.locator("td").inner_text() for line in
             page.locator("table[aria-labelledby=ends-heading] tbody tr").all()}  # fmt: skip
    assert {label: int(shown[label]) for label in HIS} == has
    assert min(has.values()) > 0
    for label in ("Take him out of the rules that name him (1)", "Revoke the API keys that act as him (1)"):
        expect(page.get_by_label(label)).to_be_checked()
    page.get_by_label("Reason").fill(reason)
    admin.press("End all access")

    told = page.get_by_role("status").get_by_role("listitem").all_inner_texts()
    assert {f"{label}: {number}" for label, number in shown.items()} < {*told}
    assert look(page) == []
    ended = "select count(*) from token_issuer_{} where user_id = ? and reason = ?"
    assert one(rows, ended.format("tokenfamily"), key, reason) == has["Token families that can be renewed"]
    assert one(rows, ended.format("onetimekey"), key, reason) == has["One-time login keys"]
    assert one(rows, "select revoked_at is null from token_issuer_apikey where acts_as_id = ?", key) == 0
    assert one(rows, "select count(*) from token_issuer_rule_users where user_id = ?", key) == 0
    event = (
        "select detail ->> 'tokens' from token_issuer_auditevent where kind = 'access_ended' and detail ->> 'of' = ?"
    )
    assert one(rows, event, key) == has["Live tokens"]
    assert one(rows, "select count(*) from django_admin_log where change_message like '%All access was ended%'") >= 1
    press_at_notes(outsider, "Read notes", status=401)
    admin.go(f"{HOME}issuedtoken/person/{key}/")
    assert [*page.locator("[aria-labelledby=held] td").all_inner_texts()][:3] == ["0"] * 3


def happened(page):
    """What a timeline tells, newest first, without the icons."""
    return [text.strip() for text in page.locator(".token-issuer-timeline tbody th").all_inner_texts()]


def times(page):
    """When, to the second, as it is shown."""
    return page.locator(".token-issuer-timeline time").all_inner_texts()


def test_a_persons_page_tells_in_order_what_just_happened(staff, at_notes, rows, token, folder):
    guest, admin, key = at_notes("guest", refusals={401, 403}), staff(), user("guest")(rows)
    long_ago = datetime.now(UTC) - timedelta(days=20)
    add_copies(folder / "site.sqlite3", 120, of=token, at=long_ago, revoked_at=str(long_ago)[:26], reason="long ago")
    press_at_notes(guest, "Get access token")
    refused = guest.page.context.request.get(f"{guest.site}/issuer/applications/").json()["csrf_token"]
    asked = {"channel": "room-42", "role": "publisher"}
    address = f"{guest.site}/issuer/applications/rooms/tokens/"
    assert guest.page.context.request.post(address, data=asked, headers={"X-CSRFToken": refused}).status == 403
    admin.go(f"{HOME}issuedtoken/{dashed(token)}/revoke/")
    admin.page.get_by_label("Reason").fill("used by somebody else")
    admin.press("Revoke")

    admin.go(f"{HOME}issuedtoken/person/{key}/")
    told = happened(admin.page)
    assert told[:4] == ["token revoked", "denied", "token issued", "token family begun"]
    assert "used by somebody else" in admin.page.locator(".token-issuer-timeline tbody tr").first.inner_text()
    newest = times(admin.page)[:4]
    assert newest == sorted(newest, reverse=True)
    admin.page.get_by_role("link", name="Older").click()
    admin.page.wait_for_load_state()
    assert max(times(admin.page)) <= min(newest)
    assert look(admin.page) == []
    admin.page.get_by_role("link", name="Newest").click()
    admin.page.wait_for_load_state()
    assert happened(admin.page) == told


def test_a_familys_page_tells_of_its_rotations_and_its_end(staff, at_notes, rows):
    guest, admin = at_notes("guest"), staff()
    press_at_notes(guest, "Get access token")
    guest.press("Refresh it")
    expect(guest.page.get_by_role("log").get_by_role("listitem").first).to_contain_text("200Refresh")
    family = one(rows, "select id from token_issuer_tokenfamily order by id desc limit 1")
    admin.go(f"{HOME}tokenfamily/{dashed(family)}/change/")
    expect(admin.page.locator(".token-issuer-timeline tbody th").first).to_contain_text("token refreshed")
    admin.go(f"{HOME}tokenfamily/{dashed(family)}/revoke/")
    admin.page.get_by_label("Reason").fill("the phone was lost")
    admin.press("Revoke")
    admin.go(f"{HOME}tokenfamily/{dashed(family)}/change/")
    told = happened(admin.page)
    assert told[0] == "token family closed"
    assert told[-2:] == ["token issued", "token family begun"]
    assert "token refreshed" in told
    assert look(admin.page) == []
    assert one(rows, "select reason from token_issuer_tokenfamily where id = ?", family) == "the phone was lost"
