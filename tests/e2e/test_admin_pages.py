"""Every page of the admin, in each of its states: usable by everybody, quiet, light and dark, and on a phone."""

from __future__ import annotations

import pytest

from tests.e2e.admin_pages import POSTED, REFUSED, SHOWN, STATES, addresses
from tests.e2e.looking import clear_required, look, submit

pytestmark = pytest.mark.e2e


def test_every_page_is_listed():
    assert addresses() == {*SHOWN, *POSTED, *REFUSED}


@pytest.mark.parametrize("state", STATES, ids=str)
def test_page_serves_everybody(visitor, rows, state):
    visitor.errors.clear()
    state.reach(visitor, rows)
    problems = look(visitor.page)
    if clear_required(visitor.page):
        submit(visitor.page)
        problems += [f"with errors: {problem}" for problem in look(visitor.page, errors=True)]
    said = "\n".join([*problems, *visitor.errors])
    assert not said, said
