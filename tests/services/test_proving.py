"""Setting what proves a user at the vendor; only what the provider makes of it is kept."""

from __future__ import annotations

import hmac
from datetime import timedelta

import pytest
from django.db import transaction

from tests.factories import UserFactory, VendorAccountFactory, caller
from tests.guests import proof_of
from token_issuer.crypto import vault
from token_issuer.errors import BadOption, Conflict, PolicyDenied
from token_issuer.models import AuditEvent, AuditKind, VendorAccount
from token_issuer.services import issuing, naming, proving
from token_issuer.services.opening import opened_proof, seal_proof
from token_issuer.services.transactions import OpenTransaction

SECOND = timedelta(seconds=1)
PARTS = {"word": "correct", "floor": "1"}


def kept(account):
    with opened_proof(account) as proof:
        return dict(proof.parts)


@pytest.fixture
def ada(person, hotel, user, at):
    """Her account, proved."""
    return proving.prove(person, hotel, user, subject="ada", parts=PARTS, at=at)


def test_only_what_the_provider_returns_is_kept(ada, at):
    row = VendorAccount.objects.get()
    assert (row.subject, row.proved_at, kept(row)) == ("ada", at, {"proof": proof_of("ada", "correct")})


def test_it_opens_in_its_own_row_only(ada, hotel):
    other = VendorAccountFactory(application=hotel, subject="bob", sealed_secret=bytes(ada.sealed_secret))
    with pytest.raises(vault.SealBroken):
        kept(other)


def test_it_is_what_logs_her_in(ada, person):
    token = issuing.issue(person, "hotel", body={"question": "why"}, at=ada.proved_at).token
    assert token.reveal() == hmac.digest(proof_of("ada", "correct").encode(), b"why", "sha256").hex()


def test_it_is_audited_without_values(ada, person, hotel, at):
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.application, event.at) == (
        AuditKind.ACCOUNT_PROVED,
        person.user,
        hotel,
        at,
    )
    assert event.detail == {"account": str(ada.pk), "by": "hand"}


def test_the_same_again_changes_nothing(ada, person, hotel, user, at):
    again = proving.prove(person, hotel, user, parts=PARTS, at=at + SECOND)
    assert (again.proved_at, AuditEvent.objects.count()) == (at, 1)


def test_another_password_replaces_it(ada, person, hotel, user, at):
    proving.prove(person, hotel, user, parts={**PARTS, "word": "other"}, at=at + SECOND)
    row = VendorAccount.objects.get()
    assert (row.subject, row.proved_at, kept(row)) == ("ada", at + SECOND, {"proof": proof_of("ada", "other")})


def test_another_name_replaces_it(ada, person, hotel, user, at):
    proving.prove(person, hotel, user, subject="eve", parts=PARTS, at=at + SECOND)
    row = VendorAccount.objects.get()
    assert (row.subject, kept(row)) == ("eve", {"proof": proof_of("eve", "correct")})


def test_one_that_does_not_open_is_replaced(ada, person, hotel, user, at):
    VendorAccount.objects.update(sealed_secret=b"garbage")
    proving.prove(person, hotel, user, parts=PARTS, at=at + SECOND)
    assert kept(VendorAccount.objects.get()) == {"proof": proof_of("ada", "correct")}


def test_without_a_name_the_pattern_says_it(person, hotel, user, at):
    assert proving.prove(person, hotel, user, parts=PARTS, at=at).subject == f"user-{user.pk}"


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({}, "word"),
        ({"word": "correct"}, "floor"),
        ({"word": "", "floor": "1"}, "word"),
        ({**PARTS, "ha1": "0"}, "ha1"),
        ({"word": "abc", "floor": "1"}, "word"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_written(person, hotel, user, at, parts, field):
    with pytest.raises(BadOption) as refused:
        proving.prove(person, hotel, user, parts=parts, at=at)
    assert (refused.value.field, VendorAccount.objects.count(), AuditEvent.objects.count()) == (field, 0, 0)
    assert "abc" not in str(refused.value)


def test_a_name_of_somebody_else_leaves_everything(ada, person, hotel, at):
    bob = UserFactory()
    with pytest.raises(BadOption, match="somebody else's name"):
        proving.prove(person, hotel, bob, subject="ada", parts=PARTS, at=at)
    assert VendorAccount.objects.get().user == person.user


def test_other_applications_keep_no_proofs(person, rooms, user, at):
    with pytest.raises(BadOption, match=r"^application: VideoSDK keeps nothing that proves its users$"):
        proving.prove(person, rooms, user, parts=PARTS, at=at)


def test_it_waits_for_the_password_that_is_being_set(person, hotel, user, at):
    row = VendorAccountFactory(application=hotel, user=user, subject="ada", pending_at=at)
    with pytest.raises(Conflict, match=r"^A password for this account is being set at the vendor; try again in 30 s"):
        proving.prove(person, hotel, user, parts=PARTS, at=at)
    row.refresh_from_db()
    assert (row.sealed_secret, row.pending_at) == (None, at)


def test_it_takes_the_place_of_one_that_was_left_pending(ada, person, hotel, user, at):
    pending = seal_proof({"proof": "left"}, row=ada.pk)
    VendorAccount.objects.update(pending_secret=pending, pending_at=at)
    again = proving.prove(person, hotel, user, parts=PARTS, at=at + naming.LEASE)
    again.refresh_from_db()
    assert (again.pending_secret, again.pending_at, again.proved_at) == (None, None, at + naming.LEASE)


@pytest.mark.django_db(transaction=True)
def test_it_is_durable(person, hotel, user, at):
    with pytest.raises(OpenTransaction), transaction.atomic():
        proving.prove(person, hotel, user, parts=PARTS, at=at)


# Forgetting


def test_what_is_forgotten_answers_nothing(ada, person, at):
    assert proving.forget(person, ada.principal_key, reason="left", at=at) == 1
    with pytest.raises(PolicyDenied, match="no account at the vendor"):
        issuing.issue(person, "hotel", body={}, at=at)
    row = VendorAccount.objects.get()
    assert (row.subject, row.sealed_secret, row.pending_secret, row.proved_at) == ("ada", None, None, None)


def test_a_pending_one_is_forgotten_and_keeps_others_waiting(person, hotel, user, at):
    row = VendorAccountFactory(application=hotel, user=user, subject="ada")
    pending = seal_proof({"proof": "next"}, row=row.pk)
    VendorAccount.objects.update(pending_secret=pending, pending_at=at)
    assert proving.forget(person, row.principal_key, reason="left", at=at) == 1
    row.refresh_from_db()
    assert (row.pending_secret, row.pending_at) == (None, at)


def test_forgetting_is_audited_once(ada, person, hotel, at):
    for _ in range(2):
        proving.forget(person, ada.principal_key, reason="left", at=at)
    event = AuditEvent.objects.filter(kind=AuditKind.ACCOUNT_CHANGED).get()
    assert event.detail == {"account": str(ada.pk), "proof": "forgotten", "reason": "left"}


def test_the_proofs_of_others_stay(ada, person, at):
    assert proving.forget(person, caller(UserFactory()).principal_key, reason="left", at=at) == 0
    assert kept(VendorAccount.objects.get())
