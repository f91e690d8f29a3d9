"""Who may mint what, and how much of it is used up."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7
from token_issuer.models.application import Application

if TYPE_CHECKING:
    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object


class Window(models.IntegerChoices):
    """How long a limit counts, in seconds. Windows are fixed and aligned to the epoch."""

    MINUTE = 60, _("minute")
    HOUR = 3600, _("hour")
    DAY = 86400, _("day")


class Rule(models.Model):
    """One sentence of policy. Several may match: the first that allows, by priority and then age, decides."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(
        Application, verbose_name=_("application"), on_delete=models.PROTECT, related_name="rules"
    )
    priority = models.PositiveSmallIntegerField(_("priority"), default=100, help_text=_("Lower is asked first."))
    everyone = models.BooleanField(_("everyone signed in"), default=False)
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, verbose_name=_("users"), blank=True, related_name="+")
    groups = models.ManyToManyField("auth.Group", verbose_name=_("groups"), blank=True, related_name="+")
    privileges = models.JSONField(_("privileges"), default=list)
    resource_pattern = models.CharField(
        _("resource pattern"),
        max_length=255,
        default="*",
        help_text=_("Literal text, placeholders such as {user.pk}, and * at the end only."),
    )
    subject_pattern = models.CharField(
        _("subject pattern"),
        max_length=255,
        blank=True,
        help_text=_("What a text subject is rendered from; empty means the application's pattern."),
    )
    maximum_lifetime = models.PositiveIntegerField(
        _("maximum lifetime"), null=True, blank=True, help_text=_("Seconds; empty means the application's maximum.")
    )
    limit = models.PositiveIntegerField(_("limit"), null=True, blank=True, help_text=_("Tokens per person and window."))
    window = models.PositiveIntegerField(_("window"), null=True, blank=True, help_text=_("Seconds; see Window."))
    wildcards = models.BooleanField(
        _("wildcards"), default=False, help_text=_("Allows grants that open more than one channel, room or user.")
    )
    allow_username = models.BooleanField(
        _("allow user names"),
        default=False,
        help_text=_("Lets patterns use {user.username}; only where people cannot rename themselves."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )

    class Meta(TypedModelMeta):
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        ordering: ClassVar[list[str]] = ["application", "priority", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(limit__isnull=True, window__isnull=True)
                | Q(limit__isnull=False, window__isnull=False, window__gt=0),
                name="rule_limit_and_window_go_together",
            ),
        ]

    def __str__(self) -> str:
        words = ", ".join(str(word) for word in self.privileges) or "nothing"
        return f"{words} on {self.resource_pattern or 'nothing'}"


class RuleWindow(models.Model):
    """How much of a rule's limit one person has used in one window. Charged by one conditional UPDATE."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="windows")
    principal_key = models.UUIDField(editable=False)
    starts_at = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)

    class Meta(TypedModelMeta):
        verbose_name = _("rule window")
        verbose_name_plural = _("rule windows")
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["rule", "principal_key", "starts_at"], name="one_window_per_person_and_start"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["starts_at"], name="token_issuer_window_start")]

    def __str__(self) -> str:
        return f"{self.used} used since {self.starts_at:%Y-%m-%d %H:%M}"
