from __future__ import annotations

import os

import pytest

from tests.peers.node import missing


@pytest.fixture(scope="session", autouse=True)
def packages() -> None:
    """Every test here needs Node.js and the packages."""
    what = missing()
    if what and os.environ.get("CI"):
        pytest.fail(what)
    if what:
        pytest.skip(what)
