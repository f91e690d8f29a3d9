"""The shapes of what is said about vendors' pairs, made from the field specs of the providers that keep some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from token_issuer.api.components import INSTANT, INSTANT_OR_NULL, TEXT, Schema, record, reference
from token_issuer.api.texts import shown_schema
from token_issuer.models import PairStanding
from token_issuer.models.vendor_pair import LONGEST_DEVICE
from token_issuer.providers import fields
from token_issuer.providers.called import PairKeeper

if TYPE_CHECKING:
    from collections.abc import Iterable

    from token_issuer.providers.base import Provider

_DEVICE: Final[Schema] = {
    "type": "string",
    "maxLength": LONGEST_DEVICE,
    "default": "",
    "description": "Which of the user's pairs: the device or connection that the grant names.",
}
_USER: Final[Schema] = {
    "type": ["integer", "string"],
    "description": "For API keys: the primary key of the user whose pair it is.",
}
_STANDINGS: Final[Schema] = {"type": "string", "enum": [word.value for word in PairStanding]}


def components(known: Iterable[Provider]) -> dict[str, Schema]:
    """Return the components: a closed body for each provider that keeps pairs, any of them, and the answers."""
    bodies = {
        f"PairRequest_{provider.name}": _request(provider, provider)
        for provider in known
        if isinstance(provider, PairKeeper)
    }
    return {
        **bodies,
        "PairRequest": {"anyOf": [reference(name) for name in bodies]} if bodies else {"not": {}},
        "PairNamed": record({"device": _DEVICE, "on_behalf_of": _USER}, optional=("device", "on_behalf_of")),
        "Pair": record(
            {
                "device": TEXT,
                "version": {"type": "integer", "minimum": 1},
                "standing": _STANDINGS,
                "access_expires_at": INSTANT,
                "refresh_expires_at": {**INSTANT_OR_NULL, "description": "Null where the vendor has not said."},
                "ends_at": {**INSTANT, "description": "When it is deleted, unless it is renewed before."},
                "kept_at": INSTANT,
                "renewed_at": INSTANT_OR_NULL,
            }
        ),
        "Pairs": record({"results": {"type": "array", "items": reference("Pair")}}),
        "PairForgotten": record({"device": TEXT, "forgotten": {"type": "boolean"}}),
    }


def _request(keeper: PairKeeper, provider: Provider) -> Schema:
    schema: Schema = shown_schema(fields.json_schema(keeper.deposit_class))
    schema["title"] = provider.label
    schema["properties"] |= {
        "device": _DEVICE,
        "version": {
            "type": "integer",
            "minimum": 0,
            "description": "Of the pair that is replaced, 0 for none; refused if another one stands there.",
        },
        "on_behalf_of": _USER,
    }
    return schema
