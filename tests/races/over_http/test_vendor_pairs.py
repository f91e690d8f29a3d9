"""50 clients, three worker processes, one vendor's pair; the vendor is our own ``oauth/token`` and forgives nothing.

It is served by processes of its own with a grace of 0: whoever presents a refresh token twice ends its family. So one
round with two refreshes shows, as the double in ``naive.py`` does in the same harness.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory, UserFactory, caller
from tests.races.over_http.conftest import CLIENTS, Answer, Call, Rounds
from token_issuer import issue
from token_issuer.models import Application, Origin, TokenFamily, VendorPair
from token_issuer.services import pairs

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

ROUNDS = 3
ROUNDS_OF_A_DOUBLE = 2

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def person(settings: Any) -> Any:
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.test", "SCOPES": {"read": "Read."}}
    api = ApplicationFactory(slug="api", provider="own")
    CertificateFactory(application=api, active=True, algorithm="HS256", secret={"key": "k" * 31 + "0"})
    RuleFactory(application=api, privileges=["read", "tokens:issue"])
    return UserFactory()


@pytest.fixture
def warm(served: Callable[..., int], rounds: Callable[[int], Rounds]) -> Callable[..., int]:
    """Start a site, and let every worker answer before it counts: the first answer takes seconds on a busy machine."""

    def warm(**options: int) -> int:
        port = served(**options)
        rounds(port)(lambda: Call("/issuer/oauth/token", b"grant_type=refresh_token&refresh_token=none", FORM), 2)
        return port

    return warm


@pytest.fixture
def connectify(warm: Callable[..., int], person: Any) -> Application:
    options = {"token_url": f"http://127.0.0.1:{warm(grace=0)}/issuer/oauth/token", "client_authentication": "none"}
    made = ApplicationFactory(slug="connectify", provider="oauth-client", public_id="public", options=options)
    return RuleFactory(application=made, privileges=["access"]).application


def fetching(person: Any, path: str, *, left: int) -> Call:
    """Connect anew, with an access token of an hour that has so many seconds left, and ask for it."""
    pair = issue(person, "api", scope="read").pair
    assert pair is not None
    body = {"access_token": "old", "refresh_token": pair.refresh_token.reveal(), "expires_in": 3600}
    at = timezone.now() - timedelta(seconds=3600 - left)
    pairs.deposit(caller(person, origin=Origin.PYTHON), "connectify", body=body, at=at)
    mine = issue(person, "api", scope="tokens:issue").token.reveal()
    headers = {"Authorization": f"Bearer {mine}", "Content-Type": "application/json"}
    return Call(path, json.dumps({}).encode(), headers)


def wrong(rounds: list[list[Answer]], allowed: set[str]) -> list[str]:
    """Say which rounds did not give everybody the one new token, or what else is ``allowed``."""
    found = []
    for number, answers in enumerate(rounds):
        got = {answer.body.get("token", answer.body.get("error")) for answer in answers} - allowed
        broken = [answer.body for answer in answers if answer.status != 201]
        if broken or len(got) != 1:
            found.append(f"round {number}: {len(broken)} of {CLIENTS} got nothing: {broken[:2]}; {len(got)} tokens")
    families = TokenFamily.objects.filter(generation__gt=0)
    if closed := families.filter(closed_at__isnull=False).count():
        found.append(f"{closed} families are closed: their refresh token was presented twice")
    if families.count() != len(rounds) or set(families.values_list("generation", flat=True)) != {1}:
        found.append(f"{families.count()} families were refreshed in {len(rounds)} rounds")
    return found


def test_an_expired_token_is_refreshed_once_for_50_callers(warm, rounds, person, connectify):
    path = "/issuer/applications/connectify/tokens/"
    found = rounds(warm())(lambda: fetching(person, path, left=-1), ROUNDS)
    assert wrong(found, set()) == []
    assert VendorPair.objects.get().version == 2 * ROUNDS


def test_a_token_that_lives_is_refreshed_once_for_50_callers(warm, rounds, person, connectify):
    path = "/issuer/applications/connectify/tokens/"
    found = rounds(warm())(lambda: fetching(person, path, left=30), ROUNDS)
    assert wrong(found, {"old"}) == []


def test_the_double_is_found_out(warm, rounds, person, connectify):
    found = rounds(warm())(lambda: fetching(person, "/naive/pair/", left=-1), ROUNDS_OF_A_DOUBLE)
    assert wrong(found, set()) != []
