"""A server's key in exchange for an access token of the server itself (RFC 6749 section 4.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from token_issuer.errors import BadGrant, NotFound
from token_issuer.providers import fields
from token_issuer.registry import privileges_of
from token_issuer.services import deciding, issuing

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.providers.base import Provider
    from token_issuer.services.callers import Caller
    from token_issuer.services.issuing import Issuance


def exchange(server: Caller, *, scope: Collection[str] | None, at: datetime) -> Issuance:
    """Issue a token that speaks for the server itself. It has no refresh token.

    Args:
        server: an authenticated API key's caller.
        scope: a part of the key's scopes; None stands for all of them.

    Raises:
        NotFound: the key acts as a user, or its application does not make access tokens for this site.
        BadGrant: ``scope`` names more than the key has.
        What ``issuing.issue`` raises.
    """
    key = server.api_key
    if key is None:
        msg = "Only an API key can be exchanged."
        raise NotFound(msg)
    if key.acts_as_key is not None:
        # Its rights are that user's; a token of nobody's would be free of them.
        msg = "This key acts as a user, and has no token of its own."
        raise NotFound(msg)
    provider, options = deciding.configuration_of(key.application)
    if provider.refresh_limits(options) is None:
        msg = "This application has no access tokens for servers."
        raise NotFound(msg)
    wider = sorted(frozenset(scope or ()) - frozenset(key.scopes))
    if wider:
        raise BadGrant("scope", f"asks for more than the key has: {', '.join(wider)}")
    words = frozenset(key.scopes) & privileges_of(provider).keys() if scope is None else frozenset(scope)
    return issuing.issue(server, key.application.slug, body=_body(provider, words), at=at)


def _body(provider: Provider, words: frozenset[str]) -> dict[str, Any]:
    """Return the body that asks for these privileges: one text of words, or a list of them, as the provider has it."""
    name = provider.privileges_field
    kinds = {spec.name: spec.type for spec in fields.specs(provider.grant_class)}
    return {name: " ".join(sorted(words)) if kinds.get(name) == "str" else sorted(words)}
