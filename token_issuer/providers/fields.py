"""Strict reading and writing of what a grant or options class declares.

Nothing is coerced and nothing is dropped: ``true`` is not 1, ``1.0`` and ``"1"`` are not 1, an unknown name is an
error, and so is a field that the server fills in. Every failing field is reported, not only the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from token_issuer.errors import BadGrant, FieldError
from token_issuer.providers.durations import LONGEST_DURATION, parse_duration
from token_issuer.providers.specs import (
    RESERVED_NAMES,
    FieldSpec,
    FieldType,
    grant_field,
    option_field,
    refuse_reserved_names,
    specs,
)

__all__ = [
    "LONGEST_DURATION",
    "RESERVED_NAMES",
    "FieldSpec",
    "FieldType",
    "check",
    "dump",
    "grant_field",
    "json_schema",
    "option_field",
    "parse",
    "parse_duration",
    "refuse_reserved_names",
    "specs",
]

T = TypeVar("T")

_SHOWN_NAME = 64  # characters of an unknown name that an error repeats


def parse(cls: type[T], data: object, *, error: type[FieldError] = BadGrant) -> T:
    """Return an instance of ``cls`` made from JSON-like data.

    Raises:
        FieldError: of the class ``error``; ``fields`` maps every failing name (nested ones dotted) to its messages.
            What the class's own ``__post_init__`` refuses is raised as it is.
    """
    reader = _Reader()
    values = reader.record(specs(cls), data, path="")
    reader.raise_failures(error)
    return cls(**values)


def check(instance: object, *, error: type[FieldError] = BadGrant) -> None:
    """Raise ``error`` unless every value of a grant or options instance is of its declared type and within its limits.

    A class calls this in its ``__post_init__``, so that one made in Python obeys what a body must obey.
    """
    reader = _Reader()
    for spec in specs(type(instance)):
        reader.value(spec, getattr(instance, spec.name), path=spec.name)
    reader.raise_failures(error)


class _Reader:
    """One reading of one body; ``failures`` collects what is wrong with it."""

    def __init__(self) -> None:
        self.failures: dict[str, list[str]] = {}

    def refuse(self, path: str, message: str) -> None:
        self.failures.setdefault(path or "body", []).append(message)

    def raise_failures(self, error: type[FieldError]) -> None:
        if self.failures:
            name, messages = next(iter(self.failures.items()))
            raise error(name, messages[0], fields=self.failures)

    def record(self, fields: tuple[FieldSpec, ...], data: object, *, path: str) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            self.refuse(path, "must be an object")
            return {}
        prefix = f"{path}." if path else ""
        values = {}
        for spec in fields:
            if spec.filled_by is None and spec.name in data:
                values[spec.name] = self.value(spec, data[spec.name], path=prefix + spec.name)
            elif spec.required:
                self.refuse(prefix + spec.name, "is required")
        self._refuse_unknown(fields, data, prefix=prefix)
        return values

    def _refuse_unknown(self, fields: tuple[FieldSpec, ...], data: Mapping[Any, object], *, prefix: str) -> None:
        known = {spec.name: spec for spec in fields}
        for name in data:
            spec = known.get(name)
            if spec is None:
                self.refuse(prefix + _shown(name), "unknown field")
            elif spec.filled_by:
                self.refuse(prefix + spec.name, "unknown field: the server fills it in")

    def value(self, spec: FieldSpec, data: object, *, path: str) -> Any:  # noqa: ANN401  the field's own type
        if data is None:
            if not spec.nullable:
                self.refuse(path, "must not be null")
            return None
        return _READERS[spec.type](self, spec, data, path)

    def text(self, spec: FieldSpec, data: object, path: str) -> object:
        if not isinstance(data, str):
            self.refuse(path, "must be a text")
            return data
        problem = _text_problem(spec, data)
        if problem:
            self.refuse(path, problem)
        return data

    def integer(self, spec: FieldSpec, data: object, path: str) -> object:
        if not isinstance(data, int) or isinstance(data, bool):
            self.refuse(path, "must be a whole number")
        elif spec.minimum is not None and data < spec.minimum:
            self.refuse(path, f"must be at least {spec.minimum}")
        elif spec.maximum is not None and data > spec.maximum:
            self.refuse(path, f"must be at most {spec.maximum}")
        return data

    def boolean(self, spec: FieldSpec, data: object, path: str) -> object:
        if not isinstance(data, bool):
            self.refuse(path, "must be true or false")
        return data

    def choice(self, spec: FieldSpec, data: object, path: str) -> object:
        if not isinstance(data, str) or data not in spec.choices:
            self.refuse(path, f"must be one of: {', '.join(spec.choices)}")
        return data

    def choices(self, spec: FieldSpec, data: object, path: str) -> frozenset[Any]:
        if not isinstance(data, list | tuple | set | frozenset):
            self.refuse(path, "must be a list")
            return frozenset()
        if any(not isinstance(item, str) or item not in spec.choices for item in data):
            self.refuse(path, f"each must be one of: {', '.join(spec.choices)}")
            return frozenset()
        if len(set(data)) != len(data):
            self.refuse(path, "must not name anything twice")
        return frozenset(data)

    def items(self, spec: FieldSpec, data: object, path: str) -> tuple[Any, ...]:
        if not isinstance(data, list | tuple):
            self.refuse(path, "must be a list")
            return ()
        (child,) = spec.children
        return tuple(self.value(child, item, path=f"{path}.{index}") for index, item in enumerate(data))

    def nested(self, spec: FieldSpec, data: object, path: str) -> object:
        if spec.record is None or isinstance(data, spec.record):
            return data
        before = len(self.failures)
        values = self.record(spec.children, data, path=path)
        if len(self.failures) > before:
            return None
        try:
            return spec.record(**values)
        except FieldError as error:
            for name, messages in error.fields.items():
                for message in messages:
                    self.refuse(f"{path}.{name}", message)
            return None


_READERS: Final[Mapping[FieldType, Callable[[_Reader, FieldSpec, object, str], object]]] = {
    "str": _Reader.text,
    "int": _Reader.integer,
    "bool": _Reader.boolean,
    "choice": _Reader.choice,
    "choices": _Reader.choices,
    "list": _Reader.items,
    "nested": _Reader.nested,
}


def _text_problem(spec: FieldSpec, text: str) -> str | None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "must be valid Unicode text"
    if "\0" in text:
        return "must not contain the character NUL"
    if spec.min_bytes is not None and size < spec.min_bytes:
        return f"must be at least {spec.min_bytes} bytes in UTF-8"
    if spec.max_bytes is not None and size > spec.max_bytes:
        return f"must be at most {spec.max_bytes} bytes in UTF-8"
    if spec.pattern is not None and not re.fullmatch(spec.pattern, text):
        return f"must match {spec.pattern}"
    return None


def _shown(name: object) -> str:
    """An unknown name as an error may repeat it: bounded, and free of lone surrogates, which no response can encode."""
    return str(name)[:_SHOWN_NAME].encode("utf-8", "backslashreplace").decode()


def dump(instance: object) -> dict[str, Any]:
    """Return JSON-able data that ``parse`` turns back into the same value, without what the server fills in.

    Sets are sorted lists. A field that is None by default and by value is left out.
    """
    pairs = ((spec, getattr(instance, spec.name)) for spec in specs(type(instance)) if spec.filled_by is None)
    return {
        spec.name: _dumped(spec, value)
        for spec, value in pairs
        if spec.required or value is not None or spec.default is not None
    }


def _dumped(spec: FieldSpec, value: Any) -> Any:  # noqa: ANN401  the field's own type in, JSON out
    if value is None:
        return None
    if spec.type == "choices":
        return sorted(value)
    if spec.type == "list":
        return [_dumped(spec.children[0], item) for item in value]
    if spec.type == "nested":
        return dump(value)
    return value


def json_schema(cls: type) -> dict[str, Any]:
    """Return the closed JSON Schema (2020-12, as OpenAPI 3.1 uses it) of what ``parse`` reads for this class.

    Byte limits appear as character limits: a text within them may still be too long in UTF-8; ``parse`` refuses it.
    """
    return _object_schema(specs(cls))


def _object_schema(fields: tuple[FieldSpec, ...]) -> dict[str, Any]:
    sent = [spec for spec in fields if spec.filled_by is None]
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {spec.name: _field_schema(spec) for spec in sent},
        "additionalProperties": False,
    }
    required = [spec.name for spec in sent if spec.required]
    if required:
        schema["required"] = required
    return schema


def _field_schema(spec: FieldSpec) -> dict[str, Any]:
    schema = _type_schema(spec)
    if spec.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    told = {"title": spec.label, "description": spec.help}
    schema |= {word: text for word, text in told.items() if text}
    if not spec.required:
        schema["default"] = _dumped(spec, spec.default)
    return schema


def _type_schema(spec: FieldSpec) -> dict[str, Any]:  # noqa: PLR0911  one return a type is the readable form
    match spec.type:
        case "str":
            limits = {"minLength": 1 if spec.min_bytes else None, "maxLength": spec.max_bytes}
            pattern = f"^(?:{spec.pattern})$" if spec.pattern else None
            return _told({"type": "string", **limits, "pattern": pattern})
        case "int":
            return _told({"type": "integer", "minimum": spec.minimum, "maximum": spec.maximum})
        case "bool":
            return {"type": "boolean"}
        case "choice":
            return {"type": "string", "enum": list(spec.choices)}
        case "choices":
            items = {"type": "string", "enum": list(spec.choices)}
            return {"type": "array", "items": items, "uniqueItems": True}
        case "list":
            return {"type": "array", "items": _field_schema(spec.children[0])}
        case "nested":
            return _object_schema(spec.children)


def _told(schema: dict[str, Any]) -> dict[str, Any]:
    return {word: value for word, value in schema.items() if value is not None}
