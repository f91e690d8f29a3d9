"""Callers with our own access token: known by it, allowed what it says, and told apart from everybody else's."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError, connection
from django.utils import timezone

from tests.api.browsers import Browser
from tests.api.refusals import assert_refused
from tests.factories import ApiKeyFactory, UserFactory, caller
from tests.services.test_remembering import Down
from token_issuer.models import ApiKey, IssuedToken, Origin, Rule
from token_issuer.services import issuing, revoking

INVALID = 'Bearer realm="token_issuer", error="invalid_token"'
SCOPES = {"reports:read": "Read reports", "reports:write": "Write reports"}


@pytest.fixture
def own(own, configure):
    configure(SCOPES=SCOPES)
    Rule.objects.filter(application=own).update(privileges=["tokens:issue", *SCOPES])
    return own


@pytest.fixture
def made(user, own):
    """An access token that may issue others and read reports."""
    body = {"scope": "tokens:issue reports:read"}
    return issuing.issue(caller(user), "own", body=body, at=timezone.now())


@pytest.fixture
def bearer(made):
    return {"Authorization": f"Bearer {made.token.reveal()}"}


def test_it_vouches_for_its_user(nobody, rooms, bearer, user):
    assert nobody.post("applications/rooms/tokens/", {"roomId": "a"}, **bearer).status_code == 201
    row = IssuedToken.objects.get(application=rooms)
    assert (row.user, row.origin, row.api_key) == (user, Origin.BEARER, None)


def test_no_cookie_and_no_csrf_token_is_needed(rooms, bearer):
    assert Browser().get("tokens/", **bearer).json()["results"]


def test_what_is_presented_counts_before_the_session(rooms, bearer, user):
    other = Browser(UserFactory())
    assert other.post("applications/rooms/tokens/", {"roomId": "a"}, **bearer).status_code == 201
    assert IssuedToken.objects.get(application=rooms).user == user


def test_a_token_that_is_not_good_is_no_session_either(browser, rooms, bearer, made, user):
    revoking.revoke_own(caller(user), made.token_id, reason="lost", at=timezone.now())
    response = browser.post("applications/rooms/tokens/", {"roomId": "a"}, **bearer)
    IssuedToken.objects.all().delete()
    assert_refused(response, 401, "invalid_token", "The credentials were not accepted.")
    assert response["WWW-Authenticate"] == INVALID


def test_without_the_scope_it_may_nothing(nobody, user, own, rooms):
    token = issuing.issue(caller(user), "own", body={"scope": "reports:read"}, at=timezone.now()).token
    bearer = {"Authorization": f"Bearer {token.reveal()}"}
    IssuedToken.objects.exclude(application=own).delete()
    for response in (nobody.get("tokens/", **bearer), nobody.post("applications/rooms/tokens/", {}, **bearer)):
        assert (response.status_code, response.json()["reason"]) == (403, "scope_missing")
        assert response["WWW-Authenticate"] == 'Bearer realm="token_issuer", error="insufficient_scope"'


def test_what_it_hands_on_is_never_more_than_it_has(nobody, bearer):
    """A token for reading does not become one for writing, whatever its user may have."""
    ask = "applications/own/tokens/"
    assert nobody.post(ask, {"scope": "reports:read"}, **bearer).status_code == 201
    refused = nobody.post(ask, {"scope": "reports:read reports:write"}, **bearer)
    assert (refused.status_code, refused.json()["reason"]) == (403, "scope_missing")


def test_a_servers_token_hands_on_what_it_has_and_its_key_has(nobody, own, configure):
    key = ApiKeyFactory(application=own, scopes=["tokens:issue", "reports:read", "reports:write"])
    server = caller(AnonymousUser(), origin=Origin.API_KEY, api_key=key)
    made = issuing.issue(server, "own", body={"scope": "tokens:issue reports:read"}, at=timezone.now())
    bearer = {"Authorization": f"Bearer {made.token.reveal()}"}
    ask = "applications/own/tokens/"
    assert nobody.post(ask, {"scope": "reports:read"}, **bearer).status_code == 201
    assert nobody.post(ask, {"scope": "reports:write"}, **bearer).json()["reason"] == "privilege_not_granted"
    ApiKey.objects.update(scopes=["tokens:issue"])
    assert nobody.post(ask, {"scope": "reports:read"}, **bearer).json()["reason"] == "privilege_not_granted"


@pytest.mark.parametrize("kept", ["full", "truncated", "off"])
def test_a_servers_token_is_taken_here_from_its_keys_networks_only(nobody, own, configure, kept):
    key = ApiKeyFactory(application=own, scopes=["tokens:issue"], networks=["127.0.0.1/32"])
    server = caller(AnonymousUser(), origin=Origin.API_KEY, api_key=key)
    made = issuing.issue(server, "own", body={"scope": "tokens:issue"}, at=timezone.now())
    bearer = {"Authorization": f"Bearer {made.token.reveal()}"}
    configure(AUDIT_NETWORK=kept)
    assert nobody.get("tokens/", **bearer).status_code == 200
    configure(AUDIT_NETWORK=kept, TRUSTED_PROXIES=["127.0.0.1/32"])
    elsewhere = nobody.get("tokens/", **bearer, **{"X-Forwarded-For": "198.51.100.7"})
    IssuedToken.objects.update(revoked_at=timezone.now())
    assert_same_refusal(elsewhere, nobody.get("tokens/", **bearer))


def assert_same_refusal(one, other):
    told = [({**answer.json(), "request_id": ""}, answer["WWW-Authenticate"]) for answer in (one, other)]
    assert (one.status_code, other.status_code, told[0]) == (401, 401, told[1])


def test_a_persons_token_is_his_also_where_a_server_asked_for_it(nobody, own, rooms, user):
    key = ApiKeyFactory(application=own, scopes=["tokens:issue"])
    server = caller(user, origin=Origin.API_KEY, api_key=key)
    made = issuing.issue(server, "own", body={"scope": "tokens:issue"}, at=timezone.now())
    bearer = {"Authorization": f"Bearer {made.token.reveal()}"}
    assert nobody.post("applications/rooms/tokens/", {"roomId": "a"}, **bearer).status_code == 201
    assert IssuedToken.objects.get(application=rooms).api_key is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_token_in_the_address_is_refused(nobody, bearer, made, method):
    response = getattr(nobody, method)(f"tokens/?access_token={made.token.reveal()}", **bearer)
    assert response.status_code in {400, 405}


def test_a_database_that_is_down_is_no_refusal_of_the_token(nobody, bearer):
    def refuse(*arguments):
        raise OperationalError

    with connection.execute_wrapper(refuse):
        response = nobody.get("tokens/", **bearer)
    assert (response.status_code, response.json()["error"], response["Retry-After"]) == (503, "unavailable", "5")
    assert not response.has_header("WWW-Authenticate")


@pytest.mark.parametrize("listed", [None, ["token_issuer.api.authentication.AccessTokenAuthentication"]])
def test_our_own_views_ask_the_database_always(nobody, bearer, configure, settings, listed):
    settings.CACHES = {"default": {"BACKEND": "tests.services.test_remembering.Down"}}
    configure(REVOCATION_CHECK="cache", AUTHENTICATION_CLASSES=listed)
    before = Down.asked
    assert [nobody.get("tokens/", **bearer).status_code for _ in range(2)] == [200, 200]
    assert Down.asked == before
