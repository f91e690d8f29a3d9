"""The catalogue of Voximplant's result codes, and what a client does about each."""

from __future__ import annotations

from typing import get_args

from tests.papers import read, rows
from tests.vectors import load_vectors
from token_issuer.providers.base import Retry
from token_issuer.providers.voximplant.facts import VENDOR

VECTORS = load_vectors("voximplant.json")
LOGIN, REFRESH = "AuthResult", "RefreshTokenResult"
TOLD = {tuple(error.code.split(": ")): error for error in VENDOR.errors}


def test_every_code_is_told_and_no_other():
    known = [(LOGIN, code) for code in VECTORS["auth_result_codes"]]
    known += [(REFRESH, code) for code in VECTORS["token_refresh_codes"]]
    assert sorted(TOLD) == sorted(known)
    assert len(VENDOR.errors) == len(known) == 16


def retries(result: str) -> dict[str, set[str]]:
    """The codes by what a client does about them."""
    found: dict[str, set[str]] = {}
    for (name, code), error in TOLD.items():
        if name == result:
            found.setdefault(error.retry, set()).add(code)
    return found


def test_what_a_client_does_when_a_login_fails():
    assert retries(LOGIN) == {
        "refresh": {"701"},
        "start_over": {"401"},  # another device's key ended this one's
        "stop": {"402", "403", "404"},
        "back_off": {"408", "409", "500", "503"},
        "": {"301", "302", "491"},  # no failures
    }


def test_what_a_client_does_when_refreshing_fails():
    assert retries(REFRESH) == {"start_over": {"401", "701"}, "stop": {"404"}, "back_off": {"500"}}


def test_a_retry_is_a_known_word():
    assert {error.retry for error in VENDOR.errors} <= set(get_args(Retry))


def test_everything_has_a_meaning_and_a_cure():
    assert all(error.meaning and error.cure.endswith(".") for error in VENDOR.errors)


def test_the_page_says_the_same():
    table = [cells for cells in rows(read("docs/voximplant.md")) if cells[0].startswith((LOGIN, REFRESH))]
    told = {(name, code): word for name, code, word in ((*cells[0].split("` "), cells[2]) for cells in table)}
    assert told == {key: error.retry for key, error in TOLD.items()}
