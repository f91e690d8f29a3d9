"""Where a vendor's server is: an https address, or this machine's (a stand-in), where nothing is read on the way."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from token_issuer.errors import BadOption


def is_safe(url: str) -> bool:
    """Whether a secret may be sent to this address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # half an IPv6 address
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host)))


def is_plain(url: str) -> bool:
    """Whether nothing stands in this address but scheme, host, port and path: no user, no query, no blank."""
    return url.isascii() and url.isprintable() and not set(url) & set("?#@\\ ")


def is_this_machine(host: str) -> bool:
    """Whether the host is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_base(name: str, url: str) -> None:
    """Raise BadOption naming the option unless paths can be put behind it: no query, no blank, no ``/`` at its end.

    Who sets it decides where secrets go: only an administrator's option may hold it.
    """
    if not is_plain(url):
        raise BadOption(name, "must be an address without blanks, query and user")
    if not is_safe(url):
        raise BadOption(name, "must begin with https://, or be this machine's own (http://127.0.0.1:8080)")
    if url.endswith("/"):
        raise BadOption(name, "must not end with /")
    if _port_is_wrong(url):
        raise BadOption(name, "must have a port of 1 to 65535, or none")


def _port_is_wrong(url: str) -> bool:
    try:
        return urlsplit(url).port == 0
    except ValueError:
        return True
