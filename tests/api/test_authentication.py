"""Who may vouch for a caller."""

from __future__ import annotations

import pytest
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from tests.api.browsers import Browser
from tests.api.refusals import assert_refused
from token_issuer.models import IssuedToken, Origin

JWT = "rest_framework_simplejwt.authentication.JWTAuthentication"
SESSION = "token_issuer.api.authentication.SessionAuthentication"


class Raising(BaseAuthentication):
    """Raises what a header says."""

    def authenticate(self, request):
        name = request.META.get("HTTP_X_RAISE", "")
        raise {
            "throttled": exceptions.Throttled(wait=7.2),
            "not_found": exceptions.NotFound(),
            "denied": exceptions.PermissionDenied(),
            "down": exceptions.APIException(),
            "invalid": exceptions.ValidationError("x"),
        }[name]


class Reading(BaseAuthentication):
    """Reads the body before we do, as OAuth libraries do."""

    def authenticate(self, request):
        dict(request.POST.items())


@pytest.fixture
def bearer(user):
    return {"Authorization": f"Bearer {AccessToken.for_user(user)}"}


def test_a_bearer_token_alone_opens_nothing(nobody, rooms, bearer):
    response = nobody.post("applications/rooms/tokens/", {"roomId": "a"}, **bearer)
    assert_refused(response, 401, "not_authenticated")


def test_a_site_may_let_its_own_tokens_in(nobody, rooms, bearer, configure):
    configure(AUTHENTICATION_CLASSES=[JWT])
    response = nobody.post("applications/rooms/tokens/", {"roomId": "a"}, **bearer)
    assert response.status_code == 201
    assert IssuedToken.objects.get().origin == Origin.BEARER


def test_a_bad_token_is_challenged_in_its_own_scheme(nobody, rooms, configure):
    configure(AUTHENTICATION_CLASSES=[JWT])
    response = nobody.post("applications/rooms/tokens/", {"roomId": "a"}, Authorization="Bearer x.y.z")
    assert_refused(response, 401, "invalid_token", "The credentials were not accepted.")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_without_the_session_in_the_list_it_opens_nothing(browser, rooms, configure):
    configure(AUTHENTICATION_CLASSES=[JWT])
    assert_refused(browser.issue(), 401, "not_authenticated")


def test_both_may_stand_in_the_list(browser, rooms, configure):
    configure(AUTHENTICATION_CLASSES=[JWT, SESSION])
    assert browser.issue().status_code == 201
    assert IssuedToken.objects.get().origin == Origin.SESSION


def test_an_empty_list_lets_nobody_in(browser, rooms, configure):
    configure(AUTHENTICATION_CLASSES=[])
    response = browser.issue()
    assert_refused(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"]


def test_drfs_own_session_class_speaks_our_words(user, rooms, configure):
    configure(AUTHENTICATION_CLASSES=["rest_framework.authentication.SessionAuthentication"])
    browser = Browser(user)
    assert browser.issue().status_code == 201
    IssuedToken.objects.all().delete()
    browser.headers.clear()
    assert_refused(browser.issue(), 403, "csrf_failed", "CSRF Failed: CSRF token missing.")
    assert_refused(Browser().issue(), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["nowhere.Nobody", "tests.api.test_authentication.JWT"])
def test_a_class_that_is_not_there_is_the_sites_trouble(browser, rooms, configure, path):
    configure(AUTHENTICATION_CLASSES=[path])
    assert_refused(browser.issue(), 503, "unavailable")


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("throttled", 429, "rate_limited"),
        ("not_found", 404, "not_found"),
        ("denied", 403, "policy_denied"),
        ("down", 503, "unavailable"),
        ("invalid", 400, "invalid_request"),
    ],
)
def test_whatever_a_sites_class_raises_is_one_of_our_answers(nobody, configure, name, status, error):
    configure(AUTHENTICATION_CLASSES=[f"{__name__}.Raising"])
    response = nobody.get("tokens/", **{"X-Raise": name})
    assert_refused(response, status, error)
    if name == "throttled":
        assert response["Retry-After"] == "8"


def test_a_class_that_reads_the_body_leaves_it_to_us(browser, rooms, configure):
    configure(AUTHENTICATION_CLASSES=[f"{__name__}.Reading", SESSION])
    assert browser.issue(roomId="room-9").json()["resource"] == "room-9"
    IssuedToken.objects.all().delete()
    assert_refused(browser.send("applications/rooms/tokens/", "["), 400, "malformed_body")
