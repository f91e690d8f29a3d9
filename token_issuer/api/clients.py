"""Which client asks: RFC 6749 section 2.3, by HTTP Basic or in the form, never by both; a public one has no secret."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from token_issuer.api.refusals import ClientRefused, MalformedBody
from token_issuer.crypto import TokenText, opaque
from token_issuer.errors import TokenRejected
from token_issuer.services import authenticating
from token_issuer.services.addresses import address_of

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest

    from token_issuer.api.forms import Form
    from token_issuer.models import ApiKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Who asks: an API key that has proved itself, an application's public id that proves nothing, or neither."""

    key: ApiKey | None = None
    public_id: str = ""

    def require_key(self) -> ApiKey:
        """Return the key; ClientRefused without one."""
        if self.key is None:
            msg = "This takes an API key: its public id as client_id, its secret as client_secret."
            raise ClientRefused(msg)
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    client_id: str = ""
    secret: TokenText | None = field(default=None, repr=False)


def client_of(request: HttpRequest, form: Form, *, at: datetime) -> Client:
    """Return the client of a request.

    Raises:
        MalformedBody: it authenticates in two ways, or names two clients.
        ClientRefused: the credentials are not good; why is for logs.
    """
    claim = _claimed(request, form)
    if claim.secret is None and not opaque.is_public_id(claim.client_id):
        return Client(public_id=claim.client_id)
    if claim.secret is None:
        msg = "This client has a secret, and has not sent it."
        raise ClientRefused(msg)
    return Client(key=_authenticated(request, claim.client_id, claim.secret, at=at))


def _claimed(request: HttpRequest, form: Form) -> _Claim:
    named, secret = form.texts.get("client_id", ""), form.secrets.get("client_secret")
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return _Claim(client_id=named, secret=secret)
    claim = _of_header(header)
    if secret is not None or named not in {"", claim.client_id}:
        msg = "The client authenticates in the header or in the body, not in both."
        raise MalformedBody(msg)
    return claim


def _of_header(header: str) -> _Claim:
    scheme, _, credentials = header.strip().partition(" ")
    if scheme.lower() == "api-key":
        client_id, _, secret = credentials.strip().partition(".")
        return _Claim(client_id=client_id, secret=TokenText(secret))
    if scheme.lower() != "basic":
        msg = "A client authenticates with Basic."
        raise ClientRefused(msg)
    try:
        client_id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        colon = ""
    if not colon:
        msg = "The header Authorization cannot be read."
        raise ClientRefused(msg)
    # RFC 6749 section 2.3.1: both parts are encoded as in a form, before Basic encodes them. An empty secret is none.
    return _Claim(client_id=unquote_plus(client_id), secret=TokenText(unquote_plus(secret)) if secret else None)


def _authenticated(request: HttpRequest, client_id: str, secret: TokenText, *, at: datetime) -> ApiKey:
    meta = request.META
    ip = address_of(peer=meta.get("REMOTE_ADDR", ""), forwarded_for=meta.get("HTTP_X_FORWARDED_FOR", ""))
    try:
        return authenticating.api_key(client_id, secret, ip=ip, at=at)
    except TokenRejected as error:
        msg = "The client's credentials were not accepted."
        raise ClientRefused(msg) from error
