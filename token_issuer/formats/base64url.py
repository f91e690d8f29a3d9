"""Base64 with the URL alphabet and without padding, in its one canonical spelling.

Source: RFC 4648 section 5, RFC 7515 section 2 and appendix C.

Unused bits that are set, ``=``, blanks and foreign characters would let one content be written in several ways.
"""

from __future__ import annotations

import base64

from token_issuer.errors import TokenMalformed


def encode(data: bytes) -> str:
    """Return the text of ``data``."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes that ``text`` spells.

    Raises:
        TokenMalformed: it spells none, or is not the text that ``encode`` gives for them.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:  # binascii.Error is one; so is a letter beyond ASCII
        raise TokenMalformed("The token is not base64url.") from None
    if encode(data) != text:  # the library skips what is not of the alphabet
        message = "The token is not canonical base64url."
        raise TokenMalformed(message)
    return data
