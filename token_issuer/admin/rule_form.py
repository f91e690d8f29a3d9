"""The form of a rule: choices from the application's provider, and the same checks that the services make."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.duration_fields import HINT, LifetimeField
from token_issuer.admin.option_fields import words_widget
from token_issuer.admin.service_forms import privilege_choices
from token_issuer.errors import BadOption
from token_issuer.models import Application, Rule, Window
from token_issuer.registry import providers
from token_issuer.services.drafts import RuleDraft, check_rule

_DRAFTED = (
    "everyone", "resource_pattern", "subject_pattern", "maximum_lifetime", "limit", "window", "wildcards",
    "allow_username",
)  # fmt: skip


def _seconds(text: str) -> int:
    return int(text)


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]  # ModelForm[Rule] is not subscriptable at run time
    """A rule of one application. ``application`` is set on the subclass that RuleAdmin makes for a request."""

    application: ClassVar[Application]

    privileges = forms.MultipleChoiceField(label=_("Privileges"), widget=words_widget())
    maximum_lifetime = LifetimeField(
        label=_("Maximum lifetime"),
        help_text=format_lazy("{} {}", HINT, _("Empty means the application's maximum.")),
    )
    window = forms.TypedChoiceField(
        label=_("per"), required=False, coerce=_seconds, empty_value=None, choices=[("", "—"), *Window.choices]
    )

    class Meta:
        model = Rule
        fields = (
            "privileges", "priority", "everyone", "users", "groups", "resource_pattern", "subject_pattern",
            "maximum_lifetime", "limit", "window", "wildcards", "allow_username",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            self.instance.application = self.application
        self.provider = providers().get(self.application.provider)
        known = privilege_choices(self.provider) if self.provider else []
        self.fields["privileges"].choices = known  # type: ignore[attr-defined]  # its own kind
        self._keep_window(self.instance.window)

    def _keep_window(self, seconds: int | None) -> None:
        """Offer a window that a command set, or saving the form would lose it."""
        if seconds is not None and seconds not in Window.values:
            choices = self.fields["window"].choices  # type: ignore[attr-defined]  # its own kind
            self.fields["window"].choices = [*choices, (seconds, gettext("%s seconds") % seconds)]  # type: ignore[attr-defined]  # its own kind

    def clean(self) -> dict[str, Any]:
        """Refuse what could never work, at the field that it is about."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.provider is None:
            raise forms.ValidationError(_("The provider of this application is not installed."))
        if self.errors:
            return cleaned
        drafted = {name: cleaned[name] for name in _DRAFTED}
        try:
            check_rule(self.provider, RuleDraft(privileges=cleaned["privileges"], **drafted))
        except BadOption as error:
            for name, texts in error.fields.items():
                self.add_error(name, [str(text) for text in texts])
        return cleaned
