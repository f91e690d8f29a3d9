"""Which certificates have been active for longer than the setting ``ROTATE_AFTER``, and so are due for rotation."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from token_issuer.conf import conf
from token_issuer.models import Certificate
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models.certificate import CertificateQuerySet

MOST: Final = 50


def due(*, at: datetime, within: Collection[UUID] | None = None, most: int = MOST) -> list[Certificate]:
    """Return those that have been active longest, with their applications; none of a switched-off application.

    ``within``: of these applications only; None stands for all.
    """
    return list(due_rows(at=at, within=within).select_related("application").order_by("activated_at", "pk")[:most])


def due_rows(*, at: datetime, within: Collection[UUID] | None = None) -> CertificateQuerySet:
    """Return all of them, for somebody who limits and counts."""
    rows = Certificate.objects.using(write_alias()).active().filter(application__disabled_at__isnull=True)
    if not conf.rotate_after:
        return rows.none()
    rows = rows.filter(activated_at__lt=at - conf.rotate_after)
    return rows if within is None else rows.filter(application__in=within)


def is_due(certificate: Certificate, *, at: datetime) -> bool:
    """Whether this one is, wherever it is shown."""
    since = certificate.activated_at if certificate.state.may_sign else None
    return bool(conf.rotate_after) and since is not None and since < at - conf.rotate_after
