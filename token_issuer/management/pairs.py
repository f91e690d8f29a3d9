"""``key=value`` arguments, read as the JSON that an API caller would send; ``providers.fields`` judges them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from token_issuer.providers import fields
from token_issuer.providers.durations import typed_duration

if TYPE_CHECKING:
    from token_issuer.providers.specs import FieldSpec

HELP = 'As often as needed. Lists are written a,b; a field of a group is written group.field; "null" is no value.'

_SWITCHES = {"true": True, "false": False}


def body_of(cls: type, pairs: Iterable[str], *, option: str) -> dict[str, object]:
    """Return the pairs as a body for ``fields.parse(cls, …)``. CommandError for what is no pair, or is given twice.

    A value that does not fit its field stays a text, so that the field's own refusal is what people read.
    """
    body: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not path:
            msg = f"{option} takes key=value."
            raise CommandError(msg)
        place, name = _place(body, path, option=option)
        if name in place:
            msg = f"{option} {path} is given twice."
            raise CommandError(msg)
        spec = _spec(fields.specs(cls), path.split("."))
        place[name] = text if spec is None else _value(spec, text)
    return body


def seconds_of(text: str | None) -> int | None:
    """Return a duration as the services take it: whole seconds, or a text such as ``2h``. CommandError otherwise."""
    if text is None:
        return None
    try:
        return typed_duration(text)
    except ValueError as error:
        msg = f"A lifetime {error}."
        raise CommandError(msg) from error


def _place(body: dict[str, Any], path: str, *, option: str) -> tuple[dict[str, Any], str]:
    *groups, name = path.split(".")
    place: Any = body
    for group in groups:
        place = place.setdefault(group, {})
        if not isinstance(place, dict):
            msg = f"{option} {group} is given both as a value and as a group."
            raise CommandError(msg)
    return place, name


def _spec(specs: tuple[FieldSpec, ...], path: list[str]) -> FieldSpec | None:
    found = next((spec for spec in specs if spec.name == path[0]), None)
    return found if found is None or len(path) == 1 else _spec(found.children, path[1:])


def _value(spec: FieldSpec, text: str) -> object:
    if spec.nullable and text == "null":
        return None
    match spec.type:
        case "int":
            return int(text) if text.isascii() and text.removeprefix("-").isdigit() else text
        case "bool":
            return _SWITCHES.get(text, text)
        case "choices":
            return _items(text)
        case "list":
            return [_value(spec.children[0], item) for item in _items(text)]
    return text


def _items(text: str) -> list[str]:
    return text.split(",") if text else []
