"""One list of what happened: its order, its pages, and what it tells of whom."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from tests.factories import (
    AT,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
    VendorPairFactory,
    caller,
)
from tests.statements import counted
from token_issuer.ids import uuid7_floor
from token_issuer.models import (
    AuditEvent,
    AuditKind,
    IssuedToken,
    OneTimeKey,
    Origin,
    TokenFamily,
    VendorAccount,
    VendorPair,
)
from token_issuer.services import people, revoking, timelines
from token_issuer.services.moments import Place
from token_issuer.services.timelines import Sources

LATER = AT + timedelta(days=1)


def everything():
    return Sources(
        tokens=IssuedToken.objects.with_epochs_now(),
        families=TokenFamily.objects.with_epochs_now(),
        login_keys=OneTimeKey.objects.with_epochs_now(),
        pairs=VendorPair.objects.with_epochs_now(),
        accounts=VendorAccount.objects.all(),
        events=AuditEvent.objects.all(),
    )


def written(minutes):
    """An id as of so many minutes after ``AT``."""
    return UUID(int=uuid7_floor(AT + timedelta(minutes=minutes)).int | random.getrandbits(60))


def after(minutes):
    return AT + timedelta(minutes=minutes)


def named(text):
    person = people.named(str(text))
    assert person is not None
    return person


def page(user, **asked):
    return timelines.of_person(named(user.pk), everything(), at=LATER, **asked)


def words(found):
    return [str(entry.what) for entry in found.entries]


@pytest.fixture
def certificate(db):
    return CertificateFactory(active=True)


def test_everything_stands_in_the_order_in_which_it_happened(certificate, user):
    application = certificate.application
    VendorAccountFactory(id=written(0), application=application, user=user, created_at=AT, proved_at=after(9))
    TokenFamilyFactory(id=written(1), application=application, user=user, created_at=after(1), closed_at=after(8))
    IssuedTokenFactory(id=written(2), certificate=certificate, user=user, issued_at=after(2), revoked_at=after(7))
    OneTimeKeyFactory(id=written(3), application=application, user=user, created_at=after(3), consumed_at=after(6))
    AuditEvent.objects.create(id=written(4), at=after(4), kind=AuditKind.DENIED, user=user, count=3)
    VendorPairFactory(id=written(0), application=application, user=user, created_at=after(5), refused_at=after(10))
    assert words(page(user)) == [
        "vendor pair refused", "vendor account's proof set", "token family closed", "token revoked",
        "one-time key redeemed", "vendor pair kept", "3 \N{MULTIPLICATION SIGN} denied", "one-time key made",
        "token issued", "token family begun", "vendor account made",
    ]  # fmt: skip


def test_pages_lose_nothing_and_repeat_nothing_while_rows_arrive(certificate, user):
    choice = random.Random(7)
    for _ in range(150):
        minutes = choice.randrange(1000)
        revoked = after(minutes + choice.randrange(10)) if choice.random() < 0.5 else None
        IssuedTokenFactory(
            id=written(minutes), certificate=certificate, user=user, issued_at=after(minutes), revoked_at=revoked
        )
        AuditEvent.objects.create(id=written(minutes), at=after(minutes), kind=AuditKind.DENIED, user=user)
    expected = [entry.place for entry in page(user, size=1000).entries]
    seen, before = [], None
    while True:
        found = page(user, before=before, size=7)
        seen += [entry.place for entry in found.entries]
        if found.next is None:
            break
        before = found.next
        IssuedTokenFactory(id=written(2000), certificate=certificate, user=user)
        token = IssuedToken.objects.filter(revoked_at=None).order_by("?").first()
        assert token is not None
        IssuedToken.objects.filter(pk=token.pk).update(revoked_at=after(3000))
    assert [place for place in seen if place not in expected] == []
    assert seen == expected == sorted(expected, reverse=True)
    assert len(set(seen)) == len(seen) >= 350


def test_an_ending_before_its_row_was_written_stands_behind_it(certificate, user):
    """Clocks of two processes differ."""
    IssuedTokenFactory(id=written(5), certificate=certificate, user=user, revoked_at=after(4))
    found = page(user, size=1)
    assert words(found) == ["token revoked"]
    assert words(page(user, size=1, before=found.next)) == ["token issued"]


def test_an_ending_of_a_row_far_back_is_shown_where_it_began(certificate, user, monkeypatch):
    monkeypatch.setattr(timelines, "LOOKED_BACK", 3)
    IssuedTokenFactory(id=written(0), certificate=certificate, user=user, revoked_at=after(60))
    for minutes in range(1, 7):
        IssuedTokenFactory(id=written(minutes), certificate=certificate, user=user)
    first = page(user, size=3)
    assert [entry.state for entry in first.entries] == ["expired"] * 3
    rest = page(user, before=first.next)
    assert [entry.state for entry in rest.entries] == ["expired"] * 3 + ["revoked"]


def test_what_he_did_is_told_apart_from_what_happened_to_him(certificate, user):
    for kind in (AuditKind.DENIED, AuditKind.TOKEN_REVOKED, AuditKind.CERTIFICATE_STAGED, AuditKind.VENDOR_FAILED):
        AuditEvent.objects.create(at=AT, kind=kind, user=user)
    IssuedTokenFactory(certificate=certificate, user=user)
    done = {str(entry.what) for entry in page(user).entries if entry.by_him}
    assert done == {"token revoked", "certificate staged"}


def test_who_ended_it_and_why_is_told(certificate, user):
    chief = UserFactory(username="chief")
    IssuedTokenFactory(certificate=certificate, user=user, revoked_at=after(1), revoked_by=chief, reason="leaked")
    entry = page(user).entries[0]
    assert (str(entry.what), entry.who, entry.detail, entry.by_him) == ("token revoked", "chief", "leaked", False)


def test_all_that_was_ended_at_once_is_one_entry(certificate, user):
    IssuedTokenFactory(certificate=certificate, user=user)
    now = timezone.now()
    for minutes in (1, 2):
        revoking.revoke_user(caller(UserFactory()), user, reason="", at=now + timedelta(minutes=minutes))
    newest, token = page(user).entries
    assert (str(newest.what), newest.at) == ("all tokens of this person ended", now + timedelta(minutes=2))
    assert newest.detail == "done 2 times in all; this is the last"
    assert token.state == "revoked"


def test_nothing_of_somebody_else_is_told(certificate, user):
    IssuedTokenFactory(certificate=certificate)
    TokenFamilyFactory()
    OneTimeKeyFactory()
    VendorPairFactory()
    VendorAccountFactory()
    AuditEvent.objects.create(at=AT, kind=AuditKind.DENIED, user=UserFactory())
    assert page(user).entries == ()


@pytest.mark.parametrize("origin", [Origin.REFRESH, Origin.REFRESH_RETRY, Origin.REDEEM, "later_release"])
def test_a_token_says_how_it_came(certificate, user, origin):
    IssuedTokenFactory(certificate=certificate, user=user, origin=origin, generation=4)
    (entry,) = page(user).entries
    said = {"refresh": "token refreshed", "refresh_retry": "refresh retried", "redeem": "token issued for a login key"}
    assert str(entry.what) == said.get(str(origin), "token issued")
    assert entry.detail == "generation 4, room-1, allow_join"


def test_a_long_detail_is_cut(user):
    AuditEvent.objects.create(at=AT, kind=AuditKind.DENIED, user=user, detail={"reason": "x" * 10_000})
    assert len(page(user).entries[0].detail) == 300


def test_it_takes_as_many_statements_as_tables(certificate, user):
    IssuedTokenFactory(certificate=certificate, user=user)
    TokenFamilyFactory(user=user, application=certificate.application)
    person = named(user.pk)
    with counted(8):
        timelines.of_person(person, everything(), at=LATER)


def test_every_table_is_read_to_a_limit(certificate, user):
    TokenFamilyFactory(id=written(0), user=user)
    person = named(user.pk)
    with counted(8) as statements:
        timelines.of_person(person, everything(), at=LATER, before=Place.of(written(1)))
    assert [sql for sql in statements if "LIMIT" not in sql and "revocationepoch" not in sql] == []


def test_a_deleted_person_has_what_names_him_by_key(certificate, user):
    application, key = certificate.application, str(user.pk)
    IssuedTokenFactory(certificate=certificate, user=user)
    TokenFamilyFactory(application=application, user=user)
    OneTimeKeyFactory(application=application, user=user)
    OneTimeKeyFactory(application=ApplicationFactory())
    user.delete()
    found = timelines.of_person(named(key), everything(), at=LATER)
    assert sorted(words(found)) == ["one-time key made", "token family begun", "token issued"]


@pytest.mark.parametrize("text", ["", "1", "1-2-3", "x" * 50, "1-" + "0" * 32, "1" * 13 + "-" + "0" * 32 + "-1"])
def test_other_texts_name_no_place(text):
    assert Place.parse(text) is None


def test_a_place_is_written_and_read():
    place = Place.of(written(3), 2, after(4))
    assert Place.parse(str(place)) == place
