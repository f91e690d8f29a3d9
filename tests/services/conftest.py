"""What the use cases are tried on."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from django.db import connection

from tests.factories import AT, ApplicationFactory, RuleFactory, UserFactory, caller


@pytest.fixture
def at():
    return AT


@pytest.fixture
def user(db):
    return UserFactory()


@pytest.fixture
def person(user):
    """The user at a browser."""
    return caller(user)


@pytest.fixture
def rooms(db):
    """A VideoSDK application that everyone signed in may join rooms of."""
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application


@pytest.fixture
def calls(db):
    """An Agora application whose channels everyone signed in may listen to."""
    return RuleFactory(application=ApplicationFactory(slug="calls", provider="agora", ready=True)).application


ISSUER = "https://issuer.example"
SCOPES = {"reports:read": "Read reports", "reports:write": "Write reports"}


@pytest.fixture
def own(db, settings):
    """An application whose access tokens, which this site verifies itself, everyone signed in may have."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": ISSUER, "SCOPES": SCOPES}
    application = ApplicationFactory(slug="own", provider="own", ready=True)
    return RuleFactory(application=application, privileges=["tokens:issue", *SCOPES]).application


@pytest.fixture
def once(db):
    """An application whose short tokens everyone signed in may have."""
    application = ApplicationFactory(slug="once", provider="own-once", ready=True)
    return RuleFactory(application=application, privileges=["readwrite", "reusable"]).application


@pytest.fixture
def before_the_first():
    """Let something happen right before the first statement that begins with this word."""

    @contextmanager
    def before_the_first(word, deed):
        left = [deed]

        def watch(execute, sql, *rest):
            if sql.startswith(word) and left:
                left.pop()()
            return execute(sql, *rest)

        with connection.execute_wrapper(watch):
            yield

    return before_the_first
