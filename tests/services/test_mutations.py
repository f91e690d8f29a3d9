"""A token with one bit changed is no token, wherever it is; finding that out of an opaque one costs no statement."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.factories import AT, CertificateFactory, api_key
from tests.statements import counted
from token_issuer.crypto import opaque, signing_keys
from token_issuer.errors import TokenRejected
from token_issuer.services import issuing, rotating, verifying

LATER = AT + timedelta(seconds=5)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ "


def flips(text: str) -> Iterator[str]:
    """Texts that differ in one bit of their ASCII: one for every place, the bits taking turns."""
    for place, letter in enumerate(text):
        yield text[:place] + chr(ord(letter) ^ (1 << place % 7)) + text[place + 1 :]


def edits(text: str, seed: int) -> Iterator[str]:
    """Letters put in, left out, doubled, and pieces swapped."""
    chance = random.Random(seed)
    for _ in range(50):
        place, other = sorted(chance.sample(range(len(text) + 1), 2))
        yield text[:place] + chance.choice(ALPHABET) + text[place:]
        yield text[:place] + text[place + 1 :] if place < len(text) else text[:-1]
        yield text[:place] + text[other:]
        yield text[place:] + text[:place]
    yield from (text + "=", text + ".", "." + text, text + " ", " " + text, text + "\n", text * 2)


def assert_refused(mutants: Iterator[str], original: str) -> None:
    for mutant in mutants:
        if mutant == original:
            continue
        try:
            verifying.verify(mutant, at=LATER)
        except TokenRejected:
            continue
        pytest.fail(f"taken: {mutant!r}")


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "EdDSA", "RS256"])
def test_no_mutant_of_an_access_token_is_taken(own, person, algorithm):
    secret = signing_keys.new_secret(algorithm)
    rotating.activate(person, CertificateFactory(application=own, secret=secret, algorithm=algorithm), at=AT)
    text = issuing.issue(person, "own", body={"scope": "reports:read"}, at=AT).token.reveal()
    verifying.verify(text, at=LATER)
    assert_refused(flips(text), text)
    assert_refused(edits(text, seed=1), text)


@pytest.mark.parametrize("body", [{}, {"one_time": False}])
def test_no_mutant_of_a_short_token_is_taken(once, person, body):
    text = issuing.issue(person, "once", body=body, at=AT).token.reveal()
    verifying.verify(text, at=LATER)
    assert_refused(flips(text), text)
    assert_refused(edits(text, seed=2), text)


def test_a_mutant_of_a_short_token_costs_no_statement(once, person):
    """As long as it is recognised: another prefix may be anybody's token."""
    text = issuing.issue(person, "once", body={}, at=AT).token.reveal()
    prefix = opaque.SHORT_TOKEN
    with counted(0):
        assert_refused((mutant for mutant in flips(text) if mutant.startswith(prefix)), text)


def test_no_mutant_of_an_api_key_is_taken_and_one_of_its_secret_costs_no_statement(own):
    key, secret = api_key(application=own)
    text = f"{key.public_id}.{secret}"
    verifying.verify(text, at=LATER)
    with counted(0):
        assert_refused((f"{key.public_id}.{mutant}" for mutant in flips(secret)), text)
    assert_refused(flips(text), text)
    assert_refused(edits(text, seed=3), text)


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_never_taken_and_raises_nothing_else(own, seed):
    chance = random.Random(seed)
    starts = ["", "tio_", "ak_", "eyJ", "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.", "tir_", "til_", "tis_", "007"]
    for _ in range(100):
        noise = "".join(chr(chance.choice([*range(128), 233, 0xD800, 0x1F600])) for _ in range(chance.randrange(80)))
        text = chance.choice(starts) + "".join(chance.choice(ALPHABET) for _ in range(chance.randrange(120)))
        assert_refused(iter((noise, text, chance.choice(starts) + noise)), "")
