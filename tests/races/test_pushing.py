"""Telling vendors: by several senders at once, and by processes that are killed."""

from __future__ import annotations

import signal
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from example_project.standins import pushing as standins
from example_project.standins.server import Silence, StandIn, in_json
from tests.factories import ApplicationFactory, UserFactory, caller
from tests.pushes import agora_token, told
from token_issuer.models import AuditEvent, AuditKind, EpochKind, IssuedToken, RevocationEpoch, VendorPush
from token_issuer.services import pushing, revoking
from token_issuer.services.pushing import Patience, Pushed, push_due

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

ROWS = 20
SENDERS = 4

# A site's own receiver runs after the commit and before the vendor is told: here the process dies in it.
DIES_AFTER_THE_COMMIT = """
import os, signal
from django.utils import timezone
from django.contrib.auth import get_user_model
from token_issuer import signals
from token_issuer.models import IssuedToken
from token_issuer.services import revoking
from token_issuer.services.callers import Caller

def die(**_): os.kill(os.getpid(), signal.SIGKILL)
signals.token_revoked.connect(die)
me = Caller(user=get_user_model().objects.get(), origin="command")
{revoke}
"""
ONE = "revoking.revoke_any(me, IssuedToken.objects.first().pk, reason='', at=timezone.now())"
SET = "revoking.revoke_user(me, get_user_model().objects.get(), reason='', at=timezone.now())"


@pytest.fixture
def vendor():
    with StandIn(standins.agora) as vendor:
        yield vendor


@pytest.fixture
def calls(vendor):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    told(calls, vendor.url)
    return calls


def tokens(calls, number):
    user, now = UserFactory(), timezone.now()
    return [
        agora_token(calls, user=user, resource=f"room-{index}", issued_at=now, expires_at=now + timedelta(hours=1))
        for index in range(number)
    ]


def channels(vendor) -> list[str]:
    return sorted(asked.json()["cname"] for asked in vendor.asked)


def test_each_row_is_sent_once_by_however_many(at_once, calls, vendor):
    made = tokens(calls, ROWS)
    now = timezone.now()
    for token in made:
        revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))
    done = at_once(SENDERS, lambda _index: push_due(at=now, batch_size=5))
    assert all(isinstance(one, Pushed) for one in done), done
    assert sum(one.pushed for one in done) == ROWS
    assert channels(vendor) == sorted(f"room-{index}" for index in range(ROWS))
    assert VendorPush.objects.filter(pushed_at__isnull=False, attempts=1).count() == ROWS


def test_what_fails_is_tried_once_by_however_many(at_once, calls, vendor):
    vendor.answer = lambda _asked: in_json({}, status=500)
    made = tokens(calls, ROWS)
    now = timezone.now()
    for token in made:
        revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))
    done = at_once(SENDERS, lambda _index: push_due(at=now, batch_size=5))
    assert sum(one.waiting for one in done) == ROWS, done
    assert len(vendor.asked) == ROWS


def test_a_revocation_and_a_run_at_once_tell_once(at_once, calls, vendor):
    """The row is due from its commit on, and a run may be faster than whoever wrote it."""
    (token,) = tokens(calls, 1)
    now = timezone.now()

    def work(index):
        if index:
            return [push_due(at=now + timedelta(seconds=1)) for _ in range(20)]
        return revoking.revoke_any(caller(token.user), token.pk, reason="", at=now)

    at_once(3, work)
    push_due(at=now + timedelta(seconds=1))
    assert len(vendor.asked) == 1
    assert VendorPush.objects.get().pushed_at is not None


def test_two_who_revoke_one_token_write_one_row(at_once, calls, vendor):
    (token,) = tokens(calls, 1)
    now = timezone.now()
    ways = (
        lambda: revoking.revoke_any(caller(token.user), token.pk, reason="", at=now),
        lambda: revoking.revoke_user(caller(token.user), token.user, reason="", at=now),
        lambda: revoking.revoke_application(caller(token.user), calls, reason="", at=now),
    )
    done = at_once(len(ways), lambda index: ways[index]())
    assert not any(isinstance(one, Exception) for one in done), done
    push_due(at=now + timedelta(seconds=1))
    assert (VendorPush.objects.count(), len(vendor.asked)) == (1, 1)


@pytest.mark.parametrize("revoke", [ONE, SET], ids=["one", "set"])
def test_a_process_that_dies_before_it_sends_leaves_it_to_the_next(live_process, calls, vendor, revoke):
    (token,) = tokens(calls, 1)
    with live_process("shell", "-c", DIES_AFTER_THE_COMMIT.format(revoke=revoke)) as process:
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    ended = IssuedToken.objects.filter(revoked_at__isnull=False).exists()
    assert ended or RevocationEpoch.objects.filter(kind=EpochKind.USER).exists()
    assert vendor.asked == []
    for _ in range(2):
        push_due(at=timezone.now())
    assert (len(vendor.asked), VendorPush.objects.get(token=token).attempts) == (1, 1)


def test_a_process_that_dies_while_it_sends_is_followed_by_another(live_process, calls, vendor):
    """The vendor may have done it or not: it is told again, when the claim has run out and not before."""
    arrived = threading.Event()

    def hang(_asked):
        arrived.set()
        return Silence.HANG

    vendor.answer = hang
    (token,) = tokens(calls, 1)
    now = timezone.now()
    revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))
    with live_process("token_issuer_push") as process:
        assert arrived.wait(timeout=60)
        process.kill()
        process.communicate(timeout=60)
    vendor.answer = standins.agora
    assert push_due(at=timezone.now()) == Pushed()
    assert push_due(at=timezone.now() + pushing.LEASE) == Pushed(pushed=1)
    assert (len(vendor.asked), VendorPush.objects.get().attempts) == (2, 2)


def test_who_lost_his_claim_does_not_undo_what_another_did(calls, vendor):
    """The first sender is so slow that its claim runs out; the second arrives before the first is refused."""
    (token,) = tokens(calls, 1)
    now = timezone.now()
    revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))
    answers = []

    def slow(_asked):
        if len(vendor.asked) > 1:
            return in_json({"status": "success"})
        answers.append(push_due(at=now + pushing.LEASE + timedelta(seconds=1)))
        connections.close_all()  # of the stand-in's thread
        return in_json({}, status=400)

    vendor.answer = slow
    assert push_due(at=now) == Pushed(waiting=1)
    assert answers == [Pushed(pushed=1)]
    push = VendorPush.objects.get()
    assert (push.failed_at, push.reason, push.next_try_at) == (None, "", None)
    assert not AuditEvent.objects.filter(kind=AuditKind.PUSH_FAILED).exists()


def test_who_lost_his_claim_does_not_end_another_ones(calls, vendor):
    """The first is refused for good while the second, who claimed it after him, is still asking."""
    (token,) = tokens(calls, 1)
    now = timezone.now()
    revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))
    second_asks, first_is_done, answers = threading.Event(), threading.Event(), []

    def second():
        answers.append(push_due(at=now + pushing.LEASE + timedelta(seconds=1)))
        connections.close_all()

    def answer(_asked):
        if len(vendor.asked) > 1:
            second_asks.set()
            first_is_done.wait(timeout=4)
            return in_json({"status": "success"})
        thread.start()
        second_asks.wait(timeout=4)
        return in_json({}, status=400)

    thread = threading.Thread(target=second)
    vendor.answer = answer
    assert push_due(at=now) == Pushed(waiting=1)
    push = VendorPush.objects.get()
    assert (push.failed_at, push.attempts, push.claimed_until is None) == (None, 2, False)
    assert not AuditEvent.objects.filter(kind=AuditKind.PUSH_FAILED).exists()
    first_is_done.set()
    thread.join(timeout=20)
    assert (answers, VendorPush.objects.get().failed_at) == ([Pushed(pushed=1)], None)


def test_who_lost_his_claim_does_not_postpone_what_another_tries(calls, vendor):
    (token,) = tokens(calls, 1)
    now = timezone.now()
    revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))
    later = now + pushing.LEASE + timedelta(seconds=1)

    def answer(_asked):
        VendorPush.objects.filter(claimed_until__lt=later).update(claimed_until=later + pushing.LEASE)  # somebody else
        connections.close_all()
        return in_json({}, status=500)

    vendor.answer = answer
    push_due(at=now)
    push = VendorPush.objects.get()
    assert (push.claimed_until, push.next_try_at, push.reason) == (later + pushing.LEASE, now, "")


def test_who_arrives_last_does_not_say_when_it_was_told(calls, vendor):
    (token,) = tokens(calls, 1)
    now = timezone.now()
    revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))

    def slow(_asked):
        if len(vendor.asked) == 1:
            push_due(at=now + pushing.LEASE + timedelta(seconds=1))
            connections.close_all()
        return in_json({"status": "success"})

    vendor.answer = slow
    push_due(at=now)
    found = VendorPush.objects.get().pushed_at
    assert (len(vendor.asked), found is not None and found > now + pushing.LEASE) == (2, True)


def test_a_claim_that_runs_out_during_a_run_is_seen_by_it(calls, vendor):
    first, other = tokens(calls, 2)
    now = timezone.now()
    for token in (first, other):
        revoking.revoke_any(caller(token.user), token.pk, reason="", at=now, patience=Patience(0))
    VendorPush.objects.filter(token=other).update(claimed_until=now + timedelta(seconds=0.4))

    def slow(asked):
        time.sleep(0.6)
        return standins.agora(asked)

    vendor.answer = slow
    assert push_due(at=now, batch_size=1) == Pushed(pushed=2)
