"""Where a pair lives. The store owns the truth, not the process: several processes may hold one credential."""

from __future__ import annotations

import os
import threading
from typing import Protocol

from token_issuer.client.errors import ConfigurationError
from token_issuer.client.hidden import Unpicklable
from token_issuer.client.pairs import Pair


class Store(Protocol):
    """A place for one pair, with compare-and-swap. Both methods may raise ``StoreError`` and are called by one thread
    of a client at a time; with ``AsyncClient`` they are called in a worker thread.

    A store on disk or in a database encrypts what ``Pair.reveal_json`` returns (``Sealer`` does).
    """

    def load(self) -> Pair | None:
        """Return what is stored now, or None."""

    def swap(self, expected_version: str | None, pair: Pair | None, /) -> bool:
        """Store ``pair`` (None: nothing) if the stored version still is the expected one (None: nothing is stored).

        Comparing and storing are one step that no other process can come between. False when somebody was faster.
        """


class MemoryStore(Unpicklable):
    """The store of one process; what it holds ends with it."""

    __slots__ = ("_lock", "_pair", "_process")

    def __init__(self) -> None:
        self._pair: Pair | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def load(self) -> Pair | None:
        """Return what is stored.

        Raises:
            ConfigurationError: this is a forked copy of a process that holds a refresh token. Both would use it, and
                the server takes the later one for a thief.
        """
        if self._pair is not None and self._pair.refresh and self._process != os.getpid():
            msg = "Processes that were forked need a store that they share, such as a FileStore."
            raise ConfigurationError(msg)
        return self._pair

    def swap(self, expected_version: str | None, pair: Pair | None, /) -> bool:
        """Store ``pair`` if nobody stored another one."""
        with self._lock:
            if (self._pair.version if self._pair else None) != expected_version:
                return False
            self._pair = pair
            return True
