from __future__ import annotations

import pytest

from token_issuer.providers.durations import LONGEST_DURATION, parse_duration, typed_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1, 1),
        (LONGEST_DURATION, LONGEST_DURATION),
        ("90s", 90),
        ("120m", 7200),
        ("2h", 7200),
        ("1d", 86_400),
        ("PT1H30M", 5400),
        ("PT90S", 90),
        ("P1D", 86_400),
        ("P1DT1S", 86_401),
        ("P1W", 604_800),
        ("P2W", 1_209_600),
    ],
)
def test_parse_duration(value: int | str, seconds: int) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        True,
        1.0,
        float("nan"),
        None,
        "",
        "90",
        "1.5h",
        "-1h",
        "1 h",
        " 1h",
        "1h\n",
        "2H",
        "1w",
        "1h30m",
        "P",
        "PT",
        "P1DT",
        "P1M",
        "PW",
        "P1W1D",
        "P1DT1W",
        "PT1W",
        "P1.5W",
        "p1w",
        "PT1.5S",
        "pt1h",
        "٣s",
    ],
)
def test_parse_duration_refuses_other_spellings(value: object) -> None:
    with pytest.raises(ValueError, match=r'^must be whole seconds, or a text such as "90s", "120m", "2h", "1d"'):
        parse_duration(value)  # type: ignore[arg-type]  # the point


@pytest.mark.parametrize("value", [0, -1, 10**18, LONGEST_DURATION + 1, "0s", "PT0S", "999999999999d", "P0W", "P522W"])
def test_parse_duration_refuses_what_is_out_of_range(value: int | str) -> None:
    with pytest.raises(ValueError, match=r"^must be 1 to 315360000 seconds$"):
        parse_duration(value)


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("007", 7), ("120m", 7200), ("PT90S", 90)])
def test_typed_digits_are_seconds(text: str, seconds: int) -> None:
    assert typed_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "1.5", "-1", "+1", "1_000", "1 h", "٣", "9" * 13, "9" * 5000, "soon", "1h30m"])
def test_typing_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'^must be whole seconds, or a text such as "90s"'):
        typed_duration(text)


def test_typing_nothing_of_a_life_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^must be 1 to 315360000 seconds$"):
        typed_duration("0")
