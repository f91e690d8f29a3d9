"""``get-token`` and ``validate-token`` of VideoSDK's example servers.

Source: the vendor's repository ``videosdk-rtc-api-server-examples`` and the pages "Server setup" of its documentation.
Its servers answer ``{token}`` to anybody, with moderator's rights; a room or participant that is named goes into the
token. Their validation asks the vendor's API about a room with the token that was sent, and passes the answer on, which
names the room. Here nothing is asked of the vendor: what is told is whether the token is one of the caller's own, still
good, and opens that room; not whether the vendor has such a room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from token_issuer.providers.base import Grant
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.drop_ins import Asked, CheckingDropIn, Claimed, IssuingDropIn, Presented
from token_issuer.providers.fields import grant_field

_LONGEST_ID: Final = 255  # bytes
_LONGEST_TOKEN: Final = 16 * 1024  # bytes; no body is longer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    roomId: str | None = grant_field(default=None, label=_("Room"), min_bytes=1, max_bytes=_LONGEST_ID)
    participantId: str | None = grant_field(
        default=None,
        label=_("Participant"),
        help=_("Whom the front-end joins as; left out, it takes what the token says."),
        min_bytes=1,
        max_bytes=_LONGEST_ID,
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)  # it holds a token
class _Shown:
    token: str = grant_field(max_bytes=_LONGEST_TOKEN)
    meetingId: str | None = grant_field(default=None, label=_("Room"), min_bytes=1, max_bytes=_LONGEST_ID)


class GetToken(IssuingDropIn[_Wanted]):
    """Hands out a token."""

    path = "get-token"
    summary = _("What VideoSDK's example servers answer: a token for a room.")
    shapes: ClassVar[tuple[type, ...]] = (_Wanted,)
    answers: ClassVar[Mapping[str, object]] = {"token": {"type": "string"}}

    def asked(self, sent: _Wanted) -> Asked:
        claimed = None if sent.participantId is None else Claimed(field="participantId", subject=sent.participantId)
        return Asked(body={} if sent.roomId is None else {"roomId": sent.roomId}, claimed=claimed)

    def answer(self, token: str, grant: Grant) -> dict[str, object]:
        return {"token": token}


class ValidateToken(CheckingDropIn[_Shown]):
    """Tells whether a token is good, and for which room. The room has both the names that the vendor gave it."""

    path = "validate-token"
    summary = _("Whether a token of the caller's own is good, and opens the room. The vendor is not asked.")
    shapes: ClassVar[tuple[type, ...]] = (_Shown,)
    answers: ClassVar[Mapping[str, object]] = {
        "valid": {"type": "boolean"},
        "meetingId": {"type": "string"},
        "roomId": {"type": "string"},
    }
    optional = ("meetingId", "roomId")

    def presented(self, sent: _Shown) -> Presented:
        return Presented(token=sent.token, resource=sent.meetingId)

    def answer(self, resource: str | None) -> dict[str, object]:
        if resource is None:
            return {"valid": False}
        return {"valid": True, **({"meetingId": resource, "roomId": resource} if resource else {})}
