"""The cache that verification may ask. Looks at its settings and never connects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from django.conf import settings
from django.core.checks import Error, Warning  # noqa: A004  Django's own names

from token_issuer.checks.numbered import Problems, setting
from token_issuer.conf import conf
from token_issuer.services.bounded_cache import LONGEST_CALL, alias

_TIMEOUTS: Final = ("socket_timeout", "socket_connect_timeout")
_UNSHARED: Final = {
    "locmem.LocMemCache": "every process has one of its own",
    "dummy.DummyCache": "it keeps nothing",
    "db.DatabaseCache": "it asks a database itself",
}


@setting(
    Error,
    "token_issuer.E024",
    hint='OPTIONS = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25} in that entry of CACHES.',
)
def check_redis_cannot_hold_us_up() -> Problems:
    for name, config in _asked():
        if "redis" not in str(config.get("BACKEND", "")).lower():
            continue
        for timeout in _TIMEOUTS:
            if not all(_is_short(value) for value in _values_of(timeout, config)):
                yield f"A Redis that hangs would hold up every verification: CACHES[{name!r}] needs {timeout} ≤ 0.25."


@setting(Warning, "token_issuer.W006", hint="Name a Redis cache `token_issuer` in CACHES, or ask the database.")
def check_the_cache_is_shared() -> Problems:
    for name, config in _asked():
        for backend, why in _UNSHARED.items():
            if str(config.get("BACKEND", "")).endswith(backend):
                yield f'TOKEN_ISSUER["REVOCATION_CHECK"] is "cache", but CACHES[{name!r}] is no use for that: {why}.'


def _asked() -> Iterator[tuple[str, Mapping[str, Any]]]:
    # What is no word of this setting is E014's to say.
    if conf.given.get("REVOCATION_CHECK") == "cache":
        yield alias(), settings.CACHES.get(alias(), {})


def _values_of(name: str, config: Mapping[str, Any]) -> list[object]:
    """Return every value of a time-out: from the options, in either backend's spelling, or from the addresses."""
    options: dict[str, Any] = dict(config.get("OPTIONS") or {})
    options |= options.pop("CONNECTION_POOL_KWARGS", None) or {}
    said = {option.lower(): value for option, value in options.items()}
    if name in said:
        return [said[name]]
    where = config.get("LOCATION", "")
    addresses = where.split(",") if isinstance(where, str) else [str(each) for each in where]
    return [parse_qs(urlsplit(address).query).get(name, [None])[0] for address in addresses]


def _is_short(value: object) -> bool:
    try:
        return 0 < float(str(value)) <= LONGEST_CALL
    except ValueError:
        return False
