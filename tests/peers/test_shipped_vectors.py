from __future__ import annotations

from typing import Any

import pytest

from tests.peers.shipped_vectors import TARGET, made
from tests.vectors import own_vectors

pytestmark = pytest.mark.peers


def without_compression(files: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Leave out texts whose payload is there too: their compressed bytes are those of one build of Node.js."""
    for content in files.values():
        for vector in content["vectors"]:
            if "payload" in vector:
                del vector["token"]
    return files


def test_shipped_vectors_are_what_the_packages_answer():
    """Run ``python -m tests.peers.shipped_vectors`` after a change of either."""
    found = {path.name: own_vectors(path.name) for path in TARGET.glob("*.json")}
    assert without_compression(found) == without_compression(made())
