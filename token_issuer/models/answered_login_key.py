"""Challenges of vendors that were answered: each once for one account."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.vendor_account import VendorAccount

if TYPE_CHECKING:
    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class AnsweredLoginKey(models.Model):
    """A digest of the challenge, kept as long as the vendor would take its answer."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(
        VendorAccount,
        verbose_name=_("vendor account"),
        on_delete=models.CASCADE,
        related_name="answered_keys",
        db_index=False,  # the unique constraint's index serves
    )
    digest = models.CharField(max_length=64, editable=False)
    answered_at = models.DateTimeField(_("answered at"))
    expires_at = models.DateTimeField(_("expires at"))

    class Meta(TypedModelMeta):
        verbose_name = _("answered login key")
        verbose_name_plural = _("answered login keys")
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["expires_at"], name="token_issuer_answered_end")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["account", "digest"], name="a_login_key_is_answered_once_per_account"),
        ]

    def __str__(self) -> str:
        return f"answered at {self.answered_at:%Y-%m-%d %H:%M:%S}"
