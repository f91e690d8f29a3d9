"""Telling VideoSDK that a token was revoked: its participant is removed, or the whole session ended.

Sources: "Remove Participant" and "End Session" of the vendor's API reference v2, and its package
``@videosdk.live/server-sdk`` 0.1.1.

    POST {api_url}/v2/sessions/participants/remove    {"participantId", "roomId"}
    POST {api_url}/v2/sessions/end                    {"roomId"}
    Authorization: a JWT with the role crawler, as it is: no "Bearer"

Both need the room. Neither keeps anybody from joining again: VideoSDK looks at a token when its holder joins, and has
no list of tokens to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Literal

from token_issuer.errors import BadOption
from token_issuer.formats import jwt_hs256
from token_issuer.providers.addresses import check_base
from token_issuer.providers.base import Options
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.called import CallOrder, Pusher, RevokedToken, VendorRequest, VendorResponse, refusal
from token_issuer.providers.fields import check, option_field
from token_issuer.providers.videosdk.claims import build_claims

CALL_LIFETIME: Final = 120  # seconds: of the token that asks, made for this one request

_MEANINGS: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "it does not take the request",
    HTTPStatus.UNAUTHORIZED: "it does not take the API key with this secret",
    HTTPStatus.FORBIDDEN: "the API key may not do this",
    HTTPStatus.TOO_MANY_REQUESTS: "too many requests",
}
# Wrong credentials are not among them: they can be put right while a push waits.
_FINAL: Final = frozenset({HTTPStatus.BAD_REQUEST})
# How its packages read "not found", of a room as of a person in it.
_NOBODY_THERE: Final = frozenset({HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.NOT_FOUND})


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSDKOptions(Options):
    """What happens at VideoSDK when a token is revoked here."""

    on_revocation: Literal["remove", "end_session"] = option_field(
        default="remove",
        label=_("On revocation"),
        help=_(
            "For applications with a certificate to call with: remove puts the token's participant out of the room, "
            "end_session ends the running session for everybody in it. Whoever ends his own token is only put out."
        ),
    )
    api_url: str = option_field(
        default="https://api.videosdk.live",
        label=_("Server API"),
        help=_("Where VideoSDK's server API is: https, or a stand-in on this machine."),
        max_bytes=255,
        gets_secrets=True,
    )

    def __post_init__(self) -> None:
        check(self, error=BadOption)
        check_base("api_url", self.api_url)


class Removals(Pusher):
    """What of a revoked token VideoSDK can be told."""

    def tells(self, options: Options, token: RevokedToken) -> bool:
        return bool(token.resource)

    def keeps_out(self, options: Options, token: RevokedToken) -> bool:
        return False

    def push_sentence(self, options: Options, token: RevokedToken) -> str:
        if _ends_session(_ours(options), token):
            return _(
                "VideoSDK ends the running session of the room, for everybody in it. With the token its holder can "
                "join the next one until it expires."
            )
        return _(
            "VideoSDK removes this participant from the room if they are in it now. With the token they can join again "
            "until it expires."
        )

    def push_request(self, order: CallOrder, token: RevokedToken) -> VendorRequest:
        options = _ours(order.options)
        removes = not _ends_session(options, token)
        whom = {"participantId": token.subject} if removes else {}
        return VendorRequest(
            method="POST",
            url=f"{options.api_url}/v2/sessions/{'participants/remove' if removes else 'end'}",
            headers={"Authorization": _credential(order)},
            values={**whom, "roomId": token.resource},
            encoding="json",
        )

    def read_push(self, response: VendorResponse) -> None:
        # Nobody is there to be removed: that is what was wanted. A page of another server says so in no JSON.
        if response.status in _NOBODY_THERE and isinstance(response.json(), Mapping):
            return
        if not response.ok:
            raise refusal("VideoSDK", response, _MEANINGS, final=_FINAL)


def _ends_session(options: VideoSDKOptions, token: RevokedToken) -> bool:
    # Whoever has a token may revoke it: that must not end the meeting of the others.
    return options.on_revocation == "end_session" and token.for_all


def _credential(order: CallOrder) -> str:
    issued_ts = int(order.at.timestamp())
    claims = build_claims(
        apikey=order.public_id,
        permissions=["allow_join"],  # there must be one; the role is what decides, and it cannot join
        roles=["crawler"],
        issued_ts=issued_ts,
        expires_ts=issued_ts + CALL_LIFETIME,
    )
    return jwt_hs256.encode(claims, key=order.secret.part("secret"))


def _ours(options: Options) -> VideoSDKOptions:
    if not isinstance(options, VideoSDKOptions):
        raise BadOption("options", "must be those of a VideoSDK application")
    return options
