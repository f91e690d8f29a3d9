from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_issuer.errors import TokenMalformed
from token_issuer.formats import base64url


@given(st.binary(max_size=100))
def test_what_was_encoded_is_decoded(data):
    assert base64url.decode(base64url.encode(data)) == data


@given(st.binary(max_size=100))
def test_the_library_spells_the_same(data):
    assert base64url.encode(data) == base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize("text", ["A", "AAAAA", "AA==", "AAA=", "A A", "AA\n", "+/AA", "ä", "\ud800", "AAAA===="])
def test_what_spells_no_bytes(text):
    with pytest.raises(TokenMalformed, match=r"^The token is not (canonical )?base64url\.$"):
        base64url.decode(text)


@pytest.mark.parametrize("text", ["AB", "AAB", "_x"])
def test_unused_bits_must_be_zero(text):
    with pytest.raises(TokenMalformed, match=r"^The token is not canonical base64url\.$"):
        base64url.decode(text)


@given(st.text(max_size=60))
def test_only_malformed_escapes_and_only_one_spelling_passes(text):
    try:
        data = base64url.decode(text)
    except TokenMalformed:
        return
    assert base64url.encode(data) == text
