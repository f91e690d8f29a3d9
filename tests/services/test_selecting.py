"""Which tokens are meant, and what ending them would do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.crowds import many
from tests.factories import (
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
from token_issuer.ids import uuid7_floor
from token_issuer.models import IssuedToken, Principal
from token_issuer.models.row_counts import MOST_COUNTED
from token_issuer.providers.base import Revocation
from token_issuer.services import revoking, selecting
from token_issuer.services.selecting import Selection, live_tokens, preview

MINUTE = timedelta(minutes=1)


@pytest.fixture
def boss(db):
    return caller(UserFactory())


@pytest.fixture
def token(db, user):
    return IssuedTokenFactory(user=user, ip="192.0.2.1", api_key=ApiKeyFactory())


@pytest.fixture
def other(db):
    """Of somebody else, somewhere else."""
    return IssuedTokenFactory(ip="192.0.2.2", resource="room-2", api_key=ApiKeyFactory())


def of(token, *names):
    """Select by what this token has."""
    everything = {
        "principal_key": token.principal_key,
        "application": token.application,
        "resource": token.resource,
        "certificate": token.certificate,
        "api_key": token.api_key,
        "ip": token.ip,
    }
    return Selection(**{name: everything[name] for name in names})


EACH = [["principal_key"], ["application"], ["application", "resource"], ["certificate"], ["api_key"], ["ip"]]


@pytest.mark.parametrize("names", EACH, ids="+".join)
def test_each_of_them_selects_its_own(token, other, at, names):
    assert [*live_tokens(of(token, *names), at=at)] == [token]


def test_all_that_is_given_must_hold(token, other, at):
    assert not live_tokens(replace(of(token, "ip"), principal_key=other.principal_key), at=at).exists()


def test_a_room_is_compared_exactly(token, at):
    assert not live_tokens(Selection(application=token.application, resource="ROOM-1"), at=at).exists()


def test_the_same_room_elsewhere_is_another(token, at):
    twin = IssuedTokenFactory(resource=token.resource)
    assert [*live_tokens(of(twin, "application", "resource"), at=at)] == [twin]


@pytest.mark.parametrize(("start", "end", "found"), [(0, 1, 1), (1, 2, 0), (-1, 0, 0), (None, 1, 1), (0, None, 1)])
def test_a_window_begins_inclusive_and_ends_exclusive(db, at, start, end, found):
    IssuedTokenFactory(pk=uuid7_floor(at))
    window = [None if minutes is None else at + minutes * MINUTE for minutes in (start, end)]
    assert live_tokens(Selection(issued_from=window[0], issued_until=window[1]), at=at).count() == found


def test_a_window_may_begin_before_there_were_ids(token, at):
    assert live_tokens(Selection(issued_from=at.replace(year=1900)), at=at).get() == token


def test_what_is_not_within_is_not_selected(token, other, at):
    within = frozenset({other.application_id})
    assert not live_tokens(replace(of(token, "ip"), within=within), at=at).exists()
    assert not live_tokens(replace(of(token, "ip"), within=frozenset()), at=at).exists()


def test_what_has_ended_is_not_selected(token, at):
    token.revoked_at = at
    token.save()
    assert not live_tokens(of(token, "ip"), at=at).exists()
    assert [*selecting.selected(of(token, "ip"))] == [token]


@pytest.mark.parametrize("given", [{}, {"within": frozenset()}])
def test_something_must_be_named(given):
    with pytest.raises(ValueError, match="Name whose tokens"):
        Selection(**given)


def test_a_room_alone_is_none():
    with pytest.raises(ValueError, match="A room is one of an application"):
        Selection(resource="room-1", ip="192.0.2.1")


@pytest.mark.parametrize("names", EACH[:-1], ids="+".join)
def test_what_an_epoch_says_is_a_set(token, names):
    assert of(token, *names).is_set


@pytest.mark.parametrize(
    "names", [["ip"], ["principal_key", "application"], ["certificate", "api_key"], ["application", "certificate"]]
)
def test_what_no_epoch_says_is_none(token, names):
    assert not of(token, *names).is_set


@pytest.mark.parametrize("bound", ["issued_from", "issued_until"])
def test_a_window_makes_it_none(token, at, bound):
    assert not replace(of(token, "application"), **{bound: at}).is_set


@pytest.mark.parametrize(
    ("names", "inside"),
    [(["application"], True), (["certificate"], True), (["api_key"], True), (["principal_key"], False)],
)
def test_what_is_all_within_is_a_set(token, names, inside):
    chosen = of(token, *names)
    whole = frozenset({token.application_id, token.api_key.application_id})
    assert replace(chosen, within=whole).is_set is inside
    assert not replace(chosen, within=frozenset()).is_set


def test_it_is_told_in_names_and_ids(token, at):
    chosen = replace(of(token, *EACH[2], "principal_key", "certificate", "api_key", "ip"), issued_until=at)
    assert chosen.sentence == (
        f"user {token.principal_key}, application {token.application.slug}, room room-1,"
        f" certificate {token.certificate.fingerprint}, api_key {token.api_key.public_id}, ip 192.0.2.1,"
        " until 2026-03-01T12:00:00+00:00"
    )


def test_a_preview_counts_tokens_people_and_pairs(boss, rooms, at):
    certificate, family = rooms.certificates.get(), TokenFamilyFactory(application=rooms)
    first = IssuedTokenFactory(certificate=certificate, family=family)
    second = IssuedTokenFactory(certificate=certificate, user=first.user)
    server = {"principal": Principal.API_KEY, "user": None, "principal_key": ApiKeyFactory().pk}
    third = IssuedTokenFactory(certificate=certificate, **server)
    seen = preview(boss, Selection(application=rooms), at=at)
    assert (seen.live, seen.capped, seen.people, seen.families, seen.as_set) == (3, False, 1, 1, True)
    assert seen.sample == [third, second, first]


def test_a_sample_is_of_the_newest(boss, rooms, at):
    tokens = IssuedTokenFactory.create_batch(3, certificate=rooms.certificates.get())
    assert preview(boss, Selection(application=rooms), at=at, sample=2).sample == tokens[:0:-1]


@pytest.fixture
def pairs(rooms, at):
    """Those whose only token has expired; all but the first have ended, too."""
    ended = [{}, {"closed_at": at}, {"idle_expires_at": at}, {"epochs": 7}]
    made = [TokenFamilyFactory(application=rooms, **columns) for columns in ended]
    expired = {"certificate": rooms.certificates.get(), "issued_at": at - 20 * MINUTE, "ip": "192.0.2.1"}
    for family in made:
        IssuedTokenFactory(family=family, **expired)
    return made


@pytest.mark.parametrize("where", ["application", "ip", "certificate"])
def test_pairs_that_can_be_renewed_are_counted_whatever_became_of_their_tokens(boss, rooms, pairs, at, where):
    narrow = {"issued_until": at.replace(year=9999)}
    where = {"application": {"application": rooms}, "ip": {"ip": "192.0.2.1"}}.get(
        where, {"certificate": rooms.certificates.get(), **narrow}
    )
    seen = preview(boss, Selection(**where), at=at)
    assert (seen.live, seen.families) == (0, 1)
    assert selecting.open_families(Selection(**where), at=at).get() == pairs[0]


def test_a_pair_that_had_no_token_there_is_not_counted(boss, pairs, at):
    assert preview(boss, Selection(ip="192.0.2.9"), at=at).families == 0


@pytest.mark.parametrize("column", ["consumed_at", "revoked_at"])
def test_login_keys_that_are_over_are_not_selected(user, at, column):
    good = OneTimeKeyFactory(user=user)
    OneTimeKeyFactory(user=user, **{column: at})
    OneTimeKeyFactory(user=user, created_at=at - MINUTE)
    OneTimeKeyFactory(user=user, epochs=7)
    OneTimeKeyFactory()
    assert selecting.login_keys(Selection(principal_key=good.principal_key), at=at).get() == good


def test_no_certificate_is_behind_a_login_key(token, at):
    OneTimeKeyFactory(application=token.application)
    assert not selecting.login_keys(of(token, "application", "certificate"), at=at).exists()


@pytest.mark.parametrize(("names", "found"), [(EACH[0], 1), (EACH[1], 1), (EACH[2], 0), (EACH[3], 0), (EACH[5], 0)])
def test_what_vendors_gave_is_selected_where_all_of_somebody_is(token, names, found):
    VendorPairFactory(user=token.user, application=token.application)
    VendorPairFactory()
    assert selecting.vendor_pairs(of(token, *names)).count() == found


def test_a_certificate_ends_no_pair_as_a_set(boss, rooms, at):
    certificate = rooms.certificates.get()
    IssuedTokenFactory(certificate=certificate, family=TokenFamilyFactory(application=rooms))
    seen = preview(boss, Selection(certificate=certificate), at=at)
    assert (seen.as_set, seen.families) == (True, 0)


def test_each_effect_has_its_count_and_its_last_instant(boss, rooms, own, at):
    IssuedTokenFactory(certificate=rooms.certificates.get())
    IssuedTokenFactory(certificate=rooms.certificates.get(), expires_at=at + 20 * MINUTE)
    IssuedTokenFactory(certificate=own.certificates.get())
    seen = preview(boss, Selection(issued_from=at), at=at)
    assert [(effect.revocation, effect.count, effect.last_ends_at) for effect in seen.effects] == [
        (Revocation.IMMEDIATE, 1, at),
        (Revocation.AT_NEXT_JOIN, 2, at + 20 * MINUTE),
    ]


def test_a_vendor_we_no_longer_know_promises_nothing(boss, at):
    token = IssuedTokenFactory(certificate__application__provider="gone")
    (effect,) = preview(boss, Selection(application=token.application), at=at).effects
    assert effect.revocation is Revocation.AT_EXPIRY


def test_a_vendor_that_will_be_told_is_named_with_what_it_does(boss, calls, at):
    agora_token(calls)
    alone = preview(boss, Selection(application=calls), at=at)
    told(calls, "http://127.0.0.1:9")
    pushed = preview(boss, Selection(application=calls), at=at)
    assert [effect.revocation for effect in (*alone.effects, *pushed.effects)] == [
        Revocation.AT_EXPIRY,
        Revocation.PUSHED,
    ]
    assert len(pushed.sentences) > len(alone.sentences)


@pytest.mark.parametrize("more", [0, 1])
def test_no_more_is_counted_than_the_limit(boss, rooms, at, monkeypatch, more):
    monkeypatch.setattr(selecting, "MOST_COUNTED", 3)
    IssuedTokenFactory.create_batch(3 + more, certificate=rooms.certificates.get())
    seen = preview(boss, Selection(application=rooms), at=at)
    assert (seen.live, seen.capped, sum(effect.count for effect in seen.effects)) == (3, bool(more), 3)


def test_a_preview_changes_nothing(boss, token, at):
    preview(boss, of(token, "ip"), at=at)
    assert IssuedToken.objects.live(at).get() == token


def test_it_says_what_ending_one_says(boss, rooms, at):
    token = IssuedTokenFactory(certificate=CertificateFactory(application=rooms))
    (effect,) = preview(boss, Selection(certificate=token.certificate), at=at).effects
    ending = revoking.ending_of(token, at=at)
    assert (effect.revocation, effect.last_ends_at) == (ending.revocation, ending.ends_at)


def test_nothing_selected_has_no_effect(boss, at):
    seen = preview(boss, Selection(application=ApplicationFactory()), at=at)
    assert (seen.live, seen.effects, seen.sample) == (0, (), [])


def statements(by, selection, at, *, live):
    with CaptureQueriesContext(connection) as seen:
        assert preview(by, selection, at=at).live == live
    return len(seen)


def test_it_asks_as_often_of_ten_thousand_as_of_one(boss, token, at):
    chosen = [of(token, *names) for names in EACH]
    few = [statements(boss, selection, at, live=1) for selection in chosen]
    many(token, MOST_COUNTED + 50)
    assert [statements(boss, selection, at, live=MOST_COUNTED) for selection in chosen] == few


def test_a_preview_counts_what_else_ends(boss, user, rooms, at):
    OneTimeKeyFactory(application=rooms, user=user, ip="192.0.2.1")
    VendorPairFactory(application=rooms, user=user)
    VendorPairFactory(application=rooms, user=user, device="old", epochs=7)
    for selection, vendor_pairs in ((Selection(application=rooms), 1), (Selection(ip="192.0.2.1"), 0)):
        seen = preview(boss, selection, at=at)
        assert (seen.live, seen.login_keys, seen.vendor_pairs) == (0, 1, vendor_pairs)
