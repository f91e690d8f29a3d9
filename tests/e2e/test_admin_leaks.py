"""Something leaked: from what somebody holds in his hand to its end in the database, in at most three clicks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.e2e.admin_pages import HOME, dashed, one
from tests.e2e.looking import look

if TYPE_CHECKING:
    from tests.e2e.conftest import Person

pytestmark = pytest.mark.e2e

COUNT = "addEventListener('mousedown', (event) => event.isTrusted && pressed(), true)"
REASON = "seen in a public repository, case <%s>"


@dataclass
class Hand:
    """Somebody whose presses of the mouse are counted; typing is none."""

    person: Person
    clicks: int = 0


@pytest.fixture
def hand(staff):
    """The administrator on the issued tokens' list."""
    admin = Hand(staff())
    context = admin.person.page.context
    context.expose_binding("pressed", lambda _source: setattr(admin, "clicks", admin.clicks + 1))
    context.add_init_script(COUNT)
    admin.person.go(f"{HOME}issuedtoken/")
    return admin


@pytest.fixture
def issue(person, sessions):
    """Issues a token as a page of the site would; returns the API's answer."""
    host = person(storage_state=sessions("host"))

    def ask(slug: str = "rooms", **grant: Any) -> Any:
        calls = host.page.context.request
        csrf = calls.get(f"{host.site}/issuer/applications/").json()["csrf_token"]
        answer = calls.post(
            f"{host.site}/issuer/applications/{slug}/tokens/",
            data=grant or {"channel": "room-42", "role": "publisher", "lifetime": 3600},
            headers={"X-CSRFToken": csrf},
        )
        assert answer.ok, answer.text()
        return answer.json()

    return ask


def find(hand, text):
    """Paste it into the one box; the first click."""
    hand.person.page.get_by_label("Paste a token").fill(text)
    with hand.person.page.expect_navigation():
        hand.person.press("Find")


def end(hand, reason):
    """Give the reason and press the button that does it."""
    page = hand.person.page
    page.get_by_label("Reason").fill(reason)
    page.locator("#content-main input.token-issuer-danger[type=submit]").click()
    page.wait_for_load_state()


def events(rows, reason):
    """What the audit holds under this reason."""
    found = rows("select kind from token_issuer_auditevent where detail like ?", f"%{reason}%")
    return [row["kind"] for row in found]


@pytest.mark.parametrize("what", ["token", "token_id"])
def test_from_a_pasted_token_or_its_id_to_revoked_in_three_clicks(hand, issue, rows, what):
    issued, reason = issue(), REASON % what
    find(hand, issued[what])
    expect(hand.person.page.locator(".token-issuer-summary").first).to_contain_text("If you revoke it now, it ends")
    hand.person.page.get_by_role("link", name="Revoke", exact=True).click()
    end(hand, reason)
    assert hand.clicks == 3
    assert look(hand.person.page) == []
    row = rows(
        "select revoked_at, reason from token_issuer_issuedtoken where id = ?", issued["token_id"].replace("-", "")
    )
    assert row[0]["revoked_at"] is not None
    assert row[0]["reason"] == reason
    assert events(rows, reason) == ["token_revoked"]
    assert issued["token"] not in hand.person.page.url


def certificate(rows, slug):
    return one(
        rows,
        "select c.fingerprint from token_issuer_certificate c"
        " join token_issuer_application a on a.id = c.application_id"
        " where a.slug = ? and c.purpose = 'sign' and active_slot = 1",
        slug,
    )


@pytest.mark.parametrize(
    "named",
    [
        lambda rows: "user:host",
        lambda rows: "room:rooms/room-42",
        lambda rows: "127.0.0.1",
        lambda rows: "rooms",
    ],
    ids=["user", "room", "address", "application"],
)
def test_from_a_name_to_revoked_in_three_clicks(hand, issue, rows, named, request):
    issued, reason = issue(), REASON % request.node.callspec.id
    find(hand, named(rows))
    page = hand.person.page
    if not page.get_by_label("Reason").count():
        with page.expect_navigation():
            page.locator("#content-main a[href*='revoke-where'], #content-main a.token-issuer-danger").first.click()
    expect(page.get_by_text("cannot be undone").first).to_be_visible()
    end(hand, reason)
    assert hand.clicks <= 3
    expect(page.get_by_role("status").first).to_be_visible(timeout=20_000)
    assert events(rows, reason)
    hand.person.go(f"{HOME}issuedtoken/{issued['token_id']}/change/")
    expect(page.locator(".token-issuer-summary").first).to_contain_text("Revoked")


def key_id(rows):
    return one(rows, "select public_id from token_issuer_apikey where purpose = 'Nightly export'")


@pytest.mark.parametrize(
    ("named", "button"),
    [
        (lambda rows: certificate(rows, "webinars"), "a[href*='revoke-where']"),
        (key_id, "a.token-issuer-danger[href$='/revoke/'], a[href*='revoke-where']"),
    ],
    ids=["certificate", "API key"],
)
def test_from_what_made_tokens_to_their_end_in_three_clicks(hand, rows, named, button, request):
    reason = REASON % request.node.callspec.id
    find(hand, named(rows))
    page = hand.person.page
    if not page.get_by_label("Reason").count():
        with page.expect_navigation():
            page.locator(f"#content {button}").first.click()
    end(hand, reason)
    assert hand.clicks <= 3
    assert events(rows, reason)


def test_a_leaked_certificate_is_replaced_with_one_form(hand, issue, rows):
    issued, old = issue(), certificate(rows, "rooms")
    row_id = one(rows, "select id from token_issuer_certificate where fingerprint = ? and active_slot = 1", old)
    page = hand.person.page
    hand.person.go(f"{HOME}certificate/{dashed(row_id)}/replace/")
    page.get_by_label("certificate", exact=False).first.fill("7e" * 16)
    end(hand, "the laptop was stolen")
    assert hand.clicks == 1
    states = rows("select active_slot, revoked_at from token_issuer_certificate where id = ?", row_id)[0]
    assert (states["active_slot"], states["revoked_at"] is None) == (None, False)
    assert certificate(rows, "rooms") != old
    expect(page.locator("#content-main")).to_contain_text(re.compile("console", re.IGNORECASE))
    hand.person.go(f"{HOME}issuedtoken/{issued['token_id']}/change/")
    expect(page.locator(".token-issuer-summary").first).to_contain_text("Revoked")
    assert "7e" * 16 not in page.content()
