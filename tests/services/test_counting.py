"""Whole hours are added up once, and right on every engine."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from tests.factories import (
    AT,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    TokenFamilyFactory,
    UserFactory,
    caller,
)
from tests.statements import counted
from token_issuer.ids import uuid7_floor
from token_issuer.models import AuditEvent, AuditKind, Counted, HourlyCount, IssuedToken
from token_issuer.services import closing, counting, revoking
from token_issuer.services.transactions import OpenTransaction

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
LATER = AT + HOUR + counting.LATE  # the hour that began at AT can be added up


def row_id(at, tail=0):
    """The id of a row that was made at this instant; the greatest of its millisecond with ``tail=-1``."""
    return UUID(int=uuid7_floor(at).int | (tail & 0xFFFF_FFFF))


@pytest.fixture
def certificate():
    return CertificateFactory(application=ApplicationFactory(slug="rooms"), active=True)


@pytest.fixture
def token(certificate):
    serial = iter(range(1000))

    def token(at=AT, **columns):
        return IssuedTokenFactory(id=row_id(at, next(serial)), issued_at=at, certificate=certificate, **columns)

    return token


@pytest.fixture
def event(certificate):
    serial = iter(range(1000))

    def event(kind, at=AT, **columns):
        columns = {"application": certificate.application, **columns}
        return AuditEvent.objects.create(id=row_id(at, next(serial)), kind=kind, at=at, **columns)

    return event


def numbers():
    rows = HourlyCount.objects.exclude(what=Counted.HOUR).order_by("starts_at", "what")
    return [((row.starts_at - AT) // HOUR, row.what, row.number) for row in rows]


def hours():
    rows = HourlyCount.objects.filter(what=Counted.HOUR).order_by("-starts_at")
    return [(row.starts_at - AT) // HOUR for row in rows]


def test_what_was_issued_is_counted(token):
    token()
    token(AT + timedelta(minutes=59, seconds=59, milliseconds=999))
    assert counting.count_hours(at=LATER) == 1
    assert (numbers(), hours()) == ([(0, "issued", 2)], [0])


def test_hours_begin_and_end_to_the_millisecond(certificate):
    """UUIDs compare in the order of creation, whatever stands behind the millisecond."""
    milli = timedelta(milliseconds=1)
    for at, tail in ((AT - milli, -1), (AT, 0), (AT, -1), (AT + HOUR - milli, -1), (AT + HOUR, 0)):
        IssuedTokenFactory(id=row_id(at, tail), certificate=certificate)
    counting.count_hours(at=LATER + HOUR)
    assert numbers() == [(-1, "issued", 1), (0, "issued", 3), (1, "issued", 1)]


def test_what_happened_is_counted(event):
    event(AuditKind.DENIED, count=17)
    event(AuditKind.DENIED, count=3, at=AT + timedelta(minutes=30))
    event(AuditKind.TOKEN_REVOKED)
    event(AuditKind.SET_REVOKED, detail={"live": 40, "kind": "application"})
    event(AuditKind.CERTIFICATE_REVOKED, detail={"live": 300})
    event(AuditKind.API_KEY_REVOKED, detail={"live": 2000})
    event(AuditKind.REFRESH_REUSED)
    counting.count_hours(at=LATER)
    assert numbers() == [(0, "denied", 20), (0, "reused", 1), (0, "revoked", 2341)]


def test_a_set_without_its_number_counts_as_nothing(event):
    event(AuditKind.SET_REVOKED, detail={"kind": "application"})
    counting.count_hours(at=LATER)
    assert (numbers(), hours()) == ([], [0])


@pytest.mark.parametrize("kind", sorted(set(AuditKind) - set(counting.COUNTED_AS)))
def test_no_other_event_is_counted(event, kind):
    event(kind, detail={"live": "many"})
    counting.count_hours(at=LATER)
    assert (numbers(), hours()) == ([], [0])


def test_each_application_has_its_own_numbers(token, event):
    token()
    other = CertificateFactory(application__slug="other")
    IssuedTokenFactory(id=row_id(AT, 5000), certificate=other)
    event(AuditKind.DENIED, application=other.application)
    event(AuditKind.SET_REVOKED, application=None, detail={"live": 2})
    counting.count_hours(at=LATER)
    rows = HourlyCount.objects.exclude(what=Counted.HOUR).values_list("application__slug", "what", "number")
    assert set(rows) == {("rooms", "issued", 1), ("other", "issued", 1), ("other", "denied", 1), (None, "revoked", 2)}


def test_what_services_write_is_what_is_counted(token):
    person = caller(UserFactory())
    one, another = token(), token()
    revoking.revoke_any(person, one.pk, reason="", at=AT)
    revoking.revoke_user(person, another.user, reason="", at=AT)
    family = TokenFamilyFactory(application=one.application)
    closing.close_family(person, family, reason="", at=AT, kind=AuditKind.REFRESH_REUSED)
    for number, written in enumerate(AuditEvent.objects.order_by("pk")):
        AuditEvent.objects.filter(pk=written.pk).update(id=row_id(AT, number))
    counting.count_hours(at=LATER)
    assert numbers() == [(0, "issued", 2), (0, "reused", 1), (0, "revoked", 1), (0, "revoked", 1)]


def test_an_hour_is_left_alone_until_late_commits_are_in(token):
    token()
    assert counting.count_hours(at=LATER - timedelta(microseconds=1)) == 0
    assert counting.count_hours(at=LATER) == 1


def test_an_hour_is_added_up_once(token):
    token()
    counting.count_hours(at=LATER)
    token(AT + timedelta(minutes=1))
    assert counting.count_hours(at=LATER) == 0
    assert numbers() == [(0, "issued", 1)]


def test_whoever_comes_second_changes_nothing(token):
    token()
    counting.count_hours(at=LATER)
    token(AT + timedelta(minutes=1))
    counting._add_up(AT)
    assert (numbers(), hours()) == ([(0, "issued", 1)], [0])


def test_the_newest_hours_come_first_and_the_others_later(token):
    token()
    at = LATER + 4 * HOUR
    assert counting.count_hours(at=at, most=2) == 2
    assert hours() == [4, 3]
    assert counting.count_hours(at=at, most=2) == 2
    assert hours() == [4, 3, 2, 1]
    assert counting.count_hours(at=at) == 1
    assert numbers() == [(0, "issued", 1)]


def test_a_gap_is_filled(token):
    token()
    counting.count_hours(at=LATER)
    counting.count_hours(at=LATER + 3 * HOUR, most=1)
    assert hours() == [3, 0]
    counting.count_hours(at=LATER + 3 * HOUR)
    assert hours() == [3, 2, 1, 0]


def test_an_empty_audit_has_no_hours():
    assert counting.count_hours(at=LATER) == 0


def test_it_looks_back_a_month(token):
    token(AT - timedelta(days=100))
    assert counting.count_hours(at=LATER, most=10_000) == 31 * 24 - 1
    assert counting.count_hours(at=LATER, most=10_000) == 0


def test_it_does_not_count_what_may_be_purged(token, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "RETENTION": timedelta(hours=5)}
    token(AT - timedelta(days=2))
    counting.count_hours(at=LATER)
    assert hours() == [0, -1, -2, -3]  # -4 began more than five hours before 13:10


def test_the_time_zone_of_the_clock_does_not_matter(token):
    token()
    assert counting.count_hours(at=LATER.astimezone(ZoneInfo("Asia/Kathmandu"))) == 1
    assert counting.count_hours(at=LATER) == 0


def test_it_tells_how_far_it_is(token):
    token()
    seen: list[datetime] = []
    counting.count_hours(at=LATER + HOUR, progress=seen.append)
    assert seen == [AT + HOUR, AT]


def test_a_stopped_run_goes_on(token):
    token()

    def stop(hour):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        counting.count_hours(at=LATER + HOUR, progress=stop)
    assert hours() == [1]
    assert counting.count_hours(at=LATER + HOUR) == 1


@pytest.mark.django_db(transaction=True)
def test_it_refuses_an_open_transaction(token):
    token()
    with transaction.atomic(), pytest.raises(OpenTransaction):
        counting.count_hours(at=LATER)


@pytest.mark.parametrize("number", [1, 50])
def test_statements_do_not_grow_with_what_is_counted(token, number):
    for _ in range(number):
        token()
    # The markers, where the audit begins (2); of the hour: tokens, events and the INSERT.
    with counted(6):
        counting.count_hours(at=LATER)
    assert IssuedToken.objects.count() == number
