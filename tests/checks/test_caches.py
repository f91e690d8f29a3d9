"""A cache that verification asks must be shared, and must not hold it up."""

from __future__ import annotations

import pytest

REDIS = "django.core.cache.backends.redis.RedisCache"
DJANGO_REDIS = "django_redis.cache.RedisCache"
SHORT = {"socket_timeout": 0.25, "socket_connect_timeout": 0.1}
ADDRESS = "redis://127.0.0.1:6379/0"
HANGS = [
    f"A Redis that hangs would hold up every verification: CACHES['default'] needs {name} ≤ 0.25."
    for name in ("socket_timeout", "socket_connect_timeout")
]


@pytest.fixture
def of_cache(settings, found):
    def of_cache(backend: str = REDIS, *, mode: str = "cache", alias: str = "default", **config: object):
        others = {} if alias == "default" else {"default": {"BACKEND": REDIS}}
        settings.CACHES = {**others, alias: {"BACKEND": backend, **config}}
        return found(REVOCATION_CHECK=mode)

    return of_cache


@pytest.mark.parametrize(
    "config",
    [
        {"LOCATION": ADDRESS, "OPTIONS": SHORT},
        {"LOCATION": f"{ADDRESS}?socket_timeout=0.2&socket_connect_timeout=0.25"},
        {"LOCATION": [f"{ADDRESS}?socket_timeout=0.2&socket_connect_timeout=0.25"] * 2},
        {"BACKEND": DJANGO_REDIS, "OPTIONS": {name.upper(): value for name, value in SHORT.items()}},
        {"BACKEND": DJANGO_REDIS, "OPTIONS": {"CONNECTION_POOL_KWARGS": SHORT}},
    ],
)
def test_a_bounded_redis_gives_no_message(of_cache, config):
    assert of_cache(config.pop("BACKEND", REDIS), **config) == {}


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"LOCATION": ADDRESS, "OPTIONS": dict.fromkeys(SHORT, 0.26)},
        {"LOCATION": ADDRESS, "OPTIONS": dict.fromkeys(SHORT, 0)},
        {"LOCATION": ADDRESS, "OPTIONS": dict.fromkeys(SHORT)},
        {"LOCATION": ADDRESS, "OPTIONS": dict.fromkeys(SHORT, "soon")},
        {"LOCATION": [f"{ADDRESS}?socket_timeout=0.2&socket_connect_timeout=0.25", ADDRESS]},
    ],
)
def test_a_redis_that_may_hang_is_an_error(of_cache, config):
    assert of_cache(**config) == {"E024": HANGS}


def test_nobody_minds_it_where_the_database_is_asked(of_cache):
    assert of_cache(mode="database") == {}


def test_the_cache_of_our_name_counts_alone(of_cache):
    assert of_cache(alias="token_issuer", OPTIONS=SHORT) == {}


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache", "db.DatabaseCache"])
def test_a_cache_of_ones_own_is_a_warning(of_cache, backend):
    (message,) = of_cache(f"django.core.cache.backends.{backend}")["W006"]
    assert message.startswith('TOKEN_ISSUER["REVOCATION_CHECK"] is "cache", but CACHES[\'default\'] is no use for that')


def test_memory_is_reserved(found):
    (message,) = found(REVOCATION_CHECK="memory")["E014"]
    assert message.endswith("must be one of: database, cache. (memory is reserved for a later version.)")
