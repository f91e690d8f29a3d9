"""Ending a selection while others mint, refresh or end the same, and after a process that ended it was killed."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connections
from django.utils import timezone

from tests.factories import (
    AT,
    ApplicationFactory,
    IssuedTokenFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    caller,
)
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, RevocationEpoch, TokenFamily
from token_issuer.services import ending, issuing
from token_issuer.services.ending_selected import end_selected
from token_issuer.services.selecting import Selection

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

IP = "192.0.2.1"
LATER = AT + timedelta(minutes=1)
ADMINS = 4
ROWS = 120
MANY = 2_500  # three batches of the command


def end_all(by, selection, *, batch) -> list:
    """End batch after batch; return how each went."""
    found = [end_selected(by, selection, reason="leak", at=LATER, batch=batch)]
    while found[-1].after is not None:
        found.append(end_selected(by, selection, reason="leak", at=LATER, batch=batch, after=found[-1].after))
    return found


def audited(name: str) -> int:
    events = AuditEvent.objects.filter(kind=AuditKind.SET_REVOKED)
    return sum(event.detail.get(name, 0) for event in events)


@pytest.mark.parametrize("round_", range(3))
def test_who_ends_the_same_at_once_counts_each_token_once(at_once, round_):
    certificate = ApplicationFactory(ready=True).certificates.get()
    families = TokenFamilyFactory.create_batch(ROWS // 4, application=certificate.application)
    for index in range(ROWS):
        family = families[index // 2] if index < ROWS // 2 else None
        IssuedTokenFactory(certificate=certificate, ip=IP, family=family)
    admins = [caller(UserFactory()) for _ in range(ADMINS)]
    done = at_once(ADMINS, lambda index: end_all(admins[index], Selection(ip=IP), batch=25))
    assert sum(batch.ended for each in done for batch in each) == ROWS == audited("live")
    assert sum(batch.pairs for each in done for batch in each) == len(families) == audited("pairs")
    assert not IssuedToken.objects.filter(revoked_at=None).exists()
    assert not TokenFamily.objects.filter(closed_at=None).exists()


@pytest.fixture
def minting():
    """Somebody who mints, in two threads, for as long as the block lasts; the application that he does it in."""
    application = RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application
    person, over, failed = caller(UserFactory()), threading.Event(), []

    def mint(name):
        number = 0
        try:
            while not over.is_set():
                number += 1
                issuing.issue(person, "rooms", body={"roomId": f"{name}-{number}"}, at=AT)
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=mint, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()

    def stop():
        over.set()
        for thread in threads:
            thread.join(timeout=60)
        assert failed == []

    yield person, application, stop
    stop()


def wait_for(number: int) -> None:
    deadline = timezone.now() + timedelta(seconds=60)
    while IssuedToken.objects.count() < number:
        assert timezone.now() < deadline


def test_rows_come_to_an_end_while_somebody_mints_and_a_second_run_ends_the_rest(minting):
    person, application, stop = minting
    boss = caller(UserFactory())
    selection = Selection(principal_key=person.principal_key, application=application)
    wait_for(10)
    before = set(IssuedToken.objects.values_list("pk", flat=True))
    first = end_all(boss, selection, batch=3)
    assert not IssuedToken.objects.live(LATER).filter(pk__in=before).exists()
    stop()
    second = end_all(boss, selection, batch=50)
    assert not IssuedToken.objects.live(LATER).exists()
    assert sum(batch.ended for batch in [*first, *second]) == IssuedToken.objects.count() == audited("live")


def test_a_set_ends_with_all_that_was_being_minted(minting):
    person, _application, stop = minting
    wait_for(5)
    end_selected(caller(UserFactory()), Selection(principal_key=person.principal_key), reason="leak", at=LATER)
    stop()
    # What came later was made under the new epoch: whether he gets any is policy's business.
    dead = IssuedToken.objects.filter(epochs__lt=RevocationEpoch.objects.get().epoch)
    assert dead.count() >= 5
    assert not IssuedToken.objects.live(LATER).filter(pk__in=dead.values("pk")).exists()


def test_who_is_killed_between_batches_is_followed_by_another(live_process):
    now, user = timezone.now(), UserFactory()
    certificate = ApplicationFactory(ready=True).certificates.get()
    made = [
        IssuedTokenFactory.build(
            certificate=certificate, application=certificate.application, user=user, ip=IP, issued_at=now
        )
        for _ in range(MANY)
    ]
    IssuedToken.objects.bulk_create(made, batch_size=500)
    arguments = ("token_issuer_revoke", "--ip", IP, "--reason", "leak", "--no-input")
    with live_process(*arguments) as process:
        for line in process.stdout:
            if line.endswith(" left.\n"):
                process.send_signal(signal.SIGKILL)
                break
        process.communicate(timeout=60)
    killed = IssuedToken.objects.filter(revoked_at__isnull=False).count()
    assert killed in {1000, 2000, MANY}
    assert audited("live") == killed
    with live_process(*arguments) as process:
        out, _errors = process.communicate(timeout=120)
    assert out.endswith(f"{MANY - killed} tokens and 0 pairs ended.\n")
    assert not IssuedToken.objects.filter(revoked_at=None).exists()
    assert audited("live") == MANY


def test_a_person_is_ended_by_several_at_once(at_once):
    user = UserFactory()
    rules = [RuleFactory(everyone=False, for_users=[user]) for _ in range(5)]
    IssuedTokenFactory.create_batch(5, user=user)
    everything = {"with_api_keys": True, "with_owned_keys": True, "with_made_keys": True, "out_of_rules": True}
    by = caller(AnonymousUser())
    results = at_once(ADMINS, lambda _: ending.end_user(by, user, reason="", at=LATER, **everything))
    assert {type(result).__name__ for result in results} == {"Possessions"}
    assert AuditEvent.objects.filter(kind=AuditKind.RULE_CHANGED).count() == len(rules)
    assert AuditEvent.objects.filter(kind=AuditKind.ACCESS_ENDED).count() == ADMINS
    events = AuditEvent.objects.filter(kind=AuditKind.ACCESS_ENDED)
    assert sum(event.detail["rules"] for event in events) == len(rules)
