"""What a header says, and what an address must not."""

from __future__ import annotations

import pytest

from token_issuer.crypto import TokenText, opaque
from token_issuer.services import bearer


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER   abc", " Bearer abc "])
def test_the_scheme_is_read_without_case(header):
    assert bearer.presented(header) == TokenText("abc")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer a b", "Basic abc", "abc", "Bearer a, Bearer b"])
def test_anything_else_carries_nothing(header):
    assert bearer.presented(header) is None


def test_each_scheme_is_its_own():
    assert bearer.presented("Api-Key a.b", "api-key") == TokenText("a.b")
    assert bearer.presented("Api-Key a.b") is None
    assert bearer.presented("Bearer a.b", "api-key") is None


@pytest.mark.parametrize("prefix", [opaque.SHORT_TOKEN, opaque.LOGIN_KEY, opaque.API_KEY_SECRET, "tir_", "ak_x.tis_"])
def test_no_secret_of_ours_belongs_into_an_address(prefix):
    assert bearer.in_address(["1", prefix + "x"])


@pytest.mark.parametrize("value", ["", "x", "ak_0000000000000000000000"])
def test_other_parameters_are_the_sites_own(value):
    assert not bearer.in_address([value])


def test_a_challenge_can_be_for_api_keys():
    assert bearer.challenge("invalid_token", scheme="api-key") == 'Api-Key realm="token_issuer", error="invalid_token"'
