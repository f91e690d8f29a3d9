"""What is known of a good token is the request's ``auth``; its user stays the session's."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from tests.factories import UserFactory, caller
from tests.statements import counted
from tests.web import views
from token_issuer.services import revoking


@pytest.fixture(autouse=True)
def site(settings):
    settings.ROOT_URLCONF = views.__name__
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "token_issuer.web.middleware.TokenMiddleware"]


def test_a_good_token_is_known_and_is_no_session(client, bearer):
    response = client.get("/open/", headers=bearer)
    assert response.json() == {"user": None, "kind": "access"}
    assert "Authorization" in response["Vary"]


def test_the_user_stays_the_sessions(client, bearer):
    other = UserFactory()
    client.force_login(other)
    assert client.get("/open/", headers=bearer).json() == {"user": other.pk, "kind": "access"}


def test_a_view_for_both_asks_for_both(client, bearer, user):
    assert client.get("/shared/", headers=bearer).json() == {"user": user.pk}
    other = UserFactory()
    client.force_login(other)
    assert client.get("/shared/").json() == {"user": other.pk}


SESSIONS_ONLY = ["admin/", "admin/token_issuer/apikey/", "people-only/", "rest-people-only/"]


@pytest.mark.parametrize("address", SESSIONS_ONLY)
def test_a_superusers_token_opens_nothing_that_wants_his_session(client, bearer, user, address):
    type(user).objects.update(is_staff=True, is_superuser=True)
    assert client.get(f"/{address}", headers=bearer).status_code in {302, 403}
    client.force_login(user)
    assert client.get(f"/{address}").status_code == 200


def as_it_was_done_before(get_response):
    """A site's own middleware that makes the bearer of a token the user, everywhere."""

    def respond(request):
        if request.auth:
            request.user = request.auth.user
        return get_response(request)

    return respond


@pytest.mark.parametrize(
    "session", ["token_issuer.api.authentication", "rest_framework.authentication"], ids=["ours", "theirs"]
)
@pytest.mark.parametrize("careless", [False, True])
def test_a_token_never_comes_as_its_users_session(client, bearer, settings, session, careless):
    """Whoever had few scopes would issue what the person may."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "AUTHENTICATION_CLASSES": [f"{session}.SessionAuthentication"]}
    if careless:
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.{as_it_was_done_before.__name__}"]
    assert client.post("/issuer/applications/own/tokens/", headers=bearer, secure=True).status_code == 401
    assert client.get("/issuer/applications/", headers=bearer, secure=True).status_code == 401


def test_a_token_without_the_scope_issues_nothing(client, bearer):
    response = client.post("/issuer/applications/own/tokens/", {}, "application/json", headers=bearer, secure=True)
    assert (response.status_code, response.json()["reason"]) == (403, "scope_missing")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic eDp5"}])
def test_everybody_else_is_left_alone(client, user, header):
    client.force_login(user)
    response = client.get("/open/", headers=header)
    assert response.json() == {"user": user.pk, "kind": None}
    assert "Authorization" in response["Vary"]


def test_what_is_good_once_passes_unseen(client, short):
    assert client.get("/open/", headers=short()).json() == {"user": None, "kind": None}


def test_a_token_that_ended_is_refused(client, bearer, made, user):
    revoking.revoke_own(caller(user), made.token_id, reason="lost", at=timezone.now())
    client.force_login(user)
    response = client.get("/open/", headers=bearer)
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")


def test_a_token_in_the_address_is_refused(client, made):
    assert client.get(f"/open/?t={made.token.reveal()}").status_code == 400


def test_a_decorated_view_asks_no_second_time(client, bearer):
    client.get("/function/", headers=bearer)
    with counted(1):
        assert client.get("/function/", headers=bearer).status_code == 200


def test_a_decorated_view_takes_its_own_kinds_and_audience_all_the_same(client, bearer):
    assert client.get("/keys-only/", headers=bearer).status_code == 401
    assert client.get("/elsewhere/", headers=bearer).status_code == 401


@pytest.mark.parametrize(
    ("address", "taken"), [("open/", False), ("open-later/", False), ("function/", True), ("later/", True)]
)
def test_under_asgi_too(async_client, bearer, user, address, taken):
    ask = async_to_sync(async_client.get)
    assert ask(f"/{address}", headers=bearer).json() == {"user": user.pk if taken else None, "kind": "access"}


def test_under_asgi_a_token_that_ended_is_refused(async_client, bearer, made, user):
    revoking.revoke_own(caller(user), made.token_id, reason="lost", at=timezone.now())
    assert async_to_sync(async_client.get)("/open-later/", headers=bearer).status_code == 401
