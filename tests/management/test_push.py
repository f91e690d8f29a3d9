"""Pushing from the command line."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from example_project.standins import pushing as standins
from example_project.standins.server import StandIn, in_json
from tests.factories import AT, ApplicationFactory, UserFactory, caller
from tests.pushes import agora_token, told
from token_issuer.models import AuditEvent, AuditKind, Origin, VendorPush
from token_issuer.services import revoking
from token_issuer.services.pushing import Patience


@pytest.fixture
def vendor():
    with StandIn(standins.agora) as vendor:
        yield vendor


@pytest.fixture
def calls(db, vendor):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    told(calls, vendor.url)
    return calls


def waiting(application, number=1, at=AT):
    """Revoke so many tokens whose vendor is not told yet."""
    person = caller(UserFactory())
    for _ in range(number):
        token = agora_token(application, issued_at=at)
        revoking.revoke_any(person, token.pk, reason="", at=at, patience=Patience(0))


@pytest.mark.parametrize("arguments", [(), ("--once",), ("--batch-size=1",)])
def test_it_tells_and_counts(run, calls, vendor, arguments):
    waiting(calls, 2)
    done = run("token_issuer_push", *arguments, at=AT)
    assert (done.code, done.out) == (0, "2 pushed, 0 to be tried again, 0 given up.\n")
    assert len(vendor.asked) == 2
    assert run("token_issuer_push", at=AT).out == "0 pushed, 0 to be tried again, 0 given up.\n"


def test_failures_are_counted_and_who_ran_it_is_in_the_audit(run, calls, vendor):
    waiting(calls, 2)
    vendor.answer = lambda _asked: in_json({}, status=400 if len(vendor.asked) == 1 else 500)
    assert run("token_issuer_push", at=AT).out == "0 pushed, 1 to be tried again, 1 given up.\n"
    event = AuditEvent.objects.get(kind=AuditKind.PUSH_FAILED)
    assert event.user_agent.startswith("token_issuer_push by ")
    assert Origin.COMMAND not in event.detail.values()


def test_a_dry_run_tells_nobody(run, calls, vendor):
    waiting(calls, 2)
    assert run("token_issuer_push", "--dry-run", at=AT).out == "Would tell vendors of 2 revocations.\n"
    assert (vendor.asked, VendorPush.objects.filter(attempts=0).count()) == ([], 2)


def test_what_was_given_up_is_told_again_when_asked(run, calls, vendor):
    waiting(calls)
    vendor.answer = lambda _asked: in_json({}, status=400)
    run("token_issuer_push", at=AT)
    vendor.answer = standins.agora
    assert run("token_issuer_push", at=AT).out == "0 pushed, 0 to be tried again, 0 given up.\n"
    assert run("token_issuer_push", "--again", at=AT).out.splitlines() == [
        "1 that were given up are due again.",
        "1 pushed, 0 to be tried again, 0 given up.",
    ]
    assert run("token_issuer_push", "--again", "--dry-run").code == 1


def test_it_tells_how_far_it_is_when_asked(run, calls):
    waiting(calls, 2)
    done = run("token_issuer_push", "--verbosity=2", "--batch-size=1", at=AT)
    assert done.out.splitlines()[0] == "so far: 1 pushed, 0 to be tried again, 0 given up."


@pytest.mark.parametrize(
    ("argument", "message"),
    [("--batch-size=0", "--batch-size must be at least 1."), ("--every=-1", "--every must be at least 1.")],
)
def test_numbers_that_cannot_be(run, db, argument, message):
    done = run("token_issuer_push", argument)
    assert (done.code, done.err) == (1, message)


@pytest.mark.django_db(transaction=True)
def test_as_a_service_it_goes_on(live_process, calls, vendor):
    now = timezone.now() - timedelta(seconds=5)
    waiting(calls, at=now)
    with live_process("token_issuer_push", "--every", "1") as service:
        assert service.stdout.readline() == "1 pushed, 0 to be tried again, 0 given up.\n"
        waiting(calls, 2, at=now)
        deadline = time.monotonic() + 20
        while len(vendor.asked) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        service.terminate()
    assert len(vendor.asked) == 3
