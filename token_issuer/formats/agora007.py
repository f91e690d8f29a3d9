"""Agora AccessToken 007 ("AccessToken2"): signed, deflated, Base64 text.

Source: the vendor's published AccessToken2 packers (``AgoraIO/Tools``, ``DynamicKey/AgoraDynamicKey``, July 2026).

    token      "007" + base64(zlib(payload))
    payload    text signature (32 bytes), then the message
    message    text app_id, u32 issued_ts, u32 lifetime, u32 salt, u16 count, then the services
    service    u16 type, map privileges, then the fields of the type (see the classes below)
    signature  HMAC(HMAC(salt, HMAC(issued_ts, certificate)), message), each SHA-256, written HMAC(key, data);
               the two numbers are packed as u32, the certificate is its 32 characters

Units: ``issued_ts`` is Unix seconds. The lifetime **and every privilege** are seconds after it, unlike 006; 0 as a
privilege means that it never ends. Services are sorted by type, the caller's order inside one type is kept.

Compressed bytes are not canonical: other zlib builds give another text for the same payload, and some bits of a text
mean nothing. Compare payloads, and recognise a token that was issued by its text.

This codec holds the limits of the wire. What a channel or a uid may be is the provider's business: an empty channel is
every channel to the vendor, an empty uid is every user, ``*`` is a pattern.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from token_issuer.errors import BadGrant, TokenMalformed
from token_issuer.formats import packing

PREFIX: Final = "007"
MAX_LIFETIME: Final = (
    86_400  # the service reads 0 and anything above as 24 h; a mistake must not become the longest token
)
MAX_PAYLOAD_BYTES: Final = 65_536  # deflate expands up to about 1,000 : 1, so what is read must be bounded

Permissions = Mapping[int, Mapping[int, Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service(ABC):
    """One service inside a token; ``number`` is its type, the names in capitals are its privileges.

    ``privileges``: number to seconds after ``issued_ts``, 0 to 4,294,967,295; 0 is without end.
    """

    number: ClassVar[int]

    privileges: Mapping[int, int]

    @abstractmethod
    def fields(self) -> bytes:
        """Return the packed fields of the type, those after the privileges."""

    def pack(self) -> bytes:
        """Return the packed service."""
        return packing.u16(self.number, "services") + packing.pairs(self.privileges, "privileges") + self.fields()


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfUser(Service):
    user_id: str

    def fields(self) -> bytes:
        return packing.text(self.user_id, "user_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfChannel(Service):
    channel: str
    account: str

    def fields(self) -> bytes:
        return packing.text(self.channel, "channel") + packing.text(self.account, "account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtc(Service):
    """Voice and video. ``uid`` is text, see ``packing.uid_text``: empty is any user."""

    number = 1
    JOIN_CHANNEL, PUBLISH_AUDIO, PUBLISH_VIDEO, PUBLISH_DATA = 1, 2, 3, 4

    channel: str
    uid: str

    def fields(self) -> bytes:
        return packing.text(self.channel, "channel") + packing.text(self.uid, "uid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtm(_OfUser):
    """Signaling login."""

    number = 2
    LOGIN = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming(_OfChannel):
    """Media push. ``account`` follows the rules of ``Rtc.uid``."""

    number = 3
    PUBLISH_MIXED, PUBLISH_RAW = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fpa(Service):
    """Full-path accelerator."""

    number = 4
    LOGIN = 1

    def fields(self) -> bytes:
        return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat(_OfUser):
    """Chat. An ``APP`` token (empty ``user_id``) is an administrator's REST credential: never for a browser."""

    number = 5
    USER, APP = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Fcdn(_OfChannel):
    """Fusion CDN. ``account`` follows the rules of ``Rtc.uid``."""

    number = 6
    PUBLISH, PLAY = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Apaas(Service):
    """Flexible Classroom. ``role`` is -32,768 to 32,767; -1 is none. An ``APP`` token is never for a browser."""

    number = 7
    ROOM_USER, USER, APP = 1, 2, 3

    room_uuid: str
    user_uuid: str
    role: int

    def fields(self) -> bytes:
        texts = packing.text(self.room_uuid, "room_uuid") + packing.text(self.user_uuid, "user_uuid")
        return texts + packing.i16(self.role, "role")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtm2(Service):
    """Signaling login with permissions: resource type to permission type to names (the vendor must enable it).

    Resource types: 0 message channels, 1 stream channels, 2 group channels, 3 server groups, 4 users.
    Permission types: 0 read, 1 write. Names keep the caller's order.
    """

    number = 8
    LOGIN = 1

    user_id: str
    permissions: Permissions

    def fields(self) -> bytes:
        return packing.text(self.user_id, "user_id") + _pack_permissions(self.permissions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """What could not be read: a service of a type without a known length hides everything after it.

    ``count`` services are declared from here on, the first of type ``number``; ``data`` is all their bytes after that
    number. The signature covers them, so ``verify`` still judges the whole token.
    """

    number: int
    count: int
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A token's content, proved by nothing until ``verify`` says so.

    ``lifetime`` and privileges are as written, even where the vendor would read them otherwise. ``message`` is the
    signed bytes exactly as they came.
    """

    app_id: str
    issued_ts: int
    lifetime: int
    salt: int
    services: tuple[Service, ...]
    unread: Unread | None
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def payload(self) -> bytes:
        """The inflated content of the token: two tokens are the same when their payloads are."""
        return packing.raw(self.signature, "signature") + self.message


def encode(
    *, app_id: str, certificate: bytes, issued_ts: int, lifetime: int, salt: int, services: Sequence[Service]
) -> str:
    """Return the token text.

    Args:
        app_id: 32 hexadecimal digits; used as they are, case kept.
        certificate: the 32 hexadecimal digits as ASCII bytes, not the 16 bytes they spell.
        issued_ts: Unix seconds, 0 to 4,294,967,295.
        lifetime: seconds after ``issued_ts``, 1 to 86,400.
        salt: 0 to 4,294,967,295. The caller supplies the entropy, from the operating system.
        services: at least one; several of one type keep their order.

    Raises:
        BadOption: ``app_id`` or ``certificate`` is not 32 hexadecimal digits.
        BadGrant: another value does not fit its field; ``field`` names it.
    """
    packing.check_certificate(certificate)
    packing.whole_number(lifetime, "lifetime", low=1, high=MAX_LIFETIME)
    message = packing.raw(packing.app_id_bytes(app_id), "app_id")
    message += packing.u32(issued_ts, "issued_ts") + packing.u32(lifetime, "lifetime") + packing.u32(salt, "salt")
    message += _pack_services(services)
    signature = _sign(message, certificate, issued_ts=issued_ts, salt=salt)
    payload = packing.raw(signature, "signature") + message
    token = PREFIX + base64.b64encode(zlib.compress(payload)).decode("ascii")
    if len(payload) > MAX_PAYLOAD_BYTES or len(token) > packing.MAX_TOKEN_CHARS:
        raise BadGrant("services", "must fit a token of 16,384 characters, 65,536 bytes inflated")
    return token


def decode(token: str) -> Decoded:
    """Read a token without a secret. Reading proves nothing; see ``verify``.

    Raises:
        TokenMalformed: not a text of this format, larger than the limits, or with anything left over.
    """
    reader = packing.Reader(_payload(token))
    signature = reader.signature()
    message = reader.rest()
    reader = packing.Reader(message)
    app_id = packing.read_app_id(reader.text())
    issued_ts, lifetime, salt = reader.u32(), reader.u32(), reader.u32()
    services, unread = _read_services(reader)
    return Decoded(
        app_id=app_id,
        issued_ts=issued_ts,
        lifetime=lifetime,
        salt=salt,
        services=services,
        unread=unread,
        message=message,
        signature=signature,
    )


def verify(token: str | Decoded, certificate: bytes) -> bool:
    """Whether this certificate signed the token. Constant time, over the bytes as they came.

    Looks at no clock and no content: a valid signature does not mean unexpired.

    Raises:
        TokenMalformed: the text is not a token of this format.
        BadOption: ``certificate`` is not 32 hexadecimal digits.
    """
    decoded = token if isinstance(token, Decoded) else decode(token)
    packing.check_certificate(certificate)
    expected = _sign(decoded.message, certificate, issued_ts=decoded.issued_ts, salt=decoded.salt)
    return hmac.compare_digest(expected, decoded.signature)


def _sign(message: bytes, certificate: bytes, *, issued_ts: int, salt: int) -> bytes:
    # The numbers are the keys and the secret is the data: the vendor's order.
    key = hmac.digest(packing.u32(issued_ts, "issued_ts"), certificate, hashlib.sha256)
    key = hmac.digest(packing.u32(salt, "salt"), key, hashlib.sha256)
    return hmac.digest(key, message, hashlib.sha256)


def _pack_services(services: Sequence[Service]) -> bytes:
    if not services:
        raise BadGrant("services", "must name at least one service")
    if not all(isinstance(service, Service) for service in services):
        raise BadGrant("services", "must be services of this module")
    # A stable sort: the vendor keeps the caller's order inside one type.
    ordered = sorted(services, key=lambda service: service.number)
    return packing.u16(len(ordered), "services") + b"".join(service.pack() for service in ordered)


def _pack_permissions(permissions: Permissions) -> bytes:
    def names(values: Sequence[str], field: str) -> bytes:
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise BadGrant(field, "must list names")
        return packing.u16(len(values), field) + b"".join(packing.text(value, field) for value in values)

    def rights(values: Mapping[int, Sequence[str]], field: str) -> bytes:
        return packing.mapping(values, field, pack_value=names)

    return packing.mapping(permissions, "permissions", pack_value=rights)


def _payload(token: str) -> bytes:
    content = packing.after_prefix(token, PREFIX)
    return packing.inflate(packing.from_base64(content), limit=MAX_PAYLOAD_BYTES)


def _read_services(reader: packing.Reader) -> tuple[tuple[Service, ...], Unread | None]:
    count = reader.u16()
    if not count:
        raise TokenMalformed("The token names no service.")
    services: list[Service] = []
    for index in range(count):
        number = reader.u16()
        read = _READERS.get(number)
        if read is None:
            return tuple(services), Unread(number=number, count=count - index, data=reader.rest())
        services.append(read(reader, reader.pairs()))
    reader.end()
    return tuple(services), None


def _read_permissions(reader: packing.Reader) -> Permissions:
    def names() -> Sequence[str]:
        return tuple(reader.text() for _ in range(reader.u16()))

    return reader.map(lambda: reader.map(names))


# Keyword arguments are evaluated in the order written, which is the order on the wire.
_READERS: Final[Mapping[int, Callable[[packing.Reader, Mapping[int, int]], Service]]] = {
    Rtc.number: lambda reader, rights: Rtc(privileges=rights, channel=reader.text(), uid=reader.text()),
    Rtm.number: lambda reader, rights: Rtm(privileges=rights, user_id=reader.text()),
    Streaming.number: lambda reader, rights: Streaming(privileges=rights, channel=reader.text(), account=reader.text()),
    Fpa.number: lambda _reader, rights: Fpa(privileges=rights),
    Chat.number: lambda reader, rights: Chat(privileges=rights, user_id=reader.text()),
    Fcdn.number: lambda reader, rights: Fcdn(privileges=rights, channel=reader.text(), account=reader.text()),
    Apaas.number: lambda reader, rights: Apaas(
        privileges=rights, room_uuid=reader.text(), user_uuid=reader.text(), role=reader.i16()
    ),
    Rtm2.number: lambda reader, rights: Rtm2(
        privileges=rights, user_id=reader.text(), permissions=_read_permissions(reader)
    ),
}
