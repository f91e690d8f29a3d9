"""Lines of the admin's own log for what concerns many rows: at the row they hang on, or at none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest

    from token_issuer.admin.pages import OwnPages


def log_without_values(owner: OwnPages, request: HttpRequest, row: Model | None, message: str) -> None:
    """Write who did what; ``row`` None: to rows that no single row stands for."""
    if row is not None:
        owner.log_change(request, row, message)
        return
    LogEntry.objects.create(
        user_id=str(request.user.pk),
        content_type=ContentType.objects.get_for_model(owner.model),
        object_repr=str(owner.opts.verbose_name_plural),
        action_flag=CHANGE,
        change_message=message,
    )
