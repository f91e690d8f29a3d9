"""Views that want a token: functions, classes, and both again asynchronously."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync, iscoroutinefunction
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from tests.factories import api_key, caller
from tests.statements import counted
from tests.web import views
from token_issuer.models import Application, IssuedToken
from token_issuer.services import issuing, revoking
from token_issuer.web.decorators import token_required

INVALID = 'Bearer realm="token_issuer", error="invalid_token"'
ALL = ["function/", "later/", "class/a/", "later-class/a/"]


@pytest.fixture(autouse=True)
def addresses(settings):
    settings.ROOT_URLCONF = views.__name__


@pytest.mark.parametrize("address", ALL)
def test_a_good_token_comes_in(client, bearer, user, address):
    response = client.get(f"/{address}", headers=bearer)
    assert (response.status_code, response.json()) == (200, {"user": user.pk, "kind": "access"})
    assert "Authorization" in response["Vary"]


@pytest.mark.parametrize("address", ALL)
def test_under_asgi_too(async_client, bearer, user, address):
    ask = async_to_sync(async_client.get)
    assert ask(f"/{address}").status_code == 401
    assert ask(f"/{address}", headers=bearer).json() == {"user": user.pk, "kind": "access"}


@pytest.mark.parametrize("address", ALL)
def test_nobody_is_asked_for_one(db, client, address):
    response = client.get(f"/{address}")
    assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")
    assert (response["WWW-Authenticate"], response["Cache-Control"]) == ('Bearer realm="token_issuer"', "no-store")


@pytest.mark.parametrize("address", ALL)
def test_a_session_does_not_count(client, user, address):
    client.force_login(user)
    assert client.get(f"/{address}").status_code == 401


@pytest.mark.parametrize("address", ALL)
def test_a_token_that_ended_is_not_told_why(client, bearer, made, user, address):
    revoking.revoke_own(caller(user), made.token_id, reason="lost", at=timezone.now())
    response = client.get(f"/{address}", headers=bearer)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, INVALID)
    assert response.json() == {
        "error": "invalid_token",
        "error_description": "The credentials were not accepted.",
    }


def test_a_sort_stays_what_it_is():
    assert [iscoroutinefunction(view) for view in (views.function, views.later)] == [False, True]
    assert [iscoroutinefunction(view.as_view()) for view in (views.Class, views.LaterClass)] == [False, True]
    assert vars(views.Class.as_view())["view_class"] is views.Class


def test_a_post_needs_no_csrf_token(bearer):
    assert Client(enforce_csrf_checks=True).post("/class/a/", headers=bearer).status_code == 200


def test_nobody_is_sent_to_sign_in(client, db, settings, bearer):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    assert client.get("/function/").status_code == 401
    assert client.get("/later-class/a/", headers=bearer).status_code == 200


def test_a_missing_scope_is_named(client, bearer):
    response = client.get("/writing/", headers=bearer)
    assert (response.status_code, response.json()["error"]) == (403, "insufficient_scope")
    assert response["WWW-Authenticate"] == (
        'Bearer realm="token_issuer", error="insufficient_scope", scope="reports:write"'
    )


def test_whoever_comes_without_a_token_is_told_the_scope(client, db):
    assert client.get("/writing/")["WWW-Authenticate"] == 'Bearer realm="token_issuer", scope="reports:write"'


def test_a_kind_that_is_not_named_is_none(client, bearer):
    response = client.get("/keys-only/", headers=bearer)
    assert (response.status_code, response.json()["error"]) == (401, "not_authenticated")


def test_an_api_key_has_a_scheme_of_its_own(client, own):
    key, secret = api_key(application=own)
    text = f"{key.public_id}.{secret}"
    assert client.get("/keys-only/", headers={"Authorization": f"Api-Key {text}"}).status_code == 200
    assert client.get("/keys-only/", headers={"Authorization": f"Bearer {text}"}).status_code == 401


def test_an_access_token_does_not_come_as_a_key(client, bearer):
    as_key = {"Authorization": bearer["Authorization"].replace("Bearer", "Api-Key")}
    assert client.get("/function/", headers=as_key).status_code == 401


def test_a_token_for_somebody_else_opens_what_is_his(client, user, own):
    Application.objects.update(options={"audience": "https://reports.example"})
    made = issuing.issue(caller(user), "own", body={}, at=timezone.now())
    bearer = {"Authorization": f"Bearer {made.token.reveal()}"}
    assert client.get("/function/", headers=bearer).status_code == 401
    assert client.get("/elsewhere/", headers=bearer).status_code == 200


@pytest.mark.parametrize("address", ALL)
def test_a_token_in_the_address_is_refused(client, bearer, made, address):
    response = client.get(f"/{address}?a=1&token={made.token.reveal()}", headers=bearer)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")
    assert response["WWW-Authenticate"] == 'Bearer realm="token_issuer", error="invalid_request"'


@pytest.mark.parametrize("address", ALL)
def test_a_database_that_is_down_lets_nobody_in(client, bearer, address):
    def refuse(*arguments):
        raise OperationalError

    with connection.execute_wrapper(refuse):
        response = client.get(f"/{address}", headers=bearer)
    assert (response.status_code, response["Retry-After"]) == (503, "5")


def test_what_is_good_once_is_not_taken(client, short):
    """Verifying uses nothing up: it would be good for as long as it lives."""
    assert client.get("/short-only/", headers=short()).status_code == 401
    assert not IssuedToken.objects.filter(consumed_at__isnull=False).exists()


def test_a_reusable_short_token_is_taken_where_it_is_named(client, short):
    header = short(one_time=False)
    assert client.get("/function/", headers=header).status_code == 401
    assert [client.get("/short-only/", headers=header).status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(("access", "status"), [("readonly", 403), ("readwrite", 200)])
def test_a_readonly_token_reads(client, short, access, status):
    header = short(one_time=False, access=access)
    assert client.get("/short-only/", headers=header).status_code == 200
    assert client.post("/short-only/", headers=header).status_code == status


def test_one_statement(client, bearer):
    client.get("/function/", headers=bearer)
    with counted(1):
        client.get("/function/", headers=bearer)


def test_scopes_are_no_text():
    with pytest.raises(TypeError, match=r"^scopes is a collection of texts$"):
        token_required(scopes="reports:read")
