"""A provider with refresh tokens, as a third party would write it for tokens that this site verifies."""

from __future__ import annotations

import base64
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
    Options,
    Privilege,
    Provider,
    RefreshLimits,
    Revocation,
    SecretField,
    VendorFacts,
    Verification,
    put,
)
from token_issuer.providers.fields import check, grant_field, option_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from token_issuer.crypto import Secret

Word = Literal["read", "write", "audit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassGrant(Grant):
    """What the holder of a pass may do."""

    words: frozenset[Word] = grant_field(default=frozenset({"read"}), label="Words")
    holder: str | None = grant_field(default=None, label="Holder", max_bytes=40, filled_by="subject")

    def __post_init__(self) -> None:
        check(self)

    @property
    def subject(self) -> str | None:
        return self.holder

    @property
    def resource(self) -> str:
        return ""

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset(self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassOptions(Options):
    """How long pairs live, in seconds."""

    absolute: int = option_field(default=30 * 86400, label="Refresh lifetime")
    idle: int = option_field(default=14 * 86400, label="Idle limit")
    browsers: bool = option_field(default=False, label="Pairs for browsers")
    pairs: bool = option_field(default=True, label="Pairs")
    writing: bool = option_field(default=True, label="Passes may write")


class PassProvider(Provider):
    """Passes of a building: ``pass.<base64 of JSON>.<HMAC>``."""

    name = "passes"
    label = "Passes"
    grant_class = PassGrant
    options_class = PassOptions
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "sign": (SecretField(name="secret", label="Key"),)
    }
    privileges: ClassVar[Mapping[str, Privilege]] = {
        "read": Privilege(label="Read"),
        "write": Privilege(label="Write"),
        "audit": Privilege(label="Audit", server_only=True),
    }
    privileges_field = "words"
    verified_here = True
    lifetimes = Lifetimes(minimum=1, default=600, maximum=7200, source="the caretaker")
    revocation = Revocation.IMMEDIATE
    renewable = True
    vendor = VendorFacts(
        name="This building",
        console_url="https://passes.test",
        rotation_steps=("Print new ones.",),
        leak_steps=("Print new ones.",),
        revocation_sentence="A pass ends at once.",
    )

    def refresh_limits(self, options: Options) -> RefreshLimits | None:
        assert isinstance(options, PassOptions)
        limits = RefreshLimits(absolute=options.absolute, idle=options.idle, browsers=options.browsers)
        return limits if options.pairs else None

    def narrowed(self, grant: Grant, privileges: frozenset[str]) -> Grant:
        return put(grant, words=grant.privileges & privileges)

    def check_grant(self, grant: Grant, options: Options) -> None:
        assert isinstance(options, PassOptions)
        if "write" in grant.privileges and not options.writing:
            raise BadGrant("words", "passes of this building do not write")

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, holder=subject)

    def mint(self, order: MintOrder) -> MintedToken:
        said = {
            "id": str(order.token_id),
            "sub": order.grant.subject,
            "words": sorted(order.grant.privileges),
            "exp": order.issued_ts + order.lifetime,
        }
        body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
        return MintedToken(
            value=f"pass.{body}.{self._tag(body, order.part('secret'))}",
            format="pass",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        said = self._read(token)
        return Inspection(
            format="pass",
            public_id=None,
            subject=said["sub"],
            resource=None,
            privileges=frozenset(said["words"]),
            issued_at=None,
            expires_at=datetime.fromtimestamp(said["exp"], tz=UTC),
        )

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        self._read(token)
        _pass, body, tag = token.split(".")
        signed = (key for key, secret in secrets if hmac.compare_digest(self._tag(body, secret.part("secret")), tag))
        key_id = next(signed, None)
        return Verification(valid=key_id is not None, key_id=key_id, problems=() if key_id else ("bad_signature",))

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {}

    @staticmethod
    def _tag(body: str, key: str) -> str:
        return hmac.digest(key.encode(), body.encode(), "sha256").hex()

    @staticmethod
    def _read(token: str) -> dict[str, Any]:
        try:
            prefix, body, _tag = token.split(".")
            said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body))
        except ValueError:
            prefix, said = "", {}
        if prefix != "pass":
            message = "The token is no pass."
            raise TokenMalformed(message)
        return said
