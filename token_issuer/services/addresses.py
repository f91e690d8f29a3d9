"""Whose address the audit keeps, and how much of it. Texts in, text out: the edge hands over what a request says."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from token_issuer.conf import conf

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_KEPT_BITS: Final = {4: 24, 6: 48}  # of a truncated address
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")


def audited_address(*, peer: str, forwarded_for: str) -> str | None:
    """Return the caller's address as ``AUDIT_NETWORK`` wants it kept, None when it is not known or not wanted.

    Args:
        peer: the address of the connection (``REMOTE_ADDR``); empty behind a Unix socket.
        forwarded_for: the ``X-Forwarded-For`` header; empty when there is none.
    """
    return kept_of(None if conf.audit_network == "off" else address_of(peer=peer, forwarded_for=forwarded_for))


def kept_of(address: Address | None) -> str | None:
    """Return what ``AUDIT_NETWORK`` lets audit and logs keep of an address; None when that is nothing."""
    kept = conf.audit_network
    if address is None or kept == "off":
        return None
    if kept == "full":
        return str(address)
    network = ipaddress.ip_network((address, _KEPT_BITS[address.version]), strict=False)
    return str(network.network_address)


def kept_text(text: str) -> str:
    """Return what the audit has for an address that somebody names; the text itself where that is none."""
    address = _address(text)
    kept = kept_of(address)
    return kept or (text if address is None else str(address))


def address_of(*, peer: str, forwarded_for: str) -> Address | None:
    """Return the connection's address, or the one that a trusted proxy says it speaks for.

    ``X-Forwarded-For`` is read from the right, where our own proxies wrote, up to the first hop that is not
    ``TRUSTED_PROXIES``; whatever a caller put on its left changes nothing.
    """
    found = _address(peer)
    hops = forwarded_for.split(",")
    while found is not None and hops and _is_trusted(found):
        hop = _address(hops.pop())
        if hop is None:
            break
        found = hop
    return found


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in conf.trusted_proxies)


def _address(text: str) -> Address | None:
    named = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ipaddress.ip_address((named and (named["six"] or named["four"])) or text.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    # No zone: a database's address column has no place for one.
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))
