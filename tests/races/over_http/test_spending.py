"""50 clients, three worker processes, one secret: over HTTP, each dawdling up to 50 ms after it read the clock.

50 rounds each. The doubles in ``naive.py`` go through the same rounds and the same judgement, and fail.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.utils import timezone

from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory, UserFactory, caller
from tests.races.over_http.conftest import CLIENTS, Answer, Call, Rounds
from token_issuer import issue
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, OneTimeKey, TokenFamily
from token_issuer.services import login_keys

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

ROUNDS = int(os.environ.get("RACE_ROUNDS", "50"))
ROUNDS_OF_A_DOUBLE = 10

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def site(settings: Any) -> None:
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.test", "SCOPES": {"read": "Read."}}


@pytest.fixture
def person() -> Any:
    return UserFactory()


@pytest.fixture
def api() -> Any:
    application = ApplicationFactory(slug="api", provider="own")
    CertificateFactory(application=application, active=True, algorithm="HS256", secret={"key": "k" * 31 + "0"})
    RuleFactory(application=application, privileges=["read"])
    return application


@pytest.fixture
def uploads() -> Any:
    application = ApplicationFactory(slug="uploads", provider="own-once")
    RuleFactory(application=application, privileges=["readonly", "readwrite", "reusable"])
    return application


def refreshing(person: Any, path: str) -> Call:
    pair = issue(person, "api", scope="read").pair
    assert pair is not None
    body = {"grant_type": "refresh_token", "refresh_token": pair.refresh_token.reveal()}
    return Call(path, urlencode(body).encode(), FORM)


def opening(person: Any, path: str) -> Call:
    token = issue(person, "uploads", access="readwrite", lifetime=120).token.reveal()
    return Call(path, b"", {"Authorization": f"Bearer {token}"})


def redeeming(person: Any, path: str) -> Call:
    made = login_keys.make(caller(person), "api", body={"scope": "read", "key_lifetime": 600}, at=timezone.now())
    return Call(path, json.dumps({"key": made.text.reveal()}).encode(), JSON)


def spent_once(rounds: list[list[Answer]]) -> list[str]:
    """Say which rounds did not have exactly one success and refusals otherwise."""
    found = []
    for number, answers in enumerate(rounds):
        good = sum(answer.status in {200, 201} for answer in answers)
        broken = [answer for answer in answers if not 200 <= answer.status < 500]
        if good != 1 or broken:
            found.append(f"round {number}: {good} of {CLIENTS} succeeded, {len(broken)} broke: {broken[:2]}")
    return found


def jti_of(access_token: str) -> UUID:
    part = access_token.split(".")[1]
    return UUID(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["jti"])


def unrecorded(rounds: list[list[Answer]], name: str) -> set[UUID]:
    """Return the answered access tokens that have no row."""
    answered = {jti_of(answer.body[name]) for answers in rounds for answer in answers if name in answer.body}
    assert answered
    return answered - set(IssuedToken.objects.values_list("pk", flat=True))


def test_a_refresh_token_without_grace_works_once_and_its_reuse_closes_the_family(served, rounds, person, api):
    go: Rounds = rounds(served(grace=0))
    found = go(partial(refreshing, person, "/issuer/oauth/token"), ROUNDS)
    assert spent_once(found) == []
    assert TokenFamily.objects.filter(closed_at__isnull=True).count() == 0
    assert AuditEvent.objects.filter(kind=AuditKind.REFRESH_REUSED).count() == ROUNDS
    assert unrecorded(found, "access_token") == set()


def test_a_refresh_token_within_its_grace_has_one_successor_for_everybody(served, rounds, person, api):
    go: Rounds = rounds(served(grace=10))
    found = go(partial(refreshing, person, "/issuer/oauth/token"), ROUNDS)
    assert {answer.status for answers in found for answer in answers} == {200}
    assert [len({answer.body["refresh_token"] for answer in answers}) for answers in found] == [1] * ROUNDS
    assert set(TokenFamily.objects.values_list("generation", "closed_at")) == {(1, None)}
    assert unrecorded(found, "access_token") == set()
    assert IssuedToken.objects.filter(generation=1).count() == ROUNDS * CLIENTS


def test_a_one_time_token_opens_once(served, rounds, person, uploads):
    go: Rounds = rounds(served())
    assert spent_once(go(partial(opening, person, "/opened/"), ROUNDS)) == []
    assert IssuedToken.objects.filter(consumed_at__isnull=False).count() == ROUNDS


def test_a_login_key_is_redeemed_once(served, rounds, person, api):
    go: Rounds = rounds(served())
    found = go(partial(redeeming, person, "/issuer/one-time-keys/redeem/"), ROUNDS)
    assert spent_once(found) == []
    assert OneTimeKey.objects.filter(consumed_at__isnull=False).count() == ROUNDS
    assert unrecorded(found, "token") == set()


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (refreshing, "/naive/refresh/"),
        (opening, "/naive/opened/"),
        (redeeming, "/naive/redeem/"),
    ],
    ids=["refresh", "one-time token", "login key"],
)
def test_whoever_reads_before_he_writes_is_found_out(
    served, rounds, person, api, uploads, call: Callable[..., Call], path: str
):
    go: Rounds = rounds(served())
    assert spent_once(go(partial(call, person, path), ROUNDS_OF_A_DOUBLE)) != []
