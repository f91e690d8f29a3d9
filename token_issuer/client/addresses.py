"""Where credentials may go: over https, to the issuer's own origin and to those that the program names.

``httpx.URL`` reads every address, because it is what connects: a second parser could see another host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

import httpx

from token_issuer.client.errors import ConfigurationError

# RFC 6750 section 2.3 is a method that nobody should use; RFC 9700 section 4.3.2 says why.
_SECRET_PARAMETERS = frozenset({"access_token", "refresh_token", "client_secret", "api_secret"})
_OURS = re.compile(r"ti[olsr]_|ak_[0-9A-Za-z]{22}\.")

_PORTS = {"https": 443, "http": 80}

Origin = tuple[str, str, int]


def issuer(address: str) -> httpx.URL:
    """Return the base address with a slash at its end.

    Raises:
        ConfigurationError: not https (http is for this machine only), or more in it than a host and a path.
    """
    url = _parsed(address)
    origin(url)
    if url.query or url.fragment or "?" in address or "#" in address:
        msg = "The base address ends with its path: no query, no fragment."
        raise ConfigurationError(msg)
    return url.copy_with(path=f"{url.path.rstrip('/')}/")


def origin(address: str | httpx.URL) -> Origin:
    """Return scheme, host and port.

    Raises:
        ConfigurationError: see ``issuer``.
    """
    url = _parsed(address)
    if url.scheme not in _PORTS or not url.host:
        msg = "An address starts with https:// and a host."
        raise ConfigurationError(msg)
    if url.userinfo:
        msg = "An address carries no user name and no password."
        raise ConfigurationError(msg)
    if url.scheme == "http" and not _is_this_machine(url.host):
        msg = "Plain http is for this machine only; use https."
        raise ConfigurationError(msg)
    return url.scheme, url.host, url.port or _PORTS[url.scheme]


def joined(base: httpx.URL, address: str) -> httpx.URL:
    """Return an absolute address; ``/api/`` is a path of the base's host, ``api/`` is below the base."""
    return base.join(_parsed(address))


def guard(url: httpx.URL, *, origins: Collection[Origin]) -> None:
    """Refuse to send a token to this address.

    Raises:
        ConfigurationError: another origin than those given, or a credential in the query: addresses end in logs.
    """
    if origin(url) not in origins:
        msg = "This is not the issuer's origin; name it in `origins` if it may see the token."
        raise ConfigurationError(msg)
    for name, value in url.params.multi_items():
        if name.lower() in _SECRET_PARAMETERS or _OURS.match(value):
            msg = "A token or a secret never goes into an address."
            raise ConfigurationError(msg)


def _parsed(address: str | httpx.URL) -> httpx.URL:
    try:
        url: httpx.URL | None = httpx.URL(address)
    except httpx.InvalidURL:
        url = None
    if url is None:
        raise ConfigurationError("This is no address.")
    return url


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
