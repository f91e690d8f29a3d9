"""A person gets the site's own tokens, uses, refreshes and ends them, and signs in elsewhere without a password."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.e2e

README = Path(__file__).resolve().parents[2] / "README.md"


def at_notes(somebody, name):
    """Sign in and go to the page, by the link that everybody sees."""
    somebody.sign_in(name)
    somebody.page.get_by_role("link", name="Own tokens").click()
    return somebody.page


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def last(page):
    """The newest line of what happened."""
    return page.get_by_role("log").get_by_role("listitem").first


def told(page, what, status, words=""):
    expect(last(page)).to_contain_text(re.compile(f"^{status}{what}.*{words}"))


def leave(page, label, text, button):
    page.get_by_label(label).fill(text)
    press(page, button)


def test_a_token_reads_and_writes_what_it_may(person):
    guest = person(refusals={401, 403})
    page = at_notes(guest, "guest")
    press(page, "Read notes")
    told(page, "Read notes", 401, "none was sent")

    press(page, "Get access token")
    told(page, "Get access token", 201, "notes:read")
    expect(page.get_by_role("timer")).to_have_text(re.compile("(60:00|59:5[0-9])"))
    press(page, "Read notes")
    told(page, "Read notes", 200)
    expect(page.get_by_role("list", name="Notes API")).to_contain_text("Water the garden")
    leave(page, "New note", "Feed the cat", "Add")
    told(page, "Add note", 403, "may not do that")

    page.get_by_role("radio", name="reading and writing").check()
    press(page, "Get access token")
    told(page, "Get access token", 201, "notes:read notes:write")
    leave(page, "New note", "Feed the cat", "Add")
    told(page, "Add note", 201)
    expect(page.get_by_role("list", name="Notes API")).to_contain_text("Feed the cat")
    guest.shoot("own-tokens")


def test_who_may_only_read_gets_no_token_for_more(person):
    outsider = person(color_scheme="dark", refusals={403})
    page = at_notes(outsider, "outsider")
    page.get_by_role("radio", name="reading and writing").check()
    press(page, "Get access token")
    told(page, "Get access token", 403, "Ask for a smaller one")
    outsider.shoot("own-tokens-dark")


def test_a_one_time_token_works_once(person):
    guest = person(viewport={"width": 390, "height": 800}, refusals={401})
    page = at_notes(guest, "guest")
    press(page, "Get one-time token")
    told(page, "Get one-time token", 201)
    leave(page, "Note to leave", "Call back", "Use it")
    told(page, "Use one-time token", 201, "used up")
    press(page, "Use it")
    told(page, "Use one-time token", 401, "nobody is told")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    guest.shoot("own-tokens-phone")


def test_the_page_refreshes_and_never_sees_the_refresh_token(person):
    guest = person(refusals={401, 400})
    page = at_notes(guest, "guest")
    expect(page).to_have_url(f"{guest.site}/notes/")
    answers = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  playwright marks what it is given
    press(page, "Refresh it")
    told(page, "Refresh", 400)

    press(page, "Get access token")
    told(page, "Get access token", 201)
    before = refresh_cookie(page)
    press(page, "Refresh it")
    told(page, "Refresh", 200, "another refresh token in the cookie")
    press(page, "Read notes")
    told(page, "Read notes", 200)

    after = refresh_cookie(page)
    assert (after["httpOnly"], after["sameSite"], after["path"]) == (True, "Strict", "/issuer/oauth/")
    assert after["value"] != before["value"]
    seen = "".join(answer.text() for answer in answers) + page.content() + page.evaluate("document.cookie")
    assert "tir_" not in seen
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def refresh_cookie(page):
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"].startswith("token_issuer_refresh_")]
    return cookie


def test_ending_everything_ends_what_the_page_holds(person):
    host = person(refusals={400, 401})
    page = at_notes(host, "host")
    press(page, "Get access token")
    told(page, "Get access token", 201)
    press(page, "Get one-time token")
    told(page, "Get one-time token", 201)

    press(page, "End all my tokens")
    told(page, "End all my tokens", 200, "Live until now: ")
    press(page, "Read notes")
    told(page, "Read notes", 401)
    leave(page, "Note to leave", "Call back", "Use it")
    told(page, "Use one-time token", 401)
    press(page, "Refresh it")
    told(page, "Refresh", 400, "nothing to refresh with")
    host.shoot("own-tokens-ended")


def test_a_login_key_signs_in_elsewhere_once_and_without_a_password(person):
    guest = person()
    page = at_notes(guest, "guest")
    press(page, "Make login key")
    told(page, "Make login key", 201)
    address = page.locator("#key").get_attribute("href")

    phone = person(viewport={"width": 390, "height": 800})
    phone.page.goto(address)
    assert phone.page.url == f"{phone.site}/enter/"
    phone.shoot("enter")
    press(phone.page, "Sign in")
    expect(phone.page).to_have_url(f"{phone.site}/notes/")
    expect(phone.page.get_by_text("Signed in as guest")).to_be_visible()

    thief = person(refusals={401})
    thief.page.goto(address)
    press(thief.page, "Sign in")
    expect(thief.page.get_by_role("alert")).to_contain_text("That is not good (any more)")


def test_the_keyboard_is_enough(person):
    guest = person()
    page = at_notes(guest, "guest")
    get = page.get_by_role("button", name="Get access token")
    expect(get).to_be_enabled()
    page.get_by_role("radio", name="reading", exact=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    told(page, "Get access token", 201, "notes:write")
    expect(get).to_be_focused()
    page.get_by_label("New note").fill("Typed")
    page.keyboard.press("Enter")
    told(page, "Add note", 201)


def test_the_fetches_of_the_readme_run_as_they_stand(person):
    guest = person()
    page = at_notes(guest, "guest")
    first, second = re.findall(r"```js\n(.*?)```", README.read_text(), re.DOTALL)
    listing = first.partition("\n\n")[0]
    expect(page.get_by_role("button", name="Read notes")).to_be_enabled()
    assert page.evaluate(f"async () => {{ {listing}\n{second} return [issued.status, latest.status]; }}") == [201, 200]
