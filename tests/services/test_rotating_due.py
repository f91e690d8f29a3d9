"""Certificates that have been active for longer than the site wants."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, ApplicationFactory, CertificateFactory
from tests.statements import counted
from token_issuer.models import Application, Certificate
from token_issuer.services import rotating_due

LATER = AT + timedelta(days=90, seconds=1)


@pytest.fixture
def active(rooms):
    Application.objects.exclude(pk=rooms.pk).delete()
    return rooms.certificates.get()


def after(settings, value):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ROTATE_AFTER": value}


def test_due_is_what_was_active_for_longer(active, settings):
    assert rotating_due.due(at=LATER - timedelta(seconds=1)) == []
    assert rotating_due.due(at=LATER) == [active]
    assert rotating_due.is_due(active, at=LATER)
    after(settings, timedelta(days=91))
    assert (rotating_due.due(at=LATER), rotating_due.is_due(active, at=LATER)) == ([], False)


def test_nothing_is_ever_due_where_the_site_says_so(active, settings):
    after(settings, 0)
    assert (rotating_due.due(at=LATER), rotating_due.is_due(active, at=LATER)) == ([], False)


@pytest.mark.parametrize("column", ["retiring_at", "revoked_at"])
def test_what_signs_no_more_is_not_due(active, column):
    Certificate.objects.update(**{column: AT})
    assert (rotating_due.due(at=LATER), rotating_due.is_due(Certificate.objects.get(), at=LATER)) == ([], False)


def test_what_is_switched_off_is_not_due(active, rooms):
    Application.objects.update(disabled_at=AT)
    assert rotating_due.due(at=LATER) == []


def test_those_of_other_applications_are_left_out(active, rooms):
    assert rotating_due.due(at=LATER, within=[rooms.pk]) == [active]
    assert rotating_due.due(at=LATER, within=[]) == []


def test_the_oldest_come_first_and_no_more_than_asked_for(active):
    oldest = [
        CertificateFactory(application=ApplicationFactory(), activated_at=AT - timedelta(days=number))
        for number in (1, 3, 2)
    ]
    with counted(1):
        found = rotating_due.due(at=LATER, most=3)
        assert [row.application.slug for row in found] == [oldest[n].application.slug for n in (1, 2, 0)]
