"""What every test may rely on: the engine it runs on, and what is left out on the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Sequence

# A busy machine is slow now and then; that is no finding.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.load_profile("default")

_ENGINES = {"sqlite3": "sqlite", "postgresql": "postgresql", "mysql": "mariadb"}


def current_engine() -> str:
    """Return ``sqlite``, ``postgresql`` or ``mariadb``."""
    return _ENGINES[settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]]


def _belongs_here(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("engine")
    return marker is None or current_engine() in marker.args


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked for another engine."""
    elsewhere: Sequence[pytest.Item] = [item for item in items if not _belongs_here(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if _belongs_here(item)]


@pytest.fixture(scope="session")
def engine() -> str:
    """The engine this run is on."""
    return current_engine()
