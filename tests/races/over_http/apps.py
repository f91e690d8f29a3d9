"""Requests that dawdle: each waits up to 50 ms after what it read and before what it does about it.

The edge has read its clock before the first query, so the wait comes after that as well.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

_READS = re.compile(r"SELECT .*token_issuer_(tokenfamily|issuedtoken|onetimekey)", re.DOTALL)
_LONGEST = 0.05  # seconds

_chance = random.SystemRandom()


class DawdlingConfig(AppConfig):
    """Makes every connection of the process dawdle."""

    name = "tests.races.over_http"
    label = "races_over_http"

    def ready(self) -> None:
        connection_created.connect(_dawdle, dispatch_uid="tests.races.over_http")


def _dawdle(connection: Any, **kwargs: object) -> None:
    def late(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        # Not in a transaction: SQLite's only writer would make everybody wait in turn.
        if not connection.in_atomic_block and _READS.match(sql):
            time.sleep(_chance.uniform(0, _LONGEST))
        return result

    connection.execute_wrappers.append(late)
