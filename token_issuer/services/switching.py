"""Switching an application off and on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F

from token_issuer.models import Application, AuditKind
from token_issuer.services import auditing, forgetting
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.callers import Caller


def disable(caller: Caller, application: Application, *, at: datetime) -> bool:
    """Refuse every mint and verification from now on. False when it was off already."""
    return _switch(caller, application, off=True, at=at)


def enable(caller: Caller, application: Application, *, at: datetime) -> bool:
    """Allow mints again. Tokens that were live and have not run out are good again. False when it was on already."""
    return _switch(caller, application, off=False, at=at)


def _switch(caller: Caller, application: Application, *, off: bool, at: datetime) -> bool:
    def work() -> bool:
        with durable():
            rows = Application.objects.using(write_alias()).filter(pk=application.pk, disabled_at__isnull=off)
            changed = rows.update(disabled_at=at if off else None, config_version=F("config_version") + 1)
            if changed:
                kind = AuditKind.APPLICATION_DISABLED if off else AuditKind.APPLICATION_ENABLED
                auditing.record(kind, caller, at=at, application=application)
        return bool(changed)

    changed = retrying(work)
    if changed:
        forgetting.distrust()
        application.disabled_at = at if off else None
    return changed
