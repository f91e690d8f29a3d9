"""What happened in one hour, added up once: the front page reads these instead of the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import named_uuid, uuid7
from token_issuer.models.application import Application

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class Counted(models.TextChoices):
    """What is counted. ``HOUR`` says that this hour has been added up, also where nothing happened in it."""

    ISSUED = "issued", _("issued")
    DENIED = "denied", _("denied")
    REVOKED = "revoked", _("revoked")
    REUSED = "reused", _("reused")
    HOUR = "hour", _("hour")


class HourlyCount(models.Model):
    """One number. Written once for each whole hour, application and thing counted; never changed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Two processes that add up the same hour write the same keys: the second one's rows are ignored.
    key = models.UUIDField(unique=True, editable=False)
    starts_at = models.DateTimeField(db_index=True)
    what = models.CharField(max_length=16)
    # None: of no application, or of the whole hour.
    application = models.ForeignKey(Application, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    number = models.PositiveBigIntegerField(default=0)

    class Meta(TypedModelMeta):
        verbose_name = _("hourly count")
        verbose_name_plural = _("hourly counts")
        ordering: ClassVar[list[str]] = ["-starts_at", "id"]
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["what", "starts_at"], name="token_issuer_count_what"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.what} since {self.starts_at:%Y-%m-%d %H:%M}"


def hour_key(what: Counted, application_id: UUID | None, starts_at: datetime) -> UUID:
    """Return the key of one number: the same for whoever adds it up."""
    return named_uuid("hour", what.value, str(application_id or ""), starts_at.isoformat())
