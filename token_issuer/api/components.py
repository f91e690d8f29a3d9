"""The shapes that bodies and answers have, as JSON Schema 2020-12 (OpenAPI 3.1). Tests hold answers against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from token_issuer.api.errors import STATUSES
from token_issuer.api.texts import shown_schema
from token_issuer.models import PushState, Standing
from token_issuer.models.row_counts import MOST_COUNTED
from token_issuer.providers import fields
from token_issuer.providers.base import Revocation
from token_issuer.services.checking import KINDS
from token_issuer.services.login_keys import KEY_LIFETIMES
from token_issuer.services.revoking import LONGEST_REASON

if TYPE_CHECKING:
    from token_issuer.providers.base import Provider

Schema = dict[str, Any]

MOST_SLOTS: Final = 16

TEXT: Final[Schema] = {"type": "string"}
TEXT_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
COUNT_OR_NULL: Final[Schema] = {"type": ["integer", "null"], "minimum": 0}
INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
INSTANT_OR_NULL: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
IDENTIFIER: Final[Schema] = {"type": "string", "format": "uuid"}
WORDS: Final[Schema] = {"type": "array", "items": TEXT}
ENDS: Final[Schema] = {
    "type": "string",
    "enum": [word.value for word in Revocation],
    "description": "When a revoked token of this kind really stops working.",
}
STANDINGS: Final[Schema] = {"type": "string", "enum": [word.value for word in Standing]}
_IDENTITY: Final[Schema] = {
    "token_id": IDENTIFIER,
    "application": TEXT,
    "provider": TEXT,
    "format": TEXT,
    "subject": TEXT,
    "resource": TEXT,
    "privileges": WORDS,
    "slot": COUNT,
    "issued_at": INSTANT,
    "expires_at": INSTANT,
    "revocation": ENDS,
}


def record(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a closed object; what is not optional is always there."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),  # OpenAPI 3.0 has no empty list there
        "additionalProperties": False,
    }


def reference(name: str) -> Schema:
    """Return a reference to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def request_name(provider: Provider) -> str:
    """Return the name of the component of a provider's body."""
    return f"TokenRequest_{provider.name}"


def token_request(provider: Provider) -> Schema:
    """Return the closed schema of what may be sent for an application of this provider."""
    schema: Schema = shown_schema(fields.json_schema(provider.grant_class))
    schema["title"] = provider.label
    if not provider.vendor_sets_lifetime:
        schema["properties"]["lifetime"] = _lifetime(provider)
    if provider.has_slots:
        schema["properties"]["slot"] = _SLOT
    schema["properties"]["on_behalf_of"] = {
        "type": ["integer", "string"],
        "description": "For API keys: the primary key of the user whom the token is for.",
    }
    return schema


_SLOT: Final[Schema] = {
    "type": "integer",
    "minimum": 0,
    "maximum": MOST_SLOTS - 1,
    "default": 0,
    "description": "A device or tab of its own: each slot is another subject at the vendor.",
}


def _lifetime(provider: Provider) -> Schema:
    limits = provider.lifetimes
    return {
        "type": ["integer", "string"],
        "minimum": limits.minimum,
        "maximum": limits.maximum,
        "default": limits.default,
        "description": 'Seconds, or a text such as "10m". The application may allow less.',
    }


def key_request_name(provider: Provider) -> str:
    """Return the name of the component of a login key's body."""
    return f"OneTimeKeyRequest_{provider.name}"


def key_request(provider: Provider) -> Schema:
    """Return the closed schema of what may be sent for a login key: what its token will be, and the key's own life."""
    schema = token_request(provider)
    schema["properties"] |= {
        "key_lifetime": {
            "type": ["integer", "string"],
            "minimum": KEY_LIFETIMES.minimum,
            "maximum": KEY_LIFETIMES.maximum,
            "default": KEY_LIFETIMES.default,
            "description": 'Of the key: seconds, or a text such as "2m". "lifetime" is the token\'s.',
        },
        "starts_session": {
            "type": "boolean",
            "default": False,
            "description": "Whether redeeming it signs its user in; the site must allow that.",
        },
    }
    return schema


def answers() -> dict[str, Schema]:
    """Return the components of everything that is answered, and of the bodies no provider declares."""
    return {
        "Applications": record(
            {
                "csrf_token": TEXT,
                "applications": {"type": "array", "items": reference("Application")},
            }
        ),
        "Application": _application(),
        "Issuance": _issuance(),
        "OneTimeKey": _login_key(),
        "RedeemRequest": record({"key": {"type": "string", "description": "The login key; nothing else is needed."}}),
        "Redemption": _redemption(),
        "Explanation": _explanation(),
        "Token": record(
            {
                **_IDENTITY,
                "fingerprint": TEXT,
                "temporary": {"type": "boolean", "description": "Made by hand for a test, without asking policy."},
                "standing": STANDINGS,
                "revoked_at": INSTANT_OR_NULL,
                "push": reference("Push"),
            }
        ),
        "Tokens": record({"next": TEXT_OR_NULL, "results": {"type": "array", "items": reference("Token")}}),
        "RevocationRequest": record(
            {"reason": {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON}}, optional=("reason",)
        ),
        "InspectionRequest": _inspection_request(),
        "TokenInspection": _inspection(),
        "Ending": record(
            {
                "token_id": IDENTIFIER,
                "revocation": ENDS,
                "ends_at": INSTANT,
                "sentence": TEXT,
                "push": reference("Push"),
            }
        ),
        "SetEnding": record({"live": COUNT, "more": _more(), "last_ends_at": INSTANT_OR_NULL, "pushes": _pushes()}),
        "Push": _push(),
        "Error": _error(),
    }


def _more() -> Schema:
    return {"type": "boolean", "description": f"More than these were live: no more than {MOST_COUNTED} are counted."}


def _push() -> Schema:
    told = {
        "state": {"type": "string", "enum": [word.value for word in PushState]},
        "reason": {**TEXT_OR_NULL, "description": "Why the last try failed: a stable word; null without a failure."},
    }
    schema = record(told)
    schema["type"] = ["object", "null"]
    schema["description"] = "How it stands with telling the vendor of the revocation; null where that is not tried."
    return schema


def _pushes() -> Schema:
    told = {word.value: COUNT for word in (PushState.PUSHED, PushState.WAITING, PushState.FAILED)}
    left_out = {"type": "integer", "minimum": 0, "description": "Tokens whose vendor is not told: they are too many."}
    described = "How it stands with telling vendors of these revocations."
    return {**record({**told, "left_out": left_out}), "description": described}


def _application() -> Schema:
    return record(
        {
            "slug": TEXT,
            "label": TEXT,
            "provider": TEXT,
            "grant": {"type": "object", "description": "The JSON Schema of the grant's fields."},
            "lifetime": {
                **record({"minimum": COUNT, "default": COUNT, "maximum": COUNT}),
                "type": ["object", "null"],
                "description": "Null where the vendor sets it, and nobody can ask for one.",
            },
            "slots": COUNT,
            "login_name": {
                "type": ["string", "null"],
                "description": (
                    "Where a vendor logs people in by their accounts: what the caller's client calls him there. Null "
                    "while nothing is kept of his account."
                ),
            },
        },
        optional=("login_name",),
    )


def _issuance() -> Schema:
    return record(
        {
            **_IDENTITY,
            "token": {"type": "string", "description": "Shown here and never again."},
            "public_id": TEXT,
            "expires_in": COUNT,
            "renew_at": {**INSTANT_OR_NULL, "description": "When to ask again; null where the vendor checks once."},
            "renew_in": COUNT_OR_NULL,
            "server_time": INSTANT,
            "one_time": {"type": "boolean", "description": "Whether it works once: whoever needs another asks again."},
            "sdk": {"type": "object", "description": "What the vendor's SDK takes, by its names."},
            "notices": WORDS,
            "refresh_token": {"type": "string", "description": "With a pair, and never for a session."},
            "refresh_expires_at": {**INSTANT, "description": "With a pair; refreshing does not move it."},
        },
        optional=("refresh_token", "refresh_expires_at"),
    )


def _login_key() -> Schema:
    return record(
        {
            "key": {"type": "string", "description": "Shown here and never again; good once."},
            "key_id": IDENTIFIER,
            "application": TEXT,
            "resource": TEXT,
            "privileges": WORDS,
            "lifetime": {**COUNT, "description": "Of the token that it gives, in seconds."},
            "starts_session": {"type": "boolean"},
            "expires_at": INSTANT,
            "expires_in": COUNT,
            "server_time": INSTANT,
        }
    )


def _redemption() -> Schema:
    schema = _issuance()
    schema["properties"]["session_started"] = {"type": "boolean"}
    schema["required"].append("session_started")
    return schema


def _explanation() -> Schema:
    step = record({"source": TEXT, "reason": TEXT_OR_NULL})
    told = {
        "allowed": {"type": "boolean"},
        "reason": TEXT_OR_NULL,
        "lifetime": COUNT_OR_NULL,
        "maximum": COUNT_OR_NULL,
        "left": {**COUNT_OR_NULL, "description": "What remains of the window; null without a limit."},
        "steps": {"type": "array", "items": step, "description": "Only for those who may see rules."},
    }
    return record(told, optional=("steps",))


def _inspection_request() -> Schema:
    expected = {"type": "string", "maxLength": 255}
    told = {
        "token": {"type": "string", "description": "What somebody holds; a header's scheme may stand before it."},
        "resource": {**expected, "description": "The channel or room that it should be for."},
        "channel": {**expected, "description": "Another word for resource."},
        "subject": {"type": ["string", "integer"], "description": "Whom it should speak for at the vendor."},
        "code": {"type": ["string", "integer"], "description": "What the vendor's SDK said, to have it explained."},
    }
    return record(told, optional=("resource", "channel", "subject", "code"))


def _inspection() -> Schema:
    certificate = record({"application": TEXT, "key_id": TEXT, "fingerprint": TEXT, "state": TEXT})
    finding = record({"word": TEXT, "text": TEXT})
    error = record({"provider": TEXT, "code": TEXT, "meaning": TEXT, "cure": TEXT})
    flag = {"type": ["boolean", "null"]}
    return record(
        {
            "kind": {"type": "string", "enum": [*KINDS]},
            "valid": {"type": "boolean", "description": "Good at this moment, and what was expected."},
            "verdict": {**TEXT_OR_NULL, "description": "What speaks against it, as a stable word."},
            "findings": {"type": "array", "items": finding, "description": "Sentences, each with its stable word."},
            "application": TEXT_OR_NULL,
            "provider": TEXT_OR_NULL,
            "format": TEXT_OR_NULL,
            "public_id": TEXT_OR_NULL,
            "subject": TEXT_OR_NULL,
            "resource": TEXT_OR_NULL,
            "privileges": WORDS,
            "issued_at": INSTANT_OR_NULL,
            "expires_at": INSTANT_OR_NULL,
            "details": {"type": "array", "items": record({"name": TEXT, "value": TEXT})},
            "certificate": {**certificate, "type": ["object", "null"]},
            "token_id": {**IDENTIFIER, "type": ["string", "null"], "description": "Its row in the audit."},
            "standing": {**STANDINGS, "type": ["string", "null"], "enum": [*STANDINGS["enum"], None]},
            "temporary": flag,
            "one_time": flag,
            "errors": {"type": "array", "items": error, "description": "What the vendor says of code."},
            "server_time": INSTANT,
        }
    )


def _error() -> Schema:
    told = {
        "error": {"type": "string", "enum": [*STATUSES]},
        "error_description": TEXT,
        "reason": TEXT,
        "retry_after": {"type": "integer", "minimum": 1},
        "fields": {"type": "object", "additionalProperties": WORDS},
        "request_id": TEXT,
    }
    return record(told, optional=("reason", "retry_after", "fields"))
