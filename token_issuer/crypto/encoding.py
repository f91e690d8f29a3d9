"""The few encodings that ``crypto`` stores and compares by; none of them raises with its input in sight."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping


def to_bytes(text: str) -> bytes:
    """Return UTF-8; lone surrogates, which a hostile request can hold, are encoded too instead of raising."""
    return text.encode("utf-8", "surrogatepass")


def canonical_json(parts: Mapping[str, str]) -> bytes:
    """Return the one JSON text of a mapping of texts: names sorted, no blanks, ASCII."""
    return json.dumps(dict(parts), sort_keys=True, separators=(",", ":")).encode("ascii")


def read_parts(text: str | bytes) -> dict[str, str] | None:
    """Return the JSON object of texts that ``text`` holds, or None when it holds anything else."""
    return texts_of(read_object(text))


def texts_of(found: object) -> dict[str, str] | None:
    """Return ``found`` when it is a mapping of texts to texts, else None."""
    if not isinstance(found, dict) or not all(isinstance(text, str) for pair in found.items() for text in pair):
        return None
    return found


def read_object(text: str | bytes) -> dict[str, object] | None:
    """Return the JSON object that ``text`` holds, or None: the parser's own error would quote the text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def base64url(data: bytes) -> str:
    """Return RFC 4648 section 5 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes | None:
    """Return the bytes of an unpadded base64url text, or None unless it is the one canonical spelling."""
    data = from_any_base64(text)
    return data if data is not None and base64url(data) == text else None


def from_any_base64(text: str) -> bytes | None:
    """Return the bytes of base64 in either alphabet, padded or not, or None."""
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:  # binascii.Error is one
        return None
