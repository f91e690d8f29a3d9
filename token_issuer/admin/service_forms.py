"""Forms whose values a service checks, and the one for a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import option_fields, secret_fields
from token_issuer.crypto.references import ReferenceBroken
from token_issuer.errors import FieldError, TokenIssuerError
from token_issuer.registry import privileges_of

if TYPE_CHECKING:
    from token_issuer.providers.base import Privilege, Provider

Result = TypeVar("Result")


class RefusableForm(forms.Form):
    """A form whose values a service checks."""

    prepopulated: Mapping[str, tuple[str, ...]] = {}

    def add_refusal(self, error: FieldError) -> None:
        """Show a service's messages at the fields they are about, else above the form."""
        for name, texts in error.fields.items():
            for text in texts:
                self.add_error(*self._placed(name, str(text)))

    def _placed(self, name: str, text: str) -> tuple[str | None, str]:
        path = name
        while path:
            found = next((known for known in self._spellings(path) if known in self.fields), None)
            if found:
                return found, text
            path = path.rpartition(".")[0]
        return None, f"{name}: {text}"

    def _spellings(self, name: str) -> tuple[str, ...]:
        return (option_fields.PREFIX + name, secret_fields.PREFIX + name, name)


def attempted(form: RefusableForm, work: Callable[[], Result]) -> Result | None:
    """Return what a service does; None where it refused, which then stands in the form."""
    try:
        return work()
    except FieldError as error:
        form.add_refusal(error)
    except ReferenceBroken as error:
        form.add_error(secret_fields.REFERENCE, str(error))
    except TokenIssuerError as error:
        form.add_error(None, error.message)
    return None


class ServiceForm(RefusableForm):
    """One that a provider has a say in."""

    def __init__(self, provider: Provider, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(*args, **kwargs)
        self.provider = provider


class CertificateForm(ServiceForm):
    """A new secret for an application, or where it is kept."""

    def __init__(
        self,
        provider: Provider,
        *args: Any,  # noqa: ANN401  as Django's
        purpose: str = "sign",
        may_refer: bool = True,
        **kwargs: Any,  # noqa: ANN401  as Django's
    ) -> None:
        super().__init__(provider, *args, **kwargs)
        self.parts = provider.secret_fields.get(purpose, ())
        self.fields.update(secret_fields.secret_fields(provider, purpose))
        if not may_refer:
            self.fields.pop(secret_fields.REFERENCE, None)

    @property
    def fieldsets(self) -> list[tuple[Any, dict[str, Any]]]:
        """All fields, under one heading."""
        return [(None, {"fields": [*self.fields]})]

    def clean(self) -> dict[str, Any]:
        """Refuse a secret beside a reference: nobody could tell which of them signs."""
        cleaned = super().clean() or {}
        if cleaned.get(secret_fields.REFERENCE) and self.secret:
            self.add_error(secret_fields.REFERENCE, _("Paste the secret or name a reference, not both."))
        return cleaned

    @property
    def secret(self) -> Mapping[str, str]:
        """What was pasted, mute."""
        return secret_fields.pasted_secret(self.parts, self.cleaned_data)

    @property
    def reference(self) -> str:
        """What was named instead; empty when a secret was pasted."""
        return str(self.cleaned_data.get(secret_fields.REFERENCE, ""))

    @property
    def algorithm(self) -> str:
        """What it shall sign with; empty for the provider to say."""
        return str(self.cleaned_data.get(secret_fields.ALGORITHM, ""))


def privilege_choices(provider: Provider) -> list[tuple[str, str]]:
    """Return the provider's privileges with their labels in words."""
    return [(word, _in_words(word, privilege)) for word, privilege in privileges_of(provider).items()]


def _in_words(word: str, privilege: Privilege) -> str:
    text = f"{word}: {gettext(privilege.label)}"
    return gettext("%s (servers only)") % text if privilege.server_only else text
