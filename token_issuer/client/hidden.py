"""Values that never show themselves in text, logs and pickles.

A text is kept in a closure, so that whatever walks attributes (reporters of errors, debuggers, ``vars``) finds a
function and not the text. Source of the rule: OWASP ASVS 5.0, 16.2.5 and 13.3.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Never, Self


class Unpicklable:
    """Silent in text; refuses to be pickled, because a pickle is a copy in the clear."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: object) -> Never:
        msg = f"{type(self).__name__} cannot be pickled or serialized"
        raise TypeError(msg)

    def __getstate__(self) -> Never:
        msg = f"{type(self).__name__} cannot be pickled or serialized"
        raise TypeError(msg)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class TokenText(Unpicklable):
    """One text that opens something. ``reveal`` is the only way to it."""

    __slots__ = ("_reveal",)
    _reveal: Callable[[], str]
    __hash__ = None  # type: ignore[assignment]  # a hash would be a fast, unsalted digest of the text

    def __init__(self, value: str, /) -> None:
        self._reveal = lambda: value

    def reveal(self) -> str:
        """Return the text. Search for this word to find every place that sees one."""
        return self._reveal()

    def __eq__(self, other: object) -> bool:
        """Compare in constant time, with another TokenText only."""
        if not isinstance(other, TokenText):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())


def hidden(text: str | TokenText | None) -> TokenText | None:
    """Return a text that somebody handed in, hidden; None stays None."""
    return TokenText(text) if isinstance(text, str) else text


def revealed(token: object) -> str:
    """Return the text of whatever is a token: a text, or something that reveals one.

    Raises:
        TypeError: it is neither. The message names the type only.
    """
    if isinstance(token, str):
        return token
    reveal = getattr(token, "reveal", None)
    if not callable(reveal):
        msg = f"a token is a text or something that reveals one, not {type(token).__name__}"
        raise TypeError(msg)
    return str(reveal())
