"""A provider as a third party would write it: one file, which tests copy into a package of its own."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from token_issuer.errors import BadGrant, TokenMalformed
from token_issuer.providers.base import (
    Grant,
    Inspection,
    Lifetimes,
    MintedToken,
    MintOrder,
    Privilege,
    Provider,
    Revocation,
    SecretField,
    VendorFacts,
    Verification,
    put,
)
from token_issuer.providers.fields import check, grant_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from token_issuer.crypto import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Escort:
    """Who comes along."""

    name: str = grant_field(label="Name", max_bytes=20)
    badge: str | None = grant_field(default=None, label="Badge", filled_by="subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorGrant(Grant):
    """The right to pass a door."""

    door: str = grant_field(label="Door", help="Empty for every door.", max_bytes=20)
    way: Literal["out", "in"] = grant_field(default="out", label="Way")
    escort: Escort | None = grant_field(default=None, label="Escort")
    person: str | None = grant_field(default=None, label="Person", max_bytes=40, filled_by="subject")

    def __post_init__(self) -> None:
        check(self)

    @property
    def subject(self) -> str | None:
        return self.person

    @property
    def resource(self) -> str:
        return self.door

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset({self.way})


class DoorProvider(Provider):
    """Doors of a building: ``door.<base64 of JSON>.<HMAC>``."""

    name = "doors"
    label = "Doors"
    grant_class = DoorGrant
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "sign": (SecretField(name="secret", label="Key"),)
    }
    privileges: ClassVar[Mapping[str, Privilege]] = {
        "out": Privilege(label="Go out"),
        "in": Privilege(label="Go in", implies=frozenset({"out"})),
    }
    lifetimes = Lifetimes(minimum=1, default=60, maximum=600, source="the locksmith")
    revocation = Revocation.AT_EXPIRY
    renewable = True
    vendor = VendorFacts(
        name="Doors Ltd",
        console_url="https://doors.test",
        rotation_steps=("Change the lock.",),
        leak_steps=("Change the lock.",),
        revocation_sentence="A key opens until it expires.",
    )

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, person=subject)

    def wildcards(self, grant: Grant) -> frozenset[str]:
        return frozenset() if grant.resource else frozenset({"door"})

    def mint(self, order: MintOrder) -> MintedToken:
        self.lifetimes.check(order.lifetime)
        if order.grant.subject is None:
            raise BadGrant("person", "must be filled in before a token is made")
        said = {
            "id": order.public_id,
            "sub": order.grant.subject,
            "door": order.grant.resource,
            "way": sorted(order.grant.privileges),
            "iat": order.issued_ts,
            "exp": order.issued_ts + order.lifetime,
        }
        body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
        return MintedToken(
            value=f"door.{body}.{self._tag(body, order.part('secret'))}",
            format="door",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        said = self._read(token)
        return Inspection(
            format="door",
            public_id=said["id"],
            subject=said["sub"],
            resource=said["door"],
            privileges=frozenset(said["way"]),
            issued_at=datetime.fromtimestamp(said["iat"], tz=UTC),
            expires_at=datetime.fromtimestamp(said["exp"], tz=UTC),
        )

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        said = self._read(token)
        _door, body, tag = token.split(".")
        signed = (key for key, secret in secrets if hmac.compare_digest(self._tag(body, secret.part("secret")), tag))
        key_id = next(signed, None)
        problems = [] if key_id else ["bad_signature"]
        if expected is not None:
            wanted = {
                "subject_differs": said["sub"] == expected.subject,
                "resource_differs": said["door"] == expected.resource,
                "privileges_differ": frozenset(said["way"]) == expected.privileges,
            }
            problems += [word for word, same in wanted.items() if not same]
        return Verification(valid=not problems, key_id=key_id, problems=tuple(problems))

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {"door": grant.resource, "key": minted.value}

    @staticmethod
    def _tag(body: str, key: str) -> str:
        return hmac.digest(key.encode(), body.encode(), "sha256").hex()

    @staticmethod
    def _read(token: str) -> dict[str, Any]:
        try:
            _door, body, tag = token.split(".")
            said = json.loads(base64.b64decode(body, altchars=b"-_", validate=True))
            named = said.keys() == {"id", "sub", "door", "way", "iat", "exp"}
            fits = token.startswith("door.") and len(bytes.fromhex(tag)) == 32 and named
        except (ValueError, binascii.Error, AttributeError):
            fits = False
        if not fits:
            message = "The token is not a door's."
            raise TokenMalformed(message)
        return dict(said)
