from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture(scope="session", autouse=True)
def node() -> str:
    """Node.js, which every test here needs."""
    found = shutil.which("node")
    what = "Node.js is missing; on Debian, as root: apt-get install nodejs"
    if found is None and os.environ.get("CI"):
        pytest.fail(what)
    if found is None:
        pytest.skip(what)
    return found
