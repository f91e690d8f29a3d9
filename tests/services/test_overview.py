"""The numbers of the last hour, day and week are those of the audit, however far it is added up."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import AT, ApplicationFactory, CertificateFactory, TokenFamilyFactory, UserFactory, caller
from tests.services.hours import event, many_events, many_tokens, token
from token_issuer.ids import uuid7_at
from token_issuer.models import AuditEvent, AuditKind, Counted, IssuedToken
from token_issuer.services import counting, overview, revoking

pytestmark = pytest.mark.django_db

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOW = AT + 25 * MINUTE  # 12:25: the hour that began at 12 is running, the one before can be added up

_chance = random.Random(7)


@pytest.fixture
def certificate():
    return CertificateFactory(application=ApplicationFactory(slug="rooms", name="Rooms"), active=True)


@pytest.fixture
def rooms(certificate):
    return certificate.application


def look(**more):
    return overview.look(at=NOW, **more)


def of(figures, what):
    """The hour, the day, the week of one series; a text where there may be more."""
    (series,) = (series for series in figures.series if series.what is what)
    return tuple(f"{one.number}+" if one.at_least else one.number for one in (series.hour, series.day, series.week))


def days(figures, what):
    (series,) = (series for series in figures.series if series.what is what)
    return [day.number for day in series.days]


def issued(**more):
    return of(look(**more).total, Counted.ISSUED)


def test_a_site_without_anything():
    empty = look()
    assert (empty.applications.number, empty.figures, empty.live) == (0, (), overview.Amount(number=0))
    assert [of(empty.total, what) for what in overview.ALL] == [(0, 0, 0)] * 4
    assert (empty.counted_until, empty.uncounted, empty.is_partial) == (None, 0, False)


@pytest.mark.parametrize("until", [NOW - 30 * DAY, NOW - 26 * HOUR, NOW - 5 * HOUR, NOW])
def test_numbers_are_the_same_however_far_it_is_added_up(certificate, until):
    for ago in (MINUTE, 59 * MINUTE, 60 * MINUTE, 61 * MINUTE, 3 * HOUR, 23 * HOUR, 25 * HOUR, 3 * DAY, 8 * DAY):
        token(certificate, NOW - ago)
    counting.count_all(at=until)
    assert issued() == (3, 6, 8)


def test_a_day_ends_with_the_hour_that_is_running(certificate):
    first = look().days[-1]
    assert first == AT + HOUR - DAY
    token(certificate, first)
    token(certificate, first - timedelta(milliseconds=1))
    assert issued() == (0, 1, 2)


def test_numbers_equal_the_audit(certificate, rooms):
    """Rows anywhere in the week, added up or not: each day has what the audit has."""
    kinds = [*counting.COUNTED_AS, AuditKind.FAMILY_CLOSED]
    sets = {AuditKind.SET_REVOKED, AuditKind.CERTIFICATE_REVOKED, AuditKind.API_KEY_REVOKED}
    for _ in range(120):
        token(certificate, NOW - _chance.random() * 8 * DAY)
        event(
            rooms,
            _chance.choice(kinds),
            NOW - _chance.random() * 8 * DAY,
            count=_chance.randint(1, 9),
            detail={"live": 4},
        )
    counting.count_all(at=NOW - 20 * HOUR)
    found = look()
    (figures,) = found.figures
    assert days(figures, Counted.ISSUED) == by_day(found.days, [(row.pk, 1) for row in IssuedToken.objects.all()])
    for what in (Counted.DENIED, Counted.REVOKED, Counted.REUSED):
        kinds = [kind for kind, meant in counting.COUNTED_AS.items() if meant is what]
        rows = AuditEvent.objects.filter(kind__in=kinds)
        told = [(row.pk, 4 if row.kind in sets else row.count) for row in rows]
        assert days(figures, what) == by_day(found.days, told)
        assert of(figures, what)[0] == sum(number for pk, number in told if uuid7_at(pk) >= NOW - HOUR)
    assert found.total.series == figures.series


def by_day(begins, rows):
    return [sum(number for pk, number in rows if begin <= uuid7_at(pk) < begin + DAY) for begin in begins]


def test_hours_that_were_missed_make_numbers_the_least(certificate):
    token(certificate, NOW - 5 * DAY)
    counting.count_hours(at=NOW, most=30)
    found = look()
    assert of(found.total, Counted.ISSUED) == (0, 0, "0+")
    assert (found.uncounted, found.is_partial) == (5 * 24 - 30, True)
    assert [day.at_least for day in found.total.series[0].days] == [False, True, True, True, True, True, False]
    counting.count_all(at=NOW)
    assert issued() == (0, 0, 1)


def test_days_of_which_the_purge_took_some_are_the_least(certificate, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "RETENTION": 2 * DAY}
    token(certificate, NOW - HOUR)
    counting.count_all(at=NOW)
    found = look()
    assert [day.at_least for day in found.total.series[0].days] == [True] * 5 + [False] * 2
    assert found.uncounted == 0


def test_the_newest_rows_are_read_and_no_more(certificate, rooms, monkeypatch):
    monkeypatch.setattr(overview, "MOST_ROWS", 3)
    for ago in (1, 2, 3, 90, 91):
        token(certificate, NOW - ago * MINUTE)
        event(rooms, AuditKind.DENIED, NOW - ago * MINUTE)
    found = look()
    assert of(found.total, Counted.ISSUED) == of(found.total, Counted.DENIED) == (3, "3+", "3+")
    counting.count_hours(at=NOW)
    assert issued() == (3, 5, 5)
    for ago in (4, 5):
        token(certificate, NOW - ago * MINUTE)
    assert issued() == ("3+", "5+", "5+")


def test_what_is_read_is_bounded_by_rows_of_any_kind(rooms, monkeypatch):
    monkeypatch.setattr(overview, "MOST_ROWS", 3)
    event(rooms, AuditKind.DENIED, NOW - 2 * MINUTE)
    many_events(rooms, AuditKind.PAIR_KEPT, 3, NOW - MINUTE)
    assert of(look().total, Counted.DENIED) == ("0+", "0+", "0+")


def test_exactly_as_many_rows_as_are_read_is_all(certificate, monkeypatch):
    monkeypatch.setattr(overview, "MOST_ROWS", 3)
    many_tokens(certificate, 3, NOW - MINUTE)
    assert issued() == (3, 3, 3)


def test_one_sees_the_applications_that_are_his(certificate, rooms):
    other = CertificateFactory(active=True)
    for each in (certificate, other, other):
        token(each, NOW - MINUTE)
        token(each, NOW - 2 * DAY)
        event(each.application, AuditKind.DENIED, NOW - MINUTE)
    event(None, AuditKind.SET_REVOKED, NOW - MINUTE, detail={"live": 5})
    counting.count_hours(at=NOW)
    mine = look(within=frozenset([rooms.pk]))
    assert [figures.application for figures in mine.figures] == [rooms]
    assert of(mine.total, Counted.ISSUED) == (1, 1, 2)
    assert of(mine.total, Counted.DENIED) == (1, 1, 1)
    assert of(mine.total, Counted.REVOKED) == (0, 0, 0)
    assert mine.applications.number == 1
    assert of(look().total, Counted.REVOKED) == (5, 5, 5)
    nobodys = look(within=frozenset())
    assert (nobodys.figures, of(nobodys.total, Counted.ISSUED), nobodys.live) == (
        (),
        (0, 0, 0),
        overview.Amount(number=0),
    )


def test_one_sees_the_numbers_that_he_may(certificate, rooms):
    token(certificate, NOW - MINUTE)
    seen = look(whats=(Counted.ISSUED,)).total.series
    assert [series.what for series in seen] == [Counted.ISSUED]
    seen = look(whats=(Counted.DENIED, Counted.REUSED), live=False)
    assert [series.what for series in seen.total.series] == [Counted.DENIED, Counted.REUSED]
    assert seen.live is None


def test_the_busiest_come_first_and_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(overview, "SHOWN", 2)
    quiet, busy, busiest = (CertificateFactory(application__slug=slug, active=True) for slug in "abc")
    for each, number in ((quiet, 1), (busy, 2), (busiest, 3)):
        for _ in range(number):
            token(each, NOW - 2 * DAY)
    counting.count_all(at=NOW)
    found = look()
    assert [figures.application for figures in found.figures] == [busiest.application, busy.application]
    assert (found.more, of(found.total, Counted.ISSUED)) == (1, (0, 0, 6))


def test_quiet_applications_are_shown_where_there_is_room(rooms):
    assert [figures.application for figures in look().figures] == [rooms]


def test_applications_are_not_counted_for_ever(rooms, monkeypatch):
    monkeypatch.setattr(overview, "MOST_APPLICATIONS", 2)
    ApplicationFactory.create_batch(2)
    assert look().applications == overview.Amount(number=2, at_least=True)


def test_live_tokens_are_those_that_are_good(certificate, rooms):
    live = token(certificate, NOW - MINUTE)
    token(certificate, NOW - HOUR)  # expired
    token(certificate, NOW - MINUTE, revoked_at=NOW)
    token(certificate, NOW - MINUTE, one_time=True, consumed_at=NOW)
    token(certificate, NOW - MINUTE, family=TokenFamilyFactory(closed_at=NOW))
    token(certificate, NOW - MINUTE, family=TokenFamilyFactory())
    ended = token(certificate, NOW - MINUTE)
    revoking.revoke_user(caller(UserFactory()), ended.user, reason="", at=NOW)
    elsewhere = token(CertificateFactory(active=True), NOW - MINUTE)
    assert overview.live_tokens(at=NOW) == overview.Amount(number=3)
    assert overview.live_tokens(at=NOW, within=frozenset([rooms.pk])) == overview.Amount(number=2)
    assert overview.live_tokens(at=live.expires_at) == overview.Amount(number=0)
    assert overview.live_tokens(at=NOW, within=frozenset([elsewhere.application_id])) == overview.Amount(number=1)


def test_live_tokens_are_counted_up_to_a_limit(certificate, monkeypatch):
    monkeypatch.setattr(overview, "MOST_LIVE", 2)
    many_tokens(certificate, 3, NOW)
    assert overview.live_tokens(at=NOW) == overview.Amount(number=2, at_least=True)


def statements():
    with CaptureQueriesContext(connection) as captured:
        look()
    return len(captured)


@pytest.mark.parametrize("counted", [True, False])
def test_statements_do_not_grow(certificate, rooms, counted):
    token(certificate, NOW - 3 * DAY)
    if counted:
        counting.count_all(at=NOW)
    few = statements()
    many_tokens(certificate, 500, NOW - 90 * MINUTE)
    many_events(rooms, AuditKind.DENIED, 500, NOW - MINUTE)
    for _ in range(30):
        token(CertificateFactory(active=True), NOW - MINUTE)
    assert statements() == few <= 11
