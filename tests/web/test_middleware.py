"""Whoever presents a good token is the request's user; everybody else is left alone."""

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


def test_a_good_token_is_the_user(client, bearer, user):
    response = client.get("/open/", headers=bearer)
    assert response.json() == {"user": user.pk, "kind": "access"}
    assert "Authorization" in response["Vary"]


def test_it_counts_before_the_session(client, bearer, user):
    client.force_login(UserFactory())
    assert client.get("/open/", headers=bearer).json()["user"] == user.pk


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


@pytest.mark.parametrize("address", ["open/", "open-later/", "function/", "later/"])
def test_under_asgi_too(async_client, bearer, user, address):
    ask = async_to_sync(async_client.get)
    assert ask(f"/{address}", headers=bearer).json()["user"] == user.pk


def test_under_asgi_a_token_that_ended_is_refused(async_client, bearer, made, user):
    revoking.revoke_own(caller(user), made.token_id, reason="lost", at=timezone.now())
    assert async_to_sync(async_client.get)("/open-later/", headers=bearer).status_code == 401
