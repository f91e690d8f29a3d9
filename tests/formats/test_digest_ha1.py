"""The HA1 of HTTP Digest and the answer to a login key, beside passlib's htdigest and everybody's known answers."""

from __future__ import annotations

import hashlib
import warnings
from random import Random

import pytest

from tests.vectors import by_id, load_vectors
from token_issuer.errors import BadGrant, BadOption
from token_issuer.formats import digest_ha1

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports the standard library's crypt
    from passlib.hash import htdigest

ONE_TIME = [vector for vector in load_vectors("voximplant.json")["vectors"] if vector["kind"] == "one_time_key_hash"]
REALM = "voximplant.com"
# Separators of the format, both cases, UTF-8 of two, three and four bytes, a combining accent and its composed twin.
LETTERS = "aAbBzZ09:|@%\\\"' -_.äÄßé́яЯ漢😀"
OTHER_HA1 = "0" * 32


def test_there_are_six_known_answers():
    assert len(ONE_TIME) == 6


@pytest.mark.parametrize("vector", by_id(ONE_TIME))
def test_ha1_is_the_vectors(vector):
    expected = vector["expected"]
    found = digest_ha1.ha1(user=expected["hash_user"], realm=REALM, password=vector["input"]["password"])
    assert found == expected["ha1"]


@pytest.mark.parametrize("vector", by_id(ONE_TIME))
def test_the_answer_is_the_vectors(vector):
    expected = vector["expected"]
    assert digest_ha1.answer(key=vector["input"]["login_key"], ha1=expected["ha1"]) == expected["hash"]


@pytest.mark.parametrize("vector", by_id([one for one in ONE_TIME if "@" in one["input"]["username"]]))
def test_the_full_name_gives_the_wrong_answer_that_the_vectors_warn_of(vector):
    given, expected = vector["input"], vector["expected"]
    wrong = digest_ha1.ha1(user=given["username"], realm=REALM, password=given["password"])
    assert digest_ha1.answer(key=given["login_key"], ha1=wrong) == expected["wrong_hash_if_full_name_used"]


def account(number: int) -> tuple[str, str]:
    rng = Random(f"account {number}")
    return text(rng, 40), text(rng, 60)


def text(rng: Random, longest: int) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randint(1, longest)))


def test_ha1_is_htdigests_for_500_accounts():
    accounts = [account(number) for number in range(500)]
    theirs = [htdigest.hash(password, user, REALM, encoding="utf-8") for user, password in accounts]
    assert [digest_ha1.ha1(user=user, realm=REALM, password=password) for user, password in accounts] == theirs


def test_the_accounts_have_separators_utf8_and_both_cases():
    users, passwords = zip(*map(account, range(500)), strict=True)
    assert set(LETTERS) == set("".join(users)) == set("".join(passwords))


def test_case_and_form_of_unicode_count():
    spellings = ["secret", "Secret", "SECRET", "\u00e9", "e\u0301"]
    assert len({digest_ha1.ha1(user="u", realm=REALM, password=text) for text in spellings}) == len(spellings)


def test_md5_is_asked_for_as_no_security(monkeypatch):
    """A build for FIPS 140 gives it for that purpose only."""
    whole = hashlib.md5

    def fips(data: bytes = b"", *, usedforsecurity: bool = True):
        if usedforsecurity:
            raise ValueError("disabled for FIPS")
        return whole(data, usedforsecurity=False)

    monkeypatch.setattr(hashlib, "md5", fips)
    assert digest_ha1.answer(key="k", ha1=OTHER_HA1)


@pytest.mark.parametrize("field", ["user", "realm", "password"])
@pytest.mark.parametrize("text", ["", "\ud800"])
def test_a_part_that_is_no_text_is_named_and_not_quoted(field, text):
    with pytest.raises(BadOption, match="must be a text that is not empty") as caught:
        digest_ha1.ha1(**{"user": "u", "realm": "r", "password": "p", field: text})
    assert caught.value.field == field


@pytest.mark.parametrize("key", ["", "\ud800"])
def test_a_key_that_is_no_text_is_refused(key):
    with pytest.raises(BadGrant, match="must be a text that is not empty"):
        digest_ha1.answer(key=key, ha1=OTHER_HA1)


@pytest.mark.parametrize("ha1", ["", "0" * 31, "0" * 33, "A" * 32, "g" * 32, "0" * 32 + "\n", "\u0660" * 32])
def test_what_is_no_ha1_is_refused_and_not_quoted(ha1):
    with pytest.raises(BadOption, match="must be 32 lower-case hex digits") as caught:
        digest_ha1.answer(key="k", ha1=ha1)
    assert not ha1 or ha1 not in str(caught.value)
