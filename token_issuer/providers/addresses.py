"""Where a vendor's server is: an https address, or this machine's (a stand-in), where nothing is read on the way."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from token_issuer.errors import BadOption

# RFC 1123 section 2.1, in the lower case that urlsplit gives, with the underscore that some networks' names have.
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_HOST: Final = 254  # RFC 1035 section 2.3.4, with the dot at its end


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
    """Raise BadOption naming the option unless paths can be put behind it: an address without ``/`` at its end."""
    check_address(name, url)
    if url.endswith("/"):
        raise BadOption(name, "must not end with /")


def check_address(name: str, url: str) -> None:
    """Raise BadOption naming the option unless a secret can be sent there: no query, no fragment, no user, no blank.

    Who sets it decides where secrets go: only an administrator's option may hold it. It is logged with each request,
    so nothing secret may stand in it.
    """
    if not is_plain(url):
        raise BadOption(name, "must be an address without blanks, query, fragment and user")
    if not is_safe(url):
        raise BadOption(name, "must begin with https://, or be this machine's own (http://127.0.0.1:8080)")
    if not _is_host(urlsplit(url).hostname or ""):
        raise BadOption(name, "must have a host's name, or its IP address")
    if _port_is_wrong(url):
        raise BadOption(name, "must have a port of 1 to 65535, or none")


def _is_host(host: str) -> bool:
    if ":" in host:
        return _is_ip(host)
    labels = host.removesuffix(".").split(".")
    if labels[-1].isdigit():  # WHATWG URL, "ends in a number": else it would be looked up
        return _is_ip(host)
    return len(host) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) and _is_text(label) for label in labels)


def _is_ip(host: str) -> bool:
    try:
        return not getattr(ipaddress.ip_address(host), "scope_id", None)
    except ValueError:
        return False


def _is_text(label: str) -> bool:
    """Whether a label that stands for other letters (RFC 5890 section 2.3.2.1) does."""
    if not label.startswith("xn--"):
        return True
    try:
        text = label.removeprefix("xn--").encode().decode("punycode")
    except UnicodeError:
        return False
    return text.isprintable() and not text.isascii()


def _port_is_wrong(url: str) -> bool:
    try:
        return urlsplit(url).port == 0
    except ValueError:
        return True
