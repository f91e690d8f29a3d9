"""The forms of a vendor account: a name, and what proves its user there, which is never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import secret_fields
from token_issuer.admin.service_forms import RefusableForm
from token_issuer.providers.called import AccountProver
from token_issuer.services.accounts import LONGEST_SUBJECT

if TYPE_CHECKING:
    from token_issuer.models import VendorAccount
    from token_issuer.providers.base import Provider, SecretField


class VendorAccountForm(RefusableForm):
    """What of an account may be changed."""

    subject = forms.CharField(
        label=_("Name at the vendor"),
        max_length=LONGEST_SUBJECT,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
    )

    # What the name was when the page was made: one from before a renaming would silently take that back.
    seen = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(self, provider: Provider | None, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(*args, **kwargs)
        self.parts: tuple[SecretField, ...] = ()
        if provider is not None and isinstance(provider, AccountProver):
            self.parts = provider.account_fields
            self.fields["subject"].help_text = _(
                "Another name ends the proof of the one before, unless a new password comes with it, and deletes what "
                "is kept of the vendor's tokens for that one."
            )
        self.proof_names = list(more := secret_fields.proof_fields(self.parts))
        self.fields.update(more)

    @property
    def fieldsets(self) -> list[tuple[Any, dict[str, Any]]]:
        """The name, and what proves it."""
        proof = (_("A new proof; left empty, the one that there is stays"), {"fields": self.proof_names})
        return [(None, {"fields": self.plain_names}), *([proof] if self.proof_names else [])]

    @property
    def plain_names(self) -> list[str]:
        """The fields that may be shown again."""
        return [name for name in self.fields if name not in self.proof_names]

    @property
    def entered(self) -> Mapping[str, str]:
        """What was entered as proof, mute; empty for nothing."""
        return secret_fields.pasted_secret(self.parts, self.cleaned_data)

    def clean(self) -> dict[str, Any]:
        """Refuse a page that is older than the name."""
        cleaned = super().clean() or self.cleaned_data
        if "seen" in self.fields and cleaned.get("seen") != self.initial["seen"]:
            self.add_error(None, _("The name was changed meanwhile. Nothing was saved: load this page again."))
        return cleaned

    def lock(self) -> None:
        """Show the values without letting anybody change them."""
        for name in self.proof_names:
            del self.fields[name]
        self.proof_names = []
        del self.fields["seen"]
        for field in self.fields.values():
            field.disabled = True


class AddVendorAccountForm(VendorAccountForm):
    """An account for somebody who has none at this application."""

    field_order = ("user", "subject")

    def __init__(self, provider: Provider | None, *args: Any, user: forms.Field, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(provider, *args, **kwargs)
        del self.fields["seen"]  # there is no name yet
        user.required = True
        self.fields["user"] = user
        self.fields["subject"].help_text = _("Left empty, it is what the provider's pattern says.")
        self.order_fields(self.field_order)


def initial_of(account: VendorAccount) -> dict[str, str]:
    """Return what the form of an account begins with."""
    name = account.subject or ""
    return {"subject": name, "seen": name}
