"""What somebody wants an API key to be, as values, and whether it can be: checked before anything is written."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from token_issuer.conf import Network, conf
from token_issuer.errors import BadOption
from token_issuer.providers.scopes import catalogue

LONGEST_PURPOSE: Final = 200
MOST_NETWORKS: Final = 50  # each is compared at every call


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyTerms:
    """What may change in a key's life. ``owner`` is a user; ``networks`` empty means from anywhere."""

    purpose: str
    owner: Any = None
    scopes: Sequence[str] = ()
    networks: Sequence[str] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyDraft(ApiKeyTerms):
    """A key to be. Whom it acts as and whether it signs its own tokens stays as it was created."""

    acts_as: Any = None
    may_sign: bool = False


def check_draft(draft: ApiKeyDraft, *, at: datetime) -> dict[str, Any]:
    """Return the columns of ``check_terms``; raise BadOption naming every value that does not fit."""
    wrong, values = _judged(draft, at=at)
    if draft.acts_as is not None and not draft.acts_as.is_active:
        wrong["acts_as"] = ["is not active"]
    return _unless(wrong, values)


def check_terms(terms: ApiKeyTerms, *, at: datetime) -> dict[str, Any]:
    """Return the columns as they are to be written; raise BadOption naming every value that does not fit."""
    return _unless(*_judged(terms, at=at))


def networks_of(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return the networks; BadOption("networks") names the first text that is none, and is quoted: it is no secret."""
    if len(texts) > MOST_NETWORKS:
        raise BadOption("networks", f"must be {MOST_NETWORKS} at most")
    return tuple(_network(text) for text in texts)


def _judged(terms: ApiKeyTerms, *, at: datetime) -> tuple[dict[str, list[str]], dict[str, Any]]:
    wrong: dict[str, list[str]] = {}
    purpose = terms.purpose.strip()
    if not purpose or len(purpose) > LONGEST_PURPOSE or not purpose.isprintable():
        wrong["purpose"] = [f"must be 1 to {LONGEST_PURPOSE} characters on one line"]
    if terms.owner is not None and not terms.owner.is_active:
        wrong["owner"] = ["is not active"]
    known = catalogue(conf.scopes)
    unknown = sorted(set(terms.scopes) - set(known))
    if unknown:
        wrong["scopes"] = [f"there is no {', '.join(unknown)}; there are {', '.join(sorted(known))}"]
    try:
        networks = sorted({str(network) for network in networks_of(terms.networks)})
    except BadOption as error:
        wrong["networks"] = [error.reason]
        networks = []
    if terms.expires_at is not None and terms.expires_at <= at:
        wrong["expires_at"] = ["must be in the future"]
    return wrong, {
        "purpose": purpose,
        "owner": terms.owner,
        "scopes": sorted(set(terms.scopes)),
        "networks": networks,
        "expires_at": terms.expires_at,
    }


def _network(text: str) -> Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise BadOption("networks", f"{text!r} is no network such as 10.0.0.0/8; host bits must be zero") from None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None:
        # Callers' addresses are compared as the IPv4 addresses that they are.
        raise BadOption("networks", f"{text!r} must be written as an IPv4 network")
    return network


def _unless(wrong: Mapping[str, list[str]], values: dict[str, Any]) -> dict[str, Any]:
    if wrong:
        first = next(iter(wrong))
        raise BadOption(first, wrong[first][0], fields=wrong)
    return values
