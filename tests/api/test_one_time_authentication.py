"""Short tokens in REST views: used up when REST framework asks who calls, or by ``one_time`` before that."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.urls import path
from django.utils import timezone
from rest_framework.response import Response

from tests.factories import AT, ApplicationFactory, RuleFactory, UserFactory, caller
from tests.statements import counted
from tests.web.once_views import Plain
from token_issuer.api.authentication import OneTimeTokenAuthentication
from token_issuer.crypto import opaque
from token_issuer.models import IssuedToken
from token_issuer.services import issuing
from token_issuer.services.transactions import OpenTransaction
from token_issuer.web.one_time import one_time

INVALID = 'Bearer realm="token_issuer", error="invalid_token"'


class Elsewhere(OneTimeTokenAuthentication):
    """Takes another application's tokens only."""

    application = "elsewhere"


class Bare(Plain):
    """Says who came, and whether anybody did."""

    authentication_classes = [OneTimeTokenAuthentication]

    def get(self, request):
        return Response({"user": request.user.pk, "access": request.auth and request.auth.access})

    post = get


@one_time
class Decorated(Bare):
    """The same with its token used up beforehand."""


urlpatterns = [
    path("bare/", Bare.as_view()),
    path("decorated/", Decorated.as_view()),
    path("elsewhere/", Bare.as_view(authentication_classes=[Elsewhere])),
    path("both/", one_time(Bare.as_view(authentication_classes=[Elsewhere]))),
]


@pytest.fixture(autouse=True)
def addresses(addresses, settings, monkeypatch):
    """The views above; no transaction around a request unless a test says so."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", False)


@pytest.fixture
def short(db):
    RuleFactory(application=ApplicationFactory(slug="once", provider="own-once"), privileges=["readwrite"])

    def short(**body):
        made = issuing.issue(caller(UserFactory()), "once", body=body, at=timezone.now())
        return {"Authorization": f"Bearer {made.token.reveal()}"}

    return short


pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(autouse=True)
def no_other_transactions(settings, monkeypatch):
    """A second database of the site's, where it has one, does not take part either."""
    for database in settings.DATABASES.values():
        monkeypatch.setitem(database, "ATOMIC_REQUESTS", False)


def used() -> bool:
    return IssuedToken.objects.get().consumed_at is not None


@pytest.mark.parametrize("address", ["bare", "decorated"])
def test_it_comes_in_once(client, short, address):
    headers = short()
    response = client.get(f"/{address}/", headers=headers)
    assert response.json() == {"user": IssuedToken.objects.get().user_id, "access": "readonly"}
    assert used()
    assert client.get(f"/{address}/", headers=headers).status_code == 401


@pytest.mark.parametrize("address", ["bare", "decorated"])
def test_it_costs_a_select_and_an_update(client, short, address):
    headers = short()
    with counted(2) as seen:
        client.get(f"/{address}/", headers=headers)
    assert [statement.split()[0] for statement in seen] == ["SELECT", "UPDATE"]


def test_one_that_was_used_is_challenged_and_not_told_why(client, short):
    headers = short()
    client.get("/bare/", headers=headers)
    response = client.get("/bare/", headers=headers)
    assert (response.status_code, response["WWW-Authenticate"]) == (401, INVALID)
    unknown = client.get("/bare/", headers={"Authorization": f"Bearer {opaque.new(opaque.SHORT_TOKEN).reveal()}"})
    assert (unknown.status_code, unknown.content, unknown.headers) == (401, response.content, response.headers)


def test_one_that_expired_is_challenged(client, short):
    headers = short()
    IssuedToken.objects.update(issued_at=AT, expires_at=AT.replace(second=1))
    assert client.get("/bare/", headers=headers).status_code == 401


def test_a_readonly_token_changes_nothing_and_is_not_used_up(client, short):
    headers = short()
    response = client.post("/bare/", headers=headers)
    assert (response.status_code, response["WWW-Authenticate"]) == (
        403,
        'Bearer realm="token_issuer", error="insufficient_scope"',
    )
    assert not used()
    assert client.get("/bare/", headers=headers).status_code == 200


def test_a_readwrite_token_posts_without_a_csrf_token(short):
    response = Client(enforce_csrf_checks=True).post("/bare/", headers=short(access="readwrite"))
    assert (response.status_code, response.json()["access"]) == (200, "readwrite")


@pytest.mark.parametrize("header", ["", "Bearer eyJ.e30.x", "Bearer tir_x", "Api-Key tio_x", "Token tio_x", "tio_x"])
def test_what_is_not_ours_is_somebody_elses(client, db, header):
    with counted(0):
        response = client.get("/bare/", headers={"Authorization": header})
    assert (response.status_code, response.json()["access"]) == (200, None)


def test_garbage_with_our_prefix_costs_no_statement(client, db):
    with counted(0):
        response = client.get("/bare/", headers={"Authorization": "Bearer tio_x"})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, INVALID)


def test_in_the_address_it_is_refused_and_not_used_up(client, short):
    headers = short()
    text = headers["Authorization"].removeprefix("Bearer ")
    assert client.get(f"/bare/?token={text}", headers=headers).status_code == 400
    assert not used()


def test_one_of_another_application_is_left(client, short):
    headers = short()
    assert client.get("/elsewhere/", headers=headers).status_code == 401
    assert not used()


def test_the_decorator_does_not_overrule_what_the_view_asks_for(client, short):
    assert client.get("/both/", headers=short()).status_code == 401


def test_inside_the_requests_transaction_it_refuses_and_names_the_cure(short, settings, monkeypatch):
    headers = short()
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    with pytest.raises(OpenTransaction, match="Put @one_time on the view, outermost"):
        Client().get("/bare/", headers=headers)
    assert not used()


def test_with_the_decorator_it_does_not_matter(client, short, monkeypatch):
    headers = short()
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert client.get("/decorated/", headers=headers).status_code == 200
    assert used()
