"""Rows name themselves without a secret, and certificates answer what they may do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import (
    AGORA_CERTIFICATE,
    AT,
    CertificateFactory,
    IssuedTokenFactory,
    RuleFactory,
    TokenFamilyFactory,
)
from token_issuer.models import (
    Application,
    AuditEvent,
    Certificate,
    IssuedToken,
    Rule,
    RuleWindow,
    Standing,
    VendorAccount,
)


def test_a_certificate_shows_its_fingerprint_alone(db):
    certificate = CertificateFactory(application__provider="agora")
    assert str(certificate) == f"sign {certificate.fingerprint}"
    assert AGORA_CERTIFICATE not in repr(vars(certificate))


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (Application(name="Rooms", slug="rooms"), "Rooms (rooms)"),
        (AuditEvent(kind="denied", count=3), "3 x denied"),
        (IssuedToken(format="007", fingerprint="ab"), "007 ab"),
        (RuleWindow(used=2, starts_at=AT), "2 used since 2026-03-01 12:00"),
        (VendorAccount(subject="ada"), "ada"),
        (VendorAccount(number=4), "number 4"),
        (VendorAccount(), "unnamed"),
    ],
)
def test_rows_name_themselves(row, text):
    assert str(row) == text


def test_a_rule_says_what_it_allows(db):
    assert str(RuleFactory(privileges=["a", "b"], resource_pattern="r-*")) == "a, b on r-*"


def test_a_rule_that_allows_nothing_says_so():
    assert str(Rule(privileges=[], resource_pattern="")) == "nothing on nothing"


@pytest.mark.parametrize(
    ("stamps", "state", "signs", "verifies"),
    [
        ({}, "staged", False, False),
        ({"activated_at": AT}, "active", True, True),
        ({"activated_at": AT, "retiring_at": AT}, "retiring", False, True),
        ({"activated_at": AT, "retiring_at": AT, "retired_at": AT}, "retired", False, False),
        ({"activated_at": AT, "revoked_at": AT}, "revoked", False, False),
    ],
)
def test_a_certificates_state_answers(stamps, state, signs, verifies):
    found = Certificate(**stamps).state
    assert (found.value, found.may_sign, found.may_verify) == (state, signs, verifies)


def test_certificates_by_what_they_may_do(db):
    CertificateFactory()
    active = CertificateFactory(active=True)
    retiring = CertificateFactory(active=True, retiring_at=AT)
    CertificateFactory(active=True, revoked_at=AT)
    CertificateFactory(active=True, retiring_at=AT, retired_at=AT)
    assert [*Certificate.objects.active()] == [active]
    assert {*Certificate.objects.verifying()} == {active, retiring}


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        ({}, Standing.LIVE),
        ({"issued_at": AT - timedelta(minutes=10)}, Standing.EXPIRED),
        ({"revoked_at": AT}, Standing.REVOKED),
        ({"one_time": True, "consumed_at": AT}, Standing.CONSUMED),
        ({"epochs": 7}, Standing.REVOKED),
    ],
)
def test_standing_is_derived(db, changes, standing):
    IssuedTokenFactory(**changes)
    assert IssuedToken.objects.with_epochs_now().get().standing(AT) is standing
    assert IssuedToken.objects.live(AT).exists() is (standing is Standing.LIVE)


@pytest.mark.parametrize("changes", [{}, {"issued_at": AT - timedelta(minutes=10)}])
def test_a_token_ends_with_its_family(db, changes):
    IssuedTokenFactory(family=TokenFamilyFactory(closed_at=AT), **changes)
    standing = Standing.EXPIRED if changes else Standing.REVOKED
    assert IssuedToken.objects.with_epochs_now().get().standing(AT) is standing
    assert not IssuedToken.objects.live(AT).exists()


def test_a_token_of_an_open_family_is_live(db):
    IssuedTokenFactory(family=TokenFamilyFactory())
    assert IssuedToken.objects.with_epochs_now().get().standing(AT) is Standing.LIVE
    assert IssuedToken.objects.live(AT).exists()


def test_names_of_a_later_release_are_shown_as_they_are():
    assert (IssuedToken(origin="session").origin_label, IssuedToken(origin="new").origin_label) == ("session", "new")
    assert (AuditEvent(kind="denied").kind_label, AuditEvent(kind="new").kind_label) == ("denied", "new")
