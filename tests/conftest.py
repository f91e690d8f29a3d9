"""What every test may rely on: the engine it runs on, and what is left out on the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.conf import settings
from django.db import connection

from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory
from tests.passes import PassProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

# A busy machine is slow now and then; that is no finding.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.load_profile("default")

ROOT = Path(__file__).resolve().parent.parent
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


@pytest.fixture
def passes(db, settings):
    """An application whose tokens have refresh tokens; everyone signed in may read and write."""
    provider = f"{PassProvider.__module__}.{PassProvider.__qualname__}"
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": [provider]}}
    application = ApplicationFactory(slug="passes", provider="passes", public_id="building-1")
    CertificateFactory(application=application, active=True, secret={"secret": "k" * 32})
    return RuleFactory(application=application, privileges=["read", "write"]).application


@pytest.fixture
def live_process(transactional_db):
    """Start a command in a process of its own, on this test's database."""

    def live_process(*arguments: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.live_settings",
            "LIVE_DATABASE_NAME": str(connection.settings_dict["NAME"]),
        }
        command = [sys.executable, "-W", "error", "manage.py", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe)

    return live_process
