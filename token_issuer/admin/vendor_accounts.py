"""Vendor accounts: who a user is at the vendor. Numbers are allocated and never change; a text may be chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import searching
from token_issuer.admin.base import EvidenceAdmin
from token_issuer.admin.callers import caller_of
from token_issuer.errors import BadOption
from token_issuer.models import AuditKind, VendorAccount
from token_issuer.providers.fields import parse
from token_issuer.registry import get_provider
from token_issuer.services import auditing

if TYPE_CHECKING:
    from django.http import HttpRequest


class VendorAccountForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The chosen text of one account."""

    class Meta:
        model = VendorAccount
        fields = ("subject",)

    def clean_subject(self) -> str | None:
        """Refuse a text that could be somebody else."""
        subject: str | None = self.cleaned_data.get("subject") or None
        if subject and self._has_numbers():
            raise forms.ValidationError(_("This application names its users by number."))
        if subject and ":" in subject:
            raise forms.ValidationError(_("A colon would make it somebody's second device."))
        twins = VendorAccount.objects.filter(application_id=self.instance.application_id, subject=subject)
        if subject and twins.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Somebody else has this name at the vendor."))
        return subject

    def _has_numbers(self) -> bool:
        application = self.instance.application
        provider = get_provider(application.provider)
        options = parse(provider.options_class, application.options, error=BadOption)
        return provider.subject_kind(options) == "integer"


@admin.register(VendorAccount)
class VendorAccountAdmin(EvidenceAdmin):
    """One row a person and application."""

    form = VendorAccountForm
    list_display = ("__str__", "application", "user", "subject", "number", "created_at")
    list_select_related = ("application", "user")
    ordering = ("-id",)
    fields = ("application", "user", "number", "subject", "created_at")
    readonly_fields = ("application", "user", "number", "created_at")
    search_help_text = _("A user's name, or subject:application/text.")
    searches = {"user": searching.by_user, "subject": searching.within_application("subject")}

    def guess(self, term: str) -> str:
        """A search is for a person."""
        return "user"

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """As the site grants it."""
        return bool(request.user.has_perm("token_issuer.change_vendoraccount"))

    def save_model(self, request: HttpRequest, obj: VendorAccount, form: Any, change: bool) -> None:  # noqa: ANN401  as Django's
        """Save, and write the event in the transaction that Django has opened."""
        super().save_model(request, obj, form, change)
        auditing.record(
            AuditKind.ACCOUNT_CHANGED,
            caller_of(request),
            at=timezone.now(),
            application=obj.application,
            detail={"account": str(obj.pk)},
        )
