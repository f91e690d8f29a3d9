"""Several processes add up the same hours, and one is killed: every hour is counted, and once."""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from django.db import connection, connections

from tests.factories import AT, CertificateFactory, IssuedTokenFactory
from token_issuer.ids import uuid7_floor
from token_issuer.models import Counted, HourlyCount
from token_issuer.services import counting

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

HOURS = 12
OF_EACH = 3
LATER = AT + timedelta(hours=HOURS) + counting.LATE
THREADS = 6


@pytest.fixture(autouse=True)
def certificates():
    """Two applications, with a few tokens in every hour each."""
    for number in range(2):
        certificate = CertificateFactory(active=True)
        for hour in range(HOURS):
            for serial in range(OF_EACH):
                row_id = uuid7_floor(AT + timedelta(hours=hour, minutes=number, seconds=serial))
                IssuedTokenFactory(id=row_id, certificate=certificate)


def wrong():
    """What is not as it must be: every hour has one marker, and one right number for each application."""
    markers = HourlyCount.objects.filter(what=Counted.HOUR).values_list("starts_at", flat=True)
    issued = HourlyCount.objects.filter(what=Counted.ISSUED).values_list("number", flat=True)
    hours = [AT + timedelta(hours=hour) for hour in range(HOURS)]
    return [] if (sorted(markers), [*issued]) == (hours, [OF_EACH] * HOURS * 2) else [*markers, *issued]


def test_several_at_once_count_every_hour_once(at_once):
    results = at_once(THREADS, lambda _: counting.count_hours(at=LATER))
    assert all(isinstance(result, int) for result in results), results
    assert wrong() == []


class Fatal:
    """Kills its process right before a statement that writes."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute, sql, params, many, context):
        if sql.startswith(("INSERT", "COMMIT")):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)


def killed_before(number: int) -> bool:
    """Count in a process of its own that is killed before the so manyth INSERT; whether it was."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            with connection.execute_wrapper(Fatal(number)):
                counting.count_hours(at=LATER)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("number", [1, 2, HOURS])
def test_a_killed_one_leaves_whole_hours_and_the_next_goes_on(number):
    assert killed_before(number)
    assert HourlyCount.objects.filter(what=Counted.HOUR).count() == number - 1
    assert HourlyCount.objects.filter(what=Counted.ISSUED).count() == (number - 1) * 2
    assert counting.count_hours(at=LATER) == HOURS - number + 1
    assert wrong() == []


def test_half_an_hour_is_never_kept(monkeypatch):
    """Killed between the rows of one hour: the transaction takes all of them along."""
    monkeypatch.setattr(counting, "_CHUNK", 1)
    assert killed_before(2)
    assert not HourlyCount.objects.exists()
    counting.count_hours(at=LATER)
    assert wrong() == []
