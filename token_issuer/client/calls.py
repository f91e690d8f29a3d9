"""The requests to the issuer: RFC 6749 sections 4.4 and 6, RFC 7009, RFC 7662, and the call for a token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from token_issuer.client.errors import ConfigurationError
from token_issuer.client.hidden import TokenText, revealed
from token_issuer.client.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One POST."""

    url: httpx.URL
    content_type: str
    body: TokenText
    authorization: TokenText | None

    def request(self, *, timeout: httpx.Timeout) -> httpx.Request:
        """Return it as httpx sends it."""
        # No compression: what is small needs none, and nothing can be bigger than it looks.
        headers = {"Content-Type": self.content_type, "Accept": "application/json", "Accept-Encoding": "identity"}
        headers["User-Agent"] = "django-token-issuer"
        if self.authorization is not None:
            headers["Authorization"] = self.authorization.reveal()
        extensions = {"timeout": timeout.as_dict()}
        content = self.body.reveal().encode()
        return httpx.Request("POST", self.url, headers=headers, content=content, extensions=extensions)


def refresh(settings: Settings, refresh_token: TokenText) -> Call:
    """Ask for the successor. Within the server's grace the same one comes again."""
    return _oauth(settings, "token", {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()})


def client_credentials(settings: Settings) -> Call:
    """Ask for an access token of the API key itself."""
    scope = {"scope": settings.scope} if settings.scope else {}
    return _oauth(settings, "token", {"grant_type": "client_credentials", **scope})


def revoke(settings: Settings, token: object) -> Call:
    """End a token; a refresh token takes its family with it. TypeError: it is none."""
    return _oauth(settings, "revoke", {"token": revealed(token)})


def introspect(settings: Settings, token: object) -> Call:
    """Ask whether a token is good.

    Raises:
        ConfigurationError: without an API key nobody is answered.
    """
    if settings.api_key is None:
        msg = "Introspection needs `api_key` and `api_secret`."
        raise ConfigurationError(msg)
    return _oauth(settings, "introspect", {"token": revealed(token)})


def issue(settings: Settings, application: str, grant: Mapping[str, Any], *, authorization: str) -> Call:
    """Ask for a token of an application. It is sent once: each one is a row, and may be charged.

    Raises:
        ConfigurationError: a value of the grant is nothing that JSON can say.
    """
    return Call(
        url=settings.base.join(f"applications/{quote(application, safe='')}/tokens/"),
        content_type="application/json",
        body=TokenText(grant_json(grant)),
        authorization=TokenText(authorization),
    )


def redeem(settings: Settings, key: object) -> Call:
    """Exchange a one-time login key, as nobody. It is sent once, because it works once. TypeError: it is none."""
    return Call(
        url=settings.base.join("one-time-keys/redeem/"),
        content_type="application/json",
        body=TokenText(json.dumps({"key": revealed(key)})),
        authorization=None,
    )


def grant_json(grant: Mapping[str, Any]) -> str:
    """Return the grant as canonical JSON: durations as seconds, sets as sorted lists.

    Raises:
        ConfigurationError: a value is nothing that JSON can say.
    """
    try:
        text = json.dumps(grant, default=_plain, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError):
        text = None
    if text is None:
        msg = "A grant's values are texts, numbers, booleans, lists, sets, mappings and durations."
        raise ConfigurationError(msg)
    return text


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError


def _oauth(settings: Settings, name: str, form: Mapping[str, str]) -> Call:
    key = settings.api_key
    return Call(
        url=settings.base.join(f"oauth/{name}"),
        content_type="application/x-www-form-urlencoded",
        body=TokenText(urlencode(form)),
        authorization=TokenText(key.basic()) if key else None,
    )
