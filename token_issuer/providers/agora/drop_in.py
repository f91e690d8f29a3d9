"""``fetch_rtc_token`` of Agora's sample token server.

Source: the vendor's page "Authenticate your users with tokens" (``AgoraIO/Docs-Source``): its front-end posts ``uid``,
``channelName`` and, in the versions for Interactive Live Streaming, ``role``, 1 for a publisher and 2 for a subscriber.
The server answers ``{"token", "code": "200"}``, the code as a text. The sample joins with its own number, so a token
for anybody else would only fail at Agora, with an error that does not say why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from token_issuer.providers.agora.grant import MAX_UID
from token_issuer.providers.base import Grant
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.drop_ins import Asked, Claimed, IssuingDropIn
from token_issuer.providers.fields import grant_field

PUBLISHER, SUBSCRIBER = 1, 2

_UID: Final = _("Whom the front-end joins as; 0, which is any user, is nobody's.")
_ROLE: Final = _("1 is a publisher, 2 a subscriber.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _ByNumber:
    channelName: str = grant_field(label=_("Channel"), max_bytes=64)
    uid: int = grant_field(default=0, label=_("UID"), help=_UID, minimum=0, maximum=MAX_UID)
    role: int = grant_field(default=SUBSCRIBER, label=_("Role"), help=_ROLE, minimum=PUBLISHER, maximum=SUBSCRIBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ByAccount:
    channelName: str = grant_field(label=_("Channel"), max_bytes=64)
    uid: str = grant_field(label=_("User account"), help=_UID, max_bytes=255)
    role: int = grant_field(default=SUBSCRIBER, label=_("Role"), help=_ROLE, minimum=PUBLISHER, maximum=SUBSCRIBER)


class FetchRtcToken(IssuingDropIn[_ByNumber | _ByAccount]):
    """Hands out a token for one channel."""

    path = "fetch_rtc_token"
    summary = _("What Agora's sample token server answers: a token for a channel.")
    shapes: ClassVar[tuple[type, ...]] = (_ByNumber, _ByAccount)
    names: ClassVar[Mapping[str, str]] = {"channel": "channelName"}
    answers: ClassVar[Mapping[str, object]] = {"code": {"type": "string", "enum": ["200"]}, "token": {"type": "string"}}

    def shape_of(self, body: Mapping[str, object]) -> type:
        return _ByAccount if isinstance(body.get("uid"), str) else _ByNumber

    def asked(self, sent: _ByNumber | _ByAccount) -> Asked:
        role = "publisher" if sent.role == PUBLISHER else "subscriber"
        return Asked(body={"channel": sent.channelName, "role": role}, claimed=Claimed(field="uid", subject=sent.uid))

    def answer(self, token: str, grant: Grant) -> dict[str, object]:
        return {"code": "200", "token": token}
