"""Ending a selection, batch by batch or in one go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.crowds import many
from tests.factories import (
    AT,
    ApiKeyFactory,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorPairFactory,
    caller,
)
from tests.pushes import agora_token, told
from token_issuer import signals
from token_issuer.ids import uuid7
from token_issuer.models import (
    AuditEvent,
    AuditKind,
    IssuedToken,
    OneTimeKey,
    RevocationEpoch,
    TokenFamily,
    VendorPair,
    VendorPush,
)
from token_issuer.services import ending_selected, selecting
from token_issuer.services.selecting import Selection
from token_issuer.services.transactions import OpenTransaction

MINUTE = timedelta(minutes=1)
IP = "192.0.2.1"
THERE = Selection(ip=IP)


@pytest.fixture
def boss(db):
    return caller(UserFactory())


@pytest.fixture
def end(boss, at):
    def end(selection=THERE, *, by=boss, **more):
        return ending_selected.end_selected(by, selection, reason="leak", at=at + MINUTE, **more)

    return end


@pytest.fixture
def end_all(end):
    def end_all(selection=THERE, **more):
        """End batch after batch, and return how each went."""
        found = [end(selection, **more)]
        while found[-1].after is not None:
            found.append(end(selection, after=found[-1].after, **more))
        return found

    return end_all


def live(at):
    return IssuedToken.objects.live(at + MINUTE)


@pytest.mark.parametrize("name", ["application", "certificate", "api_key", "principal_key", "resource"])
def test_a_set_ends_by_its_epoch(end, at, name):
    token, other = IssuedTokenFactory(api_key=ApiKeyFactory()), IssuedTokenFactory()
    room = {"application": token.application} if name == "resource" else {}
    done = end(Selection(**room, **{name: getattr(token, name)}))
    assert (done.ended, done.left, done.after, RevocationEpoch.objects.count()) == (1, 0, None, 1)
    assert live(at).get() == other


def test_a_person_is_named_by_his_key_in_the_audit(end, user):
    token = IssuedTokenFactory(user=user)
    end(Selection(principal_key=token.principal_key))
    assert AuditEvent.objects.get().detail["of"] == str(user.pk)


def test_of_a_deleted_person_everything_ends(end, user, at):
    key = IssuedTokenFactory(user=user).principal_key
    user.delete()
    end(Selection(principal_key=key))
    assert not live(at).exists()
    assert AuditEvent.objects.get().detail["of"] == str(key)


def test_rows_end_newest_first_a_batch_at_a_time(end, at):
    tokens = IssuedTokenFactory.create_batch(3, ip=IP)
    first = end(batch=2)
    assert (first.ended, first.left, first.after) == (2, 1, tokens[1].pk)
    assert live(at).get() == tokens[0]
    last = end(batch=2, after=first.after)
    assert (last.ended, last.left, last.after) == (1, 0, None)


def test_each_row_says_who_ended_it_when_and_why(end, boss, at):
    IssuedTokenFactory(ip=IP)
    end()
    row = IssuedToken.objects.get()
    assert (row.revoked_at, row.revoked_by, row.reason) == (at + MINUTE, boss.user, "leak")


def test_nothing_else_ends(end_all, at):
    IssuedTokenFactory(ip=IP)
    other = IssuedTokenFactory(ip="192.0.2.2", family=TokenFamilyFactory())
    end_all()
    assert live(at).get() == other
    assert TokenFamily.objects.get().closed_at is None


def test_doing_it_again_ends_nothing_and_is_not_told_again(end):
    IssuedTokenFactory(ip=IP)
    assert [end().ended, end().ended] == [1, 0]
    assert AuditEvent.objects.count() == 1


def test_what_had_ended_keeps_its_reason(end, at):
    IssuedTokenFactory(ip=IP, revoked_at=at, reason="before")
    end()
    assert IssuedToken.objects.get().reason == "before"


def test_what_is_left_is_counted_to_a_limit(end, monkeypatch):
    monkeypatch.setattr(selecting, "MOST_COUNTED", 2)
    IssuedTokenFactory.create_batch(4, ip=IP)
    assert end(batch=1).left == 2


def test_no_batch_is_larger_than_the_limit(end, monkeypatch):
    monkeypatch.setattr(ending_selected, "LARGEST_BATCH", 2)
    IssuedTokenFactory.create_batch(3, ip=IP)
    assert end(batch=10**9).ended == 2


def test_the_pair_of_a_token_ends_with_it(end, at):
    family = TokenFamilyFactory()
    outside = IssuedTokenFactory(family=family, ip="192.0.2.2")
    IssuedTokenFactory(family=family, ip=IP)
    done = end()
    family.refresh_from_db()
    assert (family.closed_at, family.reason, done.ended) == (at + MINUTE, "leak", 1)
    assert not live(at).filter(pk=outside.pk).exists()


def test_tokens_of_one_pair_in_several_batches_are_all_counted(end_all):
    IssuedTokenFactory.create_batch(3, family=TokenFamilyFactory(), ip=IP)
    assert sum(done.ended for done in end_all(batch=1)) == 3


def test_a_pair_ends_whose_token_has_expired(end_all, at):
    families = TokenFamilyFactory.create_batch(3)
    for family in families:
        IssuedTokenFactory(family=family, ip=IP, issued_at=at - 20 * MINUTE)
    done = end_all(batch=2)
    assert [(each.ended, each.pairs) for each in done] == [(0, 2), (0, 1)]
    assert not TokenFamily.objects.filter(closed_at=None).exists()


def test_tokens_and_pairs_share_a_batch_by_age(end, user, rooms, at):
    new, old = [IssuedTokenFactory(user=user, certificate=rooms.certificates.get()) for _ in range(2)]
    pair = TokenFamilyFactory(user=user, application=rooms)
    chosen = Selection(principal_key=new.principal_key, application=rooms)
    first = end(chosen, batch=2)
    assert (first.ended, first.pairs, first.left, first.after) == (1, 1, 1, old.pk)
    assert TokenFamily.objects.get(closed_at__isnull=False) == pair
    assert end(chosen, batch=2, after=first.after).ended == 1


@pytest.fixture
def guest(user, rooms):
    """Somebody with a login key and a vendor's pair there, and elsewhere."""
    for application in (rooms, ApplicationFactory()):
        OneTimeKeyFactory(user=user, application=application, expires_at=AT + timedelta(hours=1))
        VendorPairFactory(user=user, application=application)
    return Selection(principal_key=caller(user).principal_key, within=frozenset({rooms.pk}))


def test_of_a_person_login_keys_and_what_vendors_gave_end_within(end, guest, rooms, at):
    assert end(guest).login_keys == 1
    key = OneTimeKey.objects.get(application=rooms)
    assert (key.revoked_at, key.reason) == (at + MINUTE, "leak")
    assert OneTimeKey.objects.exclude(application=rooms).get().revoked_at is None
    assert VendorPair.objects.get().application != rooms
    detail = AuditEvent.objects.get().detail
    assert (detail["live"], detail["login_keys"], detail["vendor_pairs"]) == (0, 1, 1)


def test_they_end_at_first_and_not_in_a_later_batch(end, guest):
    assert end(guest, after=uuid7()).login_keys == 0


def test_one_text_in_two_rows_ends_in_both(end, at):
    twin = IssuedTokenFactory(digest="ab" * 32)
    IssuedTokenFactory(digest="ab" * 32, ip=IP)
    end()
    assert not live(at).filter(pk=twin.pk).exists()


def test_what_is_not_within_is_not_touched(end_all, at):
    inside = IssuedTokenFactory(ip=IP, digest="ab" * 32)
    outside = IssuedTokenFactory(user=inside.user, ip=IP, digest="ab" * 32)
    user = Selection(principal_key=inside.principal_key, within=frozenset({inside.application_id}))
    assert sum(done.ended for done in end_all(user)) == 1
    assert live(at).get() == outside


def test_a_batch_is_audited_once_with_what_was_selected(end, boss):
    IssuedTokenFactory(ip=IP, family=TokenFamilyFactory())
    IssuedTokenFactory(ip=IP)
    end()
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.application) == (AuditKind.SET_REVOKED, boss.user, None)
    assert event.detail == {"kind": "selection", "of": f"ip {IP}", "live": 2, "pairs": 1, "reason": "leak"}


def test_what_is_of_one_application_is_audited_there(end):
    token = IssuedTokenFactory(ip=IP)
    end()
    assert AuditEvent.objects.get().application == token.application


def test_receivers_are_told_once_a_batch(end, boss, caplog):
    heard = []
    signals.token_revoked.connect(lambda **said: heard.append(said), weak=False, dispatch_uid="heard")
    try:
        with caplog.at_level("INFO", logger="token_issuer.security"):
            IssuedTokenFactory.create_batch(2, ip=IP)
            end()
    finally:
        signals.token_revoked.disconnect(dispatch_uid="heard")
    (said,) = heard
    assert (said["sender"], said["kind"], said["key"]) == (IssuedToken, "selection", f"ip {IP}")
    assert (said["reason"], said["revoked_by"], said["revocation"]) == ("leak", boss.user, None)
    assert [record.event for record in caplog.records] == ["set_revoked"]


def test_vendors_are_told_of_what_ended(end, calls):
    told(calls, "http://127.0.0.1:9")
    token = agora_token(calls, ip=IP)
    done = end()
    assert VendorPush.objects.get().token == token
    assert (done.pushes.waiting, done.left_out) == (1, 0)


def test_vendors_are_told_of_the_rest_of_a_pair(end, calls):
    told(calls, "http://127.0.0.1:9")
    family = TokenFamilyFactory(application=calls)
    agora_token(calls, ip=IP, family=family)
    agora_token(calls, family=family, subject="17")
    end()
    assert VendorPush.objects.count() == 2


def test_it_does_not_run_inside_a_transaction(end):
    with transaction.atomic(), pytest.raises(OpenTransaction):
        end()


def test_it_asks_as_often_for_many_as_for_few(end, rooms, django_assert_max_num_queries):
    certificate = CertificateFactory(application=rooms)

    def asked(size):
        IssuedTokenFactory.create_batch(size, certificate=certificate, ip=IP, family=TokenFamilyFactory())
        with django_assert_max_num_queries(100) as seen:
            assert end().ended == size
        return len(seen.captured_queries)

    assert asked(1) == asked(30)


def test_an_application_of_a_window_is_named(end, at):
    application = ApplicationFactory(ready=True)
    IssuedTokenFactory(certificate=application.certificates.get())
    end(replace(Selection(application=application), issued_from=at))
    assert AuditEvent.objects.get().application == application


def test_a_batch_of_ten_thousand_asks_as_often_as_one_of_a_thousand(end):
    token = IssuedTokenFactory(ip=IP)
    asked = {}
    for number in (1_000, 10_000):
        many(token, number)
        with CaptureQueriesContext(connection) as seen:
            done = end()
        assert (done.ended, done.after is None) == (1000, False)
        asked[number] = len(seen)
    assert asked[1_000] == asked[10_000]


def test_a_set_says_what_ended_beside_its_tokens(end, user):
    rooms = ApplicationFactory()
    TokenFamilyFactory(application=rooms, user=user)
    OneTimeKeyFactory(application=rooms, user=user, expires_at=AT + 2 * MINUTE)
    VendorPairFactory(application=rooms, user=user)
    for ended in (1, 0):
        done = end(Selection(application=rooms))
        assert (done.ended, done.pairs, done.login_keys, done.vendor_pairs) == (0, ended, ended, ended)


def test_vendor_pairs_that_rows_end_are_told(end, user):
    pair = VendorPairFactory(user=user)
    assert end(Selection(principal_key=pair.principal_key, application=pair.application)).vendor_pairs == 1


def test_the_last_end_is_of_all_also_where_not_all_were_counted(boss, at, monkeypatch):
    calls = ApplicationFactory(provider="agora", ready=True)
    for minutes in (5, 50, 6):
        agora_token(calls, expires_at=at + minutes * MINUTE)
    monkeypatch.setattr(selecting, "MOST_COUNTED", 1)
    selection = Selection(application=calls)
    seen = selecting.preview(boss, selection, at=at)
    assert ending_selected.last_end(selection, seen, at=at) == at + 50 * MINUTE


def test_nobody_waits_for_a_vendor_again_in_every_batch(end_all):
    calls = ApplicationFactory(provider="agora", ready=True)
    told(calls, "http://127.0.0.1:9")
    for subject in ("16", "17"):
        agora_token(calls, subject=subject, ip=IP)
    assert [done.pushes.waiting for done in end_all(batch=1)] == [1, 1, 0]
    assert sorted(VendorPush.objects.values_list("attempts", flat=True)) == [0, 1]
