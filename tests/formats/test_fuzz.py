"""Mutated tokens: only TokenMalformed ever escapes a decoder, and nothing that was changed is accepted.

``TOKEN_ISSUER_FUZZ`` is how many mutations each decoder is fed (20,000), ``TOKEN_ISSUER_FUZZ_SEED`` where they begin.
"""

from __future__ import annotations

import base64
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.formats.signing import HMAC_KEY, KEYS
from token_issuer.errors import TokenMalformed
from token_issuer.formats import agora006, agora007, jws, jwt_hs256, opaque, refresh_text

COUNT = int(os.environ.get("TOKEN_ISSUER_FUZZ", "20000"))
SEED = int(os.environ.get("TOKEN_ISSUER_FUZZ_SEED", "1"))
CERTIFICATE = b"5CFd2fd1755d40ecb72977518be15d3b"
APP_ID = "970CA35de60c44645bbae8a215061b33"
LETTERS = "ABCxyz019-_.=+/ \n\0é\uff0e\ud800{}\"'"

CLAIMS = {"iss": "https://issuer.example", "sub": "user-1", "exp": 1_790_000_600, "scope": "a b"}


def changed_character(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    return text[:at] + dice.choice(LETTERS) + text[at + 1 :]


def inserted(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text) + 1)
    return text[:at] + dice.choice(LETTERS) * dice.randint(1, 3) + text[at:]


def cut_out(text: str, dice: random.Random) -> str:
    at = dice.randrange(len(text))
    return text[:at] + text[at + dice.randint(1, 12) :]


def doubled(text: str, dice: random.Random) -> str:
    at, end = sorted(dice.randrange(len(text) + 1) for _ in range(2))
    return text[:end] + text[at:end] + text[end:]


def swapped(text: str, dice: random.Random) -> str:
    pieces = text.split(".")
    dice.shuffle(pieces)
    return ".".join(pieces)


def flipped_bit(text: str, dice: random.Random) -> str:
    """Flip a bit under the Base64 of one part, so that the alphabet and the spelling stay good."""
    pieces = text.split(".")
    which = dice.randrange(len(pieces))
    prefix = 4 if pieces[which].startswith("tir_") else 0
    data = bytearray(base64.urlsafe_b64decode(pieces[which][prefix:] + "=="))
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    pieces[which] = pieces[which][:prefix] + base64.urlsafe_b64encode(data).decode().rstrip("=")
    return ".".join(pieces)


ANYWHERE = (changed_character, inserted, cut_out, doubled, swapped)


def mutations(text: str, dice: random.Random, *, in_base64url: bool) -> str:
    found = text
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if in_base64url and found == text and dice.random() < 0.3:
            found = flipped_bit(found, dice)
        elif found:
            found = dice.choice(ANYWHERE)(found, dice)
    return found


def good_jws(algorithm: str) -> str:
    return jws.encode(CLAIMS, key=KEYS[algorithm], typ="at+jwt")


def verifier(algorithm: str) -> Callable[[str], bool]:
    return lambda token: jws.verify(token, algorithm=algorithm, key=KEYS[algorithm].public)


AGORA007 = agora007.encode(
    app_id=APP_ID,
    certificate=CERTIFICATE,
    issued_ts=1_790_000_000,
    lifetime=600,
    salt=7,
    services=[agora007.Rtc(privileges={1: 600}, channel="room", uid="16")],
)
AGORA006 = agora006.encode(
    app_id=APP_ID, certificate=CERTIFICATE, channel="room", uid="16", salt=7, ends_ts=1_790_000_600, privileges={1: 0}
)


def agora007_takes(token: str) -> bool:
    # Some bits of deflated data mean nothing; what the token says must then still be the same.
    return agora007.verify(token, CERTIFICATE) and agora007.decode(token).payload != agora007.decode(AGORA007).payload


DECODERS: dict[str, tuple[str, Callable[[str], bool], bool]] = {
    **{f"jws-{name}": (good_jws(name), verifier(name), True) for name in KEYS},
    "jwt_hs256": (
        jwt_hs256.encode(CLAIMS, key=HMAC_KEY.hex()),
        lambda token: jwt_hs256.verify(token, key=HMAC_KEY.hex()),
        True,
    ),
    "opaque": (opaque.encode("tio_", HMAC_KEY), lambda text: opaque.passes("tio_", text), False),
    "refresh_text": (
        refresh_text.encode(family=bytes(16), generation=3, key_id="k1", mac=HMAC_KEY),
        # Reading proves nothing; what is read must be spelled as we spell it.
        lambda text: refresh_text.encode(**_fields(refresh_text.read(text))) != text,
        True,
    ),
    "agora006": (AGORA006, lambda token: agora006.verify(token, CERTIFICATE, channel="room", uid="16"), False),
    "agora007": (AGORA007, agora007_takes, False),
}


def _fields(found: refresh_text.RefreshText) -> dict[str, Any]:
    return {name: getattr(found, name) for name in ("family", "generation", "key_id", "mac")}


@pytest.mark.parametrize("name", DECODERS)
def test_mutated_tokens_are_refused_and_nothing_else_escapes(name):
    text, takes, in_base64url = DECODERS[name]
    dice = random.Random(f"{SEED} {name}")
    accepted = []
    for _ in range(COUNT):
        altered = mutations(text, dice, in_base64url=in_base64url)
        try:
            accepted += [altered] if altered != text and takes(altered) else []
        except TokenMalformed:
            continue
    assert accepted == []
