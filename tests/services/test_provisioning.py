"""Making a user at the vendor with a password that nobody sees: pending first, current after the vendor's yes."""

from __future__ import annotations

import string
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction

from tests import guests
from tests.factories import CertificateFactory, VendorAccountFactory, VendorPairFactory
from tests.guests import KEY, proof_of
from token_issuer import transport
from token_issuer.errors import BadOption, Conflict, NoActiveCertificate, VendorUnavailable
from token_issuer.models import AuditEvent, AuditKind, Certificate, VendorAccount, VendorPair
from token_issuer.services import issuing, naming, proving, provisioning, resealing
from token_issuer.services.opening import opened_proof, seal_proof
from token_issuer.services.transactions import OpenTransaction, in_transaction

SECOND = timedelta(seconds=1)
HAND = {"word": "by-hand", "floor": "1"}


def kept(account=None):
    with opened_proof(account or VendorAccount.objects.get()) as proof:
        return proof.part("proof")


def agree(reception):
    """Whether what is kept is of the password that the vendor has."""
    row = VendorAccount.objects.get()
    name = str(row.subject)
    settled = (row.pending_secret, row.pending_at) == (None, None)
    return settled and kept(row) == proof_of(name, reception.guests[name])


@pytest.fixture
def provision(person, hotel, user):
    return lambda at, **more: provisioning.provision(person, hotel, user, at=at, **more)


@pytest.fixture
def ada(person, hotel, user, at, reception):
    """Somebody with a proof that was entered by hand, whom the vendor knows."""
    reception.guests["ada"] = HAND["word"]
    return proving.prove(person, hotel, user, subject="ada", parts=HAND, at=at - SECOND)


def events(kind):
    return [row.detail for row in AuditEvent.objects.filter(kind=kind)]


# What the vendor is asked


def test_a_new_user_is_made_there(provision, reception, user, at):
    account = provision(at)
    name = f"user-{user.pk}"
    assert (account.subject, account.proved_at, reception.asked) == (name, at, [("make", name)])
    assert agree(reception)


def test_the_name_may_be_given(provision, reception, at):
    provision(at, subject="ada")
    assert (reception.asked, agree(reception)) == ([("make", "ada")], True)


def test_one_who_is_there_already_gets_the_password(provision, reception, at):
    reception.guests["ada"] = "before"
    provision(at, subject="ada")
    assert (reception.asked, agree(reception)) == ([("make", "ada"), ("change", "ada")], True)


def test_one_who_was_proved_is_changed_first(ada, provision, reception, at):
    provision(at)
    assert (reception.asked, agree(reception)) == ([("change", "ada")], True)


def test_one_who_was_deleted_there_is_made_again(ada, provision, reception, at):
    reception.guests.clear()
    provision(at)
    assert (reception.asked, agree(reception)) == ([("change", "ada"), ("make", "ada")], True)


def test_each_run_sets_another_password(provision, reception, at):
    provision(at, subject="ada")
    first = reception.guests["ada"]
    provision(at + SECOND)
    assert (reception.guests["ada"] != first, agree(reception)) == (True, True)


def test_the_password_is_long_and_has_one_of_each(provision, reception, at):
    provision(at, subject="ada")
    password = reception.guests["ada"]
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_.!*")
    assert len(password) == 32
    assert all(set(password) & set(kind) for kind in kinds)
    assert set(password) <= set("".join(kinds))


def test_it_calls_with_the_active_certificate(provision, reception, hotel, at):
    CertificateFactory(application=hotel, purpose="call", secret={"key": "n" * 32})
    provision(at)
    assert reception.keys == {KEY}


def test_no_transaction_is_open_meanwhile(person, hotel, user, reception, at, monkeypatch):
    open_ones, send = [], transport.send

    def watched(*arguments, **more):
        open_ones.append(in_transaction())
        return send(*arguments, **more)

    monkeypatch.setattr(transport, "send", watched)
    provisioning.provision(person, hotel, user, at=at)
    assert open_ones == [False]


def test_it_is_audited_without_values(provision, at):
    account = provision(at)
    assert events(AuditKind.ACCOUNT_PROVED) == [{"account": str(account.pk), "by": "provisioning"}]


def test_what_is_kept_logs_the_user_in(provision, person, at):
    provision(at)
    assert issuing.issue(person, "hotel", body={}, at=at).sdk["answer"]


def test_another_name_is_refused_before_anything_is_lost(ada, provision, reception, at):
    before = row_of(ada)
    with pytest.raises(BadOption, match=r"^subject: is not what he is called at this vendor: rename him first"):
        provision(at, subject="eve")
    assert (VendorAccount.objects.get().subject, row_of(ada), reception.asked) == ("ada", before, [])


def test_a_name_that_came_meanwhile_is_not_taken_back(provision, person, hotel, user, reception, at, monkeypatch):
    """What the pattern says was read before somebody else gave him a name."""
    check, left = naming.check, [lambda: VendorAccountFactory(application=hotel, user=user, subject="eve")]

    def checked(*arguments):
        check(*arguments)
        if left:
            left.pop()()

    monkeypatch.setattr(naming, "check", checked)
    with pytest.raises(BadOption, match="rename him first"):
        provision(at)
    assert (VendorAccount.objects.get().subject, reception.asked) == ("eve", [])


def test_a_first_name_is_refused_where_it_would_cost_him_tokens(provision, hotel, user, person, reception, at):
    VendorPairFactory(application=hotel, user=user, principal_key=person.principal_key)
    with pytest.raises(BadOption, match=r"^subject: must be given to him first: that deletes the vendor's tokens"):
        provision(at)
    assert (VendorPair.objects.count(), VendorAccount.objects.count(), reception.asked) == (1, 0, [])


# What is refused before anybody is asked


@pytest.fixture
def unasked(hotel, reception):
    """Nobody is asked in this test, and no row has changed."""
    yield
    assert (reception.asked, VendorAccount.objects.count(), AuditEvent.objects.count()) == ([], 0, 0)


def test_it_needs_something_to_call_with(unasked, provision, at):
    Certificate.objects.update(purpose="other")
    with pytest.raises(NoActiveCertificate, match="'call'"):
        provision(at)


def test_a_staged_certificate_does_not_call(unasked, provision, at):
    Certificate.objects.update(activated_at=None)
    with pytest.raises(NoActiveCertificate):
        provision(at)


def test_other_applications_make_no_users(unasked, person, rooms, user, at):
    with pytest.raises(BadOption, match=r"^application: VideoSDK makes no users at the vendor$"):
        provisioning.provision(person, rooms, user, at=at)


def test_a_name_that_cannot_be_is_refused(unasked, provision, at):
    with pytest.raises(BadOption, match=r"^subject: must not contain a slash$"):
        provision(at, subject="a/b")


def test_it_is_not_called_inside_a_transaction(transactional_db, unasked, provision, at):
    with pytest.raises(OpenTransaction), transaction.atomic():
        provision(at)


# What the vendor does wrong


def row_of(account):
    row = VendorAccount.objects.get(pk=account.pk)
    return row.sealed_secret and bytes(row.sealed_secret), row.proved_at, row.pending_secret, row.pending_at


@pytest.mark.parametrize(
    ("manners", "reason"), [("refuse", "refused"), ("contrary", "refused"), ("shut", "unreachable")]
)
def test_a_clear_no_changes_nothing(ada, provision, reception, hotel, at, manners, reason):
    before, reception.manners = row_of(ada), manners
    if manners == "shut":
        hotel.options = {"desk": "http://127.0.0.1:1"}
    with pytest.raises(VendorUnavailable) as failed:
        provision(at)
    assert (failed.value.reason, row_of(ada)) == (reason, before)
    assert [(row["reason"], row["origin"]) for row in events(AuditKind.VENDOR_FAILED)] == [(reason, "session")]


UNSURE = [
    ("trouble", "failed"),
    ("silent", "timed_out"),
    ("garbage", "garbled"),
    ("strange", "garbled"),
    ("odd", "garbled"),
    ("drop", "dropped"),
    ("deaf", "dropped"),
]


@pytest.mark.parametrize(("manners", "reason"), UNSURE)
def test_after_anything_else_it_is_pending_and_a_new_run_makes_them_agree(
    ada, provision, reception, at, manners, reason, monkeypatch
):
    if manners == "silent":
        monkeypatch.setattr(transport, "DEADLINE", 1.0)
    before, reception.manners = row_of(ada), manners
    with pytest.raises(VendorUnavailable) as failed:
        provision(at)
    sealed, proved_at, pending, since = row_of(ada)
    assert (failed.value.reason, (sealed, proved_at), since) == (reason, before[:2], at)
    assert pending is not None
    assert [row["reason"] for row in events(AuditKind.VENDOR_FAILED)] == [reason]
    reception.manners = "polite"
    provision(at + naming.LEASE)
    assert agree(reception)


def test_the_current_proof_is_used_while_another_is_pending(ada, provision, person, reception, at):
    reception.manners = "drop"
    with pytest.raises(VendorUnavailable):
        provision(at)
    assert kept() == proof_of("ada", HAND["word"])
    assert issuing.issue(person, "hotel", body={}, at=at).sdk["answer"]


def test_nothing_is_sent_twice(provision, reception, at):
    """A repetition's answer would hide whether the first was carried out."""
    reception.manners = "drop"
    with pytest.raises(VendorUnavailable):
        provision(at, subject="ada")
    assert reception.asked == [("make", "ada")]


def test_a_no_puts_back_what_was_left_pending(ada, provision, reception, at):
    """The vendor may have that one: whoever looks must see that something is open."""
    left = seal_proof({"proof": "left"}, row=ada.pk)
    VendorAccount.objects.update(pending_secret=left, pending_at=at - naming.LEASE)
    reception.manners = "refuse"
    with pytest.raises(VendorUnavailable):
        provision(at)
    _, _, pending, since = row_of(ada)
    assert (bytes(pending), since) == (left, at - naming.LEASE)


@pytest.mark.django_db(transaction=True)
def test_a_no_does_not_put_back_what_was_forgotten_meanwhile(ada, provision, person, reception, at):
    left = seal_proof({"proof": "left"}, row=ada.pk)
    VendorAccount.objects.update(pending_secret=left, pending_at=at - naming.LEASE)
    reception.manners = "refuse"
    meanwhile(reception, lambda: proving.forget(person, ada.principal_key, reason="left", at=at))
    with pytest.raises(VendorUnavailable):
        provision(at)
    assert row_of(ada) == (None, None, None, at - naming.LEASE)


def test_a_name_that_no_new_user_gets_leaves_nothing_pending(ada, provision, reception, at):
    VendorAccount.objects.update(subject="old-ada")
    reception.guests.clear()
    with pytest.raises(BadOption, match="no new guest"):
        provision(at)
    assert row_of(ada)[2:] == (None, None)


def test_an_unsafe_address_leaves_nothing_pending(ada, provision, hotel, at):
    hotel.options = {"desk": "http://hotel.test"}
    with pytest.raises(ImproperlyConfigured, match="https"):
        provision(at)
    assert row_of(ada)[2:] == (None, None)


def test_whoever_comes_too_late_does_not_ask(ada, provision, reception, at, monkeypatch):
    monkeypatch.setattr(provisioning, "ASKING", 0)
    with pytest.raises(VendorUnavailable, match="no time left"):
        provision(at)
    assert (reception.asked, row_of(ada)[2:]) == ([], (None, None))


def test_whoever_has_little_time_left_waits_no_longer_than_that(ada, provision, reception, at, monkeypatch):
    monkeypatch.setattr(provisioning, "ASKING", 0.5)
    reception.manners = "silent"
    with pytest.raises(VendorUnavailable) as failed:
        provision(at)
    assert (failed.value.reason, row_of(ada)[3]) == ("timed_out", at)


# Others


def test_one_at_a_time(ada, provision, at):
    VendorAccount.objects.update(pending_secret=seal_proof({"proof": "x"}, row=ada.pk), pending_at=at)
    with pytest.raises(Conflict, match=r"being set at the vendor; try again in 1 s\.$"):
        provision(at + naming.LEASE - SECOND / 2)
    assert provision(at + naming.LEASE)


def meanwhile(reception, deed):
    """Do something in the vendor's own thread, after it has set the password and before it says so."""

    def do(password):
        try:
            deed()
        finally:
            connections.close_all()

    reception.after = do


@pytest.mark.django_db(transaction=True)
def test_what_was_forgotten_meanwhile_does_not_come_back(ada, provision, person, reception, at):
    meanwhile(reception, lambda: proving.forget(person, ada.principal_key, reason="left", at=at))
    with pytest.raises(Conflict, match="changed while its password was being set"):
        provision(at)
    assert row_of(ada) == (None, None, None, at)


@pytest.mark.django_db(transaction=True)
def test_what_is_resealed_meanwhile_becomes_current(ada, provision, reception, settings, at):
    first, second = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]

    def reseal():
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": [second, first]}
        resealing.reseal()

    meanwhile(reception, reseal)
    provision(at)
    assert (agree(reception), set(resealing.survey(VendorAccount.objects.all()).rows)) == (True, {"test1"})


@pytest.mark.django_db(transaction=True)
def test_a_later_one_counts_and_the_earlier_one_is_told(ada, provision, reception, at):
    """The first run is as slow as no lease allows for; the second one's password comes to the vendor after it."""

    def second():
        reception.after = lambda password: None
        provision(at + naming.LEASE)

    meanwhile(reception, second)
    with pytest.raises(Conflict, match="provision it again"):
        provision(at)
    assert (agree(reception), VendorAccount.objects.get().proved_at) == (True, at + naming.LEASE)


def test_a_new_name_between_reading_and_pending_is_noticed(ada, provision, reception, at, monkeypatch):
    """Also one that MariaDB takes for the same."""

    def renaming(name, password):
        VendorAccount.objects.update(subject="Ada", sealed_secret=None)
        return proof_of(name, password)

    monkeypatch.setattr(guests, "proof_of", renaming)
    with pytest.raises(Conflict, match="provision it again"):
        provision(at)
    row = VendorAccount.objects.get()
    assert (reception.asked, row.subject, row.pending_secret) == ([], "Ada", None)
