"""What happens when many ask at once. SQLite runs these too, but it hides what the others would show."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections, transaction

from tests.factories import (
    AT,
    VIDEOSDK_KEY,
    VIDEOSDK_SECRET,
    ApplicationFactory,
    CertificateFactory,
    RuleFactory,
    UserFactory,
    caller,
)
from token_issuer.errors import BadOption, Conflict, PolicyDenied, RateLimited, TokenRejected
from token_issuer.models import (
    AuditEvent,
    Certificate,
    CertificateState,
    IssuedToken,
    RevocationEpoch,
    RuleWindow,
    VendorAccount,
)
from token_issuer.services import issuing, registering, revoking, rotating, verifying
from token_issuer.services.drafts import ApplicationDraft
from token_issuer.services.issuing import Issuance

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 25
ROOM = {"roomId": "abcd-efgh-ijkl"}
LATER = AT + timedelta(minutes=1)


def kinds(results: list[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


@pytest.fixture
def person():
    return caller(UserFactory())


@pytest.fixture
def limited():
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True), limit=10, window=3600)


@pytest.mark.parametrize("round_", range(3))
def test_a_limit_of_10_lets_10_through(at_once, person, limited, round_):
    results = at_once(THREADS, lambda _: issuing.issue(person, "rooms", body=ROOM, at=AT))
    assert kinds(results) == {"Issuance": 10, "RateLimited": THREADS - 10}
    assert (IssuedToken.objects.count(), RuleWindow.objects.get().used) == (10, 10)


def naive(person, limit: int) -> object:
    """The obvious way: count, then insert. Kept to prove that the test above can fail."""
    with transaction.atomic():
        if IssuedToken.objects.count() >= limit:
            raise RateLimited(1)
        time.sleep(0.01)
        return issuing.issue(person, "open", body=ROOM, at=AT, on_commit=lambda issuance: None)


@pytest.mark.engine("postgresql", "mariadb")
def test_counting_first_lets_more_through(at_once, person):
    RuleFactory(application=ApplicationFactory(slug="open", ready=True))
    at_once(THREADS, lambda _: naive(person, 10))
    assert IssuedToken.objects.count() > 10


@pytest.mark.engine("postgresql", "mariadb")
def test_a_rolled_back_issue_returns_its_unit_under_load(at_once, person, limited):
    """Half the callers roll back after their token was charged: the others still get all ten."""

    def work(index: int) -> object:
        if index % 2:
            return issuing.issue(person, "rooms", body=ROOM, at=AT)
        with transaction.atomic():
            issuing.issue(person, "rooms", body=ROOM, at=AT, on_commit=lambda issuance: None)
            transaction.set_rollback(True)
        return None

    results = at_once(THREADS, work)
    # A host whose own transaction is a deadlock's victim runs it again; everybody else has an answer.
    assert {type(result) for result in results[1::2]} <= {Issuance, RateLimited}
    used = RuleWindow.objects.get().used
    assert used == IssuedToken.objects.count() <= 10
    more = [issuing.issue(person, "rooms", body=ROOM, at=AT) for _ in range(10 - used)]
    assert len(more) == 10 - used
    with pytest.raises(RateLimited):
        issuing.issue(person, "rooms", body=ROOM, at=AT)


def test_first_numbers_are_distinct(at_once):
    RuleFactory(application=ApplicationFactory(slug="calls", provider="agora", ready=True))
    people = [caller(UserFactory()) for _ in range(THREADS)]
    results = at_once(THREADS, lambda n: issuing.issue(people[n], "calls", body={"channel": "a"}, at=AT))
    assert kinds(results) == {"Issuance": THREADS}
    assert len({made.sdk["uid"] for made in results}) == THREADS


def test_one_user_gets_one_number(at_once, person):
    RuleFactory(application=ApplicationFactory(slug="calls", provider="agora", ready=True))
    results = at_once(THREADS, lambda _: issuing.issue(person, "calls", body={"channel": "a"}, at=AT))
    assert kinds(results) == {"Issuance": THREADS}
    assert len({made.sdk["uid"] for made in results}) == 1
    assert VendorAccount.objects.count() == 1


def test_a_flood_of_refusals_is_one_row_with_every_refusal(at_once, person):
    ApplicationFactory(slug="rooms", ready=True)
    results = at_once(THREADS, lambda _: issuing.issue(person, "rooms", body=ROOM, at=AT))
    assert kinds(results) == {PolicyDenied.__name__: THREADS}
    assert AuditEvent.objects.get().count == THREADS


def test_a_token_is_revoked_once(at_once, person):
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True))
    made = issuing.issue(person, "rooms", body=ROOM, at=AT)
    results = at_once(THREADS, lambda _: revoking.revoke_own(person, made.token_id, reason="", at=LATER))
    assert sum(ending.changed for ending in results) == 1
    assert AuditEvent.objects.count() == 1


def test_a_set_counts_every_ending(at_once, person):
    results = at_once(THREADS, lambda _: revoking.revoke_mine(person, reason="", at=LATER))
    assert kinds(results) == {"SetEnding": THREADS}
    assert RevocationEpoch.objects.get().epoch == THREADS


def test_of_many_activations_one_certificate_signs(at_once, person):
    application = CertificateFactory(active=True).application
    staged = [CertificateFactory(application=application) for _ in range(8)]
    results = at_once(8, lambda n: rotating.activate(person, staged[n], at=LATER))
    assert set(kinds(results)) <= {"NoneType", Conflict.__name__}
    states = [row.state for row in Certificate.objects.all()]
    assert states.count(CertificateState.ACTIVE) == 1


def test_a_swap_never_leaves_a_moment_without_a_signer(at_once, person):
    application = ApplicationFactory(slug="rooms", ready=True)
    RuleFactory(application=application)
    staged = [CertificateFactory(application=application) for _ in range(5)]

    def work(index: int) -> object:
        if index < len(staged):
            time.sleep(index * 0.01)
            rotating.activate(person, staged[index], at=LATER)
            return None
        return issuing.issue(person, "rooms", body={"roomId": f"room-{index}"}, at=AT)

    results = at_once(THREADS, work)
    tokens = [made for made in results if made is not None and not isinstance(made, Conflict)]
    assert kinds(tokens) == {"Issuance": THREADS - len(staged)}
    assert all(verifying.verify(made.token.reveal(), at=LATER) for made in tokens)


@pytest.mark.engine("postgresql", "mariadb")
def test_a_mint_held_open_while_its_set_is_ended_is_refused(person):
    """The INSERT has run and the COMMIT has not when the set is ended: the token is dead when it is born."""
    RuleFactory(application=ApplicationFactory(slug="rooms", ready=True))
    inserted, ended = threading.Event(), threading.Event()
    given: list[issuing.Issuance] = []

    def mint() -> None:
        with transaction.atomic():
            issuing.issue(person, "rooms", body=ROOM, at=AT, on_commit=given.append)
            inserted.set()
            ended.wait(timeout=30)
        connections.close_all()

    thread = threading.Thread(target=mint)
    thread.start()
    inserted.wait(timeout=30)
    revoking.revoke_mine(person, reason="log-out everywhere", at=LATER)
    ended.set()
    thread.join(timeout=30)
    with pytest.raises(TokenRejected):
        verifying.verify(given[0].token.reveal(), at=LATER)


def test_of_many_registrations_of_a_slug_one_succeeds(at_once, person):
    draft = ApplicationDraft(
        provider="videosdk", slug="rooms", name="", public_id=VIDEOSDK_KEY, secret={"secret": VIDEOSDK_SECRET}
    )
    results = at_once(8, lambda _: registering.register(person, draft, at=AT))
    assert kinds(results) == {"Application": 1, "BadOption": 7}
    assert {str(error) for error in results if isinstance(error, BadOption)} == {
        "slug: is taken by another application"
    }


@pytest.mark.parametrize("round_", range(3))
def test_replacing_and_activating_at_once_leave_one_signer_and_no_surprise(at_once, person, round_):
    """The leaked one retires already; whoever signs now is taken over by several people at once."""
    leaked = CertificateFactory(active=True, retiring_at=AT)
    CertificateFactory(application=leaked.application, active=True, secret={"secret": "a" * 64})
    staged = [CertificateFactory(application=leaked.application, secret={"secret": f"{n}" * 64}) for n in range(7)]

    def work(index: int) -> object:
        if index:
            rotating.activate(person, staged[index - 1], at=LATER)
            return None
        return rotating.replace(person, leaked, secret={"secret": "9" * 64}, reason="leak", at=LATER)

    results = at_once(8, work)
    assert set(kinds(results)) <= {"NoneType", "Certificate", "Conflict"}
    states = [row.state for row in Certificate.objects.all()]
    assert states.count(CertificateState.ACTIVE) == 1


@pytest.mark.parametrize("round_", range(3))
def test_of_several_who_replace_one_leaked_certificate_at_once_one_wins(at_once, person, round_):
    leaked = CertificateFactory(active=True)

    def work(index: int) -> object:
        mine = Certificate.objects.get(pk=leaked.pk)
        return rotating.replace(person, mine, secret={"secret": f"{index}" * 64}, reason="leak", at=LATER)

    results = at_once(4, work)
    assert kinds(results) == {"Certificate": 1, "Conflict": 3}
    assert sorted(row.state.value for row in Certificate.objects.all()) == ["active", "revoked"]
