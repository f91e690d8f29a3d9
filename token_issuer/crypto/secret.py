"""Texts that never show themselves.

A value is kept in a closure, so that whatever walks attributes (reporters of errors, debuggers, ``vars``,
``dataclasses.asdict``) finds a function and not the text. Source of the rule: OWASP ASVS 5.0, 16.2.5 and 13.3.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator, Mapping
from typing import Never, Self

from token_issuer.crypto.encoding import canonical_json, to_bytes


class Mute:
    """Immutable, and silent in text, logs, pickles and serializers.

    Copying returns the object itself, so a copy is as silent as the original.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> Never:
        msg = f"{type(self).__name__} cannot be pickled or serialized"
        raise TypeError(msg)

    def __getstate__(self) -> Never:
        msg = f"{type(self).__name__} cannot be pickled or serialized"
        raise TypeError(msg)

    def __setattr__(self, name: str, value: object) -> Never:
        msg = f"{type(self).__name__} is immutable"
        raise AttributeError(msg)

    def __delattr__(self, name: str) -> Never:
        msg = f"{type(self).__name__} is immutable"
        raise AttributeError(msg)


def keep(owner: Mute, **values: object) -> None:
    """Set slots of a ``Mute`` while it is made; afterwards nothing can."""
    for name, value in values.items():
        object.__setattr__(owner, name, value)


class TokenText(Mute):
    """One text that opens something: a token, a login key, a generated secret. ``reveal`` is the only way to it."""

    __slots__ = ("_reveal",)
    _reveal: Callable[[], str]
    __hash__ = None  # type: ignore[assignment]  # a hash would be a fast, unsalted digest of the text

    def __init__(self, value: str, /) -> None:
        keep(self, _reveal=lambda: value)

    def reveal(self) -> str:
        """Return the text. Search for this word to find every place that sees one."""
        return self._reveal()

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, with another TokenText only."""
        if not isinstance(other, TokenText):
            return NotImplemented
        return hmac.compare_digest(to_bytes(self.reveal()), to_bytes(other.reveal()))


def revealed(text: str | TokenText) -> str:
    """Return a text that may have been wrapped: for the one call that reads it, never for a variable that stays."""
    return text.reveal() if isinstance(text, TokenText) else text


class SecretParts(Mute, Mapping[str, str]):
    """The parts of a secret by name: a mapping whose text shows names only."""

    __slots__ = ("_reveal",)
    _reveal: Callable[[], dict[str, str]]
    __hash__ = None  # type: ignore[assignment]  # see TokenText

    def __init__(self, values: Mapping[str, str], /) -> None:
        values = dict(values)
        keep(self, _reveal=lambda: values)

    def __getitem__(self, name: str) -> str:
        if name not in self._reveal():
            msg = f"no part {name!r}; there are: {', '.join(self)}"
            raise KeyError(msg)
        return self._reveal()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._reveal())

    def __len__(self) -> int:
        return len(self._reveal())

    def __eq__(self, other: object) -> bool:
        """Compare all names and values in constant time, with other parts of a secret only."""
        if not isinstance(other, SecretParts):
            return NotImplemented
        return hmac.compare_digest(canonical_json(self), canonical_json(other))

    def __repr__(self) -> str:
        return f"<SecretParts {', '.join(self)}>"


class Secret(Mute):
    """Named text parts of one secret, such as ``certificate``, or ``api_key`` and ``secret``.

    Raises:
        TypeError: a part is not a text.
        ValueError: there are no parts. Neither message holds a value.
    """

    __slots__ = ("parts",)
    parts: SecretParts
    __hash__ = None  # type: ignore[assignment]  # see TokenText

    def __init__(self, /, **parts: str) -> None:
        given: Mapping[str, object] = parts  # annotations bind no caller
        unfit = [name for name, value in given.items() if not isinstance(value, str)]
        kept = SecretParts({} if unfit else parts)
        del parts, given  # what an error reporter would print of this frame
        if unfit:
            msg = f"parts of a secret are texts; not so: {', '.join(unfit)}"
            raise TypeError(msg)
        if not kept:
            raise ValueError("a secret has at least one part")
        keep(self, parts=kept)

    def part(self, name: str) -> str:
        """Return one part. KeyError names the parts that there are."""
        return self.parts[name]

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, with another Secret only."""
        return self.parts == other.parts if isinstance(other, Secret) else NotImplemented
