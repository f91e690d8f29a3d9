"""What may be asked of Agora, and how one project wants its tokens. Rules: the vendor's documentation.

Agora's service reads ``*`` inside a channel name or account as a pattern, an empty channel as any channel, uid 0 as any
user. Its own libraries mint all of them for whoever asks.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Final, Literal

from token_issuer.errors import BadGrant, BadOption
from token_issuer.providers.addresses import check_base
from token_issuer.providers.base import Grant, Options
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.fields import check, grant_field, option_field

SYMBOLS: Final = " !#$%&()+-:;<=.>?@[]^_{}|~,"
ALLOWED: Final = frozenset(string.ascii_letters + string.digits + SYMBOLS)
"""The 89 characters of channel names and accounts. ``*`` is none of them: the service reads it as a pattern."""

API_URL: Final = "https://api.agora.io"
WILDCARD: Final = "*"
LEGACY: Final = "006"
MAX_UID: Final = 2**32 - 1
MAX_SIGNALING_BYTES: Final = 64  # of an RTM or Chat user id

_CHARACTERS: Final = f"may hold only a-z, A-Z, 0-9, blanks and {SYMBOLS.strip()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgoraGrant(Grant):
    """One user's right to a channel. ``uid`` 0 is any user, an empty channel or one with ``*`` is many channels."""

    channel: str = grant_field(
        label=_("Channel"),
        help=_("Up to 63 characters: a-z, A-Z, 0-9, blank and ,!#$%&()+-:;<=.>?@[]^_{}|~ (capital letters count)."),
        max_bytes=64,
    )
    role: Literal["subscriber", "publisher"] = grant_field(
        default="subscriber", label=_("Role"), help=_("A publisher sends audio, video and data; a subscriber receives.")
    )
    also_rtm: bool = grant_field(
        default=False, label=_("Signaling"), help=_("The token also logs in to Signaling (RTM), as the same user.")
    )
    chat: bool = grant_field(
        default=False, label=_("Chat"), help=_("The token also logs in to Chat, as the same user.")
    )
    uid: int | None = grant_field(default=None, label=_("UID"), minimum=0, maximum=MAX_UID, filled_by="subject")
    account: str | None = grant_field(
        default=None, label=_("User account"), min_bytes=1, max_bytes=255, filled_by="subject"
    )

    def __post_init__(self) -> None:
        check(self)
        _check_channel(self.channel)
        if self.uid is not None and self.account is not None:
            raise BadGrant("account", "must not stand beside a uid: an application names its users in one way")
        if self.account is not None:
            _check_account(self.account)
        self._check_breadth()

    def _check_breadth(self) -> None:
        anybody = self.uid == 0
        if anybody and self.opens_many_channels:
            raise BadGrant("channel", "must be one channel when the token is for any user")
        if self.role != "subscriber" and (anybody or self.opens_many_channels):
            raise BadGrant("role", "must be subscriber in a token with a wildcard")
        for name in ("also_rtm", "chat"):
            if getattr(self, name) and anybody:
                raise BadGrant(name, "needs one user; this token is for any")
            if getattr(self, name) and len(self.account or "") > MAX_SIGNALING_BYTES:
                raise BadGrant(name, f"allows user accounts of at most {MAX_SIGNALING_BYTES} bytes")

    @property
    def opens_many_channels(self) -> bool:
        """Whether the channel is empty (any) or a pattern."""
        return not self.channel or WILDCARD in self.channel

    @property
    def wire_uid(self) -> str:
        """The user as the token carries it: empty for any user; BadGrant when nobody was put in yet."""
        if self.subject is None:
            raise BadGrant("uid", "must be filled in before a token is made")
        return self.subject

    @property
    def subject(self) -> str | None:
        if self.uid is not None:
            return str(self.uid) if self.uid else ""
        return self.account

    @property
    def resource(self) -> str:
        return self.channel

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset({self.role} | ({"rtm"} if self.also_rtm else set()) | ({"chat"} if self.chat else set()))


@dataclass(frozen=True, slots=True, kw_only=True)
class AgoraOptions(Options):
    """How one Agora project wants its tokens."""

    token_version: Literal["007", "006"] = option_field(
        default="007",
        label=_("Token version"),
        help=_(
            "006 only for SDKs older than 4.0 (native) and 4.8 (web). It is weaker: nothing separates channel and user "
            "in what is signed, so a token for channel room1 and uid 23 can be rewritten, without the certificate, "
            "into one for room12 and uid 3. With 006 use channel names of one fixed length that nobody chooses, such "
            "as 32 random hexadecimal digits."
        ),
    )
    subject: Literal["integer", "account"] = option_field(
        default="integer",
        label=_("Users are"),
        help=_("Numbers that this site allocates, or texts by the pattern below. Never mix both in one channel."),
    )
    account_pattern: str = option_field(
        default="user-{user.pk}",
        label=_("Account pattern"),
        help=_("Used when users are accounts. It must not come out as digits alone, which would be somebody's uid."),
        min_bytes=1,
        max_bytes=255,
    )
    cohost_authentication: bool = option_field(
        default=False,
        label=_("Co-host authentication is on"),
        help=_("Tick it when it is switched on in the Agora console. Without it a subscriber's token can publish."),
    )
    channel_max: int = option_field(
        default=63,
        label=_("Longest channel name"),
        help=_("In bytes. Agora documents less than 64 bytes; some of its pages allow 64."),
        minimum=63,
        maximum=64,
    )
    on_revocation: Literal["ban", "remove"] = option_field(
        default="ban",
        label=_("On revocation"),
        help=_(
            "For applications with a certificate to call with: ban keeps the user out of the token's channel until the "
            "token has ended, remove only puts them out, and they can come back with it."
        ),
    )
    api_url: str = option_field(
        default=API_URL,
        label=_("Server API"),
        help=_("Where Agora's server API is: https, or a stand-in on this machine."),
        max_bytes=255,
        gets_secrets=True,
    )

    def __post_init__(self) -> None:
        check(self, error=BadOption)
        check_base("api_url", self.api_url)
        if "{user." not in self.account_pattern:
            raise BadOption("account_pattern", "must name the user, for example {user.pk}: else all share one account")


def check_fits(grant: AgoraGrant, options: AgoraOptions) -> None:
    """Raise BadGrant for what this project's options do not allow, whoever the token is for."""
    if len(grant.channel) > options.channel_max:
        raise BadGrant("channel", f"must be at most {options.channel_max} bytes in UTF-8")
    if options.token_version != LEGACY:
        return
    for name in ("also_rtm", "chat"):  # one 006 token carries one service, and Chat is none of them
        if getattr(grant, name):
            raise BadGrant(name, "needs token version 007; this application makes 006")
    if grant.opens_many_channels:  # the service reads patterns in 007 only
        raise BadGrant("channel", "needs token version 007 to open many channels; this application makes 006")


def _check_channel(channel: str) -> None:
    if not ALLOWED.issuperset(channel.replace(WILDCARD, "")):
        raise BadGrant("channel", _CHARACTERS)


def _check_account(account: str) -> None:
    if not ALLOWED.issuperset(account):
        raise BadGrant("account", _CHARACTERS)
    if account.isdecimal():
        raise BadGrant("account", "must not be digits alone: Agora reads it as somebody's uid")
