"""Choosing a user's name at the vendor; no proof outlives its name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, ApplicationFactory, UserFactory, VendorAccountFactory
from tests.guests import proof_of
from token_issuer.errors import BadOption, Conflict, NotAuthenticated
from token_issuer.models import AuditEvent, AuditKind, VendorAccount
from token_issuer.services import naming, proving
from token_issuer.services.opening import opened_proof

LATER = AT + timedelta(minutes=1)


def test_an_account_is_made_for_somebody_who_has_none(person, rooms, user, at):
    account = naming.name(person, rooms, user, subject="ada", at=at)
    row = VendorAccount.objects.get()
    assert (row, row.subject, row.user, row.application, row.principal_key) == (
        account,
        "ada",
        user,
        rooms,
        person.principal_key,
    )


def test_it_is_audited_without_the_name(person, rooms, user, at):
    account = naming.name(person, rooms, user, subject="ada", at=at)
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.application, event.at) == (AuditKind.ACCOUNT_CHANGED, user, rooms, at)
    assert event.detail == {"account": str(account.pk)}


def test_the_same_name_again_changes_nothing(person, rooms, user, at):
    for _ in range(2):
        naming.name(person, rooms, user, subject="ada", at=at)
    assert (VendorAccount.objects.count(), AuditEvent.objects.count()) == (1, 1)


def test_a_number_stays(person, calls, rooms, user, at):
    VendorAccountFactory(application=rooms, user=user, number=7)
    naming.name(person, rooms, user, subject="ada", at=at)
    assert VendorAccount.objects.get().number == 7


@pytest.mark.parametrize("subject", ["bob", None, "Ada"])
def test_another_name_ends_the_proof(person, hotel, user, at, subject):
    proving.prove(person, hotel, user, subject="ada", parts={"word": "correct", "floor": "1"}, at=at)
    account = naming.name(person, hotel, user, subject=subject, at=LATER)
    account.refresh_from_db()
    assert (account.subject, account.sealed_secret, account.proved_at) == (subject, None, None)


def test_the_same_name_keeps_the_proof(person, hotel, user, at):
    proving.prove(person, hotel, user, subject="ada", parts={"word": "correct", "floor": "1"}, at=at)
    account = naming.name(person, hotel, user, subject="ada", at=LATER)
    with opened_proof(account) as proof:
        assert proof.part("proof") == proof_of("ada", "correct")


def test_somebody_elses_name_is_refused(person, rooms, user, at):
    VendorAccountFactory(application=rooms, subject="ada")
    with pytest.raises(BadOption, match=r"^subject: is somebody else's name at this vendor$"):
        naming.name(person, rooms, user, subject="ada", at=at)
    assert VendorAccount.objects.count() == 1


def test_the_name_of_somebody_who_was_deleted_is_not_given_again(person, rooms, user, at):
    VendorAccountFactory(application=rooms, subject="ada", user=None, principal_key=person.principal_key)
    with pytest.raises(BadOption, match="somebody else's"):
        naming.name(person, rooms, user, subject="ada", at=at)


def test_another_application_has_names_of_its_own(person, rooms, user, at):
    VendorAccountFactory(application=ApplicationFactory(public_id="another"), subject="ada")
    assert naming.name(person, rooms, user, subject="ada", at=at).subject == "ada"


def test_a_row_of_the_same_application_at_the_vendor_has_not(person, hotel, user, at):
    """He would be one user there, with the password of the last of the two."""
    VendorAccountFactory(application=ApplicationFactory(provider="guests", public_id=hotel.public_id), subject="ada")
    parts = {"word": "correct", "floor": "1"}
    with pytest.raises(BadOption, match=r"^subject: is somebody else's name at this vendor$"):
        naming.name(person, hotel, user, subject="ada", at=at)
    with pytest.raises(BadOption, match="somebody else's name"):
        proving.prove(person, hotel, user, subject="ada", parts=parts, at=at)
    with pytest.raises(BadOption, match="somebody else's name"):
        naming.given(person, hotel, user, subject="ada", at=at)
    assert VendorAccount.objects.count() == 1
    assert naming.name(person, hotel, user, subject="Ada", at=at).subject == "Ada"


def test_one_user_has_one_name_at_several_rows_of_it(person, hotel, user, at):
    VendorAccountFactory(
        application=ApplicationFactory(provider="guests", public_id=hotel.public_id), user=user, subject="ada"
    )
    assert naming.name(person, hotel, user, subject="ada", at=at).subject == "ada"


@pytest.mark.parametrize("other", [{"public_id": "PUBLIC"}, {"provider": "videosdk"}], ids=str)
def test_what_only_looks_the_same_is_another_application(person, hotel, user, at, other):
    twin = ApplicationFactory(**{"provider": "guests", "public_id": hotel.public_id, **other})
    VendorAccountFactory(application=twin, subject="ada")
    assert naming.name(person, hotel, user, subject="ada", at=at).subject == "ada"


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("", "is required"),
        ("ada:1", "must not contain a colon: that would be somebody's second device"),
        ("ada\0", "must not contain control characters"),
        ("ada\ud800", "must not contain control characters"),
        ("a" * 253, "must be at most 252 characters"),
    ],
)
def test_what_can_be_no_name_is_refused(person, rooms, user, at, subject, message):
    with pytest.raises(BadOption) as refused:
        naming.name(person, rooms, user, subject=subject, at=at)
    assert refused.value.fields == {"subject": (message,)}


def test_the_provider_is_asked(person, hotel, user, at):
    with pytest.raises(BadOption, match=r"^subject: must not contain a slash$"):
        naming.name(person, hotel, user, subject="ada/lovelace", at=at)


def test_there_are_no_names_where_users_are_numbers(person, calls, user, at):
    with pytest.raises(BadOption, match=r"^subject: this application names its users by number$"):
        naming.name(person, calls, user, subject="ada", at=at)


def test_a_name_waits_for_the_password_that_is_being_set(person, hotel, user, at):
    account = VendorAccountFactory(application=hotel, user=user, subject="ada", pending_at=at)
    with pytest.raises(Conflict, match=r"try again in 20 s\.$"):
        naming.name(person, hotel, user, subject="bob", at=at + timedelta(seconds=10))
    assert naming.name(person, hotel, user, subject="bob", at=at + naming.LEASE).pk == account.pk


def test_a_pattern_names_who_has_no_name(hotel, user):
    assert naming.chosen(hotel, user, "") == f"user-{user.pk}"


def test_a_name_is_kept_unless_another_is_given(hotel, user):
    VendorAccountFactory(application=hotel, user=user, subject="ada")
    assert (naming.chosen(hotel, user, ""), naming.chosen(hotel, user, "bob")) == ("ada", "bob")


@pytest.mark.django_db(transaction=True)
def test_nobody_is_named_who_is_gone(person, rooms, at):
    gone = UserFactory()
    key = gone.pk
    gone.delete()
    gone.pk = key
    with pytest.raises(NotAuthenticated, match=r"^This account is gone"):
        naming.name(person, rooms, gone, subject="ada", at=at)
