"""Durable, retried with bounds, and honest about what passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.db import OperationalError, transaction

import token_issuer.services
from tests.factories import AT, CertificateFactory, IssuedTokenFactory
from tests.services.test_registering import DRAFT
from token_issuer.errors import Unavailable
from token_issuer.models import AuditEvent
from token_issuer.services import allowing, registering, revoking, rotating, switching
from token_issuer.services.transactions import ATTEMPTS, OpenTransaction, durable, in_transaction, is_passing, retrying

SERVICES = Path(token_issuer.services.__file__).parent


def failing(*errors: Exception):
    waiting = [*errors]

    def work():
        if waiting:
            raise waiting.pop(0)
        return "done"

    return work


def locked() -> OperationalError:
    return OperationalError("database is locked")


def test_a_passing_failure_is_retried(db):
    assert retrying(failing(locked(), locked())) == "done"


def test_three_are_enough(db):
    with pytest.raises(Unavailable, match=r"^The database was busy three times in a row\.$"):
        retrying(failing(*[locked()] * ATTEMPTS))


def test_another_failure_is_not_retried(db):
    with pytest.raises(OperationalError, match="no such table"):
        retrying(failing(OperationalError("no such table")))


class _State(Exception):
    def __init__(self, sqlstate):
        super().__init__()
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (OperationalError(1213, "Deadlock found"), True),
        (OperationalError(1205, "Lock wait timeout exceeded"), True),
        (OperationalError(1020, "Record has changed since last read"), True),
        (OperationalError(2003, "Can't connect"), False),
        (OperationalError("database table is locked: x"), True),
        (OperationalError(), False),
    ],
)
def test_what_passes(error, passing):
    assert is_passing(error) is passing


@pytest.mark.parametrize(("sqlstate", "passing"), [("40001", True), ("40P01", True), ("55P03", True), ("08006", False)])
def test_what_passes_on_postgresql(sqlstate, passing):
    error = OperationalError("x")
    error.__cause__ = _State(sqlstate)
    assert is_passing(error) is passing


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_nothing_is_retried():
    with transaction.atomic(), pytest.raises(OperationalError):
        retrying(failing(locked()))


@pytest.mark.django_db(transaction=True)
def test_durable_refuses_inside_a_transaction():
    with transaction.atomic():
        assert in_transaction()
        with pytest.raises(OpenTransaction, match=r"mark the view @transaction\.non_atomic_requests"):
            durable()


NEW = {"secret": "9" * 64}
DECIDING = {
    "revoke a token": lambda who, app, token: revoking.revoke_any(who, token.pk, reason="", at=AT),
    "revoke a set": lambda who, app, token: revoking.revoke_mine(who, reason="", at=AT),
    "stage": lambda who, app, token: rotating.stage(who, app, secret=NEW, at=AT),
    "activate": lambda who, app, token: rotating.activate(who, CertificateFactory(application=app), at=AT),
    "retire": lambda who, app, token: rotating.retire(who, app.certificates.get(), at=AT),
    "revoke": lambda who, app, token: rotating.revoke(who, app.certificates.get(), reason="", at=AT),
    "replace": lambda who, app, token: rotating.replace(who, app.certificates.get(), secret=NEW, reason="", at=AT),
    "register": lambda who, app, token: registering.register(who, replace(DRAFT, slug="new"), at=AT),
    "allow": lambda who, app, token: allowing.allow(who, app, DRAFT.rules[0], at=AT),
    "disable": lambda who, app, token: switching.disable(who, app, at=AT),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", DECIDING)
def test_what_decides_refuses_inside_a_transaction(what, person, rooms):
    token = IssuedTokenFactory(certificate=rooms.certificates.get())
    with transaction.atomic(), pytest.raises(OpenTransaction):
        DECIDING[what](person, rooms, token)
    assert not AuditEvent.objects.exists()


def test_a_test_cases_own_transaction_does_not_count(db):
    assert not in_transaction()


def test_every_transaction_of_the_services_is_durable():
    found = [
        (path.name, line.strip())
        for path in SERVICES.rglob("*.py")
        for line in path.read_text().splitlines()
        if "atomic(" in line
    ]
    assert found
    assert [entry for entry in found if "durable=True" not in entry[1]] == []
