"""Thousands of tokens end batch by batch: by itself, paused and gone on with, and without any script."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.e2e.admin_pages import HOME, one
from tests.e2e.doing import add_copies
from tests.e2e.looking import look

pytestmark = pytest.mark.e2e

SAID = """globalThis.said = [];
addEventListener("DOMContentLoaded", () => {
  const words = document.querySelector("#progress-words[role=status][aria-live=polite]");
  if (words) new MutationObserver(() => said.push(words.textContent)).observe(words, { childList: true });
});"""
BATCH = 1000


@pytest.fixture
def begins():
    """When the window that the tests choose begins: it is ten minutes long, and there are tokens on both sides."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=40)


@pytest.fixture
def issued(token, folder, begins):
    """Gives guest so many tokens within the window, and some before and after it."""

    def many(number, *, ip):
        for count, minutes in ((3, -1), (number, 5), (4, 11)):
            add_copies(folder / "site.sqlite3", count, of=token, at=begins + timedelta(minutes=minutes), ip=ip)

    return many


def choose(admin, begins, **fields):
    """Fill in the selection page, look at what it would end, and confirm."""
    page = admin.page
    admin.go(f"{HOME}issuedtoken/revoke-where/")
    ends = begins + timedelta(minutes=10)
    for name, text in {**fields, "from": begins.isoformat(), "until": ends.isoformat()}.items():
        page.locator(f"#content-main input[name={name}]").fill(text)
    admin.press("Show what this would end")


def confirm(admin, reason):
    """Give the reason for all of these."""
    admin.page.get_by_label("Reason").fill(reason)
    admin.press("Revoke all of these")


def ended(rows, ip):
    """How many tokens from this address are revoked, by their reasons."""
    asked = "select reason, count(*) from token_issuer_issuedtoken where ip = ? and revoked_at is not null group by 1"
    return {row[0]: row[1] for row in rows(asked, ip)}


def test_a_window_of_an_address_ends_by_itself_and_can_be_paused(staff, issued, rows, begins):
    issued(6 * BATCH, ip="203.0.113.77")
    admin = staff()
    page, reason = admin.page, "a proxy was taken over"
    page.context.add_init_script(SAID)
    choose(admin, begins, ip="203.0.113.77")
    expect(page.locator(".token-issuer-summary")).to_contain_text(re.compile("Live tokens\\s*6,000"))
    confirm(admin, reason)

    words = page.locator("#progress-words")
    admin.press("Pause")
    expect(words).to_contain_text("What was ended stays ended; press Continue to go on.")
    expect(page.get_by_role("button", name="Continue")).to_be_focused()
    paused = ended(rows, "203.0.113.77")[reason]
    assert 0 < paused < 6 * BATCH
    expect(words).to_have_text(
        re.compile(f"^{paused:,} ended, {6 * BATCH - paused:,} left. What was ended stays ended")
    )
    assert look(page) == []
    assert ended(rows, "203.0.113.77") == {reason: paused}

    page.keyboard.press("Enter")
    done = page.get_by_role("status").filter(has_text="6,000 tokens were ended.")
    expect(done).to_be_focused(timeout=30_000)
    assert any(re.match("[0-9],000 ended, [0-9],000 left", line) for line in page.evaluate("said"))
    assert page.title().startswith("Revoked |")
    assert look(page) == []
    assert ended(rows, "203.0.113.77") == {reason: 6 * BATCH}
    told = rows("select detail ->> 'live' from token_issuer_auditevent where detail ->> 'reason' = ?", reason)
    assert sum(row[0] for row in told) == 6 * BATCH
    assert one(rows, "select count(*) from django_admin_log where change_message like '%selection was revoked%'") >= 1


def test_a_window_of_a_person_ends_without_scripts(staff, issued, rows, begins):
    issued(2 * BATCH + 500, ip="203.0.113.78")
    admin = staff(java_script_enabled=False)
    choose(admin, begins, user="guest", ip="203.0.113.78")
    confirm(admin, "a laptop was lost")
    for left in ("1,500", "500"):
        expect(admin.page.locator("#progress-words")).to_contain_text(f"{left} left")
        expect(admin.page.get_by_role("button", name="Pause")).to_be_hidden()
        admin.press("Continue")
    expect(admin.page.get_by_role("status")).to_contain_text("2,500 tokens were ended.")
    assert ended(rows, "203.0.113.78") == {"a laptop was lost": 2500}
