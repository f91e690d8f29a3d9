"""Short tokens for the site itself: random text, good once or for a few seconds, found by its digest.

Source: the short tokens that VocalStack gives to browsers (readonly or readwrite, 1 to 120 seconds, once). The text is
``formats.opaque``'s and says nothing; what it is good for stands in its row, so there is no key and no certificate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from token_issuer.errors import BadGrant, TokenMalformed
from token_issuer.formats import opaque
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
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.fields import check, grant_field

if TYPE_CHECKING:
    from token_issuer.crypto import Secret

Access = Literal["readonly", "readwrite"]

PREFIX: Final = "tio_"
REUSABLE: Final = "reusable"

VENDOR = VendorFacts(
    name="This site",
    console_url="",
    rotation_steps=(_("Nothing signs these tokens, so there is nothing to rotate."),),
    leak_steps=(_("Revoke the token, or all tokens of its holder; in two minutes it has expired anyway."),),
    revocation_sentence=_("This site verifies its tokens itself, so a revoked one is refused at its next use."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOnceGrant(Grant):
    """What the holder of a short token may do: by default read, once."""

    access: Access = grant_field(
        default="readonly",
        label=_("Access"),
        help=_("readonly is refused where something would be changed; readwrite is not."),
    )
    one_time: bool = grant_field(
        default=True,
        label=_("Once"),
        help=_("Whether the token is used up by its first use, or good until it expires."),
    )
    sub: str | None = grant_field(default=None, label=_("User"), filled_by="subject", min_bytes=1, max_bytes=255)

    def __post_init__(self) -> None:
        check(self)

    @property
    def subject(self) -> str | None:
        return self.sub

    @property
    def resource(self) -> str:
        return ""

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset({self.access} if self.one_time else {self.access, REUSABLE})


class OwnOnceProvider(Provider):
    """The site's own short tokens."""

    name = "own-once"
    label = _("Own short tokens")
    vendor = VENDOR
    grant_class = OwnOnceGrant
    public_id_field = SecretField(
        name="public_id", label=_("Name for clients"), help=_("Names the application in answers; it is no secret.")
    )
    privileges: ClassVar[Mapping[str, Privilege]] = {
        "readonly": Privilege(label=_("Read"), doing=_("read")),
        "readwrite": Privilege(label=_("Read and change"), doing=_("read and change"), implies=frozenset({"readonly"})),
        REUSABLE: Privilege(label=_("Use it more than once"), doing=_("use it more than once")),
    }
    places = None
    verified_here = True
    whole_seconds = False
    lifetimes = Lifetimes(
        minimum=1,
        default=10,
        maximum=120,
        source="VocalStack's limits for tokens in browsers: 1 to 120 seconds, 10 by default.",
    )
    revocation = Revocation.IMMEDIATE
    renewable = False

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, sub=subject)

    def is_one_time(self, grant: Grant) -> bool:
        return _granted(grant).one_time

    def recalled(self, *, subject: str, resource: str, privileges: frozenset[str]) -> Grant | None:
        return OwnOnceGrant(
            access="readwrite" if "readwrite" in privileges else "readonly",
            one_time=REUSABLE not in privileges,
            sub=subject or None,
        )

    def mint(self, order: MintOrder) -> MintedToken:
        if _granted(order.grant).sub is None:
            raise BadGrant("sub", "must be filled in before a token is made")
        self.lifetimes.check(order.lifetime)
        return MintedToken(
            value=opaque.encode(PREFIX, order.entropy),
            format="own-opaque",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        _check(token)
        return Inspection(
            format="own-opaque",
            public_id=None,
            subject=None,
            resource=None,
            privileges=frozenset(),
            issued_at=None,
            expires_at=None,
            notes=(_("The text itself says nothing; what it is good for stands in its row."),),
        )

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        """Check the shape, which is all that a random text can prove: its row says the rest."""
        _check(token)
        return Verification(valid=True, key_id=None)

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {"token": minted.value}


def _check(token: str) -> None:
    if not opaque.passes(PREFIX, token):
        message = "The token is no short token: its shape or its checksum is another."
        raise TokenMalformed(message)


def _granted(grant: Grant) -> OwnOnceGrant:
    if not isinstance(grant, OwnOnceGrant):
        raise BadGrant("grant", "must be a grant for a short token of our own")
    return grant
