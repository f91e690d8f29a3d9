"""A browser's refresh token lives in a cookie: no script reads it, no other address gets it, no other site uses it."""

from __future__ import annotations

from datetime import timedelta
from http.cookies import Morsel
from urllib.parse import urlencode

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication

from tests.api.browsers import Browser
from tests.api.machines import FORM, Machine, assert_error
from tests.factories import UserFactory, caller
from token_issuer.api import transports
from token_issuer.api.spellings import MEDIA_TYPE
from token_issuer.models import Origin, TokenFamily
from token_issuer.services import issuing, verifying
from token_issuer.services.verified import Kind

COOKIE = "token_issuer_refresh_own"
FIELDS = {"grant_type": "refresh_token", "application": "own"}


@pytest.fixture
def shop(own):
    """An application that gives pairs to browsers."""
    own.options = {"browser_pairs": True}
    own.save()
    return own


@pytest.fixture
def signed_in(shop, browser) -> Browser:
    """A browser that has got a pair, half of it in a cookie."""
    assert issued(browser).status_code == 201
    return browser


def issued(browser, **headers):
    return browser.post("applications/own/tokens/", {}, **headers)


def body_text(user, *, at=None) -> str:
    """The refresh token of a native client."""
    made = issuing.issue(caller(user, origin=Origin.BEARER), "own", body={}, at=at or timezone.now())
    assert made.pair is not None
    return made.pair.refresh_token.reveal()


def oauth(browser, path="token", form=FIELDS, **headers):
    return browser.send(f"oauth/{path}/", urlencode(form), kind=FORM, **headers)


def cookie_of(response) -> Morsel:
    return response.cookies[COOKIE]


def sent_cookie(browser) -> str:
    return browser.client.cookies[COOKIE].value


# Getting it


def test_a_session_gets_its_refresh_token_in_a_cookie_alone(shop, browser):
    response = issued(browser)
    body = response.json()
    assert "refresh_token" not in body
    assert body["refresh_expires_at"].endswith("Z")
    assert cookie_of(response).value.startswith("tir_")
    assert cookie_of(response).value.encode() not in response.content


def test_the_cookie_is_kept_from_scripts_strangers_and_other_addresses(shop, browser):
    cookie = cookie_of(issued(browser))
    assert {name: cookie[name] for name in ("httponly", "secure", "samesite", "path", "domain")} == {
        "httponly": True,
        "secure": True,
        "samesite": "Strict",
        "path": "/issuer/oauth/",
        "domain": "",
    }


def test_it_lasts_as_long_as_the_family(shop, browser):
    assert 30 * 86400 - 5 <= int(cookie_of(issued(browser))["max-age"]) <= 30 * 86400


def test_over_plain_http_it_is_not_secure(shop, user, configure):
    configure(REQUIRE_HTTPS=False)
    browser = Browser()
    browser.client.defaults["HTTP_ORIGIN"] = "http://testserver"
    browser.client.force_login(user)
    browser.headers["X-CSRFToken"] = browser.get("applications/", secure=False).json()["csrf_token"]
    response = browser.send("applications/own/tokens/", "{}", secure=False)
    assert cookie_of(response)["secure"] == ""


def test_over_https_it_is_secure_whatever_the_site_allows(shop, browser, configure):
    configure(REQUIRE_HTTPS=False)
    assert cookie_of(issued(browser))["secure"] is True


class Badge(BaseAuthentication):
    """A site's own class, which takes its token from a header or, as many do, from a cookie."""

    def authenticate(self, request):
        said = request.headers.get("Authorization", "").removeprefix("Badge ").strip() or request.COOKIES.get("badge")
        return (get_user_model().objects.get(username=said), None) if said else None


@pytest.fixture
def badges(own, configure):
    configure(AUTHENTICATION_CLASSES=[f"{__name__}.Badge"])


def test_a_sites_own_token_in_a_header_gets_its_refresh_token_in_the_body(own, badges, nobody, user):
    response = issued(nobody, Authorization=f"Badge {user.username}")
    assert response.json()["refresh_token"].startswith("tir_")
    assert COOKIE not in response.cookies


@pytest.mark.parametrize("headers", [{}, {"Authorization": ""}, {"Authorization": " "}])
def test_a_sites_own_token_in_a_cookie_is_a_browsers(shop, badges, nobody, user, headers):
    nobody.client.cookies["badge"] = user.username
    response = issued(nobody, **headers)
    assert "refresh_token" not in response.json()
    assert cookie_of(response).value.startswith("tir_")


def test_a_sites_own_token_in_a_cookie_gets_no_pair_where_browsers_get_none(own, badges, nobody, user):
    nobody.client.cookies["badge"] = user.username
    response = issued(nobody)
    assert response.status_code == 201
    assert "refresh_expires_at" not in response.json()
    assert not TokenFamily.objects.exists()


def test_an_application_without_pairs_for_browsers_gives_none(own, browser):
    response = issued(browser)
    assert COOKIE not in response.cookies
    assert "refresh_expires_at" not in response.json()
    assert not TokenFamily.objects.exists()


def test_a_native_client_gets_it_in_the_body(own, user):
    response = Machine().refresh(body_text(user))
    assert response.json()["refresh_token"].startswith("tir_")
    assert not response.cookies


# Using it


def test_the_browser_refreshes_without_ever_seeing_it(signed_in):
    before = sent_cookie(signed_in)
    response = oauth(signed_in)
    body = response.json()
    assert response.status_code == 200
    assert (set(body), body["token_type"]) == (
        {"access_token", "token_type", "expires_in", "refresh_expires_at"},
        "Bearer",
    )
    assert verifying.verify(body["access_token"], at=timezone.now()).kind is Kind.ACCESS
    assert cookie_of(response).value not in {before, ""}
    assert sent_cookie(signed_in) == cookie_of(response).value


def test_it_goes_on(signed_in):
    for _ in range(3):
        assert oauth(signed_in).status_code == 200
    assert TokenFamily.objects.get().generation == 3


def test_it_needs_no_session(signed_in):
    del signed_in.client.cookies[site.SESSION_COOKIE_NAME]
    assert oauth(signed_in).status_code == 200


@pytest.mark.parametrize("path", ["token", "revoke"])
def test_without_the_proof_of_the_sites_own_page_nothing_happens(signed_in, path):
    signed_in.headers.clear()
    assert_error(oauth(signed_in, path), 403, "invalid_request", "CSRF check failed: CSRF token missing.")
    family = TokenFamily.objects.get()
    assert (family.generation, family.closed_at) == (0, None)
    assert sent_cookie(signed_in)


@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
def test_a_foreign_page_may_not_use_it(signed_in, origin):
    assert_error(oauth(signed_in, Origin=origin), 403, "invalid_request")
    assert TokenFamily.objects.get().generation == 0


def test_the_proof_comes_in_the_header_alone(signed_in):
    token = signed_in.headers.pop("X-CSRFToken")
    assert_error(oauth(signed_in, form={**FIELDS, "csrfmiddlewaretoken": token}), 403, "invalid_request")


def test_without_naming_the_application_there_is_no_cookie(signed_in):
    response = oauth(signed_in, form={"grant_type": "refresh_token"})
    assert_error(response, 400, "invalid_request", "refresh_token: is required")


@pytest.mark.parametrize("slug", ["other", "OWN", "own "])
def test_another_applications_cookie_is_not_looked_for(signed_in, slug):
    assert_error(oauth(signed_in, form={**FIELDS, "application": slug}), 400, "invalid_request")


@pytest.mark.parametrize("slug", ["a(b", "a b", "a\n", "own/"])
@pytest.mark.parametrize("path", ["token", "revoke"])
def test_what_is_no_slug_names_no_cookie(signed_in, slug, path):
    """Such a cookie could be sent, and never be dropped: no library sets one of that name."""
    signed_in.headers["Cookie"] = f"token_issuer_refresh_{slug.strip()}=tir_x; csrftoken=x"
    assert_error(oauth(signed_in, path, {**FIELDS, "application": slug}), 400, "invalid_request")


@pytest.mark.parametrize("slug", ["a(b", ""])
def test_a_name_that_no_cookie_has_is_not_dropped(rf, slug):
    response = HttpResponse()
    transports.forget(response, rf.get("/"), slug)
    assert not response.cookies


def test_a_cookie_under_another_applications_name_is_refused(signed_in):
    signed_in.client.cookies["token_issuer_refresh_other"] = sent_cookie(signed_in)
    assert_error(oauth(signed_in, form={**FIELDS, "application": "other"}), 400, "invalid_grant")


def test_the_text_of_a_cookie_is_worth_nothing_in_a_body(signed_in):
    """Else its successor would come in a body, and the CSRF proof could be left out."""
    assert_error(Machine().refresh(sent_cookie(signed_in)), 400, "invalid_grant")
    assert TokenFamily.objects.get().generation == 0


def test_the_text_of_a_body_is_worth_nothing_in_a_cookie(shop, user, browser):
    browser.client.cookies[COOKIE] = body_text(user)
    assert_error(oauth(browser), 400, "invalid_grant")
    assert TokenFamily.objects.get().generation == 0


def test_a_text_in_the_body_counts_and_the_cookie_does_not(signed_in, user):
    response = oauth(signed_in, form={**FIELDS, "refresh_token": body_text(user)})
    assert response.json()["refresh_token"].startswith("tir_")
    assert COOKIE not in response.cookies


# Whose it is


def refused_and_dropped(response) -> None:
    assert_error(response, 400, "invalid_grant")
    assert dropped(response)
    family = TokenFamily.objects.get()
    assert (family.generation, family.closed_at) == (0, None)


def sign_in(browser, somebody) -> None:
    """Let somebody sign in in a browser, with the page of his that this gives him."""
    browser.client.force_login(somebody)
    browser.headers["X-CSRFToken"] = browser.get("applications/").json()["csrf_token"]


def test_what_somebody_left_behind_is_not_the_next_ones(signed_in, user):
    kept = sent_cookie(signed_in)
    sign_in(signed_in, UserFactory())
    refused_and_dropped(oauth(signed_in))
    sign_in(signed_in, user)
    signed_in.client.cookies[COOKIE] = kept
    assert oauth(signed_in).status_code == 200


def test_whoever_is_signed_in_may_give_up_what_was_left_behind(signed_in):
    sign_in(signed_in, UserFactory())
    assert dropped(oauth(signed_in, "revoke", {"application": "own"}))
    assert TokenFamily.objects.get().closed_at is not None


def test_a_session_is_not_asked_about_a_text_in_the_body(own, user):
    somebody = Browser(UserFactory())
    form = {"grant_type": "refresh_token", "refresh_token": body_text(user)}
    assert oauth(somebody, form=form).status_code == 200


def test_an_application_that_stops_giving_pairs_to_browsers_takes_none_back(signed_in, shop):
    shop.options = {"browser_pairs": False}
    shop.save()
    refused_and_dropped(oauth(signed_in))


# Dropping it


def dropped(response) -> bool:
    cookie = response.cookies.get(COOKIE)
    return cookie is not None and (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, "/issuer/oauth/")


def test_what_is_refused_is_dropped(signed_in):
    TokenFamily.objects.update(closed_at=timezone.now())
    response = oauth(signed_in)
    assert_error(response, 400, "invalid_grant")
    assert dropped(response)


def test_what_policy_denies_is_kept(signed_in, shop):
    shop.rules.all().delete()
    response = oauth(signed_in)
    assert_error(response, 400, "access_denied")
    assert COOKIE not in response.cookies


def test_giving_it_up_drops_it(signed_in):
    response = oauth(signed_in, "revoke", {"application": "own"})
    assert response.status_code == 200
    assert dropped(response)
    assert TokenFamily.objects.get().reason == "given up by its holder"


def test_a_body_gives_nothing_to_drop(signed_in):
    assert COOKIE not in oauth(signed_in, "revoke", {"token": "tir_x", "application": "own"}).cookies


# Another spelling


@pytest.mark.parametrize("accept", [MEDIA_TYPE, 'text/html, application/json;profile="login-tokens";q=0.9'])
def test_a_pair_may_be_spelt_as_login_tokens(own, user, accept):
    machine = Machine()
    machine.headers["Accept"] = accept
    body = machine.refresh(body_text(user, at=timezone.now() - timedelta(days=1))).json()
    assert set(body) == {"accessToken", "accessExpire", "refreshToken", "refreshExpire"}
    assert body["accessExpire"] == 3600
    assert 29 * 86400 - 5 <= body["refreshExpire"] <= 29 * 86400 + 5
    assert verifying.verify(body["accessToken"], at=timezone.now()).kind is Kind.ACCESS


def test_a_session_gets_them_without_the_refresh_token(shop, browser):
    response = issued(browser, Accept=MEDIA_TYPE)
    assert response.status_code == 201
    assert set(response.json()) == {"accessToken", "accessExpire", "refreshExpire"}
    assert cookie_of(response).value


def test_a_token_without_a_pair_has_two_members(own, browser):
    assert set(issued(browser, Accept=MEDIA_TYPE).json()) == {"accessToken", "accessExpire"}


UNREADABLE = ["text/html; profile*=bogus''x", "text/html; profile*=zlib''x", "text/html; profile*=undefined''x"]
WISHES = ["application/json", "*/*", 'application/json; profile="x"', "login-tokens", ";;", *UNREADABLE]


@pytest.mark.parametrize("accept", WISHES)
def test_other_wishes_change_nothing(own, browser, accept):
    assert "token" in issued(browser, Accept=accept).json()


@pytest.mark.parametrize("accept", UNREADABLE)
def test_what_cannot_be_read_costs_nobody_his_refresh_token(own, user, accept):
    machine = Machine()
    machine.headers["Accept"] = accept
    assert "refresh_token" in machine.refresh(body_text(user)).json()
