"""Agora: AccessToken 007 by default, 006 where an application opts in.

Sources: the vendor's published packers and documentation (``AgoraIO/Tools``, ``AgoraIO/Docs-Source``, July 2026). Where
they disagree the stricter reading is enforced: channel names of at most 63 bytes, at most 24 hours, one user, no mixing
of numbers and accounts.

One token carries RTC and, when asked, Signaling (RTM) and Chat for the same user. Token and privileges always end
together: a privilege that outlives its token keeps a user in the channel without any warning. A Chat *app* token
administers the whole Chat application, so there is no grant for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from token_issuer.errors import BadGrant, BadOption
from token_issuer.providers.agora import tokens
from token_issuer.providers.agora.drop_in import FetchRtcToken
from token_issuer.providers.agora.facts import VENDOR
from token_issuer.providers.agora.grant import WILDCARD, AgoraGrant, AgoraOptions, check_fits
from token_issuer.providers.agora.pushing import CREDENTIALS, BanningRules, check_credentials
from token_issuer.providers.base import (
    Grant,
    Inspection,
    Lifetimes,
    MintedToken,
    MintOrder,
    Options,
    Places,
    Privilege,
    Provider,
    Revocation,
    SecretField,
    SubjectKind,
    Verification,
    put,
)
from token_issuer.providers.base import gettext_noop as _

if TYPE_CHECKING:
    from token_issuer.crypto import Secret

FIRST_SUBJECT, LAST_SUBJECT = 16, 2**31 - 1  # above, some SDKs read the top bit as a sign; below 16 is never issued

_HEX_ID = re.compile(r"[0-9A-Fa-f]{32}")


class AgoraProvider(BanningRules, Provider):
    """Agora voice and video, with Signaling and Chat."""

    name = "agora"
    label = "Agora"
    grant_class = AgoraGrant
    options_class = AgoraOptions
    public_id_field = SecretField(
        name="public_id", label=_("App ID"), help=_("32 hexadecimal digits, from the project's page in the console.")
    )
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "sign": (
            SecretField(
                name="certificate",
                label=_("App certificate"),
                help=_("Primary or secondary certificate: 32 hexadecimal digits."),
            ),
        ),
        "call": CREDENTIALS,
    }
    privileges: ClassVar[Mapping[str, Privilege]] = {
        "subscriber": Privilege(label=_("Receive audio, video and data"), doing=_("receive audio, video and data")),
        "publisher": Privilege(
            label=_("Send audio, video and data"),
            doing=_("send audio, video and data"),
            implies=frozenset({"subscriber"}),
        ),
        "rtm": Privilege(
            label=_("Log in to Signaling (RTM)"), doing=_("log in to Signaling (RTM)"), beyond_resource="also_rtm"
        ),
        "chat": Privilege(label=_("Log in to Chat"), doing=_("log in to Chat"), beyond_resource="chat"),
    }
    places = Places(
        every=_("in every channel"),
        one=_("in the channel {place}"),
        some=_("in channels {place}"),
        many=_("Also in one token for several channels or all of them, which can only receive there."),
        several=_("Also in one token for several of them, which can only receive there."),
    )
    lifetimes = Lifetimes(
        minimum=60,
        default=3600,
        maximum=86_400,
        source="Agora reads 0 and more than 24 hours as 24 hours; under 60 s the warning to renew comes at once.",
    )
    revocation = Revocation.AT_EXPIRY
    renewable = True
    vendor = VENDOR
    drop_ins = (FetchRtcToken(),)

    def check_public_id(self, value: str) -> None:
        if not _HEX_ID.fullmatch(value):
            raise BadOption("public_id", "must be 32 hexadecimal digits, without blanks")

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:
        if purpose == "call":
            check_credentials(parts)
            return
        if purpose != "sign":
            raise BadOption("purpose", "must be sign or call")
        if set(parts) != {"certificate"} or not _HEX_ID.fullmatch(parts["certificate"]):
            raise BadOption("certificate", "must be 32 hexadecimal digits, without blanks")

    def subject_kind(self, options: Options) -> SubjectKind:
        return "integer" if _ours(options).subject == "integer" else "text"

    def subject_pattern(self, options: Options) -> str:
        return _ours(options).account_pattern

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        if isinstance(subject, str):
            return put(grant, uid=None, account=subject)
        if isinstance(subject, bool) or not FIRST_SUBJECT <= subject <= LAST_SUBJECT:
            raise BadGrant("uid", f"must be {FIRST_SUBJECT} to {LAST_SUBJECT:,}")
        return put(grant, uid=subject, account=None)

    def wildcards(self, grant: Grant) -> frozenset[str]:
        wide = _granted(grant)
        return frozenset(({"channel"} if wide.opens_many_channels else set()) | ({"uid"} if wide.uid == 0 else set()))

    def covers(self, pattern: str, resource: str) -> bool:
        parts = pattern.split(WILDCARD)
        # The service reads 1*a*2 as: starts with 1, contains a, ends with 2.
        return len(parts) > 1 and re.fullmatch(".*".join(map(re.escape, parts)), resource) is not None

    def recalled(self, *, subject: str, resource: str, privileges: frozenset[str]) -> Grant | None:
        number = int(subject or 0) if not subject.strip("0123456789") else None
        return AgoraGrant(
            channel=resource,
            role="publisher" if "publisher" in privileges else "subscriber",
            also_rtm="rtm" in privileges,
            chat="chat" in privileges,
            uid=number,
            account=subject if number is None else None,
        )

    def check_grant(self, grant: Grant, options: Options) -> None:
        check_fits(_granted(grant), _ours(options))

    def mint(self, order: MintOrder) -> MintedToken:
        grant, options = _granted(order.grant), _ours(order.options)
        check_fits(grant, options)
        self.lifetimes.check(order.lifetime)
        _check_subject_kind(grant, options)
        return MintedToken(
            value=tokens.encode(order, grant, version=options.token_version),
            format=f"agora-{options.token_version}",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        return tokens.inspect(tokens.decode(token))

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        certificates = [(key_id, secret.part("certificate").encode()) for key_id, secret in secrets]
        return tokens.verify(
            tokens.decode(token), certificates, expected=None if expected is None else _granted(expected)
        )

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        made = _granted(grant)
        answer = {"appid": minted.public_id, "channel": made.channel, "token": minted.value}
        if made.opens_many_channels:
            del answer["channel"]  # the client names one of those it may enter
        return {**answer, "uid": made.account or made.uid or None}  # null lets Agora choose, where any user may join

    def notices(self, grant: Grant, options: Options) -> tuple[str, ...]:
        if _granted(grant).role == "publisher" or _ours(options).cohost_authentication:
            return ()
        return (
            _(
                "Co-host authentication is not known to be on for this Agora project, and without it this subscriber's "
                "token can also publish. Switch it on in the Agora console, then tick the application's option."
            ),
        )


def _granted(grant: Grant) -> AgoraGrant:
    if not isinstance(grant, AgoraGrant):
        raise BadGrant("grant", "must be an Agora grant")
    return grant


def _ours(options: Options) -> AgoraOptions:
    if not isinstance(options, AgoraOptions):
        raise BadOption("options", "must be those of an Agora application")
    return options


def _check_subject_kind(grant: AgoraGrant, options: AgoraOptions) -> None:
    if grant.account is not None and options.subject == "integer":
        raise BadGrant("account", "must not be set: this application names its users by uid")
    if grant.uid is not None and options.subject == "account":
        raise BadGrant("uid", "must not be set: this application names its users by account")
