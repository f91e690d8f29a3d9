"""Login keys, short tokens and endings of people whose model has nothing but a UUID."""

from __future__ import annotations

import io
import json

import pytest
from django.contrib.auth import SESSION_KEY
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.api.browsers import JSON
from tests.api.servers import Server
from tests.factories import ApplicationFactory, RuleFactory, api_key, caller
from tests.projects.uuid_user.models import Person
from token_issuer import consume, issue
from token_issuer.errors import TokenRejected
from token_issuer.models import IssuedToken, OneTimeKey
from token_issuer.services import login_keys

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.urls")]


@pytest.fixture
def ada():
    return Person.objects.create_superuser("ada", "correct horse")


@pytest.fixture
def rooms():
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application


@pytest.fixture
def once():
    return RuleFactory(application=ApplicationFactory(slug="once", provider="own-once")).application


def redeem(text: str, client: Client | None = None):
    body = json.dumps({"key": text})
    return (client or Client()).post("/issuer/one-time-keys/redeem/", body, content_type=JSON, secure=True)


def test_a_login_key_signs_its_user_in(ada, rooms, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "LOGIN_KEY_SESSIONS": True}
    body = {"roomId": "room-1", "starts_session": True}
    made = login_keys.make(caller(ada), "rooms", body=body, at=timezone.now())
    client = Client()
    assert redeem(made.text.reveal(), client).json()["session_started"]
    assert client.session[SESSION_KEY] == str(ada.pk)


def test_a_server_names_the_user_by_his_key(ada, rooms):
    server = Server(*api_key(application=rooms, scopes=["tokens:issue"]))
    response = server.post("applications/rooms/one-time-keys/", {"roomId": "room-1", "on_behalf_of": str(ada.pk)})
    assert redeem(response.json()["key"]).json()["subject"] == f"user-{ada.pk}"


def test_a_short_token_is_used_up(ada, once):
    token = issue(ada, "once").token
    assert consume(token, safe=True).user == ada
    with pytest.raises(TokenRejected):
        consume(token, safe=True)


@pytest.mark.parametrize("named", [lambda person: person.handle, lambda person: str(person.pk)])
def test_all_of_it_is_ended(ada, rooms, named):
    issue(ada, "rooms", roomId="room-1")
    login_keys.make(caller(ada), "rooms", body={"roomId": "room-1"}, at=timezone.now())
    out = io.StringIO()
    call_command("token_issuer_user", named(ada), "--end", stdout=out)
    assert "1 live tokens, 0 pairs, 1 login keys" in out.getvalue()
    assert not IssuedToken.objects.live(timezone.now()).exists()
    assert OneTimeKey.objects.get().revoked_at is not None


def test_whoever_is_deleted_leaves_his_rows(ada, rooms):
    login_keys.make(caller(ada), "rooms", body={"roomId": "room-1"}, at=timezone.now())
    ada.delete()
    assert OneTimeKey.objects.get().user is None
