"""Switching an application off and on."""

from __future__ import annotations

from datetime import timedelta

from tests.factories import AT, ApplicationFactory
from token_issuer.models import Application, AuditEvent
from token_issuer.services import switching


def test_off_and_on(person, rooms):
    assert switching.disable(person, rooms, at=AT)
    rooms.refresh_from_db()
    assert (rooms.disabled_at, rooms.config_version) == (AT, 2)
    assert switching.enable(person, rooms, at=AT)
    rooms.refresh_from_db()
    assert (rooms.is_disabled, rooms.config_version) == (False, 3)


def test_the_caller_sees_it_at_once_and_the_audit_names_it(person, rooms):
    switching.disable(person, rooms, at=AT)
    assert rooms.disabled_at == AT
    switching.enable(person, rooms, at=AT)
    assert rooms.disabled_at is None
    events = AuditEvent.objects.order_by("id").values_list("kind", "application")
    assert [*events] == [("application_disabled", rooms.pk), ("application_enabled", rooms.pk)]


def test_what_is_off_already_keeps_its_time(person, rooms):
    stale = Application.objects.get()
    switching.disable(person, rooms, at=AT)
    assert not switching.disable(person, stale, at=AT + timedelta(days=1))
    assert (stale.disabled_at, Application.objects.get().disabled_at) == (None, AT)


def test_other_applications_stay_as_they_are(person, rooms):
    other = ApplicationFactory()
    switching.disable(person, rooms, at=AT)
    other.refresh_from_db()
    assert other.disabled_at is None


def test_twice_is_once(person, rooms):
    assert switching.disable(person, rooms, at=AT)
    assert not switching.disable(person, rooms, at=AT)
    assert [event.kind for event in AuditEvent.objects.all()] == ["application_disabled"]
