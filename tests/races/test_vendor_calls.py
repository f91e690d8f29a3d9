"""Vendors that are asked by many at once, and processes that die while one is asked."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from tests.factories import AT, SPEECH_LIMIT, UserFactory, caller
from token_issuer.models import Application, AuditEvent, IssuedToken, RuleWindow
from token_issuer.services import issuing

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 12
PATIENCE = 30  # seconds


def used() -> list[int]:
    return list(RuleWindow.objects.values_list("used", flat=True))


def test_no_more_are_asked_for_than_the_window_allows(at_once, speech, vocalstack):
    person = caller(UserFactory())
    results = at_once(THREADS, lambda _: issuing.issue(person, "speech", body={}, at=AT))
    kinds = Counter(type(result).__name__ for result in results)
    assert kinds == {"Issuance": SPEECH_LIMIT, "RateLimited": THREADS - SPEECH_LIMIT}
    assert (len(vocalstack.orders), IssuedToken.objects.count(), used()) == (SPEECH_LIMIT, SPEECH_LIMIT, [SPEECH_LIMIT])


def test_failures_at_once_give_back_what_each_took(at_once, speech, vocalstack):
    vocalstack.mode = "refuse"
    person = caller(UserFactory())
    results = at_once(THREADS, lambda _: issuing.issue(person, "speech", body={}, at=AT))
    kinds = Counter(type(result).__name__ for result in results)
    assert kinds["VendorUnavailable"] + kinds["RateLimited"] == THREADS
    assert (used(), IssuedToken.objects.count()) == ([0], 0)
    counts = dict(AuditEvent.objects.values_list("kind", "count"))
    assert counts == {
        "vendor_failed": kinds["VendorUnavailable"],
        **({"denied": kinds["RateLimited"]} if kinds["RateLimited"] else {}),
    }


@pytest.fixture
def paused(vocalstack):
    """The vendor has read an order, and answers when ``go`` is set."""
    arrived, go = threading.Event(), threading.Event()

    def before():
        arrived.set()
        go.wait(PATIENCE)

    vocalstack.before = before
    yield arrived, go
    go.set()


@pytest.fixture
def minting(live_process: Callable[..., Any], speech, paused):
    """A process of its own that asks the vendor right now."""
    person = UserFactory()
    with live_process("token_issuer_mint", "speech", "--user", person.username) as process:
        assert paused[0].wait(PATIENCE), process.stderr.read()
        yield process


def test_a_process_that_dies_while_the_vendor_is_asked(minting):
    minting.send_signal(signal.SIGKILL)
    minting.wait(PATIENCE)
    assert (used(), IssuedToken.objects.count(), AuditEvent.objects.count()) == ([1], 0, 0)


def hold_up_new_rows(application: Application, engine: str) -> None:
    """Let nobody write a row of a token until this transaction ends."""
    if engine == "postgresql":  # it looks at foreign keys when it commits, and then it is too late to die
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {IssuedToken._meta.db_table} IN ACCESS EXCLUSIVE MODE")
        return
    Application.objects.select_for_update().filter(pk=application.pk).get()
    Application.objects.filter(pk=application.pk).update(name="held")


@pytest.mark.parametrize("dies", [True, False])
def test_a_process_that_dies_with_the_token_in_its_hands(minting, paused, vocalstack, speech, dies, engine):
    with transaction.atomic():
        hold_up_new_rows(speech, engine)
        paused[1].set()
        time.sleep(1)
        assert len(vocalstack.given) == 1
        if dies:
            minting.send_signal(signal.SIGKILL)
            minting.wait(PATIENCE)
    out, _err = minting.communicate(timeout=PATIENCE)
    assert (used(), IssuedToken.objects.count()) == ([1], 0 if dies else 1)
    assert any(text in out for text in vocalstack.given) is not dies
