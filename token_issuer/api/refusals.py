"""What only this door refuses: bodies, addresses and transports that no use case gets to see."""

from __future__ import annotations

from token_issuer.errors import FieldError, TokenIssuerError


class MalformedBody(TokenIssuerError):
    """The body is no JSON object, or one that two readers could understand differently."""

    code = "malformed_body"


class UnsupportedBody(TokenIssuerError):
    """The body is of another kind than JSON in UTF-8."""

    code = "unsupported_media_type"


class BadQuery(FieldError):
    """The address carries a parameter that does not belong there; ``fields`` names each."""


class CsrfFailed(TokenIssuerError):
    """A session spoke without the proof that the site's own page sent the request."""

    code = "csrf_failed"


class InsecureTransport(TokenIssuerError):
    """The request came over plain HTTP."""

    code = "insecure_transport"


class ClientRefused(TokenIssuerError):
    """A client of ``oauth/*`` has not proved who it is."""

    code = "not_authenticated"


class OtherGrantType(TokenIssuerError):
    """A client of ``oauth/token`` asks in a way that there is not."""
