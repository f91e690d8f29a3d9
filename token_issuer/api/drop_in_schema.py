"""What the drop-ins of the providers look like, in the words of OpenAPI 3.1. Providers may share a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from token_issuer.api.components import Schema, record
from token_issuer.api.texts import shown, shown_schema
from token_issuer.providers import fields
from token_issuer.registry import providers

if TYPE_CHECKING:
    from token_issuer.providers.drop_ins import DropIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What answers at one path."""

    drop_ins: tuple[DropIn, ...]

    @property
    def path(self) -> str:
        """The address below the include."""
        return f"/compat/{{slug}}/{self.name}/"

    @property
    def name(self) -> str:
        """The address's last part."""
        return self.drop_ins[0].path

    @property
    def summary(self) -> str:
        """What it does."""
        return shown(self.drop_ins[0].summary)

    @property
    def request(self) -> str:
        """The name of the component of what may be sent."""
        return f"DropInRequest_{self.name}"

    @property
    def answer(self) -> str:
        """The name of the component of what is answered."""
        return f"DropIn_{self.name}"

    def components(self) -> dict[str, Schema]:
        """Return both components."""
        sent = [shown_schema(fields.json_schema(shape)) for each in self.drop_ins for shape in each.shapes]
        told = [record(dict(each.answers), optional=each.optional) for each in self.drop_ins]
        return {self.request: _any_of(sent), self.answer: _any_of(told)}


def operations() -> list[Operation]:
    """Return what answers, in the order of paths."""
    found: dict[str, list[DropIn]] = {}
    for provider in providers().values():
        for drop_in in provider.drop_ins:
            found.setdefault(drop_in.path, []).append(drop_in)
    return [Operation(drop_ins=tuple(found[path])) for path in sorted(found)]


def components() -> dict[str, Schema]:
    """Return the components of all of them."""
    return {name: schema for operation in operations() for name, schema in operation.components().items()}


def _any_of(schemas: list[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
