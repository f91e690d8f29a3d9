"""What every command does alike when there is nothing to work with."""

from __future__ import annotations

import re

import pytest
from django.db import connection

from tests.factories import AGORA_APP_ID
from token_issuer.models import Application

COMMANDS = [
    ["token_issuer_add", "agora", "calls", "--public-id", AGORA_APP_ID, "--reference", "env:CALLS"],
    ["token_issuer_mint", "calls", "--user", "ada"],
    ["token_issuer_rotate", "calls"],
]


@pytest.fixture
def unmigrated(transactional_db):
    """The database of somebody who has not migrated; SQLite and the others call it by different errors."""
    with connection.schema_editor() as editor:
        editor.alter_db_table(Application, "token_issuer_application", "elsewhere")
    yield
    with connection.schema_editor() as editor:
        editor.alter_db_table(Application, "elsewhere", "token_issuer_application")


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_a_database_without_tables_is_one_line(run, unmigrated, arguments):
    done = run(*arguments)
    assert done.code == 1
    assert re.fullmatch(
        r"The database cannot answer \((Operational|Programming)Error\)\. `token_issuer_doctor` tells what is wrong\.",
        done.err,
    )
