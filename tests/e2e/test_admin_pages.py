"""Every page of the admin, in each of its states: usable by everybody, quiet, light and dark, and on a phone."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.e2e.admin_pages import HOME, POSTED, REFUSED, SHOWN, STATES, addresses, row
from tests.e2e.looking import clear_required, look, submit

pytestmark = pytest.mark.e2e


def test_every_page_is_listed():
    assert addresses() == {*SHOWN, *POSTED, *REFUSED}


@pytest.fixture(scope="session")
def titles():
    """Which page has a title: where tabs and histories show no more than that, no two pages may share one."""
    return {}


@pytest.mark.parametrize("page", sorted(REFUSED))
def test_what_nobody_does_is_refused_to_everybody(staff, rows, page):
    model, what = page.split("_")
    path = f"{HOME}{model}/" + ("add/" if what == "add" else f"{row(model)(rows)}/{what}/")
    admin = staff(refusals={403})
    admin.go(path)
    csrf = {cookie["name"]: cookie["value"] for cookie in admin.page.context.cookies()}["csrftoken"]
    calls, before = admin.page.context.request, rows(f"select count(*) from token_issuer_{model}")[0][0]
    assert calls.get(admin.site + path).status == 403
    posted = calls.post(admin.site + path, form={"post": "yes"}, headers={"X-CSRFToken": csrf})
    assert (posted.status, "CSRF" in posted.text()) == (403, False)
    assert rows(f"select count(*) from token_issuer_{model}")[0][0] == before


@pytest.mark.parametrize("state", STATES, ids=str)
def test_page_serves_everybody(visitor, rows, titles, state):
    visitor.errors.clear()
    state.reach(visitor, rows)
    problems = look(visitor.page)
    path = urlsplit(visitor.page.url).path
    # One row that was ticked in a list is asked about in the words of its own page.
    if "selected" not in state.page and (other := titles.setdefault(visitor.page.title(), path)) != path:
        problems.append(f"{visitor.page.title()} is also the title of {other}")
    if clear_required(visitor.page):
        submit(visitor.page)
        problems += [f"with errors: {problem}" for problem in look(visitor.page, errors=True)]
    said = "\n".join([*problems, *visitor.errors])
    assert not said, said
