"""Whose text is this, by its look alone?"""

from __future__ import annotations

import pytest

from token_issuer.crypto import opaque
from token_issuer.services.recognising import LONGEST_TOKEN, recognise
from token_issuer.services.verified import Kind


def test_a_short_token_is_ours():
    assert recognise(opaque.new(opaque.SHORT_TOKEN).reveal()) is Kind.ONE_TIME


def test_a_broken_short_token_is_ours_too():
    assert recognise("tio_broken") is Kind.ONE_TIME


def test_an_api_key_and_its_secret_are_ours():
    assert recognise(f"{opaque.new_public_id()}.{opaque.new(opaque.API_KEY_SECRET).reveal()}") is Kind.API_KEY


@pytest.mark.parametrize("text", ["", "x", "tio", "tïo_", "Tio_x", " tio_x", "tio_" + "x" * LONGEST_TOKEN])
def test_anything_else_is_not(text):
    assert recognise(text) is None
