"""A session speaks only through the site's own pages."""

from __future__ import annotations

import pytest

from tests.api.browsers import ORIGIN, Browser
from tests.api.refusals import assert_refused

CALLS = [
    "applications/rooms/tokens/",
    "applications/rooms/tokens/explain/",
    "applications/rooms/one-time-keys/",
    "tokens/revoke-mine/",
]


@pytest.mark.parametrize("path", CALLS)
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_without_the_token_nothing_happens(browser, rooms, path, kind):
    browser.headers.clear()
    response = browser.send(path, '{"roomId": "room-1"}', kind=kind)
    assert_refused(response, 403, "csrf_failed", "CSRF check failed: CSRF token missing.")


def test_a_made_up_token_is_none(browser, rooms):
    response = browser.post(CALLS[0], {"roomId": "room-1"}, **{"X-CSRFToken": "a" * 32})
    assert_refused(response, 403, "csrf_failed")
    assert "incorrect" in response.json()["error_description"]


def test_the_cookie_alone_proves_nothing(browser, rooms):
    browser.headers.clear()
    assert "csrftoken" in browser.client.cookies
    assert_refused(browser.issue(), 403, "csrf_failed")


def test_the_token_without_its_cookie_proves_nothing(browser, rooms):
    del browser.client.cookies["csrftoken"]
    assert_refused(browser.issue(), 403, "csrf_failed")


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://testserver", "https://testserver:444"])
def test_a_foreign_origin_is_refused(browser, rooms, origin):
    response = browser.post(CALLS[0], {"roomId": "room-1"}, Origin=origin)
    assert_refused(response, 403, "csrf_failed")
    assert "Origin checking failed" in response.json()["error_description"]


@pytest.mark.parametrize("referer", ["https://evil.test/", "http://testserver/", "not an address"])
def test_a_foreign_referer_is_refused_where_there_is_no_origin(user, rooms, referer):
    browser = Browser(user)
    browser.client.defaults.pop("HTTP_ORIGIN")
    response = browser.post(CALLS[0], {"roomId": "room-1"}, Referer=referer)
    assert_refused(response, 403, "csrf_failed")
    assert "Referer checking failed" in response.json()["error_description"]


def test_no_origin_and_no_referer_is_refused(browser, rooms):
    browser.client.defaults.pop("HTTP_ORIGIN")
    response = browser.issue()
    assert_refused(response, 403, "csrf_failed", "CSRF check failed: Referer checking failed - no Referer.")


def test_a_referer_of_our_own_is_enough(browser, rooms):
    browser.client.defaults.pop("HTTP_ORIGIN")
    assert browser.post(CALLS[0], {"roomId": "room-1"}, Referer=f"{ORIGIN}/page").status_code == 201


def test_a_trusted_origin_is_enough(browser, rooms, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://app.site.test"]
    response = browser.post(CALLS[0], {"roomId": "room-1"}, Origin="https://app.site.test")
    assert response.status_code == 201


def test_the_token_may_live_in_the_session(settings, rooms, user):
    settings.CSRF_USE_SESSIONS = True
    browser = Browser(user)
    assert "csrftoken" not in browser.client.cookies
    assert browser.issue().status_code == 201


def test_reading_needs_no_token(browser, rooms):
    browser.headers.clear()
    assert browser.get("tokens/").status_code == 200


def test_repeating_the_first_call_is_the_cure(browser, rooms, user):
    browser.client.force_login(user)  # a new session, as after a sign-in
    browser.client.cookies.pop("csrftoken")
    assert_refused(browser.issue(), 403, "csrf_failed")
    browser.headers["X-CSRFToken"] = browser.get("applications/").json()["csrf_token"]
    assert browser.issue().status_code == 201
