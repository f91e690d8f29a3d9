"""Connecting to the vendor that the site plays itself: the pair is kept, the browser gets its access token alone."""

from __future__ import annotations

import json

import pytest

from tests.example_project.conftest import person
from token_issuer.models import Application, VendorPair

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def host(client, demo):
    client.force_login(person("host"))
    return client


def issued(client):
    answer = client.post("/issuer/applications/connectify/tokens/", {}, content_type="application/json")
    return answer.status_code, answer.json()


def test_whoever_is_not_connected_is_told(host):
    status, answer = issued(host)
    assert (status, answer["reason"]) == (403, "not_connected")


def test_whoever_connects_gets_the_access_token_alone(host):
    assert host.post("/connect/").status_code == 302
    status, answer = issued(host)
    assert (status, set(answer["sdk"])) == (201, {"access_token", "token_type", "expires_in"})
    assert "tir_" not in json.dumps(answer)
    assert host.get("/notes/api/", headers={"Authorization": f"Bearer {answer['token']}"}).status_code == 200


@pytest.mark.parametrize(("named", "seconds"), [("5", 5), ("0", 1), ("9999", 60), ("x", 60), ("", 60), ("²", 60)])
def test_a_shorter_life_may_be_named(host, named, seconds):
    host.post("/connect/", {"seconds": named})
    pair = VendorPair.objects.get()
    assert (pair.access_expires_at - pair.created_at).total_seconds() == seconds


def test_connecting_is_a_deed_of_somebody_signed_in(client, host):
    assert host.get("/connect/").status_code == 405
    client.logout()
    assert client.post("/connect/").url.startswith("/sign-in/")
    assert not VendorPair.objects.exists()


def test_the_desk_offers_it_where_there_is_such_an_application(host):
    assert 'action="/connect/"' in host.get("/").content.decode()
    Application.objects.filter(slug="connectify").update(disabled_at=person("host").date_joined)
    assert 'action="/connect/"' not in host.get("/").content.decode()
