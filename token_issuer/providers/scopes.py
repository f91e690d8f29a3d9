"""Scopes that our own API understands, beside those of the site's catalogue (``TOKEN_ISSUER["SCOPES"]``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from token_issuer.providers.base import Privilege
from token_issuer.providers.base import gettext_noop as _

TOKENS_ISSUE: Final = "tokens:issue"
TOKENS_REVOKE: Final = "tokens:revoke"
TOKENS_INTROSPECT: Final = "tokens:introspect"

BUILT_IN: Final[Mapping[str, Privilege]] = {
    TOKENS_ISSUE: Privilege(
        label=_("Issue, list and end the holder's tokens"), doing=_("issue, list and end their own tokens")
    ),
    TOKENS_REVOKE: Privilege(
        label=_("End tokens of the application"), doing=_("end tokens of the application"), server_only=True
    ),
    TOKENS_INTROSPECT: Privilege(
        label=_("Ask about tokens of the application"), doing=_("ask about tokens of the application"), server_only=True
    ),
}


def catalogue(scopes: Mapping[str, str]) -> Mapping[str, Privilege]:
    """Return every scope there is: the site's, with the sentence that explains each, and ours, which win."""
    return {**{name: Privilege(label=text) for name, text in scopes.items()}, **BUILT_IN}
