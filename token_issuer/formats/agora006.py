"""Agora AccessToken 006: signed, uncompressed Base64 text. Legacy: only for SDKs that cannot read 007.

Source: the vendor's published AccessToken packers (``AgoraIO/Tools``, ``DynamicKey/AgoraDynamicKey``).

    token      "006" + app_id (its 32 characters) + base64(content)
    content    text signature (32 bytes), u32 CRC32(channel), u32 CRC32(uid text), text message
    message    u32 salt, u32 ends_ts, map privileges
    signature  HMAC-SHA256(certificate, app_id + channel + uid text + message); the certificate is its 32 characters

Units: ``ends_ts`` and every privilege are **absolute** Unix seconds, unlike 007; 0 as a privilege means that it never
ends. A Signaling (RTM) token puts the account in the place of the channel, an empty uid, and privilege ``LOGIN_RTM``.

Splicing weakness. The signed text has no separators, so every split of the same concatenation has the same signature:
``room1`` + uid 23, ``room12`` + uid 3 and ``room123`` + any user. Only the CRCs differ, and nothing signs those.
Whoever holds a token for the first pair can rewrite them, without the certificate, and holds a well-signed token for
the other two. Use 007. Where 006 must be, use channel names of one fixed length that nobody chooses (32 random
hexadecimal digits): every other split then names a channel that nobody uses.

A token does not contain its channel and uid. It can be read without them, but only verified by who knows both.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from token_issuer.errors import BadGrant
from token_issuer.formats import packing

PREFIX: Final = "006"
JOIN_CHANNEL, PUBLISH_AUDIO, PUBLISH_VIDEO, PUBLISH_DATA, LOGIN_RTM = 1, 2, 3, 4, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A token's content, proved by nothing until ``verify`` says so.

    ``ends_ts`` and privileges are absolute Unix seconds. ``message`` is part of the signed bytes, exactly as it came.
    """

    app_id: str
    salt: int
    ends_ts: int
    privileges: Mapping[int, int]
    channel_crc: int
    uid_crc: int
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def names(self, *, channel: str, uid: str) -> bool:
        """Whether the token says that it is for this channel and uid text: a checksum, so anyone can write it."""
        return (self.channel_crc, self.uid_crc) == (_crc(channel, "channel"), _crc(uid, "uid"))


def encode(
    *,
    app_id: str,
    certificate: bytes,
    channel: str,
    uid: str,
    salt: int,
    ends_ts: int,
    privileges: Mapping[int, int],
) -> str:
    """Return the token text.

    Args:
        app_id: 32 hexadecimal digits; used as they are, case kept.
        certificate: the 32 hexadecimal digits as ASCII bytes, not the 16 bytes they spell.
        channel: the channel, or the account of an RTM token.
        uid: as ``packing.uid_text`` writes it; empty is any user, and what an RTM token has.
        salt: 0 to 4,294,967,295. The caller supplies the entropy, from the operating system.
        ends_ts: when the token ends, Unix seconds, 0 to 4,294,967,295.
        privileges: number to the Unix second at which the privilege ends, 0 for never.

    Raises:
        BadOption: ``app_id`` or ``certificate`` is not 32 hexadecimal digits.
        BadGrant: another value does not fit its field; ``field`` names it.
    """
    message = packing.u32(salt, "salt") + packing.u32(ends_ts, "ends_ts") + packing.pairs(privileges, "privileges")
    content = b"".join(
        (
            packing.raw(_sign(message, certificate, app_id=app_id, channel=channel, uid=uid), "signature"),
            packing.u32(_crc(channel, "channel"), "channel"),
            packing.u32(_crc(uid, "uid"), "uid"),
            packing.raw(message, "privileges"),
        )
    )
    token = PREFIX + app_id + base64.b64encode(content).decode("ascii")
    if len(token) > packing.MAX_TOKEN_CHARS:
        raise BadGrant("privileges", "must fit a token of 16,384 characters")
    return token


def decode(token: str) -> Decoded:
    """Read a token without a secret. Reading proves nothing; see ``verify``.

    Raises:
        TokenMalformed: not a text of this format, longer than the limit, or with anything left over.
    """
    app_id, content = _split(token)
    signature, channel_crc, uid_crc, message = content.signature(), content.u32(), content.u32(), content.raw()
    content.end()
    reader = packing.Reader(message)
    salt, ends_ts, privileges = reader.u32(), reader.u32(), reader.pairs()
    reader.end()
    return Decoded(
        app_id=app_id,
        salt=salt,
        ends_ts=ends_ts,
        privileges=privileges,
        channel_crc=channel_crc,
        uid_crc=uid_crc,
        message=message,
        signature=signature,
    )


def verify(token: str | Decoded, certificate: bytes, *, channel: str, uid: str) -> bool:
    """Whether this certificate signed the token for this channel and uid text. Constant time over the signature.

    Looks at no clock. Because of the splicing weakness (see above) a good signature alone would not say which channel
    and uid it was made for, so the checksums must agree as well; they can be forged between splits all the same.

    Raises:
        TokenMalformed: the text is not a token of this format.
        BadOption: ``certificate`` is not 32 hexadecimal digits.
        BadGrant: ``channel`` or ``uid`` is not a text.
    """
    decoded = token if isinstance(token, Decoded) else decode(token)
    expected = _sign(decoded.message, certificate, app_id=decoded.app_id, channel=channel, uid=uid)
    return hmac.compare_digest(expected, decoded.signature) and decoded.names(channel=channel, uid=uid)


def _sign(message: bytes, certificate: bytes, *, app_id: str, channel: str, uid: str) -> bytes:
    signed = packing.app_id_bytes(app_id) + packing.utf8(channel, "channel") + packing.utf8(uid, "uid") + message
    return hmac.digest(packing.check_certificate(certificate), signed, hashlib.sha256)


def _crc(value: str, field_name: str) -> int:
    return zlib.crc32(packing.utf8(value, field_name))


def _split(token: str) -> tuple[str, packing.Reader]:
    rest = packing.after_prefix(token, PREFIX)
    app_id, content = rest[: packing.ID_CHARS], rest[packing.ID_CHARS :]
    return packing.read_app_id(app_id), packing.Reader(packing.from_base64(content))
