"""Texts that are found by their digest."""

from __future__ import annotations

import re

import pytest

from token_issuer.crypto import TokenText, opaque


@pytest.mark.parametrize("prefix", [opaque.SHORT_TOKEN, opaque.LOGIN_KEY, opaque.API_KEY_SECRET])
def test_a_new_text_passes_under_its_own_prefix_only(prefix: str) -> None:
    text = opaque.new(prefix)
    assert [known for known in ("tio_", "til_", "tis_") if opaque.passes(known, text)] == [prefix]


def test_a_text_passes_wrapped_or_plain() -> None:
    text = opaque.new("tio_")
    assert (opaque.passes("tio_", text), opaque.passes("tio_", text.reveal())) == (True, True)


@pytest.mark.parametrize("text", ["", "tio_", TokenText("tio_"), TokenText("\ud800")])
def test_garbage_does_not_pass(text: str | TokenText) -> None:
    assert not opaque.passes("tio_", text)


def test_two_new_texts_differ() -> None:
    assert opaque.new("tio_") != opaque.new("tio_")


def test_a_new_text_does_not_show() -> None:
    text = opaque.new("tio_")
    assert text.reveal() not in f"{text} {text!r}"


def test_a_public_id_is_22_digits_and_new_each_time() -> None:
    found = {opaque.new_public_id() for _ in range(50)}
    assert len(found) == 50
    assert all(re.fullmatch(r"ak_[0-9A-Za-z]{22}", one) for one in found)


def test_a_public_id_is_known_by_its_shape() -> None:
    assert opaque.is_public_id(opaque.new_public_id())
    assert not any(map(opaque.is_public_id, ["", "ak_", "ak_" + "a" * 21, "ak_" + "a" * 23, "ak_" + "ä" * 22, "\0"]))
