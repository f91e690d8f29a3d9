"""After a failure the server is left alone for a while, longer each time, and longer still when it says so."""

from __future__ import annotations

from token_issuer.client.clock import Clock
from token_issuer.client.errors import ClientError, RateLimited, ServerUnavailable

# Well within the server's grace, since the answer that was lost may have held the successor.
_FIRST = 1.0
_LONGEST = 60.0
_DOUBLINGS = 6


class Cooldown:
    """How long until the server may be asked again, and what to tell everybody who asks earlier."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.clear()

    def clear(self) -> None:
        """Forget all failures: something has worked."""
        self._failures = 0
        self._until = 0.0
        self._error: ClientError | None = None

    def start(self, error: ClientError) -> ClientError:
        """Begin to wait, and return the error with its ``retry_after``.

        A refusal that waiting does not cure waits longest: the program may ask again and again.
        """
        passing = isinstance(error, ServerUnavailable | RateLimited)
        backoff = min(_FIRST * 2 ** min(self._failures, _DOUBLINGS), _LONGEST) if passing else _LONGEST
        spread = backoff * (0.75 + self._clock.chance() / 2)
        wait = max(spread, (error.retry_after or 0.0) * (1 + self._clock.chance() / 10))
        self._failures += 1
        self._until = self._clock.monotonic() + wait
        self._error = error.again(wait)
        return self._error.again(wait)

    def error(self) -> ClientError | None:
        """Return what to tell somebody who asks now; None when the server may be asked."""
        left = self._until - self._clock.monotonic()
        return self._error.again(left) if self._error is not None and left > 0 else None
