"""One refresh token, many hands at once. Each reads the clock, is held up by chance, and only then asks."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from tests.factories import UserFactory, caller
from token_issuer import signals
from token_issuer.crypto import refresh_texts
from token_issuer.errors import TokenRejected
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, Origin, TokenFamily
from token_issuer.services import families, issuing, refreshing, revoking, verifying
from token_issuer.services.issuing import Issuance

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 25
LONGEST_DELAY = 0.05  # seconds

_chance = random.SystemRandom()


@pytest.fixture
def text(passes) -> str:
    """The refresh token of a new pair."""
    person = caller(UserFactory(), origin=Origin.BEARER)
    made = issuing.issue(person, "passes", body={}, at=timezone.now())
    assert made.pair is not None
    return made.pair.refresh_token.reveal()


@pytest.fixture
def grace(settings):
    def grace(seconds: int) -> None:
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REFRESH_GRACE": seconds}

    return grace


@pytest.fixture
def told():
    """The endings that receivers were told of."""
    seen: list[tuple[str, str]] = []

    def receive(kind, reason, **kwargs):
        seen.append((kind, reason))

    signals.token_revoked.connect(receive)
    yield seen
    signals.token_revoked.disconnect(receive)


def late(text: str) -> Issuance:
    at = timezone.now()
    time.sleep(_chance.uniform(0, LONGEST_DELAY))
    return refreshing.refresh(text, at=at)


def kinds(results: list[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def successors(results: Sequence[object]) -> set[str]:
    return {made.pair.refresh_token.reveal() for made in results if isinstance(made, Issuance) and made.pair}


@pytest.mark.parametrize("round_", range(5))
def test_without_grace_one_succeeds_and_the_family_ends(at_once, text, grace, told, round_):
    grace(0)
    results = at_once(THREADS, lambda _: late(text))
    assert kinds(results) == {"Issuance": 1, "TokenRejected": THREADS - 1}
    family = TokenFamily.objects.get()
    assert (family.generation, family.reason) == (1, "reuse")
    assert AuditEvent.objects.get().kind == AuditKind.REFRESH_REUSED
    assert told == [("family", "reuse")]


@pytest.mark.parametrize("round_", range(5))
def test_within_the_grace_all_get_the_same_successor(at_once, text, told, round_):
    results = at_once(THREADS, lambda _: late(text))
    assert kinds(results) == {"Issuance": THREADS}
    family = TokenFamily.objects.get()
    assert successors(results) == {families.text_of(family, 1).reveal()}
    assert (family.generation, family.replays, family.closed_at) == (1, THREADS - 1, None)
    assert (AuditEvent.objects.count(), told) == (0, [])


def test_every_answer_has_its_row_and_one_of_them_is_the_rotation(at_once, text):
    results = at_once(THREADS, lambda _: late(text))
    rows = IssuedToken.objects.filter(generation=1)
    assert {made.token_id for made in results if isinstance(made, Issuance)} == {row.pk for row in rows}
    assert Counter(rows.values_list("origin", flat=True)) == {"refresh": 1, "refresh_retry": THREADS - 1}


def test_every_answered_token_is_good(at_once, text):
    results = at_once(THREADS, lambda _: late(text))
    made = [result for result in results if isinstance(result, Issuance)]
    assert all(verifying.verify(issuance.token.reveal(), at=timezone.now()) for issuance in made)


def test_the_successor_goes_on(at_once, text):
    for generation in range(1, 4):
        (text,) = successors(at_once(8, lambda _, text=text: late(text)))
        presented = refresh_texts.read(text)
        assert presented is not None
        assert presented.generation == generation == TokenFamily.objects.get().generation


def test_reuse_from_many_hands_is_one_event(at_once, text, told):
    refreshing.refresh(text, at=timezone.now() - timedelta(minutes=1))
    results = at_once(THREADS, lambda _: late(text))
    assert kinds(results) == {"TokenRejected": THREADS}
    assert (AuditEvent.objects.count(), told) == (1, [("family", "reuse")])


def naive(text: str) -> object:
    """The obvious way: look, then save. Kept to prove that the tests above can fail."""
    presented = refresh_texts.read(text)
    assert presented is not None
    family = TokenFamily.objects.get(pk=presented.family_id)
    if family.generation != presented.generation:
        raise TokenRejected
    time.sleep(_chance.uniform(0, LONGEST_DELAY))
    family.generation += 1
    family.save()
    return family


def test_looking_first_lets_more_through(at_once, text):
    assert kinds(at_once(THREADS, lambda _: naive(text)))["TokenFamily"] > 1


@pytest.mark.parametrize("held_before", ["UPDATE", "COMMIT"])
@pytest.mark.engine("postgresql", "mariadb")
def test_a_refresh_held_open_while_its_user_logs_out_is_refused_at_first_use(text, held_before):
    """Looked at before, claimed or committed after: the token is dead when it is born."""
    held, ended = threading.Event(), threading.Event()
    given: list[Issuance] = []

    def hold(execute, sql, params, many, context):
        if sql.startswith("INSERT" if held_before == "COMMIT" else "UPDATE") and not held.is_set():
            result = execute(sql, params, many, context) if held_before == "COMMIT" else None
            held.set()
            ended.wait(timeout=30)
            return result if held_before == "COMMIT" else execute(sql, params, many, context)
        return execute(sql, params, many, context)

    def refresh() -> None:
        with connection.execute_wrapper(hold):
            given.append(refreshing.refresh(text, at=timezone.now()))
        connections.close_all()

    thread = threading.Thread(target=refresh)
    thread.start()
    held.wait(timeout=30)
    person = TokenFamily.objects.get().user
    revoking.revoke_user(caller(person), person, reason="log-out everywhere", at=timezone.now())
    ended.set()
    thread.join(timeout=30)
    for refused in (
        lambda: verifying.verify(given[0].token.reveal(), at=timezone.now()),
        lambda: late(successors(given).pop()),
    ):
        with pytest.raises(TokenRejected):
            refused()


@pytest.mark.engine("postgresql", "mariadb")
def test_a_user_who_is_deleted_meanwhile_gets_a_refusal(text):
    """Looked at before, written after: there is nobody left whom the row could name."""
    held, gone = threading.Event(), threading.Event()
    results: list[object] = []

    def hold(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not held.is_set():
            held.set()
            gone.wait(timeout=30)
        return execute(sql, params, many, context)

    def refresh() -> None:
        try:
            with connection.execute_wrapper(hold):
                results.append(refreshing.refresh(text, at=timezone.now()))
        except TokenRejected as error:
            results.append(error.verdict)
        connections.close_all()

    thread = threading.Thread(target=refresh)
    thread.start()
    held.wait(timeout=30)
    person = TokenFamily.objects.get().user
    assert person is not None
    person.delete()
    gone.set()
    thread.join(timeout=30)
    assert results == ["user_gone"]
    assert TokenFamily.objects.get().generation == 0


@pytest.mark.engine("postgresql", "mariadb")
def test_a_family_that_is_being_closed_gives_nothing_more(text):
    """The statement waits for the closing transaction and finds the family closed."""
    family = TokenFamily.objects.get()
    results: list[object] = []

    def refresh() -> None:
        try:
            results.append(refreshing.refresh(text, at=timezone.now()))
        except TokenRejected as error:
            results.append(error.verdict)
        connections.close_all()

    with transaction.atomic():
        TokenFamily.objects.filter(pk=family.pk).update(closed_at=timezone.now())
        thread = threading.Thread(target=refresh)
        thread.start()
        time.sleep(0.3)
    thread.join(timeout=30)
    assert results == ["ended"]


@pytest.mark.engine("postgresql", "mariadb")
def test_a_rotation_that_is_rolled_back_leaves_the_token_good(text):
    """The statement waits for a transaction that then takes everything back."""
    results: list[object] = []

    def refresh() -> None:
        results.append(refreshing.refresh(text, at=timezone.now()))
        connections.close_all()

    with transaction.atomic():
        TokenFamily.objects.update(generation=9, rotated_at=timezone.now())
        thread = threading.Thread(target=refresh)
        thread.start()
        time.sleep(0.3)
        transaction.set_rollback(True)
    thread.join(timeout=30)
    assert kinds(results) == {"Issuance": 1}
    assert TokenFamily.objects.get().generation == 1
