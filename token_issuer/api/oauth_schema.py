"""The standard endpoints in the OpenAPI document. Their bodies are forms, and open: unknown fields are ignored."""

from __future__ import annotations

from typing import Any, Final

from token_issuer.api.components import COUNT, IDENTIFIER, INSTANT, TEXT, Schema, record, reference
from token_issuer.api.forms import FORM
from token_issuer.api.oauth_errors import CODES
from token_issuer.api.parsers import MEDIA_TYPE

_CLIENT: Final[Schema] = {
    "client_id": {"type": "string", "description": "An API key's public id, or the application's. May be left out."},
    "client_secret": {"type": "string", "description": "The API key's secret, where HTTP Basic does not carry it."},
}
_APPLICATION: Final[Schema] = {
    "application": {"type": "string", "description": "The slug; names the cookie that holds the refresh token."}
}
# By status, beside 405: what each call may be refused with.
_COMMON: Final = {
    "400": ("invalid_request",),
    "401": ("invalid_client",),
    "503": ("temporarily_unavailable",),
}
_EXCHANGING: Final = {
    **_COMMON,
    "400": (
        "invalid_request", "invalid_grant", "invalid_scope", "access_denied", "unauthorized_client",
        "unsupported_grant_type",
    ),
    "403": ("invalid_request",),
    "429": ("temporarily_unavailable",),
}  # fmt: skip


def paths() -> dict[str, Schema]:
    """Return the calls."""
    anybody: list[Schema] = [{}, {"client": []}, {"csrf": []}]
    return {
        "/oauth/token/": {
            "post": _call(
                "exchangeToken",
                "Refresh a pair, or get a server's own access token (RFC 6749).",
                form="OAuthTokenRequest",
                answer={"anyOf": [reference("OAuthToken"), reference("LoginTokens")]},
                refusals=_EXCHANGING,
                security=anybody,
            )
        },
        "/oauth/revoke/": {
            "post": _call(
                "surrenderToken",
                "End what is presented (RFC 7009). 200 also when there was nothing to end.",
                form="OAuthRevocationRequest",
                answer={"type": "object"},
                refusals={**_COMMON, "403": ("invalid_request", "insufficient_scope")},
                security=anybody,
            )
        },
        "/oauth/introspect/": {
            "post": _call(
                "introspectToken",
                "What is known of a token of the key's own application (RFC 7662). Uses nothing up.",
                form="OAuthIntrospectionRequest",
                answer=reference("Introspection"),
                refusals={**_COMMON, "403": ("insufficient_scope",)},
                security=[{"client": []}],
            )
        },
    }


def components() -> dict[str, Schema]:
    """Return the shapes of their bodies and answers."""
    token = {"token": TEXT, "token_type_hint": {"type": "string", "description": "Not needed, and ignored."}}
    grant_types = {"type": "string", "enum": ["refresh_token", "client_credentials"]}
    return {
        "OAuthTokenRequest": _form(
            {"grant_type": grant_types, "refresh_token": TEXT, "scope": TEXT, **_APPLICATION, **_CLIENT}, "grant_type"
        ),
        "OAuthRevocationRequest": _form({**token, **_APPLICATION, **_CLIENT}),
        "OAuthIntrospectionRequest": _form({**token, **_CLIENT}, "token"),
        "OAuthToken": record(
            {
                "access_token": {"type": "string", "description": "Shown here and never again."},
                "token_type": {"type": "string", "enum": ["Bearer"]},
                "expires_in": COUNT,
                "scope": TEXT,
                "refresh_token": {"type": "string", "description": "Absent where a cookie holds it."},
                "refresh_expires_at": INSTANT,
            },
            optional=("scope", "refresh_token", "refresh_expires_at"),
        ),
        "LoginTokens": record(
            {"accessToken": TEXT, "accessExpire": COUNT, "refreshToken": TEXT, "refreshExpire": COUNT},
            optional=("refreshToken", "refreshExpire"),
        )
        | {"description": 'The same for who accepts application/json; profile="login-tokens". Seconds from now.'},
        "Introspection": _introspection(),
        "OAuthError": record({"error": {"type": "string", "enum": sorted(CODES)}, "error_description": TEXT}),
    }


def security_schemes() -> dict[str, Schema]:
    """Return how a client proves itself."""
    described = "An API key's public id and its secret, each encoded as in a form (RFC 6749 section 2.3.1)."
    return {"client": {"type": "http", "scheme": "basic", "description": described}}


def _introspection() -> Schema:
    active = {
        "active": {"type": "boolean", "enum": [True]},
        "kind": {"type": "string", "enum": ["access", "refresh", "one_time"]},
        "client_id": TEXT,
        "sub": TEXT,
        "iat": COUNT,
        "exp": COUNT,
        "scope": TEXT,
        "token_type": TEXT,
        "jti": IDENTIFIER,
        "iss": {"type": "string", "description": "Who issued an access token: this site's ISSUER."},
        "aud": {"type": "string", "description": "Whom an access token is meant for."},
        "access": {"type": "string", "enum": ["readonly", "readwrite"]},
        "one_time": {"type": "boolean"},
    }
    known = record(active, optional=("scope", "token_type", "jti", "iss", "aud", "access", "one_time"))
    return {"anyOf": [known, record({"active": {"type": "boolean", "enum": [False]}})]}


def _form(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, **({"required": [*required]} if required else {})}


def _call(
    name: str,
    summary: str,
    *,
    form: str,
    answer: Schema,
    refusals: dict[str, tuple[str, ...]],
    security: list[Schema],
) -> dict[str, Any]:
    refused = {**refusals, "405": ("invalid_request",)}
    error = {MEDIA_TYPE: {"schema": reference("OAuthError")}}
    return {
        "operationId": name,
        "summary": summary,
        "tags": ["token_issuer"],
        "security": security,
        "requestBody": {"content": {FORM: {"schema": reference(form)}}, "required": True},
        "responses": {
            "200": {"description": summary, "content": {MEDIA_TYPE: {"schema": answer}}},
            **{
                status: {"description": ", ".join(codes), "content": error} for status, codes in sorted(refused.items())
            },
        },
    }
