"""Switching an application off and on."""

from __future__ import annotations

from tests.factories import AT
from token_issuer.models import AuditEvent
from token_issuer.services import switching


def test_off_and_on(person, rooms):
    assert switching.disable(person, rooms, at=AT)
    rooms.refresh_from_db()
    assert (rooms.disabled_at, rooms.config_version) == (AT, 2)
    assert switching.enable(person, rooms, at=AT)
    rooms.refresh_from_db()
    assert (rooms.is_disabled, rooms.config_version) == (False, 3)


def test_twice_is_once(person, rooms):
    assert switching.disable(person, rooms, at=AT)
    assert not switching.disable(person, rooms, at=AT)
    assert [event.kind for event in AuditEvent.objects.all()] == ["application_disabled"]
