"""What can never be false, asked of the database itself: the same on every engine."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from tests.factories import (
    AT,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    RuleFactory,
    UserFactory,
    VendorAccountFactory,
    VendorPairFactory,
)
from token_issuer.ids import uuid7
from token_issuer.models import AnsweredLoginKey, RuleWindow, VendorPush
from token_issuer.models.vendor_account import LARGEST_NUMBER

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def refused():
    def refused(work):
        with pytest.raises(IntegrityError), transaction.atomic():
            work()

    return refused


def test_one_active_certificate_per_purpose(refused):
    application = CertificateFactory(active=True).application
    CertificateFactory(application=application, active=True, purpose="call")
    CertificateFactory(application=application)
    CertificateFactory(application=application, active=True, retiring_at=AT)
    refused(lambda: CertificateFactory(application=application, active=True))


def test_one_certificate_per_key_id(refused):
    certificate = CertificateFactory()
    refused(lambda: CertificateFactory(application=certificate.application, key_id=certificate.key_id))


@pytest.mark.parametrize(
    "fields",
    [
        {"sealed_secret": None, "reference": ""},
        {"reference": "env:NAME"},
        {"retiring_at": AT},
        {"activated_at": AT, "retired_at": AT - timedelta(1)},
    ],
)
def test_a_certificate_that_contradicts_itself(refused, fields):
    refused(lambda: CertificateFactory(**fields))


@pytest.mark.parametrize("slots", [0, 17])
def test_slots_are_1_to_16(refused, slots):
    refused(lambda: ApplicationFactory(slots=slots))


@pytest.mark.parametrize("fields", [{"limit": 1}, {"window": 60}, {"limit": 1, "window": 0}])
def test_limit_and_window_go_together(refused, fields):
    refused(lambda: RuleFactory(**fields))


def test_one_window_per_person_and_start(refused):
    rule, person = RuleFactory(), uuid7()
    RuleWindow.objects.create(rule=rule, principal_key=person, starts_at=AT)
    refused(lambda: RuleWindow.objects.create(rule=rule, principal_key=person, starts_at=AT))


@pytest.mark.parametrize("number", [0, LARGEST_NUMBER + 1])
def test_a_number_has_27_bits(refused, number):
    refused(lambda: VendorAccountFactory(number=number))


def test_a_number_is_never_shared(refused):
    account = VendorAccountFactory(number=1)
    VendorAccountFactory(number=1)
    refused(lambda: VendorAccountFactory(application=account.application, number=1))


def test_a_subject_is_never_shared(refused):
    account = VendorAccountFactory(subject="ada")
    VendorAccountFactory(application=account.application)
    VendorAccountFactory(application=account.application)
    refused(lambda: VendorAccountFactory(application=account.application, subject="ada"))


def test_one_account_per_user_and_many_of_nobody(refused):
    account = VendorAccountFactory()
    refused(lambda: VendorAccountFactory(application=account.application, user=account.user))
    other = VendorAccountFactory(application=account.application)
    account.user.delete()
    other.user.delete()


@pytest.mark.parametrize("fields", [{"expires_at": AT}, {"subject": ""}, {"consumed_at": AT}])
def test_a_token_that_contradicts_itself(refused, fields):
    refused(lambda: IssuedTokenFactory(**fields))


@pytest.mark.parametrize("fields", [{"pushed_at": AT, "failed_at": AT}, {}])
def test_a_push_that_contradicts_itself(refused, fields):
    token = IssuedTokenFactory()
    refused(lambda: VendorPush.objects.create(token=token, application=token.application, **fields))


@pytest.mark.parametrize("fields", [{"next_try_at": AT}, {"pushed_at": AT}, {"failed_at": AT}])
def test_a_push_waits_or_has_ended(fields):
    token = IssuedTokenFactory()
    VendorPush.objects.create(token=token, application=token.application, **fields)


def test_a_pairs_versions_count_from_one(refused):
    VendorPairFactory(version=1)
    refused(lambda: VendorPairFactory(version=0))


def test_one_pair_per_user_and_device(refused):
    pair = VendorPairFactory()
    same = {"application": pair.application, "principal_key": pair.principal_key, "device_key": pair.device_key}
    VendorPairFactory(**{**same, "device_key": uuid7()})
    refused(lambda: VendorPairFactory(**same))


@pytest.mark.parametrize("secret", ["sealed_secret", "pending_secret"])
def test_a_proof_is_of_an_account_with_a_name(refused, secret):
    VendorAccountFactory(subject="ada", **{secret: b"sealed"})
    refused(lambda: VendorAccountFactory(subject=None, **{secret: b"sealed"}))


def test_a_login_key_is_answered_once_per_account(refused):
    def answered(account):
        AnsweredLoginKey.objects.create(account=account, digest="0" * 64, answered_at=AT, expires_at=AT)

    account = VendorAccountFactory()
    answered(account)
    answered(VendorAccountFactory(application=account.application))
    refused(lambda: answered(account))


def test_what_the_audit_names_cannot_be_deleted():
    token = IssuedTokenFactory()
    for row in (token.certificate, token.application):
        with pytest.raises(ProtectedError):
            row.delete()


def test_the_audit_outlives_its_user():
    token = IssuedTokenFactory(user=UserFactory(), subject="user-9")
    token.user.delete()
    token.refresh_from_db()
    assert (token.user, token.subject) == (None, "user-9")


def test_keys_grow_with_creation():
    tokens = [IssuedTokenFactory() for _ in range(20)]
    assert [*type(tokens[0]).objects.order_by("pk")] == tokens
