"""The OpenAPI 3.1 document of this API, made from the field specs of the providers that are installed.

``docs/openapi.json`` is this document for the providers of this package. A body is one of the providers' closed
components, with ``anyOf``: two providers' bodies may look alike, and ``oneOf`` would refuse those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from token_issuer import __version__
from token_issuer.api import drop_in_schema, oauth_schema, pair_schema
from token_issuer.api.components import (
    IDENTIFIER,
    TEXT,
    Schema,
    answers,
    key_request,
    key_request_name,
    reference,
    request_name,
    token_request,
)
from token_issuer.api.errors import STATUSES
from token_issuer.api.parsers import MEDIA_TYPE
from token_issuer.registry import providers

PREFIX: Final = "/issuer"
"""Where the README's ``include`` puts the API."""

# What each kind of call may be refused with.
_READING: Final = (
    "invalid_request", "not_authenticated", "invalid_token", "insecure_transport", "policy_denied", "unavailable",
)  # fmt: skip
_WRITING: Final = (*_READING, "malformed_body", "csrf_failed", "unsupported_media_type")
_DECIDING: Final = (*_WRITING, "not_found", "application_disabled", "policy_unavailable")
_ISSUING: Final = (*_DECIDING, "rate_limited", "no_active_certificate", "vendor_unavailable")

_DECIDING_ON_KEYS: Final = (*_DECIDING, "no_active_certificate")
_REDEEMING: Final = (
    "invalid_request", "invalid_token", "insecure_transport", "unavailable", "malformed_body", "csrf_failed",
    "unsupported_media_type", "policy_unavailable", "policy_denied", "rate_limited", "no_active_certificate",
)  # fmt: skip
# Nothing at all; a key that starts a session takes the proof that the site's own page sent it.
_NOBODY: Final[list[dict[str, list[str]]]] = [{}, {"csrf": []}]

# What a program presents instead of a session.
_CREDENTIALS: Final[list[dict[str, list[str]]]] = [{"access_token": []}, {"api_key": []}]

_SLUG: Final = {"name": "slug", "in": "path", "required": True, "schema": TEXT}
_FOR_USER: Final = {
    "name": "on_behalf_of", "in": "query", "schema": TEXT,
    "description": "For API keys: the primary key of the user whose pairs are listed.",
}  # fmt: skip
_TOKEN_ID: Final = {"name": "token_id", "in": "path", "required": True, "schema": IDENTIFIER}
_LISTING: Final = (
    {"name": "standing", "in": "query", "schema": {"type": "string", "enum": ["live"]}},
    {"name": "after", "in": "query", "schema": IDENTIFIER, "description": "Where the page before ended."},
)


def document() -> Schema:
    """Return the whole document; paths are relative to its one server."""
    known = list(providers().values())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "token_issuer",
            "version": __version__,
            "description": "Short-lived tokens for whoever is signed in: policed, audited, revocable.",
        },
        "servers": [{"url": PREFIX}],
        "paths": {**_paths(), **oauth_schema.paths(), **drop_in_paths()},
        "components": {
            "schemas": {
                **{request_name(provider): token_request(provider) for provider in known},
                **{key_request_name(provider): key_request(provider) for provider in known},
                "TokenRequest": _any_of([request_name(provider) for provider in known]),
                "OneTimeKeyRequest": _any_of([key_request_name(provider) for provider in known]),
                **answers(),
                **pair_schema.components(known),
                **oauth_schema.components(),
                **drop_in_schema.components(),
            },
            "securitySchemes": {**_security_schemes(), **oauth_schema.security_schemes()},
        },
    }


def _any_of(names: list[str]) -> Schema:
    # Without a provider nothing may be sent; an empty anyOf is no schema.
    return {"anyOf": [reference(name) for name in names]} if names else {"not": {}}


def _paths() -> dict[str, Schema]:
    slug, token_id = (_SLUG,), (_TOKEN_ID,)
    return {
        "/applications/": {
            "get": _call("listApplications", "What the caller may ask for.", answer="Applications", refusals=_READING)
        },
        "/applications/{slug}/tokens/": {
            "post": _call(
                "issueToken",
                "Issue a token. Renewing is the same call again.",
                answer="Issuance",
                status="201",
                refusals=_ISSUING,
                body="TokenRequest",
                parameters=slug,
            )
        },
        "/applications/{slug}/tokens/explain/": {
            "post": _call(
                "explainToken",
                "Whether the same body would get a token, and why. Changes nothing.",
                answer="Explanation",
                refusals=_DECIDING,
                body="TokenRequest",
                parameters=slug,
            )
        },
        "/applications/{slug}/one-time-keys/": {
            "post": _call(
                "makeOneTimeKey",
                "Make a login key, whose holder gets the token once.",
                answer="OneTimeKey",
                status="201",
                refusals=_DECIDING_ON_KEYS,
                body="OneTimeKeyRequest",
                parameters=slug,
            )
        },
        **_pair_paths(),
        "/one-time-keys/redeem/": {
            "post": _call(
                "redeemOneTimeKey",
                "Exchange a login key for its token. Nobody has to be signed in.",
                answer="Redemption",
                status="201",
                refusals=_REDEEMING,
                body="RedeemRequest",
                security=_NOBODY,
            )
        },
        "/tokens/": {
            "get": _call(
                "listTokens",
                "The caller's own tokens, newest first.",
                answer="Tokens",
                refusals=_READING,
                parameters=_LISTING,
            )
        },
        "/tokens/inspect/": {
            "post": _call(
                "inspectToken",
                "What a token is, who made it, and why it is good or not. Changes nothing, asks no vendor.",
                answer="TokenInspection",
                refusals=_WRITING,
                body="InspectionRequest",
            )
        },
        "/tokens/{token_id}/": {
            "get": _call(
                "readToken",
                "One of the caller's own tokens.",
                answer="Token",
                refusals=(*_READING, "not_found"),
                parameters=token_id,
            )
        },
        "/tokens/{token_id}/revoke/": {
            "post": _call(
                "revokeToken",
                "End one of the caller's own tokens.",
                answer="Ending",
                refusals=(*_WRITING, "not_found"),
                body="RevocationRequest",
                parameters=token_id,
            )
        },
        "/tokens/revoke-mine/": {
            "post": _call(
                "revokeMyTokens",
                "End every token of the caller.",
                answer="SetEnding",
                refusals=_WRITING,
                body="RevocationRequest",
            )
        },
    }


def drop_in_paths() -> dict[str, Schema]:
    """Return the addresses of ``token_issuer.urls.compat``, which a site may leave out or put elsewhere."""
    return {
        operation.path: {
            "post": _call(
                f"dropIn_{operation.name}",
                operation.summary,
                answer=operation.answer,
                refusals=_ISSUING,
                body=operation.request,
                parameters=(_SLUG,),
            )
        }
        for operation in drop_in_schema.operations()
    }


def _pair_paths() -> dict[str, Schema]:
    slug = (_SLUG,)
    return {
        "/applications/{slug}/pairs/": {
            "get": _call(
                "listPairs",
                "What vendors gave to the caller, without its secrets.",
                answer="Pairs",
                refusals=(*_READING, "not_found"),
                parameters=(_SLUG, _FOR_USER),
            ),
            "post": _call(
                "keepPair",
                "Keep what a vendor gave to the user, in place of what this device had.",
                answer="Pair",
                status="201",
                refusals=_DECIDING,
                body="PairRequest",
                parameters=slug,
            ),
        },
        "/applications/{slug}/pairs/refresh/": {
            "post": _call(
                "refreshPair",
                "Have the vendor renew a pair now. Its token is issued as ever.",
                answer="Pair",
                refusals=(*_DECIDING, "no_active_certificate", "vendor_unavailable"),
                body="PairNamed",
                parameters=slug,
            )
        },
        "/applications/{slug}/pairs/forget/": {
            "post": _call(
                "forgetPair",
                "Delete a pair here. The vendor is not told.",
                answer="PairForgotten",
                refusals=(*_WRITING, "not_found"),
                body="PairNamed",
                parameters=slug,
            )
        },
    }


def _call(
    name: str,
    summary: str,
    *,
    answer: str,
    refusals: tuple[str, ...],
    status: str = "200",
    body: str | None = None,
    parameters: tuple[Mapping[str, Any], ...] = (),
    security: list[dict[str, list[str]]] | None = None,
) -> Schema:
    call: Schema = {
        "operationId": name,
        "summary": summary,
        "tags": ["token_issuer"],
        "security": security or [{"session": [], "csrf": []} if body else {"session": []}, *_CREDENTIALS],
    }
    if parameters:
        call["parameters"] = [dict(parameter) for parameter in parameters]
    if body:
        # Revoking needs no body; issuing may not need one where every field has a default.
        call["requestBody"] = {"content": _content(body)}
    call["responses"] = {status: {"description": summary, "content": _content(answer)}, **_refusals(refusals)}
    return call


def _refusals(codes: tuple[str, ...]) -> dict[str, Schema]:
    by_status: dict[str, list[str]] = {}
    for code in (*codes, "method_not_allowed"):
        by_status.setdefault(str(STATUSES[code]), []).append(code)
    return {
        status: {"description": ", ".join(by_status[status]), "content": _content("Error")}
        for status in sorted(by_status)
    }


def _content(name: str) -> Schema:
    return {MEDIA_TYPE: {"schema": reference(name)}}


def _security_schemes() -> dict[str, Schema]:
    header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-").title()
    return {
        "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        "csrf": {
            "type": "apiKey",
            "in": "header",
            "name": header,
            "description": "csrf_token of GET /applications/, beside the cookie that the same answer sets.",
        },
        "access_token": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token of this site with the scope tokens:issue.",
        },
        "api_key": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Api-Key <public id>.<secret>: an API key with the scope tokens:issue, or tokens:revoke.",
        },
    }
