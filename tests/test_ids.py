"""Identifiers sort by creation and name things exactly."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

import pytest

from token_issuer import ids


def test_uuid7_has_its_version_and_variant():
    made = ids.uuid7()
    assert (made.version, made.variant) == (7, RFC_4122)


def test_uuid7_grows_with_every_call():
    made = [ids.uuid7() for _ in range(5000)]
    assert made == sorted(set(made))


def test_uuid7_is_unique_across_threads():
    made: list[object] = []
    threads = [threading.Thread(target=lambda: made.extend(ids.uuid7() for _ in range(2000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


def test_uuid7_carries_the_time():
    import time

    before = time.time_ns() // 1_000_000
    assert before <= ids.uuid7().int >> 80 <= before + 5000


def test_a_clock_that_goes_back_does_not_break_the_order(monkeypatch):
    last = ids.uuid7()
    monkeypatch.setattr("token_issuer.ids.time.time_ns", lambda: 0)
    assert ids.uuid7() > last


def test_named_uuid_has_its_version_and_variant():
    named = ids.named_uuid("user", "1")
    assert (named.version, named.variant) == (5, RFC_4122)


def test_named_uuid_is_the_same_for_the_same_name():
    assert ids.named_uuid("user", "1") == ids.named_uuid("user", "1")


@pytest.mark.parametrize("other", [("user", "2"), ("group", "1"), ("user", "1", ""), ("user1",), ("user", "1 ")])
def test_named_uuid_differs_for_another_name(other):
    assert ids.named_uuid(*other) != ids.named_uuid("user", "1")


def test_named_uuid_never_changes():
    """Stored in rows: a new value would orphan every epoch."""
    assert str(ids.named_uuid("user", "1")) == "c9a1609c-3e20-5e3a-a015-22567806bc9f"


def test_the_floor_of_an_instant_divides_what_was_made_before_and_after():
    made = ids.uuid7()
    instant = ids.uuid7_at(made)
    assert ids.uuid7_floor(instant) <= made < ids.uuid7_floor(instant + timedelta(milliseconds=1))
    assert ids.uuid7_floor(instant).version == 7


def test_the_instant_of_an_id_is_when_it_was_made():
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    assert before <= ids.uuid7_at(ids.uuid7()) <= before + timedelta(seconds=5)
