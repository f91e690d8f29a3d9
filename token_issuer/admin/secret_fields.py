"""Fields into which a secret is pasted: they never show what came in, not even when the form comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.html import escape
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.crypto import Secret, references
from token_issuer.crypto.references import ReferenceBroken

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from token_issuer.providers.base import Provider, SecretField

PREFIX: Final = "secret-"
REFERENCE: Final = "reference"
ALGORITHM: Final = "algorithm"


class ReferenceInput(forms.TextInput):
    """Shows a reference again, and nothing else: somebody may have pasted the secret itself."""

    def format_value(self, value: Any) -> str | None:  # noqa: ANN401  as Django's
        """Return the text when it is written as a reference."""
        try:
            references.check(str(value or ""))
        except ReferenceBroken:
            return None
        return str(value)


def secret_fields(provider: Provider, purpose: str) -> dict[str, forms.Field]:
    """Return a write-only field for each part of the secret, one for a reference instead of them, and the algorithm."""
    parts = provider.secret_fields.get(purpose, ())
    if not parts:
        return {}
    pasted: dict[str, forms.Field] = {PREFIX + part.name: _pasted(part, made=provider.generates) for part in parts}
    pasted[REFERENCE] = forms.CharField(
        label=_("Or a reference"),
        required=False,
        max_length=255,
        help_text=_("env:NAME or file:/absolute/path: the secret stays there, and nothing is stored here."),
        widget=ReferenceInput(attrs={"class": "vTextField", "autocomplete": "off", "spellcheck": "false"}),
    )
    if provider.algorithms and purpose == "sign":
        pasted[ALGORITHM] = forms.ChoiceField(
            label=_("Algorithm"),
            required=False,
            choices=[("", _("As now; %s at first") % provider.algorithms[0]), *((n, n) for n in provider.algorithms)],
            help_text=_("HS256 is verified by this site alone; the others by whoever fetches the published keys."),
        )
    return pasted


def proof_fields(parts: tuple[SecretField, ...]) -> dict[str, forms.Field]:
    """Return a write-only field for each part of what proves a user at his vendor."""
    kept = _("Only what proves him is kept of it, sealed, and never shown.")
    # A blank at an end may belong to a password; the provider says.
    return {PREFIX + part.name: _write_only(part, kept, strip=False) for part in parts}


def _pasted(part: SecretField, *, made: bool) -> forms.Field:
    stored = _("It is sealed when you save, and never shown again.")
    if made:
        stored = format_lazy("{} {}", _("Leave it empty: a new one is made here."), stored)
    return _write_only(part, stored)


def _write_only(part: SecretField, what_becomes_of_it: StrOrPromise, *, strip: bool = True) -> forms.Field:
    return forms.CharField(
        label=gettext(part.label),
        required=False,  # something else may stand for it; the service asks for one of both
        strip=strip,
        help_text=f"{escape(gettext(part.help))} {escape(what_becomes_of_it)}".strip(),
        # "off" is ignored by browsers for passwords: they would fill in the administrator's own.
        widget=forms.PasswordInput(
            render_value=False,
            attrs={"class": "vTextField", "autocomplete": "new-password", "spellcheck": "false"},
        ),
    )


def pasted_secret(parts: tuple[SecretField, ...], cleaned: Mapping[str, Any]) -> Mapping[str, str]:
    """Return what was pasted, by the names of the parts, as a mapping that shows no values."""
    given = {part.name: cleaned[PREFIX + part.name] for part in parts if cleaned.get(PREFIX + part.name)}
    return Secret(**given).parts if given else {}
