"""Telling Agora that a token was revoked: a banning rule of its channel management.

Source: "Create a banning rule", "Banning rule behavior" and "Response status codes" of the vendor's REST reference
(``docs.agora.io/en/api-reference/api-ref/rtc``, 2026).

    POST {api_url}/dev/v1/kicking-rule
    Authorization: Basic base64(customer id ":" customer secret)
    {"appid", "cname", "uid", "time_in_seconds", "privileges": ["join_channel"]}

With channel and uid the rule keeps this user out of this channel; with the uid alone, out of every channel. With the
channel alone it keeps everybody out, so a token for any user is not told of. ``uid`` is a number: users that are
accounts have none. ``time_in_seconds`` is 10 to 86,430 (what is outside is clamped), and 0 only puts the user out. Ten
requests a second are answered for one customer.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from token_issuer.errors import BadOption, VendorUnavailable
from token_issuer.providers.agora.grant import MAX_UID, WILDCARD, AgoraOptions
from token_issuer.providers.base import SecretField
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.called import CallOrder, Pusher, RevokedToken, VendorRequest, VendorResponse, refusal

if TYPE_CHECKING:
    from token_issuer.providers.base import Options

CREDENTIALS: Final = (
    SecretField(
        name="customer_id",
        label=_("Customer ID"),
        help=_("Of the RESTful API, from the console's developer toolkit. With it Agora is told of revocations."),
    ),
    SecretField(name="customer_secret", label=_("Customer secret"), help=_("The secret beside the customer ID.")),
)

SHORTEST_BAN: Final = 10  # seconds
LONGEST_BAN: Final = 86_430
CLOCKS: Final = 30  # seconds that Agora's clock may be behind: at the token's end it may still honour it for so long

_PATH: Final = "/dev/v1/kicking-rule"
# RFC 7617 section 2: no colon and no control character in a user id.
_TEXT: Final = re.compile(r"[!-~]{1,255}")
_NOT_THE_CHANNEL: Final = frozenset({"rtm", "chat"})
_MEANINGS: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "it does not take the request, or not this App ID",
    HTTPStatus.UNAUTHORIZED: "it does not know the App ID, the customer ID or its secret",
    HTTPStatus.FORBIDDEN: "the customer ID may not do this",
    HTTPStatus.NOT_FOUND: "there is no such address",
    HTTPStatus.TOO_MANY_REQUESTS: "too many requests",
}
# Wrong credentials are not among them: they can be put right while a push waits.
_FINAL: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNSUPPORTED_MEDIA_TYPE})


def check_credentials(parts: Mapping[str, str]) -> None:
    """Raise BadOption naming the part that cannot be a customer ID or its secret."""
    for name in ("customer_id", "customer_secret"):
        if not _TEXT.fullmatch(parts.get(name, "")):
            raise BadOption(name, "must be printable ASCII without blanks, at most 255 characters")
    if ":" in parts["customer_id"]:
        raise BadOption("customer_id", "must not hold a colon")
    if set(parts) != {"customer_id", "customer_secret"}:
        raise BadOption("customer_id", "must be customer_id and customer_secret, and nothing else")


class BanningRules(Pusher):
    """What of a revoked token Agora can be told."""

    def tells(self, options: Options, token: RevokedToken) -> bool:
        return _ours(options).subject == "integer" and _uid(token) is not None and WILDCARD not in token.resource

    def keeps_out(self, options: Options, token: RevokedToken) -> bool:
        # A rule ends nothing but the stay in channels.
        return _ours(options).on_revocation == "ban" and not token.privileges & _NOT_THE_CHANNEL

    def push_sentence(self, options: Options, token: RevokedToken) -> str:
        if _ours(options).on_revocation == "remove":
            return _(
                "Agora puts this user out of this channel (out of all, if the token names none). With the token they "
                "can join again until it expires."
            )
        return _(
            "Agora puts this user out of this channel (out of all, if the token names none) and keeps them out until "
            "the token has ended: another token for the same user does not let them in either. A login to Signaling or "
            "Chat goes on until the token expires."
        )

    def push_request(self, order: CallOrder, token: RevokedToken) -> VendorRequest:
        options = _ours(order.options)
        pair = f"{order.secret.part('customer_id')}:{order.secret.part('customer_secret')}"
        ban = min(max(token.remaining + CLOCKS, SHORTEST_BAN), LONGEST_BAN)
        return VendorRequest(
            method="POST",
            url=options.api_url + _PATH,
            headers={"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"},
            values={
                "appid": order.public_id,
                **({"cname": token.resource} if token.resource else {}),
                "uid": _uid(token),
                "time_in_seconds": ban if options.on_revocation == "ban" else 0,
                "privileges": ["join_channel"],
            },
            encoding="json",
        )

    def read_push(self, response: VendorResponse) -> None:
        if response.status != HTTPStatus.OK:
            raise refusal("Agora", response, _MEANINGS, final=_FINAL)
        answer = response.json()
        if not isinstance(answer, Mapping) or answer.get("status") != "success":
            message = "Agora's answer does not say that the rule was made."
            raise VendorUnavailable(message, reason="garbled")


def _uid(token: RevokedToken) -> int | None:
    """Return the number that the token speaks for; None for an account, and for any user."""
    if not re.fullmatch(r"[1-9][0-9]{0,9}", token.subject):
        return None
    number = int(token.subject)
    return number if number <= MAX_UID else None


def _ours(options: Options) -> AgoraOptions:
    if not isinstance(options, AgoraOptions):
        raise BadOption("options", "must be those of an Agora application")
    return options
