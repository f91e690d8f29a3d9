"""docs/python-client.md, followed word for word against an issuer."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import pytest

import token_issuer.client
from tests.client.issuer import API_KEY, API_SECRET, Issuer, running
from tests.papers import blocks, read, rows
from token_issuer.client import Client, ClientError, new_key
from token_issuer.client.settings import Tuning

PAPER = read("docs/python-client.md")


@pytest.fixture
def followed(tmp_path, monkeypatch):
    """The names that all examples have made, one after the other."""
    monkeypatch.chdir(tmp_path)
    with running(Issuer()) as issuer:
        monkeypatch.setenv("ISSUER_API_KEY", API_KEY)
        monkeypatch.setenv("ISSUER_API_SECRET", API_SECRET)
        monkeypatch.setenv("ISSUER_REFRESH_TOKEN", issuer.sign_in())
        names: dict[str, Any] = {"issuer": issuer}
        for code in blocks(PAPER, "python"):
            exec(code.replace("https://example.com/issuer/", issuer.address).replace(
                "https://example.com/", issuer.address.removesuffix("issuer/")), names)  # fmt: skip
        yield names
        for name in ("client", "holder"):
            names[name].close()


def test_the_examples_work(followed):
    paths = {re.sub(r"\?.*", "", seen.path) for seen in followed["issuer"].seen}
    assert paths == {
        "/issuer/applications/rooms/tokens/", "/issuer/oauth/token", "/issuer/oauth/revoke", "/api/reports/",
    }  # fmt: skip


def test_the_store_of_the_paper_is_one(followed, issuer, time, tmp_path):
    with sqlite3.connect(tmp_path / "db") as database:
        database.execute("CREATE TABLE pair (version TEXT, sealed BLOB)")
        database.execute("INSERT INTO pair VALUES (NULL, NULL)")
    store = followed["RowStore"](tmp_path / "db", key=new_key())
    first = issuer.sign_in()
    for generation in (1, 2):
        with Client(issuer.address, refresh_token=first, store=store, clock=time.clock()) as holder:
            assert holder.get().reveal_fields()["refresh_token"] == first.replace(".0", f".{generation}")
        time.pass_by(3600)
    assert not store.swap("another", None)


def test_every_error_is_in_the_table():
    told = {cells[0] for cells in rows(PAPER) if len(cells) == 3}
    kinds = [getattr(token_issuer.client, name) for name in token_issuer.client.__all__]
    errors = {kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, ClientError)}
    assert errors - told == {"ClientError"}


def test_every_option_is_in_the_table():
    cells = [cells[0] for cells in rows(PAPER) if len(cells) == 3]
    told = {name.strip("` ") for cell in cells for name in cell.split(",")}
    named = set(Client.__init__.__kwdefaults__ or {}) | set(Tuning.__annotations__)
    assert named - told == {"clock"}  # for tests
