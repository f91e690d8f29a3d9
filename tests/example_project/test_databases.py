"""What the example project's options promise, asked of the engine itself."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import DataError, connection, transaction

from example_project.databases import SQLITE_BUSY_SECONDS, with_options

THREADS = 8


def ask(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return str(cursor.fetchone()[0])


def test_options_of_the_address_win():
    config = with_options({"ENGINE": "django.db.backends.sqlite3", "NAME": "x", "OPTIONS": {"timeout": 1}})
    assert config["OPTIONS"]["timeout"] == 1
    assert config["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_postgresql_needs_no_options():
    assert with_options({"ENGINE": "django.db.backends.postgresql"})["OPTIONS"] == {}


def test_mariadb_speaks_full_unicode():
    assert with_options({"ENGINE": "django.db.backends.mysql"})["OPTIONS"]["charset"] == "utf8mb4"


@pytest.mark.engine("sqlite")
@pytest.mark.django_db(transaction=True)
def test_sqlite_lets_readers_and_a_writer_work_side_by_side():
    assert ask("PRAGMA journal_mode") == "wal"


@pytest.mark.engine("sqlite")
@pytest.mark.django_db(transaction=True)
def test_sqlite_writer_waits_for_its_turn():
    assert ask("PRAGMA busy_timeout") == str(SQLITE_BUSY_SECONDS * 1000)


@pytest.mark.engine("mariadb")
@pytest.mark.django_db
def test_mariadb_refuses_a_text_that_does_not_fit():
    with pytest.raises(DataError, match="Data too long"):
        Group.objects.create(name="x" * 151)


@pytest.mark.engine("mariadb", "postgresql")
@pytest.mark.django_db(transaction=True)
def test_transactions_read_what_others_committed():
    level = "@@tx_isolation" if connection.vendor == "mysql" else "current_setting('transaction_isolation')"
    assert ask(f"SELECT {level}").upper().replace("-", " ") == "READ COMMITTED"


@pytest.mark.django_db
def test_text_keeps_every_character():
    Group.objects.create(name="Ünicode 🔑")
    assert Group.objects.get().name == "Ünicode 🔑"


@pytest.mark.races
@pytest.mark.django_db(transaction=True)
def test_threads_that_read_and_then_write_all_succeed():
    """On SQLite this is what IMMEDIATE is for: a deferred transaction would be refused when it begins to write."""
    failures: list[Exception] = []
    start = threading.Barrier(THREADS)

    def work(number: int) -> None:
        try:
            start.wait()
            with transaction.atomic():
                Group.objects.count()
                Group.objects.create(name=f"group {number}")
        except Exception as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, Group.objects.count()) == ([], THREADS)


def test_cache_answers():
    cache.set("key", "value")
    assert cache.get("key") == "value"
