"""The outbox of revocations that a vendor is told of."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.application import Application
from token_issuer.models.issued_token import IssuedToken

if TYPE_CHECKING:
    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class PushState(enum.Enum):
    """How it stands with telling the vendor."""

    WAITING = "waiting"
    PUSHED = "pushed"
    FAILED = "failed"


class VendorPush(models.Model):
    """One revoked token to tell a vendor of: written with its revocation, sent after the commit, at least once.

    Waiting until ``pushed_at`` or ``failed_at`` is set. ``claimed_until`` is set by the one process that is sending it;
    ``next_try_at`` is when the next try is due. ``reason`` says why the last try failed: a stable word, a colon, and
    what is known of it, for people. Of one that arrived, ``sentence`` is what the vendor did (marked for translation),
    and ``kept_out`` whether the token can be used no more.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    token = models.OneToOneField(IssuedToken, verbose_name=_("token"), on_delete=models.CASCADE, related_name="push")
    application = models.ForeignKey(
        Application, verbose_name=_("application"), on_delete=models.PROTECT, related_name="pushes"
    )
    # The push that tells the vendor of this token too: a set may hold many of one person for one room. Whatever becomes
    # of that push is written into this row. No foreign key: a row whose push is not there is sent itself.
    told_by = models.UUIDField(null=True, db_index=True, editable=False)
    # Whether what others use may end with it: decided with the revocation, by who or what ended it.
    for_all = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    # NULL once it is pushed or has failed, so the index holds what waits and little else.
    next_try_at = models.DateTimeField(_("next try at"), null=True)
    claimed_until = models.DateTimeField(null=True, editable=False)
    pushed_at = models.DateTimeField(_("pushed at"), null=True)
    # What the vendor was told when it was, whatever the application's options say since.
    kept_out = models.BooleanField(default=False, editable=False)
    sentence = models.TextField(blank=True, editable=False)
    failed_at = models.DateTimeField(_("failed at"), null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True)

    class Meta(TypedModelMeta):
        verbose_name = _("vendor push")
        verbose_name_plural = _("vendor pushes")
        ordering: ClassVar[list[str]] = ["-id"]
        default_permissions = ("view",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["next_try_at"], name="token_issuer_push_due"),
            models.Index(fields=["failed_at"], name="token_issuer_push_failed"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(pushed_at__isnull=True) | Q(failed_at__isnull=True), name="a_push_does_not_fail_and_succeed"
            ),
            models.CheckConstraint(
                condition=Q(next_try_at__isnull=False) | Q(pushed_at__isnull=False) | Q(failed_at__isnull=False),
                name="a_push_waits_or_has_ended",
            ),
        ]

    def __str__(self) -> str:
        return f"push of {self.token_id}"

    @property
    def state(self) -> PushState:
        """How it stands."""
        if self.pushed_at is not None:
            return PushState.PUSHED
        return PushState.WAITING if self.failed_at is None else PushState.FAILED

    @property
    def word(self) -> str:
        """The stable word of the last failure; empty without one."""
        return self.reason.partition(":")[0]
