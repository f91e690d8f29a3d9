"""Many answer one challenge of a vendor at the same moment: one of them does, whatever the engine."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter

import pytest
from django.db import connection, connections

from tests.factories import AT, ApplicationFactory, RuleFactory, UserFactory, VendorAccountFactory, caller
from token_issuer.crypto import digests
from token_issuer.errors import BadGrant
from token_issuer.models import AnsweredLoginKey, IssuedToken, VendorAccount
from token_issuer.services import ending, issuing

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 20
ROUNDS = 3
WAIT = 1.0  # seconds; ending somebody takes a few hundredths
KEY = "0123456789abcdef"
PROOF = {"ha1": "4e89e865d6dd680d0e499ed685e83cef"}

_chance = random.SystemRandom()


def kinds(results: list[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


@pytest.fixture
def phone():
    return RuleFactory(application=ApplicationFactory(slug="phone", provider="voximplant", ready=True)).application


@pytest.fixture
def people(phone):
    users = UserFactory.create_batch(2)
    for number, user in enumerate(users):
        VendorAccountFactory(application=phone, user=user, subject=f"user-{number}", proof=PROOF)
    return [caller(user) for user in users]


def answer(person, key: str = KEY) -> object:
    time.sleep(_chance.uniform(0, 0.02))
    return issuing.issue(person, "phone", body={"login_key": key}, at=AT)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_key_is_answered_once(at_once, people, round_):
    results = at_once(THREADS, lambda _: answer(people[0]))
    assert kinds(results) == {"Issuance": 1, BadGrant.__name__: THREADS - 1}, results
    assert (IssuedToken.objects.count(), AnsweredLoginKey.objects.count()) == (1, 1)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_with_a_window_too(at_once, phone, people, round_):
    """Who is refused is not charged, and the window's missing row makes nobody answer twice."""
    phone.rules.update(limit=5, window=3600)
    results = at_once(THREADS, lambda _: answer(people[0]))
    assert kinds(results) == {"Issuance": 1, BadGrant.__name__: THREADS - 1}, results
    assert sum(phone.rules.get().windows.values_list("used", flat=True)) == 1


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_each_account_answers_it_for_itself(at_once, people, round_):
    results = at_once(THREADS, lambda index: answer(people[index % 2]))
    assert kinds(results) == {"Issuance": 2, BadGrant.__name__: THREADS - 2}, results


def test_different_keys_do_not_wait_for_each_other(at_once, people):
    results = at_once(THREADS, lambda index: answer(people[0], f"{KEY}{index}"))
    assert kinds(results) == {"Issuance": THREADS}, results


@pytest.mark.engine("postgresql", "mariadb")
def test_whoever_forgets_the_proof_waits_for_an_answer_that_is_on_its_way(people):
    """Between the look at the proof and the answer's INSERT nobody ends what the answer is made of."""
    boss, ended = caller(UserFactory()), threading.Event()
    in_time: list[bool] = []

    def end() -> None:
        try:
            ending.end_user(boss, people[0].user, reason="left", at=AT)
            ended.set()
        finally:
            connections.close_all()

    ender = threading.Thread(target=end)

    def watch(execute, sql, *rest):
        if sql.startswith("INSERT") and AnsweredLoginKey._meta.db_table in sql and not in_time:
            ender.start()
            in_time.append(ended.wait(WAIT))
        return execute(sql, *rest)

    with connection.execute_wrapper(watch):
        issuing.issue(people[0], "phone", body={"login_key": KEY}, at=AT)
    ender.join(timeout=30)
    assert (in_time, ended.is_set()) == ([False], True)
    assert VendorAccount.objects.get(user=people[0].user).sealed_secret is None


def naive(person) -> object:
    """The obvious way: look, then insert. Kept to prove that the tests above can fail."""
    account = VendorAccount.objects.get(user=person.user)
    digest = digests.digest(KEY)
    if AnsweredLoginKey.objects.filter(account=account, digest=digest).exists():
        raise BadGrant("login_key", "was answered already")
    time.sleep(_chance.uniform(0, 0.02))
    fresh = AnsweredLoginKey(account=account, digest=digest, answered_at=AT, expires_at=AT)
    AnsweredLoginKey.objects.bulk_create([fresh], ignore_conflicts=True)
    return fresh


def test_looking_first_answers_it_again_and_again(at_once, people):
    results = at_once(THREADS, lambda _: naive(people[0]))
    assert kinds(results)["AnsweredLoginKey"] > 1
