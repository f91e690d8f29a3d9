"""What the use cases are tried on."""

from __future__ import annotations

import pytest

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
