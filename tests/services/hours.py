"""Rows of the audit as if they had been written at an instant, by their ids."""

from __future__ import annotations

from itertools import count
from uuid import UUID

from tests.factories import IssuedTokenFactory
from token_issuer.ids import uuid7_floor
from token_issuer.models import AuditEvent

_serial = count()


def row_id(at):
    """An id of this millisecond that no other row of the run has."""
    return UUID(int=uuid7_floor(at).int + next(_serial))


def token(certificate, at, **columns):
    """A token that was issued then."""
    return IssuedTokenFactory(id=row_id(at), certificate=certificate, **{"issued_at": at, **columns})


def event(application, kind, at, **columns):
    """Something that happened then."""
    return AuditEvent.objects.create(id=row_id(at), kind=kind, at=at, application=application, **columns)


def many_tokens(certificate, number, at):
    """So many tokens of one instant, in one statement."""
    like = IssuedTokenFactory.build(certificate=certificate, user=None, principal_key=row_id(at), issued_at=at)
    values = {field.attname: getattr(like, field.attname) for field in like._meta.concrete_fields}
    rows = [type(like)(**{**values, "id": row_id(at)}) for _ in range(number)]
    type(like).objects.bulk_create(rows, batch_size=500)


def many_events(application, kind, number, at):
    """So many events of one instant, in one statement."""
    rows = [AuditEvent(id=row_id(at), kind=kind, at=at, application=application) for _ in range(number)]
    AuditEvent.objects.bulk_create(rows, batch_size=500)
