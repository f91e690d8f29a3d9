"""Between Agora's grants and its two token texts, in both directions."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from token_issuer.errors import TokenMalformed
from token_issuer.formats import agora006, agora007
from token_issuer.providers.agora.grant import LEGACY, WILDCARD, AgoraGrant
from token_issuer.providers.base import Inspection, MintOrder, Verification
from token_issuer.providers.base import gettext_noop as _

Decoded = agora006.Decoded | agora007.Decoded
Certificates = Sequence[tuple[str, bytes]]

_JOIN: Final = agora007.Rtc.JOIN_CHANNEL  # both versions number the four RTC privileges alike
_ROLES: Final[Mapping[str, tuple[int, ...]]] = {
    "subscriber": (_JOIN,),
    "publisher": (_JOIN, agora007.Rtc.PUBLISH_AUDIO, agora007.Rtc.PUBLISH_VIDEO, agora007.Rtc.PUBLISH_DATA),
}
_UNEVEN: Final = _("Privileges do not end with the token: users may stay without a warning, or be removed early.")
_RETIRED: Final = ("003", "004", "005", "1:")


# Making


def encode(order: MintOrder, grant: AgoraGrant, *, version: str) -> str:
    """Return the text of an order in version 007 or 006. The salt is the first four bytes of its entropy."""
    return _encode_006(order, grant) if version == LEGACY else _encode_007(order, grant)


def _encode_007(order: MintOrder, grant: AgoraGrant) -> str:
    return agora007.encode(
        app_id=order.public_id,
        certificate=order.part("certificate").encode(),
        issued_ts=order.issued_ts,
        lifetime=order.lifetime,
        salt=_salt(order),
        services=_services(grant, order.lifetime),
    )


def _encode_006(order: MintOrder, grant: AgoraGrant) -> str:
    ends_ts = order.issued_ts + order.lifetime  # this version's times are absolute
    return agora006.encode(
        app_id=order.public_id,
        certificate=order.part("certificate").encode(),
        channel=grant.channel,
        uid=grant.wire_uid,
        salt=_salt(order),
        ends_ts=ends_ts,
        privileges=dict.fromkeys(_ROLES[grant.role], ends_ts),
    )


def _salt(order: MintOrder) -> int:
    return int.from_bytes(order.entropy[:4], "big")


def _services(grant: AgoraGrant, seconds: int) -> tuple[agora007.Service, ...]:
    """What a grant is on the wire. Every privilege lives as long as the token: see the package's docstring."""
    user = grant.wire_uid
    services: list[agora007.Service] = [
        agora007.Rtc(privileges=dict.fromkeys(_ROLES[grant.role], seconds), channel=grant.channel, uid=user)
    ]
    if grant.also_rtm:
        services.append(agora007.Rtm(privileges={agora007.Rtm.LOGIN: seconds}, user_id=user))
    if grant.chat:
        services.append(agora007.Chat(privileges={agora007.Chat.USER: seconds}, user_id=user))
    return tuple(services)


# Reading


def decode(token: str) -> Decoded:
    """Read either version.

    Raises:
        TokenMalformed: neither, with a sentence of its own for Agora's retired formats.
    """
    if token.startswith(agora007.PREFIX):
        return agora007.decode(token)
    if token.startswith(agora006.PREFIX):
        return agora006.decode(token)
    if token.startswith(_RETIRED):
        message = "This is a dynamic key of Agora's old SDKs, no longer supported; make a 007 token instead."
        raise TokenMalformed(message)
    message = "This is not an Agora token: it begins with neither 007 nor 006."
    raise TokenMalformed(message)


def inspect(decoded: Decoded) -> Inspection:
    """Return what a token says of itself."""
    return _inspect_007(decoded) if isinstance(decoded, agora007.Decoded) else _inspect_006(decoded)


def _inspect_007(decoded: agora007.Decoded) -> Inspection:
    rtc = next((service for service in decoded.services if isinstance(service, agora007.Rtc)), None)
    logins = [service.user_id for service in decoded.services if isinstance(service, agora007.Rtm | agora007.Chat)]
    return Inspection(
        format="agora-007",
        public_id=decoded.app_id,
        subject=rtc.uid if rtc else next(iter(logins), None),
        resource=rtc.channel if rtc else None,
        privileges=frozenset(word for service in decoded.services for word in _words(service)),
        issued_at=_instant(decoded.issued_ts),
        expires_at=_instant(decoded.issued_ts + (decoded.lifetime if _fits(decoded) else agora007.MAX_LIFETIME)),
        details=(
            ("issue_ts", str(decoded.issued_ts)),
            ("expire", str(decoded.lifetime)),
            ("salt", str(decoded.salt)),
            *((type(service).__name__.lower(), _shown(service.privileges)) for service in decoded.services),
        ),
        problems=tuple(_problems_007(decoded)),
        notes=tuple(note for service in decoded.services for note in _breadth(service)),
    )


def _words(service: agora007.Service) -> Iterator[str]:
    if isinstance(service, agora007.Rtc):
        yield "subscriber" if set(service.privileges) <= {_JOIN} else "publisher"
    elif isinstance(service, agora007.Rtm | agora007.Rtm2):
        yield "rtm"
    elif isinstance(service, agora007.Chat) and agora007.Chat.APP not in service.privileges:
        yield "chat"


def _problems_007(decoded: agora007.Decoded) -> Iterator[str]:
    if not _fits(decoded):
        yield _("Agora reads a lifetime of 0 or of more than 24 hours as 24 hours.")
    if any(seconds != decoded.lifetime for service in decoded.services for seconds in service.privileges.values()):
        yield _UNEVEN
    if any(_administers(service) for service in decoded.services):
        yield _("This is an app token: it administers the whole application and must never be in a browser.")
    if decoded.unread:
        yield _("The token has services that this version cannot read.")


def _fits(decoded: agora007.Decoded) -> bool:
    return 1 <= decoded.lifetime <= agora007.MAX_LIFETIME


def _administers(service: agora007.Service) -> bool:
    if isinstance(service, agora007.Chat):
        return agora007.Chat.APP in service.privileges
    return isinstance(service, agora007.Apaas) and agora007.Apaas.APP in service.privileges


def _breadth(service: agora007.Service) -> Iterator[str]:
    if not isinstance(service, agora007.Rtc | agora007.Streaming | agora007.Fcdn):
        return
    user = service.uid if isinstance(service, agora007.Rtc) else service.account
    if not user or WILDCARD in user:
        yield _("The token is good for more than one user.")
    if not service.channel or WILDCARD in service.channel:
        yield _("The token is good for more than one channel.")


def _inspect_006(decoded: agora006.Decoded) -> Inspection:
    rights = set(decoded.privileges)
    role = {"subscriber" if rights <= {_JOIN} else "publisher"} if _JOIN in rights else set()
    uneven = any(ends_ts != decoded.ends_ts for ends_ts in decoded.privileges.values())
    return Inspection(
        format="agora-006",
        public_id=decoded.app_id,
        subject=None,
        resource=None,
        privileges=frozenset(role | ({"rtm"} if agora006.LOGIN_RTM in rights else set())),
        issued_at=None,
        expires_at=_instant(decoded.ends_ts),
        details=(
            ("ts", str(decoded.ends_ts)),
            ("salt", str(decoded.salt)),
            ("privileges", _shown(decoded.privileges)),
            ("CRC32 of channel", str(decoded.channel_crc)),
            ("CRC32 of uid", str(decoded.uid_crc)),
        ),
        problems=(_UNEVEN,) if uneven else (),
        notes=(_("A 006 token holds checksums of channel and user only; to verify it, both must be known."),),
    )


def _shown(privileges: Mapping[int, int]) -> str:
    return ", ".join(f"{number}: {value}" for number, value in privileges.items())


def _instant(unix_seconds: int) -> datetime:
    return datetime.fromtimestamp(unix_seconds, tz=UTC)


# Checking


def verify(decoded: Decoded, certificates: Certificates, *, expected: AgoraGrant | None) -> Verification:
    """Check the signature against each certificate, and the content against ``expected``: 006 needs one."""
    if isinstance(decoded, agora007.Decoded):
        return _verify_007(decoded, certificates, expected)
    if expected is None:
        return Verification(valid=False, key_id=None, problems=("expected_needed",))
    return _verify_006(decoded, certificates, expected)


def _verify_007(decoded: agora007.Decoded, certificates: Certificates, expected: AgoraGrant | None) -> Verification:
    key_id = next((key_id for key_id, certificate in certificates if agora007.verify(decoded, certificate)), None)
    signed: tuple[str, ...] = () if key_id else ("bad_signature",)
    problems = signed if expected is None else (*signed, *_differences_007(decoded, expected))
    return Verification(valid=not problems, key_id=key_id, problems=problems)


def _differences_007(decoded: agora007.Decoded, expected: AgoraGrant) -> tuple[str, ...]:
    said = _inspect_007(decoded)
    differing = {
        "subject_differs": said.subject != expected.subject,
        "resource_differs": said.resource != expected.resource,
        "privileges_differ": said.privileges != expected.privileges,
    }
    problems = tuple(word for word, differs in differing.items() if differs)
    same = decoded.unread is None and decoded.services == _services(expected, decoded.lifetime)
    return problems if problems or same else ("privileges_differ",)  # further services, or another lifetime of one


def _verify_006(decoded: agora006.Decoded, certificates: Certificates, expected: AgoraGrant) -> Verification:
    channel, uid = expected.channel, expected.wire_uid
    key_id = next(
        (
            key_id
            for key_id, certificate in certificates
            if agora006.verify(decoded, certificate, channel=channel, uid=uid)
        ),
        None,
    )
    problems = tuple(_differences_006(decoded, expected))
    if not key_id and not problems:
        problems = ("bad_signature",)
    return Verification(valid=not problems, key_id=key_id, problems=problems)


def _differences_006(decoded: agora006.Decoded, expected: AgoraGrant) -> Iterator[str]:
    if decoded.uid_crc != zlib.crc32(expected.wire_uid.encode()):
        yield "subject_differs"
    if decoded.channel_crc != zlib.crc32(expected.channel.encode()):
        yield "resource_differs"
    if dict(decoded.privileges) != dict.fromkeys(_ROLES[expected.role], decoded.ends_ts):
        yield "privileges_differ"
