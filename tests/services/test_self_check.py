"""With SELF_CHECK on, a token that does not say what was ordered never leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories import AT, VIDEOSDK_KEY, ApplicationFactory, CertificateFactory, RuleFactory
from token_issuer.errors import BadGrant, Unavailable
from token_issuer.models import IssuedToken
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.services import deciding, issuing


class LateProvider(VideoSDKProvider):
    """Mints for a minute longer than it was told."""

    name = "late"
    label = "Late"

    def mint(self, order):
        return super().mint(replace(order, expires_at=order.expires_at + timedelta(minutes=1)))


@pytest.fixture
def issue(settings, person):
    added = {"add": ["tests.services.test_self_check.LateProvider"]}
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": added, "SELF_CHECK": True}
    application = ApplicationFactory(slug="late", provider="late", public_id=VIDEOSDK_KEY)
    CertificateFactory(application=application, active=True, secret={"secret": "9" * 64})
    RuleFactory(application=application)
    return lambda **body: issuing.issue(person, "late", body=body, at=AT)


def test_a_wrong_token_is_refused(issue):
    with pytest.raises(Unavailable, match=r"^Late minted a token that does not say what was ordered\.$"):
        issue(roomId="a")
    assert not IssuedToken.objects.exists()


def test_a_wrong_token_is_logged(issue, caplog):
    with pytest.raises(Unavailable):
        issue(roomId="a")
    assert "self-check failed: Late minted a token that does not say what was ordered" in caplog.messages


def test_without_the_check_it_would_leave(issue, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "SELF_CHECK": False}
    assert issue(roomId="a").format


class VagueProvider(VideoSDKProvider):
    """Makes tokens that do not say when they end."""

    name = "vague"
    label = "Vague"

    def inspect(self, token):
        return replace(super().inspect(token), expires_at=None)


class BrokenProvider(VagueProvider):
    """Makes tokens that it finds fault with itself."""

    name = "broken"
    label = "Broken"

    def inspect(self, token):
        return replace(super().inspect(token), problems=("no sense",))


@pytest.fixture
def issue_of(settings, person):
    def issue_of(provider):
        added = {"add": [f"tests.services.test_self_check.{provider.__name__}"]}
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": added, "SELF_CHECK": True}
        application = ApplicationFactory(slug="tried", provider=provider.name, public_id=VIDEOSDK_KEY)
        CertificateFactory(application=application, active=True, secret={"secret": "9" * 64})
        RuleFactory(application=application)
        return issuing.issue(person, "tried", body={"roomId": "a"}, at=AT)

    return issue_of


def test_a_token_that_does_not_say_when_it_ends_may_leave(issue_of):
    assert issue_of(VagueProvider).token_id == IssuedToken.objects.get().pk


def test_a_token_that_its_own_provider_finds_fault_with_does_not(issue_of):
    with pytest.raises(Unavailable, match=r"^Broken minted a token"):
        issue_of(BrokenProvider)


class LongRoomsProvider(VideoSDKProvider):
    """Says its rooms are longer than the audit holds."""

    name = "long-rooms"
    label = "Long rooms"

    def check_grant(self, grant, options):
        object.__setattr__(grant, "roomId", "r" * int(grant.roomId))


def test_a_resource_fits_the_audit(settings, person, db):
    added = {"add": ["tests.services.test_self_check.LongRoomsProvider"]}
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": added}
    RuleFactory(application=ApplicationFactory(slug="long", provider="long-rooms"))
    deciding.understand(person, "long", {"roomId": "255"})
    with pytest.raises(BadGrant, match=r"^resource: must be at most 255 characters$"):
        deciding.understand(person, "long", {"roomId": "256"})
