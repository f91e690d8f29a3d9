"""``applications/<slug>/pairs/``: handing a vendor's pair in, and what is there, without its secrets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from example_project.standins.server import Asked, StandIn, in_json
from tests.api.refusals import assert_refused
from tests.api.servers import Server
from tests.api.test_schema import fits
from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory, VendorPairFactory, api_key
from token_issuer.models import VendorPair

PAIRS = "applications/connectify/pairs/"
PAIR = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 3600, "token_type": "Bearer"}


def endpoint(asked: Asked):
    return in_json({"access_token": "access-2", "expires_in": 3600, "refresh_token": "refresh-2"})


@pytest.fixture
def vendor():
    with StandIn(endpoint) as server:
        yield server


@pytest.fixture
def connectify(db, vendor):
    options = {"token_url": f"{vendor.url}/oauth/token"}
    application = ApplicationFactory(slug="connectify", provider="oauth-client", public_id="site-1", options=options)
    CertificateFactory(application=application, purpose="call", active=True, secret={"client_secret": "s"})
    return RuleFactory(application=application, privileges=["access"]).application


@pytest.fixture
def server(connectify):
    return Server(*api_key(application=connectify))


@pytest.fixture
def kept(connectify, user):
    """A pair of the user's that begins now."""
    now = timezone.now()
    return VendorPairFactory(
        application=connectify,
        user=user,
        created_at=now,
        access_expires_at=now + timedelta(hours=1),
        ends_at=now + timedelta(days=30),
    )


def test_a_server_hands_a_pair_in_for_a_user(server, user):
    response = server.post(PAIRS, {**PAIR, "device": "work", "on_behalf_of": user.pk})
    body = response.json()
    assert response.status_code == 201
    assert fits({**PAIR, "device": "work", "on_behalf_of": user.pk, "version": 0}, "PairRequest_oauth-client")
    assert fits(body, "Pair")
    assert (body["device"], body["version"], body["standing"]) == ("work", 1, "live")
    assert "access-1" not in response.content.decode()
    assert "refresh-1" not in response.content.decode()
    assert response["Cache-Control"] == "no-store"
    assert VendorPair.objects.get().user == user


def test_a_browser_does_not(browser, connectify):
    assert_refused(browser.post(PAIRS, PAIR), 403, "policy_denied", reason="server_only")


def test_nobody_does_not(nobody, connectify):
    assert nobody.post(PAIRS, PAIR).status_code in {401, 403}


def test_every_field_that_is_wrong_is_named(server, user):
    response = server.post(PAIRS, {"access_token": 1, "expires_in": 0, "x": 1, "on_behalf_of": user.pk})
    assert_refused(response, 400, "invalid_request")
    assert set(response.json()["fields"]) == {"access_token", "expires_in", "x"}


def test_a_stale_version_is_told_by_its_reason(server, user, kept):
    response = server.post(PAIRS, {**PAIR, "version": 0, "on_behalf_of": user.pk})
    assert_refused(response, 400, "invalid_request", reason="stale_version")


def test_a_browser_sees_what_its_user_has(browser, kept):
    response = browser.get(PAIRS)
    assert fits(response.json(), "Pairs")
    assert [(row["device"], row["version"]) for row in response.json()["results"]] == [("", 1)]
    assert "vendor-" not in response.content.decode()


def test_a_server_sees_what_its_user_has(server, user, kept):
    assert len(server.get(f"{PAIRS}?on_behalf_of={user.pk}").json()["results"]) == 1
    assert server.get(PAIRS).json() == {"results": []}
    assert_refused(server.get(f"{PAIRS}?on_behalf_of=none"), 400, "invalid_request")


def test_a_browser_does_not_name_anybody(browser, user, kept):
    response = browser.get(f"{PAIRS}?on_behalf_of={user.pk}")
    assert_refused(response, 400, "invalid_request", fields={"on_behalf_of": ["unknown field"]})


def test_the_browser_gets_the_access_token_alone(browser, kept):
    response = browser.post("applications/connectify/tokens/", {})
    assert response.status_code == 201
    sdk = response.json()["sdk"]
    assert (response.json()["token"], sdk["access_token"]) == ("vendor-access", "vendor-access")
    assert set(sdk) == {"access_token", "token_type", "expires_in"}
    assert "vendor-refresh" not in response.content.decode()


def test_whoever_is_not_connected_is_told_so(browser, connectify):
    response = browser.post("applications/connectify/tokens/", {})
    assert_refused(response, 403, "policy_denied", reason="not_connected")


def test_a_manual_refresh(browser, kept, vendor):
    response = browser.post(f"{PAIRS}refresh/", {})
    assert (response.status_code, response.json()["version"], len(vendor.asked)) == (200, 2, 1)
    assert fits(response.json(), "Pair")
    assert browser.post("applications/connectify/tokens/", {}).json()["token"] == "access-2"


def test_a_manual_refresh_of_nothing(browser, connectify):
    assert_refused(browser.post(f"{PAIRS}refresh/", {}), 403, "policy_denied", reason="not_connected")


def test_a_vendor_that_fails_is_told(browser, kept, vendor):
    vendor.answer = lambda asked: in_json({"error": "invalid_client"}, status=401)
    assert_refused(browser.post(f"{PAIRS}refresh/", {}), 502, "vendor_unavailable", reason="refused")


def test_a_vendor_that_refuses_the_pair_is_told(browser, kept, vendor):
    vendor.answer = lambda asked: in_json({"error": "invalid_grant"}, status=400)
    assert_refused(browser.post(f"{PAIRS}refresh/", {}), 403, "policy_denied", reason="connect_again")
    assert browser.get(PAIRS).json()["results"][0]["standing"] == "refused"


def test_forgetting(browser, kept):
    response = browser.post(f"{PAIRS}forget/", {"device": ""})
    assert (response.status_code, response.json()) == (200, {"device": "", "forgotten": True})
    assert fits(response.json(), "PairForgotten")
    assert_refused(browser.post(f"{PAIRS}forget/", {}), 404, "not_found")


@pytest.mark.parametrize("path", ["refresh/", "forget/"])
def test_they_take_a_device_and_nothing_else(browser, kept, path):
    response = browser.post(PAIRS + path, {"device": 1, "all": True})
    assert_refused(response, 400, "invalid_request")
    assert set(response.json()["fields"]) == {"device", "all"}


def test_an_application_without_pairs(browser, rooms):
    for response in (browser.get("applications/rooms/pairs/"), browser.post("applications/rooms/pairs/", {})):
        assert_refused(response, 404, "not_found")
