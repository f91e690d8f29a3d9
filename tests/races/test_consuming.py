"""Many present one short token at the same moment. Each waits a moment of chance after it read the clock."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta

import pytest

from tests.factories import AT, ApplicationFactory, RuleFactory, UserFactory, caller
from token_issuer.crypto import digests
from token_issuer.errors import ReadOnly, TokenRejected
from token_issuer.models import IssuedToken
from token_issuer.services import consuming, issuing, revoking
from token_issuer.services.verified import Verified

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 40
ROUNDS = 5
LATER = AT + timedelta(seconds=1)

_chance = random.SystemRandom()


def hesitate() -> None:
    time.sleep(_chance.uniform(0, 0.05))


def kinds(results: list[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


@pytest.fixture
def person():
    application = ApplicationFactory(slug="once", provider="own-once", ready=True)
    RuleFactory(application=application, privileges=["readwrite", "reusable"])
    return caller(UserFactory())


@pytest.fixture
def issue(person):
    return lambda **body: issuing.issue(person, "once", body=body, at=AT).token.reveal()


def consume(text: str, *, safe: bool = True) -> object:
    hesitate()
    return consuming.consume(text, at=LATER, safe=safe)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_gets_it(at_once, issue, round_):
    text = issue()
    results = at_once(THREADS, lambda _: consume(text))
    assert kinds(results) == {"Verified": 1, TokenRejected.__name__: THREADS - 1}, results


def test_who_may_only_read_does_not_take_it_from_who_reads(at_once, issue):
    text = issue()
    results = at_once(THREADS, lambda index: consume(text, safe=index % 2 == 0))
    assert kinds(results)["Verified"] == 1, results
    assert set(kinds(results)) <= {"Verified", TokenRejected.__name__, ReadOnly.__name__}


def test_one_that_is_good_until_it_expires_is_everybodys(at_once, issue):
    text = issue(one_time=False)
    assert kinds(at_once(THREADS, lambda _: consume(text))) == {"Verified": THREADS}


def naive(text: str) -> object:
    """The obvious way: look, then save. Kept to prove that the test above can fail."""
    token = IssuedToken.objects.get(digest=digests.digest(text))
    if token.consumed_at is not None:
        raise TokenRejected("consumed")
    hesitate()
    token.consumed_at = LATER
    token.save(update_fields=["consumed_at"])
    return token


def test_looking_first_gives_it_to_many(at_once, issue):
    text = issue()
    assert kinds(at_once(THREADS, lambda _: naive(text)))["IssuedToken"] > 1


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_after_a_log_out_nobody_gets_it(at_once, issue, person, round_):
    """Whoever claims it when the log-out has committed is refused, whatever he saw before."""
    texts = [issue() for _ in range(10)]
    ended: list[float] = []

    def work(index: int) -> object:
        if index == len(texts):
            hesitate()
            revoking.revoke_mine(person, reason="", at=LATER)
            ended.append(time.monotonic())
            return None
        hesitate()
        began = time.monotonic()
        return began, consuming.consume(texts[index], at=LATER, safe=True)

    results = at_once(len(texts) + 1, work)
    leases = [result for result in results if isinstance(result, tuple)]
    assert all(isinstance(lease, Verified) for _, lease in leases)
    assert all(began < ended[0] for began, _ in leases)
    rejected = [result for result in results if isinstance(result, TokenRejected)]
    assert len(leases) + len(rejected) == len(texts), results
