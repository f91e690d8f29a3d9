"""An application for access tokens, and who comes to ``oauth/token``."""

from __future__ import annotations

import pytest

from tests.api.machines import Machine
from tests.api.oauth_token.pairs import SCOPES, issued
from tests.factories import api_key
from token_issuer.models import Application, Rule


@pytest.fixture
def shop(own, configure):
    """An application for access tokens that everybody may read and write with."""
    configure(SCOPES=SCOPES)
    Rule.objects.update(privileges=[*SCOPES])
    Application.objects.update(public_id="shop")
    own.refresh_from_db()
    return own


@pytest.fixture
def holder():
    return Machine()


@pytest.fixture
def pair(shop, user):
    return issued(user)


@pytest.fixture
def server(shop):
    """A server's key, with its secret."""
    return api_key(application=shop, scopes=["tokens:issue", "orders:read", "orders:write"])
