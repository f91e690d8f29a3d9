"""A form field for a lifetime: seconds, or a duration as everywhere else here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from token_issuer.providers.durations import typed_duration

HINT = _("Seconds, or a text such as 10m, 2h or PT1H30M.")


class LifetimeField(forms.CharField):
    """Gives whole seconds, None when it was left empty. Who has closer limits than a lifetime's checks them."""

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "size": 12})
        super().__init__(**{"required": False, "widget": widget, "max_length": 32, **kwargs})

    def to_python(self, value: Any) -> Any:  # noqa: ANN401  as Django's
        """Read what was typed, or a number that the form began with."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            return typed_duration(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def run_validators(self, value: Any) -> None:  # noqa: ANN401  as Django's
        """Skip those for texts: what is read is a number."""

    def has_changed(self, initial: Any, data: Any) -> bool:  # noqa: ANN401  as Django's
        """Compare seconds: 10m is 600."""
        try:
            return bool(self.to_python(initial) != self.to_python(data))
        except ValidationError:
            return True
