"""What the program said when it made a client, checked once."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypedDict
from urllib.parse import quote_plus

import httpx

from token_issuer.client.addresses import Origin, issuer, origin
from token_issuer.client.clock import Clock
from token_issuer.client.errors import ConfigurationError
from token_issuer.client.hidden import TokenText

# The server answers the direct predecessor of a refresh token for so long (REFRESH_GRACE, 10 s by default). Whoever
# got no answer must have asked again by then.
GRACE = 10.0

_PRINTABLE = re.compile(r"[\x21-\x7e]+")

Event = Literal["will-expire", "did-expire", "refreshed", "signed-out"]
Listener = Callable[[Event], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A server's key: its public id, and its secret that nothing shows."""

    public_id: str
    secret: TokenText

    def basic(self) -> str:
        """Return the Authorization header of ``oauth/*``: both parts are form-encoded (RFC 6749 section 2.3.1)."""
        plain = f"{quote_plus(self.public_id)}:{quote_plus(self.secret.reveal())}"
        return f"Basic {b64encode(plain.encode()).decode()}"

    def header(self) -> str:
        """Return the Authorization header of all other calls."""
        return f"Api-Key {self.public_id}.{self.secret.reveal()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """See ``Client`` for the meaning of each."""

    base: httpx.URL
    api_key: ApiKey | None
    auto_refresh: bool
    timeout: float
    grace: float
    scope: str
    origins: frozenset[Origin]
    listener: Listener | None
    verify: ssl.SSLContext | None
    clock: Clock

    @property
    def holder(self) -> str:
        """For which server and key a stored pair is good; it goes nowhere else."""
        return f"{self.base} {self.api_key.public_id if self.api_key else 'public'}"


class Tuning(TypedDict, total=False):
    """What few programs need to say; see ``docs/python-client.md``."""

    timeout: float
    grace: float
    scopes: Iterable[str]
    origins: Iterable[str]
    on_event: Listener | None
    verify: ssl.SSLContext | None
    clock: Clock


def settings(
    base_url: str,
    *,
    api_key: str | None,
    api_secret: TokenText | None,
    auto_refresh: bool,
    timeout: float = 5.0,
    grace: float = GRACE,
    scopes: Iterable[str] = (),
    origins: Iterable[str] = (),
    on_event: Listener | None = None,
    verify: ssl.SSLContext | None = None,
    clock: Clock | None = None,
) -> Settings:
    """Check everything.

    Raises:
        ConfigurationError: something does not fit. The message never shows a value that could be a secret.
    """
    if not 0 < timeout < grace:
        msg = "`timeout` must be above 0 and below `grace`, or no lost answer can be asked for again."
        raise ConfigurationError(msg)
    base = issuer(base_url)
    return Settings(
        base=base,
        api_key=_key(api_key, api_secret),
        auto_refresh=auto_refresh,
        timeout=timeout,
        grace=grace,
        scope=" ".join(sorted(set(scopes))),
        origins=frozenset({origin(base), *map(origin, origins)}),
        listener=on_event,
        verify=verify,
        clock=clock or Clock(),
    )


def _key(public_id: str | None, secret: TokenText | None) -> ApiKey | None:
    if public_id is None and secret is None:
        return None
    if not public_id or secret is None or not secret.reveal():
        msg = "`api_key` and `api_secret` go together; one of them is missing."
        raise ConfigurationError(msg)
    if not (is_printable(public_id) and is_printable(secret.reveal())):
        msg = "`api_key` and `api_secret` are printable ASCII without blanks."
        raise ConfigurationError(msg)
    return ApiKey(public_id=public_id, secret=secret)


def is_printable(text: str) -> bool:
    """Tell whether a text can stand in a header: printable ASCII, no blank, so no second header either."""
    return _PRINTABLE.fullmatch(text) is not None
