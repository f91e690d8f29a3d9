"""Who asks, and for what."""

from __future__ import annotations

import pytest

from tests.api.browsers import Browser
from tests.doors import DoorProvider
from tests.factories import ApplicationFactory, CertificateFactory, RuleFactory, UserFactory


@pytest.fixture(autouse=True)
def addresses(settings):
    """The API alone, at /issuer/."""
    settings.ROOT_URLCONF = "tests.api.urls"


@pytest.fixture
def configure(settings):
    """Change settings of the app for one test."""

    def configure(**changes):
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, **changes}

    return configure


@pytest.fixture
def user(db):
    return UserFactory()


@pytest.fixture
def browser(user):
    return Browser(user)


@pytest.fixture
def nobody(db):
    return Browser()


@pytest.fixture
def rooms(db):
    """A VideoSDK application that everyone signed in may join rooms of."""
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application


@pytest.fixture
def calls(db):
    """An Agora application whose channels everyone signed in may listen to."""
    return RuleFactory(application=ApplicationFactory(slug="calls", provider="agora", ready=True)).application


@pytest.fixture
def own(db, configure):
    """An application whose access tokens, which this site verifies itself, everyone signed in may have."""
    configure(ISSUER="https://issuer.example")
    return RuleFactory(application=ApplicationFactory(slug="own", provider="own", ready=True)).application


@pytest.fixture
def once(db):
    """An application whose short tokens everyone signed in may have."""
    return RuleFactory(application=ApplicationFactory(slug="once", provider="own-once", ready=True)).application


@pytest.fixture
def doors(db, configure):
    """An application of a third party's provider."""
    configure(PROVIDERS={"add": [f"{DoorProvider.__module__}.{DoorProvider.__qualname__}"]})
    application = ApplicationFactory(slug="doors", provider="doors")
    CertificateFactory(application=application, active=True, secret={"secret": "k" * 32})
    return RuleFactory(application=application, privileges=["out"]).application
