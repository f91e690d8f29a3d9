"""What may stand in an address: a closed list for each call, each name once, and never a token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from uuid import UUID

from token_issuer.api.refusals import BadQuery

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import HttpRequest, QueryDict

_MOST_NAMED = 10
_LONGEST_NAME = 64
# RFC 6750 section 2.3, RFC 9700 section 4.3.2: an address is logged, cached, bookmarked and sent on as Referer.
_SECRET_NAME: Final = re.compile(
    r"token|secret|passw|api.?key|jwt|authoriz|credential|signature|session", re.IGNORECASE
)


def require_known(request: HttpRequest, known: Collection[str]) -> None:
    """Raise BadQuery, naming each, for parameters that this call does not have and for repeated ones."""
    query = request.GET
    wrong = {name: _objection(query, name, known) for name in list(query)[:_MOST_NAMED]}
    found = {_printable(name): [text] for name, text in wrong.items() if text}
    if found:
        first = next(iter(found))
        raise BadQuery(first, found[first][0], fields=found)


def identifier(text: str) -> UUID | None:
    """Return the id that a text spells in its usual form; None for other spellings and other texts."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def _objection(query: QueryDict, name: str, known: Collection[str]) -> str:
    if name in known:
        return "is given more than once" if len(query.getlist(name)) > 1 else ""
    if _SECRET_NAME.search(name):
        return "does not belong in an address: tokens and secrets travel in the body or in a header"
    return "unknown parameter"


def _printable(name: str) -> str:
    cut = name[:_LONGEST_NAME].encode("utf-8", "backslashreplace").decode()
    return "".join(mark if mark.isprintable() else " " for mark in cut)
