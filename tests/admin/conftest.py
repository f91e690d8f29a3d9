"""People in front of the admin, and what they look at."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from tests.factories import (
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    RuleFactory,
    UserFactory,
    api_key,
)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def chief(db):
    """A superuser."""
    return UserFactory(username="chief", is_staff=True, is_superuser=True)


@pytest.fixture
def site(chief):
    """The superuser's browser."""
    return signed_in(chief)


@pytest.fixture
def staff(db):
    """A function that signs in a member of staff with these permissions."""

    def sign_in(*names):
        user = UserFactory(is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=names, content_type__app_label="token_issuer"))
        assert user.user_permissions.count() == len(names)
        return signed_in(user)

    return sign_in


@pytest.fixture
def viewer(staff):
    """The browser of somebody who may see everything and do nothing."""
    models = (
        "application",
        "certificate",
        "rule",
        "issuedtoken",
        "auditevent",
        "vendoraccount",
        "onetimekey",
        "tokenfamily",
        "apikey",
    )
    return staff(*(f"view_{model}" for model in models))


@pytest.fixture
def rooms(db):
    """A VideoSDK application with an active certificate."""
    return ApplicationFactory(slug="rooms", name="Rooms", ready=True)


@pytest.fixture
def active(rooms):
    return rooms.certificates.get()


@pytest.fixture
def staged(rooms, active):
    return CertificateFactory(application=rooms, secret={"secret": "n" * 32})


@pytest.fixture
def rule(rooms):
    return RuleFactory(application=rooms)


@pytest.fixture
def token(active):
    return IssuedTokenFactory(certificate=active)


@pytest.fixture
def key(rooms):
    """An API key with one secret."""
    return api_key(application=rooms)[0]
