"""Tokens to come with."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests.factories import ApplicationFactory, RuleFactory, UserFactory, caller
from token_issuer.services import issuing


@pytest.fixture
def user(db):
    return UserFactory()


@pytest.fixture
def own(db, settings):
    """An application whose access tokens everyone signed in may have."""
    scopes = {"reports:read": "Read reports", "reports:write": "Write reports"}
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example", "SCOPES": scopes}
    application = ApplicationFactory(slug="own", provider="own", ready=True)
    return RuleFactory(application=application, privileges=[*scopes]).application


@pytest.fixture
def once(db):
    """An application whose short tokens everyone signed in may have."""
    application = ApplicationFactory(slug="once", provider="own-once", ready=True)
    return RuleFactory(application=application, privileges=["readwrite", "reusable"]).application


@pytest.fixture
def made(user, own):
    """An access token that may read reports."""
    return issuing.issue(caller(user), "own", body={"scope": "reports:read"}, at=timezone.now())


@pytest.fixture
def bearer(made):
    return {"Authorization": f"Bearer {made.token.reveal()}"}


@pytest.fixture
def short(user, once):
    """Return a short token's header."""

    def short(**body):
        made = issuing.issue(caller(user), "once", body=body, at=timezone.now())
        return {"Authorization": f"Bearer {made.token.reveal()}"}

    return short
