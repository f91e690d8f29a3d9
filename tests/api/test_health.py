"""The readiness probe, for those who include it."""

from __future__ import annotations

import pytest
from django.urls import include, path

from tests.statements import counted
from token_issuer.models import IssuedToken

urlpatterns = [path("issuer/", include("token_issuer.urls.health"))]


@pytest.fixture(autouse=True)
def addresses(settings):
    settings.ROOT_URLCONF = __name__


@pytest.mark.parametrize("address", ["/issuer/health/", "/issuer/health"])
def test_a_ready_service_says_so_to_anybody(db, client, address):
    response = client.get(address)
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert response["Cache-Control"] == "no-store"


def test_a_service_without_its_keys_is_not_ready(db, client, configure):
    configure(ENCRYPTION_KEYS=["nonsense"])
    response = client.get("/issuer/health/")
    assert (response.status_code, response.json()["error"]) == (503, "unavailable")
    assert response["Retry-After"] == "5"
    assert "nonsense" not in response.content.decode()


def test_asking_is_cheap_and_mints_nothing(db, client, rooms):
    with counted(5):
        client.get("/issuer/health/")
    assert not IssuedToken.objects.exists()


def test_only_reading_is_answered(db, client):
    assert client.post("/issuer/health/").status_code == 405
    assert client.get("/issuer/health/?token=x").status_code == 400
