"""Counters that end whole sets of tokens with one UPDATE.

A token stores the sum of the epochs it was issued under, read in its own INSERT. Epochs only grow, so the sum
differs as soon as any of them was raised, and a mint that commits a moment after the raise is caught too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import BigIntegerField, F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import named_uuid, uuid7

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class EpochKind(models.TextChoices):
    """What a set of tokens has in common."""

    USER = "user", _("user")
    API_KEY = "api_key", _("API key")
    APPLICATION = "application", _("application")
    CERTIFICATE = "certificate", _("certificate")
    RESOURCE = "resource", _("resource")
    EVERYTHING = "everything", _("everything")


def epoch_key(kind: EpochKind, *parts: object) -> UUID:
    """Return the key of a set: the row's own UUID for rows that have one, a named UUID for the rest.

    Parts: a user's primary key; an application's or certificate's id; an application id and a resource text.
    """
    if kind in {EpochKind.APPLICATION, EpochKind.CERTIFICATE, EpochKind.API_KEY}:
        (part,) = parts
        return part if isinstance(part, UUID) else UUID(str(part))
    return named_uuid(kind.value, *(str(part) for part in parts))


EVERYTHING_KEY = epoch_key(EpochKind.EVERYTHING)


class RevocationEpoch(models.Model):
    """How often a set of tokens was ended, and when last."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=16)
    key = models.UUIDField(_("key"), unique=True)
    epoch = models.PositiveBigIntegerField(_("epoch"), default=0)
    not_before = models.DateTimeField(_("not before"))

    class Meta(TypedModelMeta):
        verbose_name = _("revocation epoch")
        verbose_name_plural = _("revocation epochs")
        ordering: ClassVar[list[str]] = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.epoch}"


# For lists, over rows with both columns. They never differ the other way, since epochs only grow; and the planner, who
# takes an equation for something rare, would add up the epochs of the whole table before it sorts a page.
SET_STILL_LIVE = Q(epochs__gte=F("epochs_now"))
SET_ENDED = Q(epochs__lt=F("epochs_now"))


def epochs_now(keys: Iterable[UUID | OuterRef]) -> Coalesce:
    """Return an expression for the sum of the epochs of these keys, 0 where no set was ever ended."""
    total = (
        RevocationEpoch.objects.order_by()
        .filter(key__in=[*keys])
        .annotate(together=Value(1))
        .values("together")
        .annotate(total=Sum("epoch"))
        .values("total")
    )
    return Coalesce(Subquery(total, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField())
