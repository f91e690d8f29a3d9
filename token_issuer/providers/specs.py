"""How a grant or options class declares its fields, and what the rest of the package reads from it.

A class is a frozen, slotted, keyword-only dataclass. Its field types are closed: ``str``, ``int``, ``bool``, a
``Literal`` of texts, another such dataclass, ``frozenset[Literal[...]]`` and ``tuple[X, ...]``, each optionally
``| None``. From the declaration ``api`` builds serializers and OpenAPI components, and ``admin`` builds forms, so a new
vendor needs neither. Import these names from ``token_issuer.providers.fields``.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

Record = type[Any]
FieldType = Literal["str", "int", "bool", "choice", "choices", "nested", "list"]

RESERVED_NAMES: Final = frozenset({"lifetime", "slot", "on_behalf_of", "key_lifetime", "starts_session"})
"""Names that request bodies have beside their grant, so no grant may have them."""

_METADATA = "token_issuer"
_RULES_OF: Final[Mapping[str, frozenset[str]]] = {
    "minimum": frozenset({"int"}),
    "maximum": frozenset({"int"}),
    "min_bytes": frozenset({"str"}),
    "max_bytes": frozenset({"str"}),
    "pattern": frozenset({"str"}),
    "gets_secrets": frozenset({"str"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field as the outside sees it.

    Attributes:
        type: ``choice`` is one of ``choices``, ``choices`` a set of them; ``nested`` is a group whose fields are
            ``children``; ``list`` has exactly one child, the spec of its items (with an empty name).
        required: it has no default, so leaving it out is an error.
        nullable: null is a value of it.
        default: what leaving it out means; None when required.
        minimum, maximum: inclusive limits of an ``int``.
        min_bytes, max_bytes: inclusive limits of a ``str``, in bytes of its UTF-8 form.
        pattern: a regular expression that the whole text must match.
        filled_by: ``"subject"`` when the server fills it in; then no body and no form has it.
        gets_secrets: it is an address of an option's, to which secrets are sent: changing it takes leave to rotate.
        record: the dataclass behind a ``nested`` field.
    """

    name: str
    type: FieldType
    required: bool = True
    nullable: bool = False
    default: object = None
    label: str = ""
    help: str = ""
    minimum: int | None = None
    maximum: int | None = None
    min_bytes: int | None = None
    max_bytes: int | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    filled_by: Literal["subject"] | None = None
    gets_secrets: bool = False
    children: tuple[FieldSpec, ...] = ()
    record: Record | None = None


def grant_field(
    *,
    default: Any = MISSING,  # noqa: ANN401  a default has the field's own type
    label: str = "",
    help: str = "",  # noqa: A002  the word every form library uses
    minimum: int | None = None,
    maximum: int | None = None,
    min_bytes: int | None = None,
    max_bytes: int | None = None,
    pattern: str | None = None,
    filled_by: Literal["subject"] | None = None,
    gets_secrets: bool = False,
    shown: bool = True,
) -> Any:  # noqa: ANN401  like dataclasses.field, it stands where the field's value will be
    """Declare a field of a grant. The arguments are those of ``FieldSpec``; texts are marked with ``gettext_noop``.

    ``shown`` False keeps its value out of ``repr``.
    """
    rules = {
        "label": label,
        "help": help,
        "minimum": minimum,
        "maximum": maximum,
        "min_bytes": min_bytes,
        "max_bytes": max_bytes,
        "pattern": pattern,
        "filled_by": filled_by,
        "gets_secrets": gets_secrets or None,
    }
    return dataclasses.field(default=default, repr=shown, metadata={_METADATA: rules})


option_field = grant_field
"""Declare a field of an options class: the same declaration, under the word a reader expects there."""


def refuse_reserved_names(cls: type) -> None:
    """Raise TypeError when a class declares a field that every request body already has."""
    taken = RESERVED_NAMES.intersection(inspect.get_annotations(cls))
    if taken:
        message = f"{cls.__qualname__}: {', '.join(sorted(taken))} is reserved; choose another field name."
        raise TypeError(message)


def specs(cls: type) -> tuple[FieldSpec, ...]:
    """Return the fields of a grant or options class, in their order of declaration.

    Raises:
        TypeError: a field's type or rule is none of those this module knows; the message names it.
    """
    return _specs(cls)


@cache
def _specs(cls: type) -> tuple[FieldSpec, ...]:
    if not dataclasses.is_dataclass(cls):
        message = f"{cls.__qualname__} is not a dataclass."
        raise TypeError(message)
    try:
        hints = get_type_hints(cls)
    except NameError as error:
        message = f"{cls.__qualname__}: {error}; field types must be importable at run time."
        raise TypeError(message) from error
    return tuple(_field_spec(cls, field, hints[field.name]) for field in dataclasses.fields(cls))


def _field_spec(cls: type, field: dataclasses.Field[Any], annotation: object) -> FieldSpec:
    where = f"{cls.__qualname__}.{field.name}"
    rules = dict(field.metadata.get(_METADATA, {}))
    default = field.default
    if field.default_factory is not MISSING:
        default = field.default_factory()
    if rules.get("filled_by") and default is not None:
        message = f"{where}: a field that the server fills in must default to None."
        raise TypeError(message)
    required = default is MISSING
    spec = _spec(where, annotation, name=field.name, rules=rules)
    return dataclasses.replace(spec, required=required, default=None if required else default)


def _spec(where: str, annotation: object, *, name: str, rules: Mapping[str, Any]) -> FieldSpec:
    plain, nullable = _without_none(annotation)
    shape = _shape(where, plain, rules)
    told = {rule: value for rule, value in rules.items() if value is not None}
    if shape["type"] == "list":  # what limits a list's values limits each item
        told = {rule: value for rule, value in told.items() if rule not in _RULES_OF}
    _refuse_misplaced_rules(where, shape["type"], told)
    return FieldSpec(name=name, nullable=nullable, **shape, **told)


def _without_none(annotation: object) -> tuple[object, bool]:
    if get_origin(annotation) not in {Union, types.UnionType}:
        return annotation, False
    members = [member for member in get_args(annotation) if member is not type(None)]
    if len(members) == 1:
        return members[0], True
    return annotation, False  # a real union: no shape fits it


def _shape(where: str, annotation: object, rules: Mapping[str, Any]) -> dict[str, Any]:
    if annotation in (str, int, bool):
        return {"type": annotation.__name__}
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return {"type": "choice", "choices": _choices(where, arguments)}
    if origin is frozenset and get_origin(arguments[0]) is Literal:
        return {"type": "choices", "choices": _choices(where, get_args(arguments[0]))}
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return {"type": "list", "children": (_spec(f"{where}[]", arguments[0], name="", rules=rules),)}
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return {"type": "nested", "children": specs(annotation), "record": annotation}
    message = (
        f"{where}: {annotation!r} is not a field type; use str, int, bool, a Literal of texts, a dataclass, "
        "frozenset[Literal[...]] or tuple[X, ...], each optionally | None."
    )
    raise TypeError(message)


def _choices(where: str, values: tuple[object, ...]) -> tuple[str, ...]:
    texts = tuple(value for value in values if isinstance(value, str))
    if texts != values:
        message = f"{where}: a Literal may hold texts only."
        raise TypeError(message)
    return texts


def _refuse_misplaced_rules(where: str, kind: str, rules: Mapping[str, Any]) -> None:
    for rule in _RULES_OF.keys() & rules.keys():
        if kind not in _RULES_OF[rule]:
            message = f"{where}: {rule} does not apply to {kind}."
            raise TypeError(message)
    try:
        re.compile(rules.get("pattern", ""))
    except re.error as error:
        message = f"{where}: pattern is no regular expression: {error}."
        raise TypeError(message) from error
