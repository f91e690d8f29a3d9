"""How credentials travel, in words: what an Authorization header says, and what a challenge answers. Texts in and out.

Source: RFC 6750 (bearer tokens), RFC 9110 section 11 (challenges). Only the header counts: a token in an address stays
in logs and histories, and one that comes that way is refused (RFC 9700 section 4.3.2).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, Literal

from token_issuer.crypto import TokenText
from token_issuer.services.recognising import is_ours

REALM: Final = "token_issuer"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""RFC 9110 section 9.2.1: what a readonly token may be presented for."""
LEASE: Final = "_token_issuer_lease"
"""The attribute under which a request keeps what a short token was used up for."""

CREDENTIAL: Final = "_token_issuer_credential"
"""The attribute under which a request keeps what its reusable credential was found to be, and for which audience."""

Scheme = Literal["bearer", "api-key"]
Problem = Literal["invalid_request", "invalid_token", "insufficient_scope"]

_CREDENTIAL: Final = re.compile(r"(bearer|api-key) +(\S+)", re.ASCII | re.IGNORECASE)
_NAMES: Final = {"bearer": "Bearer", "api-key": "Api-Key"}


def presented(authorization: str, scheme: Scheme = "bearer") -> TokenText | None:
    """Return the credential that a header's value carries in this scheme; None for another scheme or none at all."""
    found = _CREDENTIAL.fullmatch(authorization.strip(" "))
    return TokenText(found[2]) if found and found[1].lower() == scheme else None


def in_address(values: Iterable[str]) -> bool:
    """Whether one of these parameters of an address is a credential of ours."""
    return any(is_ours(value) for value in values)


def challenge(problem: Problem | None = None, *, scopes: Collection[str] = (), scheme: Scheme = "bearer") -> str:
    """Return a WWW-Authenticate value.

    ``problem`` is None where nothing was presented: RFC 6750 section 3.1 wants no code there. It never says what is
    wrong with a token.
    """
    parts = [f'realm="{REALM}"']
    parts += [f'error="{problem}"'] if problem else []
    parts += [f'scope="{" ".join(sorted(scopes))}"'] if scopes else []
    return f"{_NAMES[scheme]} {', '.join(parts)}"
