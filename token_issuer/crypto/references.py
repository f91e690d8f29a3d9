"""Secrets that stay where the site keeps them: ``env:NAME``, ``file:/absolute/path``, either with ``#member``.

A secret of one part is the text itself. A secret of several parts is a JSON object with exactly those parts, all
texts. ``#member`` picks a member of a JSON object first, so that one file can hold many secrets:
``file:/run/secrets/vendors.json#rooms``. One trailing newline is taken off, as editors and ``echo`` add it.

Errors name the reference and never what stands behind it; the frames that raise hold no content either.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured

from token_issuer.crypto.encoding import read_object, read_parts, texts_of
from token_issuer.crypto.secret import Secret, TokenText

MAXIMUM_BYTES = 65_536


class ReferenceBroken(ImproperlyConfigured):
    """A reference is not written as one, or what it names is not there or is no such secret."""


class _Target(NamedTuple):
    kind: str
    name: str
    member: str


def check(reference: str) -> None:
    """Raise ReferenceBroken unless the text is written as a reference. Looks at nothing outside it."""
    _target(reference)


def resolve(reference: str, parts: Sequence[str]) -> Secret:
    """Return the secret behind a reference.

    Args:
        reference: ``env:NAME[#member]`` or ``file:/absolute/path[#member]``; files up to 64 KiB.
        parts: the names the secret must have, one or several.

    Raises:
        ReferenceBroken: with the reference in its message.
    """
    target = _target(reference)
    text = _read_env(target.name) if target.kind == "env" else _read_file(target.name)
    if isinstance(text, str):
        msg = f"The secret {reference!r} {text}."
        raise ReferenceBroken(msg)
    chosen = _member(text, target.member) if target.member else text
    if chosen is None:
        msg = f"The secret {reference!r} is not a JSON object with the member {target.member!r}."
        raise ReferenceBroken(msg)
    secret = _secret(chosen, parts)
    if secret is None:
        msg = f"The secret {reference!r} must be {_expected(parts)}."
        raise ReferenceBroken(msg)
    return secret


def _target(reference: str) -> _Target:
    kind, colon, rest = reference.partition(":")
    name, mark, member = rest.partition("#")
    fits = (kind == "env" and name.isidentifier()) or (kind == "file" and Path(name).is_absolute())
    if not colon or not fits or "\0" in rest or (mark and not member):
        # Whoever pastes the secret itself into this field must not find it in a log: it is not quoted.
        msg = 'A reference is written "env:NAME" or "file:/absolute/path", with "#member" if need be.'
        raise ReferenceBroken(msg)
    return _Target(kind, name, member)


def _read_env(name: str) -> TokenText | str:
    """Return the value, or what is wrong as the end of a sentence."""
    value = os.environ.get(name)
    if value is None:
        return "is not set in the environment of this process"
    return _trimmed(os.fsencode(value))


def _read_file(name: str) -> TokenText | str:
    path = Path(name)
    try:
        if not path.is_file():  # a FIFO or device would block or never end
            return "is not a file"
        with path.open("rb") as stream:
            return _trimmed(stream.read(MAXIMUM_BYTES + 1))
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _trimmed(data: bytes) -> TokenText | str:
    if len(data) > MAXIMUM_BYTES:
        return f"is longer than {MAXIMUM_BYTES} bytes"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "is not text in UTF-8"
    text = text.removesuffix("\n").removesuffix("\r")
    return TokenText(text) if text else "is empty"


def _member(text: TokenText, member: str) -> TokenText | Secret | None:
    """Return a member that is a text or an object of texts; empty ones are none."""
    found = (read_object(text.reveal()) or {}).get(member)
    if isinstance(found, str) and found:
        return TokenText(found)
    parts = texts_of(found)
    return Secret(**parts) if parts else None


def _secret(found: TokenText | Secret, parts: Sequence[str]) -> Secret | None:
    if isinstance(found, TokenText) and len(parts) == 1:
        return Secret(**{parts[0]: found.reveal()})
    texts = found.parts if isinstance(found, Secret) else read_parts(found.reveal())
    return Secret(**texts) if texts and set(texts) == set(parts) and all(texts.values()) else None


def _expected(parts: Sequence[str]) -> str:
    names = ", ".join(parts)
    return f"a text (the {names})" if len(parts) == 1 else f"a JSON object with exactly these texts: {names}"
