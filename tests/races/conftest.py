"""Real concurrency: threads with a barrier and a connection each, on a database that commits."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connections


@pytest.fixture
def at_once():
    def at_once(number: int, work: Callable[[int], object]) -> list[object]:
        """Run ``work(0..number-1)`` at the same moment; return what each returned or raised."""
        results: list[object] = [None] * number
        barrier = threading.Barrier(number)

        def run(index: int) -> None:
            try:
                connections["default"].ensure_connection()
                barrier.wait(timeout=30)
                results[index] = work(index)
            except Exception as error:
                results[index] = error
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run, args=(index,)) for index in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        return results

    return at_once
