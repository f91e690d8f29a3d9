"""Instants in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import AT
from token_issuer.templatetags.token_issuer_time import clock, remaining


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "now"),
        (0, "now"),
        (59, "in 59 s"),
        (60, "in 1 min"),
        (2519, "in 41 min"),
        (3600, "in 1 h 0 min"),
        (86_399, "in 23 h 59 min"),
        (86_400, "in 1 day"),
        (200_000, "in 2 days"),
    ],
)
def test_remaining_time_is_rounded_down(seconds, words):
    assert remaining(AT + timedelta(seconds=seconds), AT) == words


def test_clock_is_local():
    with timezone.override("Europe/Berlin"):
        assert clock(AT, AT) == "13:00"


def test_clock_names_another_day():
    with timezone.override("Pacific/Auckland"):
        assert clock(AT - timedelta(hours=2), AT) == "1 Mar 2026, 23:00"
