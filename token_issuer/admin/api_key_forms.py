"""The forms of an API key. What they hold is checked by the services, and refusals land at their fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.option_fields import words_widget
from token_issuer.conf import conf
from token_issuer.ids import uuid7
from token_issuer.models import ApiKey
from token_issuer.providers.scopes import catalogue
from token_issuer.services.api_key_drafts import ApiKeyDraft, ApiKeyTerms

if TYPE_CHECKING:
    from datetime import datetime

    from django_stubs_ext import StrOrPromise

    from token_issuer.errors import FieldError

SUGGESTED_LIFE: Final = timedelta(days=365)

_OVERLAPS: Final[tuple[tuple[int, StrOrPromise], ...]] = (
    (86_400, _("For one day: put the new secret in place meanwhile")),
    (7 * 86_400, _("For seven days")),
    (30 * 86_400, _("For thirty days")),
    (0, _("Not at all: every other secret ends now, because it leaked")),
)


class ApiKeyForm(forms.Form):
    """What may change in a key's life. ``borrowed`` are fields that Django makes from the model's."""

    required_css_class = "required"
    prepopulated: Mapping[str, tuple[str, ...]] = {}

    scopes = forms.MultipleChoiceField(label=_("Scopes"), required=False, widget=words_widget())
    networks = forms.CharField(
        label=_("Allowed networks"),
        required=False,
        help_text=_("One a line, such as 192.0.2.0/24. Empty means from anywhere."),
        widget=forms.Textarea(attrs={"class": "vLargeTextField", "rows": 3, "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, borrowed: Mapping[str, forms.Field], **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(*args, **kwargs)
        self.fields.update(borrowed)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]  # its own kind
            (name, f"{name}: {gettext(scope.label)}") for name, scope in catalogue(conf.scopes).items()
        ]

    @property
    def fieldsets(self) -> list[tuple[Any, dict[str, Any]]]:
        """The fields under their headings."""
        return [
            (None, {"fields": ["purpose", "owner"]}),
            (_("What it may, from where, how long"), {"fields": ["scopes", "networks", "expires_at"]}),
        ]

    def lock(self) -> None:
        """Show the values without letting anybody change them."""
        for field in self.fields.values():
            field.disabled = True

    def add_refusal(self, error: FieldError) -> None:
        """Show a service's messages at the fields they are about."""
        for name, texts in error.fields.items():
            self.add_error(name if name in self.fields else None, [str(text) for text in texts])

    def terms(self) -> ApiKeyTerms:
        """Return what was filled in, for the service."""
        return ApiKeyTerms(**self._terms())

    def _terms(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        return {
            **{name: cleaned[name] for name in ("purpose", "owner", "scopes", "expires_at")},
            "networks": cleaned["networks"].split(),
        }


class AddApiKeyForm(ApiKeyForm):
    """A key to be."""

    may_sign = forms.BooleanField(
        label=_("May sign its own tokens"),
        required=False,
        help_text=_("Its secret is then kept sealed as well, to check what the server signs with it."),
    )
    row_id = forms.UUIDField(widget=forms.HiddenInput)

    @property
    def fieldsets(self) -> list[tuple[Any, dict[str, Any]]]:
        """The fields under their headings; the last ones stay as they are for the key's life."""
        return [
            *super().fieldsets,
            (_("For good"), {"fields": ["acts_as", "may_sign", "row_id"]}),
        ]

    def draft(self) -> ApiKeyDraft:
        """Return what was filled in, for the service."""
        cleaned = self.cleaned_data
        return ApiKeyDraft(**self._terms(), acts_as=cleaned["acts_as"], may_sign=cleaned["may_sign"])

    def future_id(self) -> UUID:
        """Return the id of the row to be: a form that is sent twice makes one key."""
        found: UUID = self.cleaned_data["row_id"]
        return found

    @staticmethod
    def beginning(user: object, *, at: datetime) -> dict[str, Any]:
        """Return what an empty form suggests."""
        return {"owner": user, "expires_at": at + SUGGESTED_LIFE, "row_id": uuid7()}


class RotateForm(forms.Form):
    """How long the secret before works on, and which one that is."""

    required_css_class = "required"
    overlap = forms.TypedChoiceField(
        label=_("The old secret still works"),
        coerce=int,
        choices=_OVERLAPS,
        widget=forms.RadioSelect(attrs={"class": "token-issuer-words"}),
        initial=_OVERLAPS[0][0],
    )
    seen = forms.CharField(max_length=16, widget=forms.HiddenInput)


def initial_of(key: ApiKey) -> dict[str, Any]:
    """Return what a key is set to, as the form shows it."""
    names = ("purpose", "owner", "scopes", "expires_at")
    return {name: getattr(key, name) for name in names} | {"networks": "\n".join(key.networks)}
