"""Certificates, API keys and instants as the command line names them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.management.base import CommandError
from django.db.models import Q
from django.utils import timezone

from token_issuer.models import ApiKey, Certificate
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from token_issuer.models import Application


def certificate_of(text: str, application: Application | None) -> Certificate:
    """Return the one certificate (of an application) of this key id, fingerprint or id."""
    named = Q(key_id=text) | Q(fingerprint=text) | _by_id(text)
    rows = Certificate.objects.using(write_alias()).select_related("application").filter(named)
    if application is not None:
        rows = rows.filter(application=application)
    # MariaDB compares loosely.
    found = [row for row in rows[:20] if text in {row.key_id, row.fingerprint, str(row.pk), row.pk.hex}]
    if len(found) == 1:
        return found[0]
    if not found:
        msg = f"There is no certificate {text!r}."
    else:
        named_by = ", ".join(f"{row.pk} ({row.application.slug})" for row in found)
        msg = f"{text!r} is more than one certificate. Use the id of one: {named_by}."
    raise CommandError(msg)


def key_of(text: str) -> ApiKey:
    """Return the API key of exactly this public id."""
    rows = ApiKey.objects.using(write_alias()).select_related("application").filter(public_id=text)
    found = next((row for row in rows if row.public_id == text), None)
    if found is None:
        msg = f"There is no API key {text!r}."
        raise CommandError(msg)
    return found


def moment(text: str) -> datetime:
    """Return an instant written in ISO 8601; without an offset it is in the site's time zone."""
    try:
        found = datetime.fromisoformat(text)
        return timezone.make_aware(found) if timezone.is_naive(found) else found
    except (ValueError, OverflowError) as error:
        msg = f"{text!r} is no instant: write 2026-03-01T12:00 or 2026-03-01T12:00:00Z."
        raise CommandError(msg) from error


def _by_id(text: str) -> Q:
    try:
        return Q(pk=UUID(text))
    except ValueError:
        return Q(pk=None)
