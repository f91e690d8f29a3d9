"""The example project as `make demo` fills it."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from example_project import settings as example


@pytest.fixture
def in_debug(settings):
    """The example project's own settings, on a developer's machine; the key ring stays the tests'."""
    settings.DEBUG = True
    settings.TOKEN_ISSUER = {**example.TOKEN_ISSUER, **settings.TOKEN_ISSUER}


@pytest.fixture
def demo(in_debug, monkeypatch):
    """A site in DEBUG, filled; what the command said."""
    monkeypatch.setenv("DEMO_PASSWORD", "correct horse")
    return fill()


def fill() -> str:
    """Run the command, and return what it says."""
    said = StringIO()
    call_command("demo_data", verbosity=0, stdout=said)
    return said.getvalue()


def person(name: str) -> Any:
    """One of the demo's people."""
    return get_user_model().objects.get(username=name)
