"""What clients configure themselves from: RFC 8414 metadata and the public keys. No secret, no caller, no query string.

RFC 8414 section 3.1: ``/.well-known/oauth-authorization-server`` stands before the path of the issuer, not behind it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.http.response import HttpResponseBase
from django.urls import NoReverseMatch, reverse
from django.utils.cache import get_conditional_response
from rest_framework.request import Request
from rest_framework.response import Response

from token_issuer.api.views.base import SecureView
from token_issuer.conf import conf
from token_issuer.errors import NotFound
from token_issuer.providers.scopes import catalogue
from token_issuer.services import publishing

_SECRETS: Final = ["client_secret_basic", "client_secret_post"]


class DocumentView(SecureView):
    """A document that anybody may read, and keep for a while."""

    max_age: ClassVar[int]  # seconds
    etag: str = ""

    def get(self, request: Request, path: str | None = None) -> HttpResponseBase:
        """Answer the document, or 304 to who has it."""
        document = self.document(path or "")
        self.etag = f'"{hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:32]}"'
        return get_conditional_response(request._request, etag=self.etag) or Response(document)

    def document(self, path: str = "") -> dict[str, Any]:
        """Return the document."""
        raise NotImplementedError

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Say how long it may be kept; an error is kept by nobody."""
        finished = super().finalize_response(request, response, *args, **kwargs)
        if self.etag:
            finished["Cache-Control"] = f"public, max-age={self.max_age}"
            finished["ETag"] = self.etag
        return finished


class MetadataView(DocumentView):
    """``GET /.well-known/oauth-authorization-server`` with the issuer's path behind it"""

    max_age = 3600

    def document(self, path: str = "") -> dict[str, Any]:
        """Return what this issuer can do; NotFound at any other issuer's address."""
        issuer = conf.issuer
        if issuer is None or path != urlsplit(issuer).path.rstrip("/"):
            msg = "There is no such issuer here."
            raise NotFound(msg)
        parts = urlsplit(issuer)
        origin = f"{parts.scheme}://{parts.netloc}"
        return {
            "issuer": issuer,
            "token_endpoint": origin + _address("token_issuer:oauth-token"),
            "revocation_endpoint": origin + _address("token_issuer:oauth-revoke"),
            "introspection_endpoint": origin + _address("token_issuer:oauth-introspect"),
            "jwks_uri": origin + _address("token_issuer_jwks"),
            "grant_types_supported": ["refresh_token", "client_credentials"],
            # Required by section 2; there is no authorization endpoint that would answer one.
            "response_types_supported": [],
            "scopes_supported": sorted(catalogue(conf.scopes)),
            "token_endpoint_auth_methods_supported": [*_SECRETS, "none"],
            "revocation_endpoint_auth_methods_supported": [*_SECRETS, "none"],
            "introspection_endpoint_auth_methods_supported": _SECRETS,
        }


class KeysView(DocumentView):
    """``GET /.well-known/jwks.json``"""

    max_age = 300

    def document(self, path: str = "") -> dict[str, Any]:
        """Return the JWK set (RFC 7517 section 5); empty while every key is a shared secret."""
        return {"keys": publishing.public_keys()}


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch as error:
        msg = f'{name} has no address: include("token_issuer.urls") as well.'
        raise ImproperlyConfigured(msg) from error
