"""Form fields from the field specs of a provider's options, and the way back to data that ``fields.parse`` reads.

A nested group becomes fields with dotted names. What no simple field can hold (lists of groups, a group that may be
absent) is written as JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, Final

from django import forms
from django.utils.formats import number_format
from django.utils.html import escape
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.providers.fields import FieldSpec, FieldType, dump

PREFIX: Final = "option-"

_ENDLESS: Final = 2**31  # a limit like this is the format's, and nobody's number


def option_fields(specs: tuple[FieldSpec, ...], data: Mapping[str, Any] | None = None) -> dict[str, forms.Field]:
    """Return the form's fields by their names in the form, filled with ``data`` or the defaults."""
    return {PREFIX + path: _field(spec, initial) for path, spec, initial in _leaves(specs, data or {})}


def secret_keeping_names(specs: tuple[FieldSpec, ...]) -> list[str]:
    """Return the names in the form of the addresses to which secrets are sent."""
    return [PREFIX + path for path, spec, _initial in _leaves(specs, {}) if spec.gets_secrets]


def option_data(specs: tuple[FieldSpec, ...], cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form holds as nested data. What was refused by a field is left out."""
    data: dict[str, Any] = {}
    for path, spec, _initial in _leaves(specs, {}):
        if PREFIX + path in cleaned:
            *groups, name = path.split(".")
            place = data
            for group in groups:
                place = place.setdefault(group, {})
            place[name] = _value(spec, cleaned[PREFIX + path])
    return data


def _leaves(
    specs: tuple[FieldSpec, ...], data: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, FieldSpec, Any]]:
    for spec in specs:
        if spec.filled_by is not None:
            continue
        value = data.get(spec.name, spec.default)
        if spec.type == "nested" and not spec.nullable:
            yield from _leaves(spec.children, _plain(value) or {}, prefix=f"{prefix}{spec.name}.")
        else:
            yield prefix + spec.name, spec, value


def _field(spec: FieldSpec, initial: Any) -> forms.Field:  # noqa: ANN401  the field's own type
    # Django's templates print help texts as they are; a provider's may contain "<".
    helping = (gettext(spec.help) if spec.help else "", _limits(spec))
    told = {
        "label": gettext(spec.label) if spec.label else spec.name.replace("_", " ").capitalize(),
        "help_text": escape(" ".join(text for text in helping if text)),
    }
    return _MAKERS[spec.type](spec, initial, told)


def _limits(spec: FieldSpec) -> str:
    """Say what a number or a text may be, where a person could come near the limit."""
    if spec.type == "int" and spec.minimum is not None and spec.maximum is not None and spec.maximum < _ENDLESS:
        limits = {"minimum": number_format(spec.minimum), "maximum": number_format(spec.maximum)}
        return gettext("%(minimum)s to %(maximum)s.") % limits
    if spec.type == "str" and spec.max_bytes is not None:
        return gettext("At most %(bytes)s bytes.") % {"bytes": number_format(spec.max_bytes)}
    return ""


def _text(spec: FieldSpec, initial: Any, told: Mapping[str, Any]) -> forms.Field:  # noqa: ANN401  see _field
    required = not spec.nullable and bool(spec.min_bytes)
    widget = forms.TextInput(attrs={"class": "vTextField"})
    # Bytes, not characters, are limited: the provider counts them.
    return forms.CharField(required=required, max_length=spec.max_bytes, initial=initial, widget=widget, **told)


def _integer(spec: FieldSpec, initial: Any, told: Mapping[str, Any]) -> forms.Field:  # noqa: ANN401  see _field
    return forms.IntegerField(
        required=not spec.nullable, initial=initial, min_value=spec.minimum, max_value=spec.maximum, **told
    )


def _boolean(spec: FieldSpec, initial: Any, told: Mapping[str, Any]) -> forms.Field:  # noqa: ANN401  see _field
    kind = forms.NullBooleanField if spec.nullable else forms.BooleanField
    return kind(required=False, initial=initial, **told)


def _choice(spec: FieldSpec, initial: Any, told: Mapping[str, Any]) -> forms.Field:  # noqa: ANN401  see _field
    empty = [("", "—")] if spec.nullable or initial is None else []
    choices = [*empty, *((word, word) for word in spec.choices)]
    return forms.ChoiceField(required=not spec.nullable, choices=choices, initial=initial, **told)


def _choices(spec: FieldSpec, initial: Any, told: Mapping[str, Any]) -> forms.Field:  # noqa: ANN401  see _field
    return forms.MultipleChoiceField(
        required=False,
        choices=[(word, word) for word in spec.choices],
        initial=sorted(initial or ()),
        widget=words_widget(),
        **told,
    )


def _lines(spec: FieldSpec, initial: Any, told: Mapping[str, Any]) -> forms.Field:  # noqa: ANN401  see _field
    if spec.children[0].type not in _LINE:
        return _json(spec, initial, told)
    help_text = f"{told['help_text']} {escape(_('One in a line.'))}".strip()
    widget = forms.Textarea(attrs={"class": "vLargeTextField", "rows": 4})
    text = "\n".join(str(item) for item in initial or ())
    return forms.CharField(required=False, initial=text, widget=widget, label=told["label"], help_text=help_text)


def _json(spec: FieldSpec, initial: Any, told: Mapping[str, Any]) -> forms.Field:  # noqa: ANN401  see _field
    help_text = f"{told['help_text']} {escape(_('Written as JSON.'))}".strip()
    return forms.JSONField(required=False, initial=_plain(initial), label=told["label"], help_text=help_text)


def words_widget() -> forms.CheckboxSelectMultiple:
    """Return boxes with whole sentences beside them."""
    return forms.CheckboxSelectMultiple(attrs={"class": "token-issuer-words"})


_MAKERS: Final[Mapping[FieldType, Callable[[FieldSpec, Any, Mapping[str, Any]], forms.Field]]] = {
    "str": _text,
    "int": _integer,
    "bool": _boolean,
    "choice": _choice,
    "choices": _choices,
    "list": _lines,
    "nested": _json,
}
_LINE: Final[Mapping[str, Callable[[str], object]]] = {
    "str": str,
    "choice": str,
    "int": lambda text: int(text) if text.lstrip("-").isdecimal() else text,
}


def _plain(value: Any) -> Any:  # noqa: ANN401  a default is a value of the field, stored data is JSON already
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dump(value) if is_dataclass(value) else value


def _value(spec: FieldSpec, cleaned: Any) -> Any:  # noqa: ANN401  what a form field gives
    if spec.type == "list" and spec.children[0].type in _LINE:
        read = _LINE[spec.children[0].type]
        return [read(line.strip()) for line in cleaned.splitlines() if line.strip()]
    if spec.type == "list":
        return [] if cleaned is None else cleaned
    if spec.nullable and cleaned == "":
        return None
    return cleaned
