"""The site's cache, asked so that it can neither hold up a verification nor decide one.

A call cannot be interrupted here: sockets end it (``socket_timeout``, which check E024 wants). What is done here is to
ask no second time soon: after an error or a slow call this process leaves the cache alone for a few seconds, and every
question goes to the database instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from django.conf import settings
from django.core.cache import DEFAULT_CACHE_ALIAS, caches

from token_issuer.services.logged import facts

if TYPE_CHECKING:
    from django.core.cache.backends.base import BaseCache

Result = TypeVar("Result")

OWN_ALIAS: Final = "token_issuer"
LONGEST_CALL: Final = 0.25  # seconds
PAUSE: Final = 5.0  # seconds

logger = logging.getLogger("token_issuer.verify")


def alias() -> str:
    """Which of the site's caches is asked: one that is named after this app, else the default."""
    return OWN_ALIAS if OWN_ALIAS in settings.CACHES else DEFAULT_CACHE_ALIAS


class BoundedCache:
    """One process's way to the cache. ``clock`` is monotonic seconds."""

    def __init__(self, connect: Callable[[], BaseCache], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._left_alone_until = float("-inf")
        self._warm = False

    def ask(self, call: Callable[[BaseCache], Result]) -> Result | None:
        """Return ``call(cache)``; None when the cache is left alone or fails, which means: ask the database."""
        started = self._clock()
        if started < self._left_alone_until:
            return None
        try:
            answer = call(self._connect())
        except Exception as error:
            self._leave_alone(type(error).__name__)
            return None
        # A process's first call also imports the backend's client and connects; a server that hangs raises even then.
        if self._clock() - started > LONGEST_CALL and self._warm:
            self._leave_alone("slow")
        self._warm = True
        return answer

    def trust_again(self) -> None:
        """Ask the next time, whatever happened."""
        self._left_alone_until = float("-inf")

    def _leave_alone(self, reason: str) -> None:
        self._left_alone_until = self._clock() + PAUSE
        logger.warning(
            "the cache is left alone for %s s, and the database asked instead: %s",
            round(PAUSE),
            reason,
            extra=facts("cache_left_alone", reason=reason),
        )


bounded_cache: Final = BoundedCache(lambda: caches[alias()])
