"""Provisioning, killed anywhere and by several at once: vendor and site end up with the same password."""

from __future__ import annotations

import hashlib
import os
import queue
import signal
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, connections

from tests.factories import AT, UserFactory, caller
from tests.guests import proof_of
from token_issuer.errors import Conflict, PolicyDenied
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, VendorAccount
from token_issuer.services import ending, issuing, naming, proving, provisioning
from token_issuer.services.opening import opened_proof

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

NAME = "ada"
THREADS = 6


def ha1(name, password):
    return hashlib.md5(f"{name}:voximplant.com:{password}".encode(), usedforsecurity=False).hexdigest()


@pytest.fixture(params=["hotel", "phone"])
def house(request):
    """The application, what proves a password there, and how one is entered by hand."""
    application = request.getfixturevalue(request.param)
    if request.param == "hotel":
        return application, proof_of, {"word": "by-hand-1", "floor": "1"}
    return application, ha1, {"password": "by-hand-1"}


@pytest.fixture
def ada():
    return UserFactory(username=NAME)


def kept():
    """What proves her now; None without an account or a proof."""
    row = VendorAccount.objects.first()
    if row is None or row.sealed_secret is None:
        return None
    with opened_proof(row) as proof:
        return next(iter(proof.parts.values()))


class Fatal:
    """Kills its process right before a statement."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, execute, sql, params, many, context):
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1
        return execute(sql, params, many, context)


def in_a_process(work: Callable[[], object], *, told: Callable[[int], object] = lambda pid: None) -> int:
    """Do the work in a process of its own; return what ended it: 0, a signal, or -1 for an error."""
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    told(pid)
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status)


def provision(application, user, at=AT):
    return provisioning.provision(caller(user), application, user, subject=NAME, at=at)


def begin(house, reception, user, *, was_proved):
    """Forget all; somebody who was proved is known to the vendor by the same password."""
    application, prove, parts = house
    VendorAccount.objects.all().delete()
    reception.guests.clear()
    if was_proved:
        entered = next(iter(parts.values()))
        reception.guests[NAME] = entered
        proving.prove(caller(user), application, user, subject=NAME, parts=parts, at=AT - timedelta(days=1))
        return prove(NAME, entered)
    return None


def after_a_death(house, reception, user, *, before):
    """What a dead run leaves, and what the next one makes of it."""
    application, prove, _parts = house
    left = kept()
    if left != before:
        assert left == prove(NAME, reception.guests[NAME]), "current, and the vendor has not said yes"
    pending = VendorAccount.objects.filter(pending_at__isnull=False).exists()
    if pending:
        with pytest.raises(Conflict):
            provision(application, user, at=AT + naming.LEASE - timedelta(seconds=1))
        assert kept() == left
    provision(application, user, at=AT + naming.LEASE)
    row = VendorAccount.objects.get()
    assert (row.subject, row.pending_secret, row.pending_at) == (NAME, None, None)
    assert kept() == prove(NAME, reception.guests[NAME])
    return pending, left != before


@pytest.mark.parametrize("was_proved", [False, True], ids=["new", "proved"])
def test_killed_before_any_statement_it_is_whole_after_the_next_run(house, reception, ada, was_proved):
    seen = set()
    for number in range(60):
        before = begin(house, reception, ada, was_proved=was_proved)

        def work(number=number):
            with connection.execute_wrapper(Fatal(number)):
                provision(house[0], ada)

        ended_by = in_a_process(work)
        assert ended_by in {0, signal.SIGKILL}
        if ended_by == 0:
            break
        seen.add(after_a_death(house, reception, ada, before=before))
    assert ended_by == 0
    # Nothing yet; pending, with and without the vendor's yes; current.
    assert seen == {(False, False), (True, False), (False, True)}


@pytest.mark.parametrize("was_proved", [False, True], ids=["new", "proved"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_while_the_vendor_sets_it(house, reception, ada, was_proved, moment):
    before = begin(house, reception, ada, was_proved=was_proved)
    victims: queue.Queue[int] = queue.Queue()
    setattr(reception, moment, lambda password: os.kill(victims.get(timeout=20), signal.SIGKILL))
    assert in_a_process(lambda: provision(house[0], ada), told=victims.put) == signal.SIGKILL
    setattr(reception, moment, lambda password: None)
    assert after_a_death(house, reception, ada, before=before) == (True, False)


def test_several_at_once_one_of_them_asks(house, reception, ada, at_once):
    """The others hear Conflict while he does; whoever comes after him sets another password."""
    application, prove, _parts = house
    results = at_once(THREADS, lambda index: provision(application, ada, at=AT + timedelta(microseconds=index)))
    done = [result for result in results if isinstance(result, VendorAccount)]
    assert done
    assert all(isinstance(result, VendorAccount | Conflict) for result in results), results
    assert AuditEvent.objects.filter(kind=AuditKind.ACCOUNT_PROVED).count() == len(done)
    row = VendorAccount.objects.get()
    assert (row.pending_secret, kept()) == (None, prove(NAME, reception.guests[NAME]))


def test_a_password_by_hand_and_one_from_here(house, reception, ada, at_once):
    """Who enters one meanwhile is refused, or it counts: he says what the vendor has."""
    application, prove, parts = house

    def work(index):
        if index % 2:
            return provision(application, ada)
        return proving.prove(caller(ada), application, ada, subject=NAME, parts=parts, at=AT)

    results = at_once(4, work)
    assert all(isinstance(result, VendorAccount | Conflict) for result in results), results
    row = VendorAccount.objects.get()
    by_hand = prove(NAME, next(iter(parts.values())))
    assert (row.pending_secret, kept() in {by_hand, prove(NAME, reception.guests[NAME])}) == (None, True)


def test_two_that_make_the_same_account(hotel, ada, at_once):
    results = at_once(THREADS, lambda index: naming.name(caller(ada), hotel, ada, subject=NAME, at=AT))
    assert {result.pk for result in results} == {VendorAccount.objects.get().pk}


def test_two_who_want_the_same_name(hotel, at_once):
    users = [UserFactory() for _ in range(THREADS)]
    results = at_once(
        THREADS, lambda index: naming.name(caller(users[index]), hotel, users[index], subject=NAME, at=AT)
    )
    assert [type(result).__name__ for result in results].count("VendorAccount") == 1
    assert {str(result) for result in results} == {NAME, "subject: is somebody else's name at this vendor"}


def test_what_is_answered_while_somebody_is_ended_has_ended_too(phone, ada, at_once):
    """Either it was recorded before, and its epoch is over; or the proof was gone, and nothing was answered."""
    proving.prove(caller(ada), phone, ada, subject=NAME, parts={"password": "by-hand-1"}, at=AT)

    def work(index):
        if index == THREADS - 1:
            return ending.end_user(caller(UserFactory()), ada, reason="left", at=AT)
        return issuing.issue(caller(ada), "phone", body={"login_key": f"key-{index}"}, at=AT).token_id

    results = at_once(THREADS, work)
    assert all(not isinstance(result, Exception) or isinstance(result, PolicyDenied) for result in results), results
    assert not IssuedToken.objects.live(AT).exists()
    assert IssuedToken.objects.count() == sum(isinstance(result, UUID) for result in results)
