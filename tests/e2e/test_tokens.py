"""A member gets a token and sees it run; an outsider sees why not; an administrator ends the token."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

README = Path(__file__).resolve().parents[2] / "README.md"


def ask_for(page, *, channel, role="subscriber"):
    page.get_by_role("radio", name="Rooms").check()
    page.get_by_label("Channel").fill(channel)
    page.get_by_label("Role").select_option(role)
    page.get_by_role("button", name="Get token").click()


def test_a_member_sees_the_token_decoded_and_ticking(person):
    host = person()
    host.sign_in("host")
    ask_for(host.page, channel="room-42", role="publisher")

    clock = host.page.get_by_role("timer")
    expect(clock).to_have_text(re.compile("(60:00|59:5[0-9])"))
    first = clock.inner_text()
    expect(clock).not_to_have_text(first)
    answer = host.page.get_by_role("region", name="Your token")
    expect(answer).to_contain_text("What the agora-007 token says")
    expect(answer).to_contain_text("publisher")
    host.shoot("token")


def test_the_other_application_has_a_form_of_its_own(person):
    guest = person()
    guest.sign_in("guest")
    guest.page.get_by_role("radio", name="Classes").check()
    guest.page.get_by_label("Room", exact=True).fill("class-1")
    guest.page.get_by_role("button", name="Get token").click()
    expect(guest.page.get_by_role("timer")).to_have_text(re.compile("09:5[0-9]"))
    guest.shoot("class")


def test_an_outsider_sees_the_reason(person):
    outsider = person(color_scheme="dark", refusals={403})
    outsider.sign_in("outsider")
    ask_for(outsider.page, channel="room-42")
    expect(outsider.page.get_by_role("alert")).to_contain_text("You are not a member of that room.")
    expect(outsider.page.get_by_text("It will appear here")).to_be_visible()
    outsider.shoot("refusal")


def test_a_member_ends_an_own_token(person):
    guest = person(viewport={"width": 390, "height": 800})
    guest.sign_in("guest")
    with guest.page.expect_response(lambda response: response.request.method == "POST") as answer:
        ask_for(guest.page, channel="room-42")
    row = guest.page.locator(f'#tokens tr[data-token="{answer.value.json()["token_id"]}"]')
    expect(row).to_contain_text("room-42")
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    expect(guest.page.get_by_role("status").last).to_contain_text("Revoked. Agora puts this user out of this channel")
    expect(guest.page.locator("#standing")).to_have_text("revoked")
    assert guest.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    guest.shoot("phone")


def test_an_ended_session_and_a_lost_connection_are_told(person):
    host = person()
    host.sign_in("host")
    ask_for(host.page, channel="room-42")
    revoke = host.page.locator("#tokens tr").first.get_by_role("button", name="Revoke")
    expect(revoke).to_be_visible()

    host.page.context.set_offline(True)
    host.page.get_by_role("button", name="Get token").click()
    expect(host.page.get_by_role("alert")).to_contain_text("The site does not answer.")
    host.page.context.set_offline(False)

    host.page.context.clear_cookies()
    revoke.click()
    expect(host.page.get_by_role("alert")).to_contain_text("Your session has ended.")
    host.shoot("session-ended")
    host.page.get_by_role("alert").get_by_role("link", name="Sign in").click()
    expect(host.page).to_have_url(f"{host.site}/sign-in/")
    # The browser itself reports both on the console; what the page said is what this test is about.
    host.errors[:] = [error for error in host.errors if not error.startswith("Failed to load resource")]


def test_a_token_that_cannot_be_decoded_is_shown_all_the_same(person):
    host = person()
    host.sign_in("host")
    host.page.route("**/decode/", lambda route: route.fulfill(status=403, json={"error": "csrf_failed"}))
    ask_for(host.page, channel="room-42")
    answer = host.page.get_by_role("region", name="Your token")
    expect(answer).to_contain_text("could not be decoded just now")
    expect(host.page.locator("#token")).to_contain_text("007")
    (said,) = host.errors
    assert "/decode/" in said  # the browser's own line about the refused request, and nothing of the page's
    host.errors.clear()


def test_the_fetch_of_the_readme_runs_as_it_stands(person):
    host = person()
    host.sign_in("host")
    example = re.findall(r"```js\n(.*?)```", README.read_text(), re.DOTALL)[0]
    status, answer = host.page.evaluate(f"async () => {{ {example} return [response.status, answer]; }}")
    assert (status, answer["resource"], answer["privileges"]) == (201, "room-42", ["publisher"])


def test_an_administrator_pastes_a_token_and_ends_it(person):
    host = person()
    host.sign_in("host")
    ask_for(host.page, channel="room-42")
    host.page.get_by_text("The text itself").click()
    token = host.page.locator("#token").inner_text()

    admin = person()
    admin.sign_in("admin")
    end_in_the_admin(admin, token)

    host.page.reload()
    expect(host.page.locator("#tokens tr").first).to_contain_text("revoked")
    host.shoot("revoked")


def end_in_the_admin(admin, token):
    """Find the token by its text, end it, and read what that means."""
    page = admin.page
    page.goto(f"{admin.site}/admin/token_issuer/issuedtoken/")
    admin.shoot("admin-list")
    page.get_by_label("Paste a token or an id").fill(token)
    page.get_by_role("button", name="Find").click()
    assert token not in page.url
    admin.shoot("admin-token")
    page.get_by_role("link", name="Revoke").click()
    page.get_by_label("Reason").fill("left on a train")
    admin.shoot("admin-confirm")
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("main")).to_contain_text("at once")
    expect(page.get_by_role("main")).to_contain_text("The vendor was told")
    expect(page.get_by_role("main")).to_contain_text("works until it expires")
    admin.shoot("admin-revoked")
    page.locator("main td a").click()
    expect(page.get_by_role("main")).to_contain_text("left on a train")
