"""Known answers: pure data that others computed.

``load_vectors`` reads the published sets in place, from the folder that ``TOKEN_ISSUER_VECTORS`` names. Where there is
none, the tests of the module that asked are skipped, in words that show in the report; under CI that is an error.
``own_vectors`` reads what this repository ships, computed by the vendors' own packages (see ``tests/peers``).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import pytest

_TESTS: Final = Path(__file__).parent
_DEFAULT: Final = _TESTS.parent.parent / "shared" / "vectors"

# A shorter file would make tests vanish without a word.
_COUNTS: Final[dict[str, dict[str, int]]] = {
    "agora.json": {"vectors": 43, "negative": 10},
    "videosdk.json": {"vectors": 11, "policy": 14},
    "jws.json": {"jws": 150},
    "voximplant.json": {"vectors": 9, "username_cases": 5, "auth_result_codes": 12, "token_refresh_codes": 4},
    "vocalstack.json": {"vectors": 15},
}


def folder() -> Path:
    """Where the published sets are."""
    return Path(os.environ.get("TOKEN_ISSUER_VECTORS") or _DEFAULT)


def load_vectors(name: str) -> dict[str, Any]:
    """Read a published set; skip the asking module when it is absent, fail when CI is set."""
    path = folder() / name
    if not path.is_file():
        message = f"No vectors at {path}; set TOKEN_ISSUER_VECTORS to the folder that has {name}."
        if os.environ.get("CI"):
            raise FileNotFoundError(message)
        pytest.skip(message, allow_module_level=True)
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    counts = {part: len(found[part]) for part in _COUNTS.get(name, {})}
    assert counts == _COUNTS.get(name, {}), f"{name} is not the set these tests were written for: {counts}"
    return found


def own_vectors(name: str) -> dict[str, Any]:
    """Read a set that this repository ships."""
    found: dict[str, Any] = json.loads((_TESTS / "vectors" / name).read_text(encoding="utf-8"))
    return found


def by_id(vectors: list[dict[str, Any]]) -> list[Any]:
    """Turn vectors into parameters that carry their own names."""
    return [pytest.param(vector, id=vector["id"]) for vector in vectors]
