"""What the doctor says of accounts at vendors."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, UserFactory, VendorAccountFactory
from token_issuer.models import Application, VendorAccount
from token_issuer.services import account_findings, diagnosing, naming, proving
from token_issuer.services.findings import Severity
from token_issuer.services.opening import seal_proof

PARTS = {"word": "correct", "floor": "1"}


def told(application, at=AT):
    return [(found.severity, found.message) for found in account_findings.look(application, at=at)]


@pytest.fixture
def pending(hotel):
    def pending(name, since):
        row = VendorAccountFactory(application=hotel, subject=name)
        sealed = seal_proof({"proof": "x"}, row=row.pk)
        VendorAccount.objects.filter(pk=row.pk).update(pending_secret=sealed, pending_at=since)

    return pending


def test_accounts_are_counted(person, hotel, user):
    proving.prove(person, hotel, user, parts=PARTS, at=AT)
    VendorAccountFactory(application=hotel, subject="bob")
    naming.name(person, hotel, UserFactory(), subject="eve", at=AT)
    assert told(hotel) == [(Severity.OK, "Accounts with a proof: 1; without, which get no token: 2.")]


def test_those_of_others_are_not(person, hotel, rooms):
    VendorAccountFactory(application=rooms)
    assert told(hotel) == [(Severity.OK, "Accounts with a proof: 0; without, which get no token: 0.")]


def test_where_there_are_no_proofs_nothing_is_said(rooms):
    VendorAccountFactory(application=rooms)
    assert told(rooms) == []


def test_a_provider_that_is_gone_is_somebody_elses_finding(hotel):
    assert told(Application(provider="gone")) == []


def test_what_is_pending_for_long_is_a_warning(hotel, pending):
    pending("ada", AT - account_findings.LONG)
    pending("bob", AT - account_findings.LONG + timedelta(seconds=1))
    assert told(hotel)[1:] == [(Severity.WARNING, "A password may or may not have been set at the vendor: ada.")]


def test_what_was_forgotten_meanwhile_is_not(hotel, pending):
    pending("ada", AT - timedelta(days=1))
    VendorAccount.objects.update(pending_secret=None)
    assert len(told(hotel)) == 1


def test_few_are_named(hotel, pending):
    for number in range(7):
        pending(f"guest-{number}", AT - timedelta(days=1, seconds=-number))
    assert told(hotel)[1][1].endswith(": guest-0, guest-1, guest-2, guest-3, guest-4 and more.")


def test_the_doctor_tells(person, hotel):
    found = diagnosing.full(person, at=AT, slug="hotel").findings
    assert [finding.name for finding in found if finding.application == "hotel"].count("accounts") == 1
