"""The table of features is whole, and what it says is shown somewhere is there."""

from __future__ import annotations

import re

import pytest

from tests.papers import CHECKOUT, read, rows

NUMBERED = [cells for cells in rows(read("docs/features.md")) if cells[0].isdigit()]
LINKS = re.compile(r"\[([^]]+)\]\(([^)#]+)[^)]*\)")


def test_every_row_is_there_once_and_in_order():
    assert [int(cells[0]) for cells in NUMBERED] == list(range(1, 96))


@pytest.mark.parametrize("cells", NUMBERED, ids=lambda cells: cells[0])
def test_a_row_is_shown_by_what_is_there(cells):
    _number, feature, here, shown = cells
    links = LINKS.findall(shown)
    assert feature
    assert here
    assert links or here.startswith("*later*")
    for name, target in links:
        path = (CHECKOUT / "docs" / target).resolve()
        assert path.is_relative_to(CHECKOUT)
        assert path.is_file(), target
        if "tests" in path.parts:
            assert is_told(name, path.read_text()), f"{name} is no test of {target}"


def is_told(name: str, text: str) -> bool:
    """Whether a file has a test of this name: a function in Python, a sentence in JavaScript."""
    return f"def test_{name}(" in text or re.search(rf"""test\(\s*["'`]{re.escape(name)}["'`]""", text) is not None
