"""What the suites look with: exceptions as values, walks through declarations, and texts that are nobody's token."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from token_issuer.providers.fields import FieldSpec

_TESTING: Final = re.compile(r"[/\\]test(s|ing)?[/\\]|[/\\]test_[^/\\]*$")


def raised(call: Callable[..., object], *arguments: object, **named: object) -> Exception | None:
    """Return what a call raises; None when it returns."""
    try:
        call(*arguments, **named)
    except Exception as error:  # a test looks at it
        return error
    return None


def shown_by(error: BaseException | None) -> str:
    """Return what a reporter of errors could print: texts, attributes and the locals of every frame, contexts too.

    Frames of tests, which know everything, are left out.
    """
    told: list[str] = []
    while error is not None:
        told += [str(error), repr(error), repr(vars(error))]
        frames = (frame for frame, _line in traceback.walk_tb(error.__traceback__))
        told += [repr(frame.f_locals) for frame in frames if not _TESTING.search(frame.f_code.co_filename)]
        error = error.__cause__ or error.__context__
    return " ".join(told)


def walk(fields: Iterable[FieldSpec]) -> Iterator[FieldSpec]:
    """Yield every named field, at every level."""
    for spec in fields:
        if spec.name:
            yield spec
        yield from walk(spec.children)


def objects(schema: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  any part of a JSON Schema
    """Yield every object schema inside a schema."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        for part in schema.values():
            yield from objects(part)


def with_subject_sent(
    fields: Sequence[FieldSpec], body: Mapping[str, Any], *, value: object
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield bodies that send a field which the server fills in, with the field's dotted name, at every level."""
    for spec in fields:
        if spec.filled_by:
            yield spec.name, {**body, spec.name: value}
        elif spec.type == "nested" and body.get(spec.name):
            for path, inner in with_subject_sent(spec.children, body[spec.name], value=value):
                yield f"{spec.name}.{path}", {**body, spec.name: inner}


def tampered(token: str) -> Iterator[str]:
    """Yield the token with one character changed, at every place, and shorter and longer by a little."""
    for index, character in enumerate(token):
        yield token[:index] + ("B" if character == "A" else "A") + token[index + 1 :]
    yield from (token[:-1], token[1:], token + "A", token + "=", token + "\n", f" {token}", token + token)


def garbage() -> Iterator[str]:
    """Yield texts that are nobody's token, some of them with beginnings that many formats have."""
    beginnings = ("", "007", "006", "004", "1:", "ey", "eyJhbGciOiJIUzI1NiJ9.", "v4.public.", "Bearer ")
    bodies = ["", " ", ".", "..", "\0", "é", "\ud800", "=", "AAAA", "e30.e30.AAAA", "{}", "[" * 3000, "A" * 20_000]
    bodies += [hashlib.sha256(bytes([number])).hexdigest() for number in range(20)]
    for beginning in beginnings:
        for body in bodies:
            yield beginning + body
