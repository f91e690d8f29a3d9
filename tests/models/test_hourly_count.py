"""An hour is added up once, whoever does it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, ApplicationFactory
from token_issuer.models import Counted, HourlyCount, hour_key

pytestmark = pytest.mark.django_db


def row(application, *, number=1, starts_at=AT, what=Counted.ISSUED):
    key = hour_key(what, application.pk, starts_at)
    return HourlyCount(key=key, what=what, application=application, starts_at=starts_at, number=number)


def test_the_second_count_of_an_hour_is_ignored():
    rooms = ApplicationFactory()
    for number in (3, 4):
        HourlyCount.objects.bulk_create([row(rooms, number=number)], ignore_conflicts=True)
    assert HourlyCount.objects.get().number == 3


def test_each_hour_thing_and_application_has_its_own():
    one, other = ApplicationFactory(), ApplicationFactory()
    rows = [row(one), row(other), row(one, what=Counted.DENIED), row(one, starts_at=AT + timedelta(hours=1))]
    assert len({made.key for made in rows}) == 4


def test_its_text_names_nobody():
    assert str(row(ApplicationFactory())) == "1 issued since 2026-03-01 12:00"
