"""A user who is deleted while his token is being made: a refusal, and nothing is left behind."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from tests.factories import AT, ApplicationFactory, RuleFactory, UserFactory, caller
from token_issuer.errors import NotAuthenticated, NotFound, PolicyDenied, TokenRejected
from token_issuer.models import (
    Application,
    AuditEvent,
    AuditKind,
    IssuedToken,
    OneTimeKey,
    Origin,
    TokenFamily,
    VendorAccount,
)
from token_issuer.policy import Allow, Deny
from token_issuer.services import issuing, login_keys, redeeming, refreshing

# Foreign keys are looked at when a transaction commits.
pytestmark = pytest.mark.django_db(transaction=True)


def deletes(ask):
    get_user_model().objects.filter(pk=ask.user.pk).delete()
    return Allow(ask.grant.privileges)


def deletes_and_denies(ask):
    deletes(ask)
    return Deny("not_a_member")


def deletes_this_object(ask):
    ask.user.delete()
    return Allow(ask.grant.privileges)


def deletes_the_application(ask):
    Application.objects.filter(pk=ask.application.pk).delete()
    return Allow(ask.grant.privileges)


HOOKS = [deletes, deletes_this_object]


@pytest.fixture
def asked(settings):
    """Put one of the functions above in charge of every application."""

    def put(hook):
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"*": f"{__name__}.{hook.__name__}"}}

    return put


@pytest.fixture
def somebody(user):
    return caller(user, origin=Origin.BEARER)


def counts() -> list[int]:
    return [model.objects.count() for model in (IssuedToken, TokenFamily, OneTimeKey, VendorAccount)]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("provider", ["videosdk", "agora", "own", "own-once"])
def test_nobody_gets_a_token(asked, somebody, own, hook, provider):
    bodies = {"videosdk": {"roomId": "a"}, "agora": {"channel": "a"}}
    RuleFactory(application=ApplicationFactory(slug="here", provider=provider, ready=True))
    asked(hook)
    with pytest.raises(NotAuthenticated, match=r"^This account is gone\.$"):
        issuing.issue(somebody, "here", body=bodies.get(provider, {}), at=AT)
    assert counts() == [0, 0, 0, 0]


def test_an_application_that_is_gone_is_none(asked, somebody):
    ApplicationFactory(slug="here", provider="own-once", ready=True)
    asked(deletes_the_application)
    with pytest.raises(NotFound, match=r"^There is no such application\.$"):
        issuing.issue(somebody, "here", body={}, at=AT)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("single", [True, False])
def test_nobody_gets_a_login_key(asked, somebody, own, hook, single):
    Application.objects.update(single_login_key=single)
    asked(hook)
    with pytest.raises(NotAuthenticated, match=r"^This account is gone\.$"):
        login_keys.make(somebody, "own", body={"scope": "reports:read"}, at=AT)
    assert counts() == [0, 0, 0, 0]


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("slug", ["own", "calls"])
def test_a_login_key_is_of_nobody(asked, somebody, own, calls, hook, slug):
    body = {"scope": "reports:read"} if slug == "own" else {"channel": "a"}
    key = login_keys.make(somebody, slug, body=body, at=AT)
    asked(hook)
    with pytest.raises(TokenRejected):
        redeeming.redeem(caller(UserFactory.build()), key.text, at=AT)
    assert counts() == [0, 0, 1, 0]
    assert OneTimeKey.objects.get().consumed_at is None


@pytest.mark.parametrize("hook", HOOKS)
def test_a_refresh_token_is_of_nobody(asked, somebody, own, hook):
    pair = issuing.issue(somebody, "own", body={"scope": "reports:read"}, at=AT).pair
    assert pair is not None
    asked(hook)
    with pytest.raises(TokenRejected) as error:
        refreshing.refresh(pair.refresh_token, at=AT)
    assert error.value.verdict in {"user_gone", "user_inactive"}
    assert (TokenFamily.objects.get().generation, IssuedToken.objects.count()) == (0, 1)


def test_a_refusal_is_counted_for_nobody(asked, somebody, own):
    asked(deletes_and_denies)
    with pytest.raises(PolicyDenied):
        issuing.issue(somebody, "own", body={}, at=AT)
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.count) == (AuditKind.DENIED, None, 1)
