"""One vendor's pair, many hands at once: it is renewed once, and everybody has the same token afterwards."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from example_project.standins.server import Asked, Reply, Silence, StandIn, in_json
from tests.factories import (
    ApplicationFactory,
    CertificateFactory,
    RuleFactory,
    UserFactory,
    VendorPairFactory,
    caller,
)
from token_issuer.crypto import TokenText
from token_issuer.errors import Conflict, PolicyDenied, VendorUnavailable
from token_issuer.models import AuditEvent, AuditKind, Origin, TokenFamily, VendorPair
from token_issuer.services import families, issuing, making, pair_rows, pairs, renewing
from token_issuer.services.issuing import Issuance

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 25
LONGEST_DELAY = 0.05  # seconds

_chance = random.SystemRandom()


def next_pair(asked: Asked) -> Reply | Silence:
    time.sleep(_chance.uniform(0, LONGEST_DELAY))
    return in_json({"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 3600})


@pytest.fixture
def vendor():
    with StandIn(next_pair) as server:
        yield server


def application_at(url: str, **options: str):
    made = ApplicationFactory(
        slug="connectify", provider="oauth-client", public_id="public", options={"token_url": url, **options}
    )
    CertificateFactory(application=made, purpose="call", active=True, secret={"client_secret": "s"})
    return RuleFactory(application=made, privileges=["access"]).application


@pytest.fixture
def person(vendor):
    """Somebody with the application that he may have tokens of."""
    application_at(vendor.url)
    return caller(UserFactory(), origin=Origin.PYTHON)


def connected(person, *, expires_in: int) -> VendorPair:
    """A pair of an hour whose access token has so many seconds left."""
    now = timezone.now()
    return VendorPairFactory(
        application=RuleFactory._meta.model.objects.get().application,
        user=person.user,
        created_at=now + timedelta(seconds=expires_in - 3600),
        access_expires_at=now + timedelta(seconds=expires_in),
        ends_at=now + timedelta(days=1),
    )


def fetched(person) -> Issuance:
    at = timezone.now()
    time.sleep(_chance.uniform(0, LONGEST_DELAY))
    return issuing.issue(person, "connectify", body={}, at=at)


def tokens(results: list[object]) -> Counter[str]:
    """What each got: a token's text, or the name of what was raised."""
    return Counter(
        result.token.reveal() if isinstance(result, Issuance) else type(result).__name__ for result in results
    )


@pytest.mark.parametrize("round_", range(5))
def test_an_expired_one_is_renewed_once_and_everybody_waits_for_it(at_once, person, vendor, round_):
    connected(person, expires_in=-1)
    assert tokens(at_once(THREADS, lambda _: fetched(person))) == {"access-2": THREADS}
    assert len(vendor.asked) == 1
    assert VendorPair.objects.get().version == 2


@pytest.mark.parametrize("round_", range(5))
def test_one_that_lives_is_renewed_once_and_nobody_waits(at_once, person, vendor, round_):
    connected(person, expires_in=30)
    got = tokens(at_once(THREADS, lambda _: fetched(person)))
    assert set(got) <= {"vendor-access", "access-2"}
    assert len(vendor.asked) == 1
    assert tokens([fetched(person)]) == {"access-2": 1}


def test_one_that_is_refused_is_refused_once_and_to_everybody(at_once, person, vendor):
    vendor.answer = lambda asked: in_json({"error": "invalid_grant"}, status=400)
    connected(person, expires_in=-1)
    results = at_once(THREADS, lambda _: fetched(person))
    assert {result.reason for result in results if isinstance(result, PolicyDenied)} == {"connect_again"}
    assert tokens(results) == {"PolicyDenied": THREADS}
    assert len(vendor.asked) == 1
    assert AuditEvent.objects.filter(kind=AuditKind.PAIR_REFUSED).count() == 1


def test_a_failure_is_shared(at_once, person, vendor):
    vendor.answer = lambda asked: Reply(status=503)
    connected(person, expires_in=-1)
    results = at_once(THREADS, lambda _: fetched(person))
    assert {result.reason for result in results if isinstance(result, VendorUnavailable)} == {"failed"}
    assert tokens(results) == {"VendorUnavailable": THREADS}
    assert len(vendor.asked) == 1


def test_a_manual_refresh_by_everybody_is_one(at_once, person, vendor):
    connected(person, expires_in=3600)
    at = timezone.now()
    found = at_once(THREADS, lambda _: pairs.refresh(person, "connectify", body={}, at=at))
    assert {getattr(row, "version", row) for row in found} == {2}
    assert len(vendor.asked) == 1


PAIR = {"access_token": "a", "refresh_token": "r", "expires_in": 3600}


@pytest.mark.parametrize("round_", range(3))
def test_two_first_ones_at_once_are_one_row(at_once, person, round_):
    """Each without a version replaces what it finds, so the last one counts."""
    results = at_once(2, lambda _: pairs.deposit(person, "connectify", body=PAIR, at=timezone.now()))
    assert sorted(row.version for row in results if isinstance(row, VendorPair)) == [1, 2], results
    assert VendorPair.objects.get().version == 2


@pytest.mark.parametrize("round_", range(3))
@pytest.mark.parametrize("version", [0, 1])
def test_of_those_that_name_a_version_one_is_kept(at_once, person, version, round_):
    if version:
        connected(person, expires_in=60)
    body = {**PAIR, "version": version}
    results = at_once(8, lambda _: pairs.deposit(person, "connectify", body=body, at=timezone.now()))
    assert Counter(type(row) for row in results) == {VendorPair: 1, Conflict: 7}
    assert VendorPair.objects.get().version == version + 1


def naive(person) -> str:
    """The obvious way: look, ask, save. Kept to prove that the tests above can fail."""
    row = VendorPair.objects.get()
    if row.is_fresh(timezone.now()):
        return "fresh"
    question = issuing.understood(person, "connectify", body={}, at=timezone.now())
    grant = question.provider.with_subject(question.grant, "user-1")
    order = making.ordered(question, grant, None, issued_at=timezone.now(), lifetime=60)
    pair = renewing._asked(question, order, row)
    for name, value in pair_rows.columns_of(pair, row=row.pk, at=timezone.now()).items():
        setattr(row, name, value)
    row.save()
    return pair.access


def test_looking_first_asks_more_than_once(at_once, person, vendor):
    connected(person, expires_in=-1)
    at_once(THREADS, lambda _: naive(person))
    assert len(vendor.asked) > 1


# A worker that dies


@pytest.fixture
def issuer(settings):
    """Our own ``oauth/token`` as the vendor, behind a line that may go silent after it has answered."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.test", "SCOPES": {"read": "Read."}}
    api = ApplicationFactory(slug="api", provider="own")
    CertificateFactory(application=api, active=True, algorithm="HS256", secret={"key": "k" * 31 + "0"})
    RuleFactory(application=api, privileges=["read"])
    silent, answered = threading.Event(), threading.Event()

    def forward(asked: Asked) -> Reply | Silence:
        try:
            form = dict(parse_qsl(asked.body.decode()))
            made = Client().post("/issuer/oauth/token", form and asked.body, secure=True, content_type=FORM)
        finally:
            connections.close_all()
        answered.set()
        return Silence.HANG if silent.is_set() else Reply(status=made.status_code, body=made.content)

    with StandIn(forward) as server:
        server.silent, server.answered = silent, answered  # type: ignore[attr-defined]
        yield server


FORM = "application/x-www-form-urlencoded"


def test_a_worker_that_is_killed_after_the_vendors_answer_loses_nothing(issuer, live_process):
    """Its lease runs out; whoever comes then asks with the old refresh token, and gets the same successor."""
    user = UserFactory()
    person = caller(user, origin=Origin.PYTHON)
    given = issuing.issue(person, "api", body={"scope": "read"}, at=timezone.now()).pair
    assert given is not None
    application_at(issuer.url, client_authentication="none")
    old = {"access_token": "old", "refresh_token": given.refresh_token.reveal(), "expires_in": 1}
    pairs.deposit(person, "connectify", body=old, at=timezone.now() - timedelta(seconds=5))
    issuer.silent.set()
    with live_process("token_issuer_mint", "connectify", "--user", user.get_username()) as worker:
        assert issuer.answered.wait(timeout=60), worker.communicate(timeout=5)
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=30)
    row, family = VendorPair.objects.get(), TokenFamily.objects.get()
    assert (row.version, row.leased_until is not None, family.generation) == (1, True, 1)
    issuer.silent.clear()
    made = issuing.issue(person, "connectify", body={}, at=timezone.now())  # waits for the lease to run out
    family.refresh_from_db()
    assert (family.generation, family.replays, family.closed_at) == (1, 1, None)
    kept = pair_rows.opened(VendorPair.objects.get())
    assert (kept.access, kept.refresh) == (made.token.reveal(), families.text_of(family, 1).reveal())
    assert isinstance(made.token, TokenText)
