"""Instants and durations as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.factories import AT
from token_issuer.management.words import away, instant, steps
from token_issuer.registry import get_provider
from token_issuer.services.telling import span


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (200_000, "2 d")]
)
def test_a_duration_is_told_in_its_largest_unit(seconds, text):
    assert span(timedelta(seconds=seconds)) == text


def test_an_instant_is_seen_from_another():
    assert away(AT + timedelta(minutes=41), AT) == "in 41 min"
    assert away(AT - timedelta(minutes=12), AT) == "12 min ago"
    assert away(AT, AT) == "0 s ago"


def test_an_instant_is_told_in_utc():
    assert instant(datetime(2026, 3, 1, 13, 0, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-01T12:00:00Z"
    assert instant(None) is None


def test_steps_at_the_vendor_are_numbered():
    vendor = get_provider("agora").vendor
    lines = steps(vendor, ("One.", "Two."))
    assert lines == [f"At {vendor.name} ({vendor.console_url}):", "  1. One.", "  2. Two."]


def test_steps_at_this_site_name_no_console():
    assert steps(get_provider("own").vendor, ("One.",)) == ["This site:", "  1. One."]
