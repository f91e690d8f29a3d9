"""The cache can neither hold up a verification nor decide one."""

from __future__ import annotations

import logging

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache

from token_issuer.services.bounded_cache import LONGEST_CALL, PAUSE, BoundedCache, alias

LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


class Cache:
    """A cache, its clock moved by hand, and how often it was asked."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.takes = 0.0
        self.asked = 0
        self.error: Exception | None = None
        self.bounded = BoundedCache(self.connect, clock=lambda: self.now)

    def connect(self) -> LocMemCache:
        self.asked += 1
        self.now += self.takes
        if self.error:
            raise self.error
        return LocMemCache("tests", {})

    def ask(self) -> object:
        return self.bounded.ask(lambda cache: cache.get("a", "nothing"))


@pytest.fixture
def cache():
    return Cache()


def test_what_it_says_is_answered(cache):
    assert cache.ask() == "nothing"


@pytest.mark.parametrize("error", [ConnectionError("down"), TimeoutError(), ValueError("a pickle"), KeyError("x")])
def test_an_error_means_ask_the_database(cache, error):
    cache.error = error
    assert cache.ask() is None


def test_after_an_error_it_is_left_alone_for_a_while(cache):
    cache.error = ConnectionError()
    cache.ask()
    cache.error = None
    assert (cache.ask(), cache.asked) == (None, 1)
    cache.now += PAUSE
    assert (cache.ask(), cache.asked) == ("nothing", 2)


def test_a_slow_answer_is_used_and_is_the_last_for_a_while(cache):
    cache.ask()
    cache.takes = LONGEST_CALL + 0.01
    assert cache.ask() == "nothing"
    assert (cache.ask(), cache.asked) == (None, 2)


def test_the_first_call_may_be_slow(cache):
    """It imports the backend's client and connects."""
    cache.takes = LONGEST_CALL + 0.01
    cache.ask()
    cache.takes = 0.0
    assert cache.ask() == "nothing"


def test_a_quick_answer_is_followed_by_others(cache):
    cache.takes = LONGEST_CALL - 0.01
    assert (cache.ask(), cache.ask(), cache.asked) == ("nothing", "nothing", 2)


def test_leaving_it_alone_is_said_once(cache, caplog):
    cache.error = ConnectionError("redis://:secret@cache")
    cache.ask()
    cache.ask()
    (record,) = caplog.records
    assert (record.levelno, record.event, record.reason) == (logging.WARNING, "cache_left_alone", "ConnectionError")
    assert "secret" not in record.getMessage()


def test_it_can_be_trusted_again(cache):
    cache.error = ConnectionError()
    cache.ask()
    cache.error = None
    cache.bounded.trust_again()
    assert cache.ask() == "nothing"


def test_the_cache_of_our_name_comes_before_the_default(settings):
    settings.CACHES = {"default": {"BACKEND": LOCMEM}}
    assert alias() == "default"
    settings.CACHES = {**settings.CACHES, "token_issuer": {"BACKEND": LOCMEM}}
    assert alias() == "token_issuer"
    assert caches[alias()] is not caches["default"]
