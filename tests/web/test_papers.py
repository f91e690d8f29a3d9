"""What docs/verifying.md shows works as it stands there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import RequestFactory

from tests.factories import UserFactory
from tests.papers import blocks, read
from token_issuer.web.middleware import TokenMiddleware

DRF, PLAIN, SHARED, PYTHON, _CACHE = blocks(read("docs/verifying.md"), "python")


@pytest.fixture
def ask(bearer):
    request = RequestFactory().get("/", headers=bearer)
    return lambda view: view(request)


def names_of(block: str) -> dict[str, Any]:
    found: dict[str, Any] = {"__name__": __name__}
    exec(block, found)
    return found


def test_the_view_of_rest_framework(ask, user):
    assert ask(names_of(DRF)["ReportsView"].as_view()).data == {"for": f"user-{user.pk}", "scopes": ["reports:read"]}


def test_the_plain_views(ask, user):
    names = names_of(PLAIN)
    assert f"user-{user.pk}" in ask(names["reports"]).content.decode()
    assert str(user.pk) in async_to_sync(later)(ask, names["Profile"].as_view()).content.decode()


def test_the_view_that_people_and_tokens_share(bearer, user):
    shared, person = TokenMiddleware(names_of(SHARED)["shared"]), UserFactory()
    for header, whose in ((bearer, user), ({}, person)):
        request = RequestFactory().get("/", headers=header)
        request.user = person
        assert json.loads(shared(request).content) == {"user": str(whose.pk)}


async def later(ask: Any, view: Any) -> Any:
    return await ask(view)


def test_the_function_for_web_sockets(made, user, db):
    connected = async_to_sync(names_of(PYTHON)["connected"])
    assert connected(made.token.reveal()) == user
    assert connected("never issued") is None
