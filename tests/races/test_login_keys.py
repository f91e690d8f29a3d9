"""Many hold one login key, or make one, at the same moment. Each waits a moment of chance after it read the clock."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import AT, ApplicationFactory, RuleFactory, UserFactory, caller
from token_issuer.crypto import TokenText, digests
from token_issuer.errors import TokenRejected
from token_issuer.models import IssuedToken, OneTimeKey, Origin
from token_issuer.services import issuing, login_keys, redeeming, revoking, verifying
from token_issuer.services.callers import Caller

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 30
ROUNDS = 3
ROOM = {"roomId": "abcd-efgh-ijkl"}
LATER = AT + timedelta(seconds=1)
HOLDER = Caller(user=AnonymousUser(), origin=Origin.REDEEM)

_chance = random.SystemRandom()


def hesitate() -> None:
    time.sleep(_chance.uniform(0, 0.05))


def kinds(results: list[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


@pytest.fixture
def rooms():
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application


@pytest.fixture
def person(rooms):
    return caller(UserFactory())


def redeem(text: str) -> object:
    hesitate()
    return redeeming.redeem(HOLDER, TokenText(text), at=LATER)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_key_is_redeemed_once(at_once, person, round_):
    text = login_keys.make(person, "rooms", body=ROOM, at=AT).text.reveal()
    results = at_once(THREADS, lambda _: redeem(text))
    assert kinds(results) == {"Redeemed": 1, TokenRejected.__name__: THREADS - 1}, results
    assert IssuedToken.objects.count() == 1


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_with_a_window_too(at_once, rooms, person, round_):
    """The claim is made again when the window's row was missing, and only then."""
    rooms.rules.update(limit=5, window=3600)
    text = login_keys.make(person, "rooms", body=ROOM, at=AT).text.reveal()
    results = at_once(THREADS, lambda _: redeem(text))
    assert kinds(results) == {"Redeemed": 1, TokenRejected.__name__: THREADS - 1}, results
    assert sum(rooms.rules.get().windows.values_list("used", flat=True)) == 1


def naive(person, text: str) -> object:
    """The obvious way: look, then save. Kept to prove that the test above can fail."""
    key = OneTimeKey.objects.get(digest=digests.digest(text))
    if key.consumed_at is not None:
        raise TokenRejected("consumed")
    hesitate()
    key.consumed_at = LATER
    key.save(update_fields=["consumed_at"])
    return issuing.issue(person, "rooms", body=ROOM, at=LATER)


def test_looking_first_redeems_it_again_and_again(at_once, person):
    text = login_keys.make(person, "rooms", body=ROOM, at=AT).text.reveal()
    at_once(THREADS, lambda _: naive(person, text))
    assert IssuedToken.objects.count() > 1


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_logging_out_everywhere_meanwhile_leaves_nothing_alive(at_once, person, round_):
    """Whoever is faster: afterwards neither a key nor a token of one is good."""
    texts = [login_keys.make(person, "rooms", body=ROOM, at=AT).text.reveal() for _ in range(8)]

    def work(index: int) -> object:
        if index == len(texts):
            hesitate()
            return revoking.revoke_mine(person, reason="", at=LATER)
        return redeem(texts[index])

    results = at_once(len(texts) + 1, work)
    for result in results:
        if isinstance(result, redeeming.Redeemed):
            with pytest.raises(TokenRejected):
                verifying.verify(result.issuance.token.reveal(), at=LATER)
    for text in texts:
        with pytest.raises(TokenRejected):
            redeeming.redeem(HOLDER, TokenText(text), at=LATER)


@pytest.mark.parametrize("people", [1, 5])
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_where_one_key_is_allowed_there_are_never_two(at_once, rooms, people, round_):
    rooms.single_login_key = True
    rooms.save()
    callers = [caller(UserFactory()) for _ in range(people)]

    def make(index: int) -> object:
        hesitate()
        return login_keys.make(callers[index % people], "rooms", body=ROOM, at=AT)

    results = at_once(THREADS, make)
    # Whoever asks for thirty at once may hear that it is busy; nobody gets two.
    assert set(kinds(results)) <= {"LoginKeyMade", "Unavailable"}, results
    live = OneTimeKey.objects.filter(revoked_at=None)
    assert sorted(live.values_list("user", flat=True)) == sorted(person.user_id for person in callers)
