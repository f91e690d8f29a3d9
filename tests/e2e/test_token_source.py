"""The desk's token comes from the browser module: renewed by hand and by itself, and told when that ends."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.test_tokens import ask_for

pytestmark = pytest.mark.e2e


def token_id(page):
    """The id of the newest token that is listed."""
    return page.locator("#tokens tr").first.get_attribute("data-token")


def test_it_comes_from_the_module_and_is_renewed_on_demand(person):
    host = person()
    scripts = []
    host.page.on("request", lambda request: scripts.append(request.url))
    host.sign_in("host")
    ask_for(host.page, channel="room-42", role="publisher")
    expect(host.page.get_by_role("heading", name="Your token")).to_be_focused()
    assert f"{host.site}/static/token_issuer/token-issuer.js" in scripts
    first = token_id(host.page)

    renew = host.page.get_by_role("button", name="Renew now")
    renew.click()
    expect(host.page.locator("#tokens tr").first).not_to_have_attribute("data-token", first)
    expect(renew).to_be_focused()
    expect(host.page.get_by_role("timer")).to_have_text(re.compile("(60:00|59:5[0-9])"))
    assert host.page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert not [url for url in scripts if "007" in url]


def test_it_is_renewed_by_itself_and_warns_before(person):
    host = person()
    host.page.clock.install()
    host.sign_in("host")
    host.page.get_by_role("radio", name="Rooms").check()
    host.page.get_by_label("Lifetime").fill("60")
    ask_for(host.page, channel="room-42")
    expect(host.page.get_by_role("timer")).to_have_text(re.compile("(01:00|00:5[0-9])"))
    first = token_id(host.page)

    host.page.clock.fast_forward(31_000)
    expect(host.page.locator("#life-told")).to_have_text("It expires soon, and will be renewed.")
    host.page.clock.fast_forward(25_000)
    expect(host.page.locator("#life-told")).to_have_text("")
    expect(host.page.get_by_role("timer")).to_have_text(re.compile("(01:00|00:5[0-9])"))
    host.page.reload()
    expect(host.page.locator("#tokens tr").first).not_to_have_attribute("data-token", first)


def test_a_refused_request_leaves_the_shown_token_its_renewal(person):
    guest = person(refusals={403})
    guest.sign_in("guest")
    ask_for(guest.page, channel="room-42")
    expect(guest.page.get_by_role("timer")).to_be_visible()
    first = token_id(guest.page)
    ask_for(guest.page, channel="room-42", role="publisher")
    expect(guest.page.get_by_role("alert")).to_contain_text("You may enter, but not with that right.")

    guest.page.get_by_role("button", name="Renew now").click()
    expect(guest.page.get_by_role("alert")).to_be_hidden()
    newest = guest.page.locator("#tokens tr").first
    expect(newest).not_to_have_attribute("data-token", first)
    expect(newest).to_contain_text("subscriber")


def test_a_token_that_was_ended_is_not_renewed(person):
    guest = person()
    guest.page.clock.install()
    guest.sign_in("guest")
    guest.page.get_by_role("radio", name="Rooms").check()
    guest.page.get_by_label("Lifetime").fill("60")
    with guest.page.expect_response(lambda response: response.request.method == "POST") as answer:
        ask_for(guest.page, channel="room-42")
    ours = guest.page.locator(f'#tokens tr[data-token="{answer.value.json()["token_id"]}"]')
    ours.get_by_role("button", name="Revoke").click()
    expect(guest.page.locator("#standing")).to_have_text("revoked")
    expect(guest.page.get_by_role("button", name="Renew now")).to_be_disabled()

    posts = []
    guest.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    guest.page.clock.fast_forward(70_000)
    expect(guest.page.get_by_role("timer")).to_have_text("00:00")
    assert posts == []
    ask_for(guest.page, channel="room-42")
    expect(guest.page.get_by_role("button", name="Renew now")).to_be_enabled()


def test_after_a_log_out_elsewhere_it_says_that_nobody_is_signed_in(person):
    guest = person(refusals={401})
    guest.sign_in("guest")
    ask_for(guest.page, channel="room-42")
    expect(guest.page.get_by_role("timer")).to_be_visible()

    other = guest.page.context.new_page()
    other.goto(f"{guest.site}/")
    other.get_by_role("button", name="Sign out").click()
    other.close()

    guest.page.get_by_role("button", name="Renew now").click()
    alert = guest.page.get_by_role("alert")
    expect(alert).to_contain_text("Your session has ended.")
    expect(alert.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_denial_is_shown_with_its_reason_and_an_allowed_grant_after_it(person):
    guest = person(refusals={403})
    guest.sign_in("guest")
    ask_for(guest.page, channel="room-42", role="publisher")
    alert = guest.page.get_by_role("alert")
    expect(alert).to_contain_text("You may enter, but not with that right.")
    expect(alert).to_contain_text("policy_denied: privilege_not_granted")

    ask_for(guest.page, channel="room-42")
    expect(guest.page.get_by_role("timer")).to_be_visible()
    expect(alert).to_be_hidden()


def test_a_wrong_field_is_named_where_it_is(person):
    host = person(refusals={400})
    host.sign_in("host")
    ask_for(host.page, channel="röom")
    expect(host.page.locator("#field-channel-wrong")).to_contain_text("may hold only")
    expect(host.page.get_by_label("Channel")).to_be_focused()
