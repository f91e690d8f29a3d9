"""Adding up hours from the command line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import AT, CertificateFactory, IssuedTokenFactory
from token_issuer.ids import uuid7_floor
from token_issuer.models import Counted, HourlyCount
from token_issuer.services import counting

HOURS = 60  # more than one call adds up
OLD = AT - timedelta(hours=HOURS)


def token(at=OLD):
    certificate = CertificateFactory(active=True)
    return IssuedTokenFactory(id=uuid7_floor(at), issued_at=at, certificate=certificate)


@pytest.mark.parametrize("arguments", [(), ("--once",)])
def test_it_adds_up_all_that_is_missing(run, db, arguments):
    token()
    assert HOURS > counting.MOST_HOURS
    done = run("token_issuer_count", *arguments, at=AT + counting.LATE)
    assert (done.code, done.out) == (0, f"{HOURS} hours counted.\n")
    assert HourlyCount.objects.get(what=Counted.ISSUED).number == 1
    assert run("token_issuer_count", at=AT + counting.LATE).out == "0 hours counted.\n"


def test_it_tells_how_far_it_is_when_asked(run, db):
    token(AT)
    done = run("token_issuer_count", "--verbosity=2", at=AT + timedelta(hours=2))
    assert done.out.splitlines() == ["counted 2026-03-01 12:00", "1 hours counted."]


def test_numbers_that_cannot_be(run, db):
    done = run("token_issuer_count", "--every=-1")
    assert (done.code, done.err) == (1, "--every must be at least 1.")


def test_the_purge_adds_up_too(run, db):
    token(AT)
    done = run("token_issuer_purge", at=AT + timedelta(hours=2))
    assert (done.code, HourlyCount.objects.filter(what=Counted.ISSUED).count()) == (0, 1)


def test_a_dry_run_of_the_purge_adds_up_nothing(run, db):
    token(AT)
    run("token_issuer_purge", "--dry-run", at=AT + timedelta(hours=2))
    assert not HourlyCount.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_as_a_service_it_goes_on(live_process):
    now = timezone.now()
    made = counting.hour_of(now) - timedelta(hours=3)
    token(made)
    with live_process("token_issuer_count", "--every", "1") as service:
        first = service.stdout.readline()
        HourlyCount.objects.all().delete()
        again = service.stdout.readline()
        service.terminate()
    assert first == again
    assert HourlyCount.objects.filter(starts_at=made, what=Counted.ISSUED).exists()
