"""Addresses and methods: closed lists, and no token in either."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.api.refusals import assert_refused
from token_issuer.urls import urlpatterns

SECRETS = "does not belong in an address: tokens and secrets travel in the body or in a header"
READ = ["applications/", "tokens/", "tokens/0197a0b0-0000-7000-8000-000000000000/"]
WRITE = [
    "applications/rooms/tokens/",
    "applications/rooms/tokens/explain/",
    "applications/rooms/one-time-keys/",
    "applications/rooms/pairs/refresh/",
    "applications/rooms/pairs/forget/",
    "one-time-keys/redeem/",
    "tokens/0197a0b0-0000-7000-8000-000000000000/revoke/",
    "tokens/inspect/",
    "tokens/revoke-mine/",
]
BOTH = ["applications/rooms/pairs/"]


def ask(browser, path):
    bare = path.partition("?")[0].rstrip("/") + "/"
    return browser.get(path) if bare in READ + BOTH else browser.post(path, {})


@pytest.mark.parametrize("path", READ + BOTH + WRITE)
@pytest.mark.parametrize(
    "name",
    ["token", "access_token", "refresh_token", "id_token", "api_key", "apikey", "X-Api-Key", "client_secret",
     "password", "jwt", "Authorization", "csrfmiddlewaretoken", "sessionid", "TOKEN"],
)  # fmt: skip
def test_a_token_in_the_address_is_refused(browser, rooms, path, name):
    response = ask(browser, f"{path}?{name}=x")
    assert_refused(response, 400, "invalid_request", f"{name}: {SECRETS}", fields={name: [SECRETS]})
    assert "=x" not in response.content.decode()


def test_a_token_in_the_address_is_refused_beside_a_header(browser, rooms):
    response = browser.post("applications/rooms/tokens/?access_token=x", {}, Authorization="Bearer x")
    assert_refused(response, 400, "invalid_request")


def test_a_token_in_the_address_is_refused_to_nobody_as_well(nobody):
    assert_refused(nobody.get("tokens/?token=x"), 400, "invalid_request")


@pytest.mark.parametrize("path", READ + BOTH + WRITE)
def test_an_unknown_parameter_is_refused(browser, rooms, path):
    response = ask(browser, f"{path}?format=xml")
    assert_refused(response, 400, "invalid_request", fields={"format": ["unknown parameter"]})


def test_a_parameter_is_given_once(browser):
    response = browser.get("tokens/?standing=live&standing=live")
    assert_refused(response, 400, "invalid_request", fields={"standing": ["is given more than once"]})


def test_a_hostile_name_is_shown_harmless_and_short(browser):
    response = browser.get(f"tokens/?{'x' * 100}=1&%0d%0aSet-Cookie=1&%ed%a0%80=1")
    assert_refused(response, 400, "invalid_request")
    assert all(len(name) <= 64 and name.isprintable() for name in response.json()["fields"])


def test_a_flood_of_names_is_answered_briefly(browser):
    response = browser.get("tokens/?" + "&".join(f"a{n}=1" for n in range(500)))
    assert_refused(response, 400, "invalid_request")
    assert len(response.json()["fields"]) == 10


# Methods


@pytest.mark.parametrize("path", WRITE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "MINT"])
def test_only_a_post_changes_anything(browser, rooms, path, method):
    response = browser.client.generic(method, f"/issuer/{path}", secure=True, headers=browser.headers)
    assert response.status_code == 405
    assert response["Allow"] == "POST"
    if method != "HEAD":
        assert_refused(response, 405, "method_not_allowed")


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE"])
def test_what_is_read_is_not_written(browser, path, method):
    response = browser.client.generic(method, f"/issuer/{path}", secure=True, headers=browser.headers)
    assert_refused(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_turns_a_get_into_a_post(browser, rooms, header):
    assert_refused(browser.get("applications/rooms/tokens/", **{header: "POST"}), 405, "method_not_allowed")


def test_a_head_says_what_a_get_would(browser):
    response = browser.client.head("/issuer/tokens/", secure=True)
    assert (response.status_code, response.content, response["Cache-Control"]) == (200, b"", "no-store")


# Spellings


@pytest.mark.parametrize("path", READ + BOTH + WRITE)
def test_every_address_answers_with_and_without_its_slash(browser, rooms, path):
    with_slash, without = ask(browser, path), ask(browser, path.rstrip("/"))
    assert with_slash.status_code == without.status_code
    assert with_slash.status_code != 301


def test_the_list_is_complete():
    named = {pattern.name for pattern in urlpatterns if pattern.name}
    assert named == {
        "applications",
        "issue",
        "explain",
        "one-time-keys",
        "pairs",
        "refresh-pair",
        "forget-pair",
        "redeem",
        "oauth-token",
        "oauth-revoke",
        "oauth-introspect",
        "tokens",
        "token",
        "revoke",
        "revoke-mine",
        "inspect",
    }
    assert len(urlpatterns) == 2 * len(named)


def test_the_name_of_an_address_has_the_slash():
    assert reverse("token_issuer:issue", kwargs={"slug": "rooms"}) == "/issuer/applications/rooms/tokens/"
