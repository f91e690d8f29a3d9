"""The papers know every command and every verdict."""

from __future__ import annotations

from django.core.management import get_commands

from tests.papers import read, rows
from token_issuer.services.telling import VERDICTS

CELLS = rows(read("docs/troubleshooting.md"))


def test_every_command_is_told():
    told = {cells[0] for cells in CELLS if cells[0].startswith("token_issuer_")}
    assert told == {name for name, app in get_commands().items() if app == "token_issuer"}


def test_every_verdict_is_told():
    told = {word.strip("` ") for cells in CELLS for word in cells[0].split(",")}
    assert set(VERDICTS) <= told
