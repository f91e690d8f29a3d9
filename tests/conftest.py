"""What every test may rely on: the engine it runs on, and what is left out on the others."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.conf import settings
from django.db import connection

from example_project.standins.vocalstack import VocalStack
from tests import guests
from tests.factories import SPEECH_LIMIT, VOCALSTACK_KEY, ApplicationFactory, CertificateFactory, RuleFactory
from tests.passes import PassProvider
from tests.providers import management_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from token_issuer.models import Application

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


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make alone: ten thousand collected tests are none, and take long to look at."""
    gc.collect()
    gc.freeze()


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
def reception():
    """A vendor whose users have to be made there."""
    return guests.Reception()


@pytest.fixture
def hotel(db, settings, reception) -> Iterator[Application]:
    """An application of that vendor's, which calls it with a key; everyone signed in may enter."""
    provider = f"{guests.__name__}.{guests.GuestProvider.__name__}"
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": [provider]}}
    with guests.open_desk(reception) as desk:
        application = ApplicationFactory(slug="hotel", provider="guests", options={"desk": desk})
        CertificateFactory(application=application, purpose="call", active=True, secret={"key": guests.KEY})
        yield RuleFactory(application=application, privileges=["enter"]).application


@pytest.fixture
def phone(db, reception) -> Iterator[Application]:
    """A Voximplant application that calls the same vendor; everyone signed in may log in."""
    with guests.open_desk(reception, guests.Cloud) as desk:
        application = ApplicationFactory(
            slug="phone", provider="voximplant", public_id=management_key.DOMAIN, options={"api_url": desk}
        )
        CertificateFactory(application=application, purpose="call", active=True, secret=management_key.parts())
        yield RuleFactory(application=application, privileges=["login"]).application


@pytest.fixture
def vocalstack():
    """VocalStack's stand-in, which takes the key of ``speech``."""
    with VocalStack(api_key=VOCALSTACK_KEY) as server:
        yield server


@pytest.fixture
def speech(db, vocalstack):
    """An application whose tokens the vendor makes; everyone signed in may have a few of every kind in an hour."""
    application = ApplicationFactory(slug="speech", provider="vocalstack", options={"api_url": vocalstack.url})
    CertificateFactory(application=application, purpose="call", active=True, secret={"api_key": VOCALSTACK_KEY})
    words = ["readwrite", "reusable"]
    return RuleFactory(application=application, privileges=words, limit=SPEECH_LIMIT, window=3600).application


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
