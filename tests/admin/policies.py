"""Site policies for the admin's pages."""

from __future__ import annotations

from token_issuer.policy import Allow, Deny


def silent(ask: object) -> None:
    """No opinion."""


def friendly(ask: object) -> Allow:
    """Yes, for five minutes."""
    return Allow("allow_join", lifetime=300)


def strict(ask: object) -> Deny:
    """No, in the site's own words."""
    return Deny("members_only")


def failing(ask: object) -> None:
    """Neither."""
    raise LookupError("no such table")
