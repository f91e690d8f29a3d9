"""New keys and secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from token_issuer.crypto import generating, keyring

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_new_entry_is_a_ring(use_ring: Callable[..., None]) -> None:
    use_ring(generating.new_ring_entry(["k1", "k3"]).reveal())
    assert list(keyring.ring().keys) == ["k2"]


@pytest.mark.parametrize(("taken", "expected"), [([], "k1:"), (["k1"], "k2:"), (["other"], "k1:")])
def test_a_new_entry_takes_the_next_free_id(taken: list[str], expected: str) -> None:
    assert generating.new_ring_entry(taken).reveal().startswith(expected)


def test_two_new_texts_differ() -> None:
    assert generating.new_secret_text() != generating.new_secret_text()


@pytest.mark.parametrize("byte_count", [16, 32])
def test_a_new_text_has_two_digits_a_byte(byte_count: int) -> None:
    assert len(bytes.fromhex(generating.new_secret_text(byte_count).reveal())) == byte_count


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 random bytes"):
        generating.new_secret_text(15)


def test_a_password_has_one_of_each_kind() -> None:
    for _ in range(200):
        text = generating.new_password().reveal()
        assert (len(text), text.isascii(), text.isalnum()) == (32, True, False)
        assert all(any(test(mark) for mark in text) for test in (str.isupper, str.islower, str.isdigit))


def test_passwords_differ_and_are_mute() -> None:
    texts = {generating.new_password().reveal() for _ in range(50)}
    assert len(texts) == 50
    assert str(generating.new_password()) == "<TokenText>"
