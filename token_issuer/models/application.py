"""Our registration at a vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.ids import uuid7

if TYPE_CHECKING:
    from django_stubs_ext.db.models import TypedModelMeta
else:
    TypedModelMeta = object

MOST_SLOTS = 16  # four bits of an integer subject


class Application(models.Model):
    """A vendor project that this site may mint for. Never deleted: disabled instead, because the audit refers to it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(
        _("slug"), max_length=50, unique=True, help_text=_("Part of the endpoint's address; front-ends name it.")
    )
    # No choices: a third party's provider must not need a migration.
    provider = models.CharField(_("provider"), max_length=50)
    public_id = models.CharField(_("public id"), max_length=255, help_text=_("What a browser may know."))
    options = models.JSONField(_("options"), default=dict, blank=True)
    default_lifetime = models.PositiveIntegerField(
        _("default lifetime"), null=True, blank=True, help_text=_("Seconds; empty means the provider's default.")
    )
    maximum_lifetime = models.PositiveIntegerField(
        _("maximum lifetime"), null=True, blank=True, help_text=_("Seconds; empty means the provider's maximum.")
    )
    slots = models.PositiveSmallIntegerField(
        _("slots"),
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_SLOTS)],
        help_text=_("How many devices or tabs of one person may hold a subject of their own, 1 to 16."),
    )
    single_login_key = models.BooleanField(
        _("one login key at a time"),
        default=False,
        db_default=False,
        help_text=_("A new one-time login key of a person ends the one before."),
    )
    environment = models.CharField(_("environment"), max_length=30, blank=True, help_text=_("A label, e.g. sandbox."))
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True, editable=False)
    config_version = models.PositiveIntegerField(default=1, editable=False)
    account_sequence = models.PositiveIntegerField(default=0, editable=False)
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
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering: ClassVar[list[str]] = ["name", "id"]
        permissions: ClassVar[list[tuple[str, Any]]] = [("diagnose_application", "Can run the doctor")]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(slots__gte=1, slots__lte=MOST_SLOTS), name="slots_are_1_to_16"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.slug})"

    @property
    def is_disabled(self) -> bool:
        """Whether an administrator has switched it off."""
        return self.disabled_at is not None
