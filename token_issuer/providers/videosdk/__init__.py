"""VideoSDK: a JWT signed with HS256 over the account's secret as UTF-8 text.

Sources: the vendor's documentation and its packages ``@videosdk.live/server-sdk`` 0.1.1 and ``@videosdk.live/js-sdk``
1.1.1. The vendor checks a token once, when its holder joins: expiry during a meeting does nothing, so there is nothing
to renew, and revoking cannot end a running meeting. Its own packages give moderator rights by default; here nothing is
wider than ``allow_join`` unless somebody asks for it and policy agrees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import jwt_hs256
from token_issuer.providers.base import (
    Grant,
    Inspection,
    Lifetimes,
    MintedToken,
    MintOrder,
    Places,
    Privilege,
    Provider,
    Revocation,
    SecretField,
    Verification,
    put,
)
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.fields import check, grant_field
from token_issuer.providers.videosdk.claims import (
    PERMISSIONS,
    ROLES,
    build_claims,
    claim_breadth,
    claim_problems,
    instant_of,
    shown,
    text_of,
    words_of,
)
from token_issuer.providers.videosdk.drop_ins import GetToken, ValidateToken
from token_issuer.providers.videosdk.facts import VENDOR
from token_issuer.providers.videosdk.pushing import Removals, VideoSDKOptions

if TYPE_CHECKING:
    from token_issuer.crypto import Secret

Permission = Literal["allow_join", "ask_join", "allow_mod"]
Role = Literal["rtc", "crawler"]

MIN_SECRET_BYTES: Final = 32  # RFC 7518 section 3.2: a key for HS256 is at least as long as its hash

_MAX_ID_BYTES: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSDKGrant(Grant):
    """One participant's right to join a room. Fields have the vendor's own names, as its front-ends know them."""

    roomId: str | None = grant_field(
        default=None,
        label=_("Room"),
        help=_("The room (meeting id) that the token opens. Left out, it opens every room of the account."),
        min_bytes=1,
        max_bytes=_MAX_ID_BYTES,
    )
    permissions: frozenset[Permission] = grant_field(
        default=frozenset({"allow_join"}),
        label=_("Permissions"),
        help=_("allow_join enters at once, ask_join waits to be let in, allow_mod controls the others' devices."),
    )
    roles: frozenset[Role] = grant_field(
        default=frozenset({"rtc"}),
        label=_("Roles"),
        help=_("rtc joins meetings; crawler opens the vendor's server API and is for servers only."),
    )
    participantId: str | None = grant_field(
        default=None, label=_("Participant"), min_bytes=1, max_bytes=_MAX_ID_BYTES, filled_by="subject"
    )

    def __post_init__(self) -> None:
        check(self)
        for name in ("permissions", "roles"):
            if not getattr(self, name):  # a token without roles is good for joining and for the server API
                raise BadGrant(name, "must not be empty")
        for name in ("roomId", "participantId"):
            text = getattr(self, name) or ""
            if not text.isprintable() or text != text.strip():
                raise BadGrant(name, "must be printable characters, without blanks at its ends")

    @property
    def subject(self) -> str | None:
        return self.participantId

    @property
    def resource(self) -> str:
        return self.roomId or ""

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset(self.permissions | (self.roles - {"rtc"}))


class VideoSDKProvider(Removals, Provider):
    """VideoSDK meetings."""

    name = "videosdk"
    label = "VideoSDK"
    grant_class = VideoSDKGrant
    options_class = VideoSDKOptions
    public_id_field = SecretField(
        name="public_id", label=_("API key"), help=_("The API key of the project; it is no secret.")
    )
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "sign": (SecretField(name="secret", label=_("Secret"), help=_("The secret beside the API key, as it is.")),),
        "call": (
            SecretField(
                name="secret",
                label=_("Secret"),
                help=_("The same secret once more: with it VideoSDK's server API is told of revocations."),
            ),
        ),
    }
    privileges: ClassVar[Mapping[str, Privilege]] = {
        "allow_join": Privilege(label=_("Join at once"), doing=_("join at once"), implies=frozenset({"ask_join"})),
        "ask_join": Privilege(label=_("Ask to be let in"), doing=_("ask to be let in")),
        "allow_mod": Privilege(
            label=_("Control the others' camera and microphone"), doing=_("control the others' camera and microphone")
        ),
        "crawler": Privilege(
            label=_("Call the vendor's server API"), doing=_("call the vendor's server API"), server_only=True
        ),
    }
    places = Places(
        every=_("in every room"),
        one=_("in the room {place}"),
        some=_("in rooms {place}"),
        many=_("Also in one token for all rooms."),
        several="",  # a token is for one room or for all
    )
    lifetimes = Lifetimes(
        minimum=60,
        default=600,
        maximum=86_400,
        source="The vendor documents no limit and recommends short; 10 minutes and 24 hours are its examples' values.",
    )
    revocation = Revocation.AT_NEXT_JOIN
    renewable = False
    vendor = VENDOR
    drop_ins = (GetToken(), ValidateToken())

    def check_public_id(self, value: str) -> None:
        if not value.isascii() or not value.isprintable() or not 1 <= len(value) <= _MAX_ID_BYTES or " " in value:
            raise BadOption("public_id", "must be printable ASCII without blanks, at most 255 characters")

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:
        if purpose not in self.secret_fields:
            raise BadOption("purpose", "must be sign or call")
        text = parts["secret"] if set(parts) == {"secret"} else ""
        if not text.isprintable() or text != text.strip() or len(text.encode()) < MIN_SECRET_BYTES:
            raise BadOption("secret", f"must be printable, at least {MIN_SECRET_BYTES} bytes, no blanks at its ends")
        try:
            jwt_hs256.check_key(text)
        except BadOption as error:
            raise BadOption("secret", error.reason) from None

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, participantId=subject)

    def wildcards(self, grant: Grant) -> frozenset[str]:
        return frozenset() if _granted(grant).roomId else frozenset({"roomId"})

    def mint(self, order: MintOrder) -> MintedToken:
        grant = _granted(order.grant)
        if grant.participantId is None:
            raise BadGrant("participantId", "must be filled in before a token is made")
        self.lifetimes.check(order.lifetime)
        claims = build_claims(
            apikey=order.public_id,
            permissions=[word for word in PERMISSIONS if word in grant.permissions],
            roles=[word for word in ROLES if word in grant.roles],
            participant_id=grant.participantId,
            room_id=grant.roomId,
            issued_ts=order.issued_ts,
            expires_ts=order.issued_ts + order.lifetime,
        )
        return MintedToken(
            value=jwt_hs256.encode(claims, key=order.part("secret")),
            format="videosdk-jwt",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        header, claims = _read(token)
        pairs = [*((f"header {name}", value) for name, value in header.items()), *claims.items()]
        permissions, roles = words_of(claims.get("permissions")), words_of(claims.get("roles"))
        return Inspection(
            format="videosdk-jwt",
            public_id=text_of(claims.get("apikey")),
            subject=text_of(claims.get("participantId")),
            resource=text_of(claims.get("roomId")),
            privileges=(permissions | (roles - {"rtc"})) & set(self.privileges),
            issued_at=instant_of(claims.get("iat")),
            expires_at=instant_of(claims.get("exp")),
            details=tuple((name, shown(value)) for name, value in pairs),
            problems=tuple(claim_problems(claims)),
            notes=tuple(claim_breadth(claims)),
        )

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        _header, claims = _read(token)
        signed_by = (key for key, secret in secrets if jwt_hs256.verify(token, key=secret.part("secret")))
        key_id = next(signed_by, None)
        problems: tuple[str, ...] = () if key_id else ("bad_signature",)
        if next(claim_problems(claims), None):
            problems += ("claims_refused",)
        if expected is not None:
            problems += tuple(_differences(claims, _granted(expected)))
        return Verification(valid=not problems, key_id=key_id, problems=problems)

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        made = _granted(grant)
        answer = {"token": minted.value, "meetingId": made.roomId, "participantId": made.participantId}
        return {name: value for name, value in answer.items() if value is not None}


def _read(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims."""
    header, claims = jwt_hs256.read(token)
    if "apikey" not in claims and "permissions" not in claims:
        message = "The token is not VideoSDK's: it has neither apikey nor permissions."
        raise TokenMalformed(message)
    return header, claims


def _differences(claims: Mapping[str, object], expected: VideoSDKGrant) -> Iterator[str]:
    if claims.get("participantId") != expected.participantId:
        yield "subject_differs"
    if claims.get("roomId") != expected.roomId:
        yield "resource_differs"
    if (words_of(claims.get("permissions")), words_of(claims.get("roles"))) != (expected.permissions, expected.roles):
        yield "privileges_differ"


def _granted(grant: Grant) -> VideoSDKGrant:
    if not isinstance(grant, VideoSDKGrant):
        raise BadGrant("grant", "must be a VideoSDK grant")
    return grant
