"""Settings in which nothing is wrong, to be made wrong in one place."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from token_issuer.checks import CHECKS, databases

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django import Settings

KEY = "k1:" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def found(settings: Settings) -> Callable[..., dict[str, list[str]]]:
    """Return a function: settings in, messages out, by number without its prefix."""

    def find(**values: object) -> dict[str, list[str]]:
        settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": [KEY], **values}
        return messages()

    return find


# What they say depends on the engine of the run; they have tests of their own.
OF_DATABASES = {databases.check_connections_last, databases.check_sqlite_writers_wait}


def messages() -> dict[str, list[str]]:
    """Run every check of a setting, those of a deployment too."""
    found: dict[str, list[str]] = {}
    for check in [check for check in CHECKS if check not in OF_DATABASES]:
        for message in check():
            found.setdefault(str(message.id).removeprefix("token_issuer."), []).append(message.msg)
    return found
