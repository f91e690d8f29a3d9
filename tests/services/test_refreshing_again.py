"""Refreshing asks again: who is it, what may he have now? It gives less, never more, and a refusal takes nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F

from tests.factories import AT, ApiKeyFactory, ApplicationFactory, RuleFactory, UserFactory, caller
from tests.passes import PassProvider
from tests.services.test_refreshing import text_of, verdict_of
from token_issuer.errors import (
    BadGrant,
    NoActiveCertificate,
    PolicyDenied,
    PolicyUnavailable,
    TokenRejected,
    Unavailable,
)
from token_issuer.models import (
    Application,
    AuditEvent,
    AuditKind,
    Certificate,
    IssuedToken,
    Origin,
    Rule,
    RuleWindow,
    TokenFamily,
)
from token_issuer.policy import Allow, Deny
from token_issuer.services import issuing, refreshing, revoking, switching
from token_issuer.services.presenting import Presenter

SOON = AT + timedelta(minutes=5)
BOTH = ["read", "write"]
asks: list = []


@pytest.fixture
def pair(passes, user):
    return issuing.issue(caller(user, origin=Origin.BEARER), "passes", body={"words": BOTH, "lifetime": 900}, at=AT)


@pytest.fixture
def key(passes):
    return ApiKeyFactory(application=passes, scopes=["tokens:issue"])


@pytest.fixture
def servers_pair(passes, user, key):
    """A pair that a server asked for, for a user."""
    server = caller(user, origin=Origin.API_KEY, api_key=key)
    return issuing.issue(server, "passes", body={"words": BOTH}, at=AT)


@pytest.fixture
def policy(settings):
    """Have the site answer this from now on."""

    def policy(answer):
        asks.clear()
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"passes": f"{__name__}.site"}}
        site.answer = answer  # type: ignore[attr-defined]

    return policy


def site(ask):
    asks.append(ask)
    answer = site.answer  # type: ignore[attr-defined]
    if isinstance(answer, Exception):
        raise answer
    return answer


def refreshed(pair, at=SOON, **how):
    return refreshing.refresh(text_of(pair), at=at, **how)


def denial(pair, **how) -> str:
    with pytest.raises(PolicyDenied) as refusal:
        refreshed(pair, **how)
    return refusal.value.reason


def head() -> tuple[int, object]:
    family = TokenFamily.objects.get()
    return family.generation, family.closed_at


# Who


@pytest.mark.parametrize(("left", "seconds"), [(901, 900), (900, 900), (899.9, 899), (2, 2), (1, 1), (0.1, 1)])
def test_an_access_token_has_no_more_than_is_left_of_its_family(pair, left, seconds):
    """But the least that tokens of its kind can have: here a second."""
    at = TokenFamily.objects.get().expires_at - timedelta(seconds=left)
    TokenFamily.objects.update(idle_expires_at=F("expires_at"))
    assert refreshing.refresh(text_of(pair), at=at).expires_in == seconds


def test_an_inactive_user_ends_the_family(pair, user):
    user.is_active = False
    user.save()
    assert verdict_of(text_of(pair), SOON) == "user_inactive"
    family = TokenFamily.objects.get()
    assert (family.closed_at, family.reason) == (SOON, "user_inactive")
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.detail["reason"]) == (AuditKind.FAMILY_CLOSED, user, "user_inactive")
    user.is_active = True
    user.save()
    assert verdict_of(text_of(pair), SOON) == "ended"


def test_a_changed_password_ends_the_family(pair, user):
    user.set_password("another")
    user.save()
    assert verdict_of(text_of(pair), SOON) == "password_changed"
    assert TokenFamily.objects.get().reason == "password_changed"


def test_a_deleted_user_has_no_family(pair, user):
    user.delete()
    assert verdict_of(text_of(pair), SOON) == "user_gone"
    assert TokenFamily.objects.get().subject == pair.grant.subject


def test_somebody_with_the_same_key_inherits_nothing(pair, user):
    key, password = user.pk, user.password
    user.delete()
    UserFactory(pk=key, password=password)
    assert verdict_of(text_of(pair), SOON) == "user_gone"


def test_a_user_without_the_stamp_of_the_family_is_refused(pair):
    TokenFamily.objects.update(password_stamp="")
    assert verdict_of(text_of(pair), SOON) == "password_changed"


def test_log_out_everywhere_ends_every_family(pair, user):
    revoking.revoke_mine(caller(user), reason="", at=SOON)
    assert verdict_of(text_of(pair), SOON) == "revoked"
    assert head() == (0, None)


def test_the_end_of_an_applications_tokens_ends_its_families(pair, passes, user):
    revoking.revoke_application(caller(user), passes, reason="", at=SOON)
    assert verdict_of(text_of(pair), SOON) == "revoked"


def test_a_disabled_application_refuses_and_takes_nothing(pair, passes, user):
    switching.disable(caller(user), passes, at=AT)
    assert verdict_of(text_of(pair), SOON) == "application_disabled"
    assert head() == (0, None)
    switching.enable(caller(user), passes, at=AT)
    assert refreshed(pair)


def test_a_provider_that_is_gone_is_the_sites_trouble(pair, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {}}
    with pytest.raises(Unavailable):
        refreshed(pair)
    assert head() == (0, None)


def test_without_a_certificate_nothing_is_consumed(pair):
    Certificate.objects.update(revoked_at=AT)
    with pytest.raises(NoActiveCertificate):
        refreshed(pair)
    assert head() == (0, None)


def test_an_application_without_pairs_refreshes_none(pair, passes):
    passes.options = {"pairs": False}
    passes.save()
    assert verdict_of(text_of(pair), SOON) == "not_refreshed_any_more"


# With which client


@pytest.mark.parametrize("ending", [{"revoked_at": AT}, {"expires_at": SOON}])
def test_an_ended_key_ends_what_it_asked_for(servers_pair, key, ending):
    type(key).objects.update(**ending)
    word = "api_key_revoked" if "revoked_at" in ending else "api_key_expired"
    assert verdict_of(text_of(servers_pair), SOON) == word


def test_a_key_that_may_not_issue_any_more_renews_nothing(servers_pair, key):
    type(key).objects.update(scopes=[])
    assert denial(servers_pair) == "scope_missing"
    assert head() == (0, None)


def test_the_key_refreshes_what_it_asked_for(servers_pair, key, user):
    made = refreshed(servers_pair, by=Presenter(client=key))
    row = IssuedToken.objects.get(pk=made.token_id)
    assert (row.api_key, row.user) == (key, user)


def test_the_holder_may_refresh_without_it(servers_pair, key):
    row = IssuedToken.objects.get(pk=refreshed(servers_pair).token_id)
    assert row.api_key == key


def test_another_key_may_not(servers_pair, passes):
    other = ApiKeyFactory(application=passes, scopes=["tokens:issue"])
    assert verdict_of(text_of(servers_pair), SOON, by=Presenter(client=other)) == "client_differs"
    assert head() == (0, None)


def test_a_key_may_not_refresh_what_no_key_asked_for(pair, key):
    assert verdict_of(text_of(pair), SOON, by=Presenter(client=key)) == "client_differs"


def test_the_application_may_be_named(pair):
    assert refreshed(pair, by=Presenter(public_id="building-1", application_slug="passes"))


@pytest.mark.parametrize("wrong", [{"public_id": "BUILDING-1"}, {"public_id": "x"}, {"application_slug": "Passes"}])
def test_another_application_must_not(pair, wrong):
    assert verdict_of(text_of(pair), SOON, by=Presenter(**wrong)) in {"client_differs", "application_differs"}
    assert head() == (0, None)


def test_a_foreign_presenter_cannot_end_a_family(pair, key):
    """An old token in the wrong hands is refused for the hands, before it is looked at."""
    refreshed(pair)
    verdict_of(text_of(pair), SOON + timedelta(hours=1), by=Presenter(client=key))
    assert head() == (1, None)


def test_a_token_of_a_body_is_not_taken_from_a_cookie(pair):
    assert verdict_of(text_of(pair), SOON, by=Presenter(in_cookie=True)) == "transport_differs"


def test_a_token_of_a_cookie_is_not_taken_from_a_body(pair):
    TokenFamily.objects.update(in_cookie=True)
    Application.objects.update(options={"browsers": True})
    assert verdict_of(text_of(pair), SOON) == "transport_differs"
    assert refreshed(pair, by=Presenter(in_cookie=True)).pair.in_cookie


# What


def test_the_lifetime_asked_for_once_is_kept(pair):
    assert refreshed(pair).expires_in == 900


def test_without_one_the_application_decides_each_time(passes, user):
    pair = issuing.issue(caller(user, origin=Origin.BEARER), "passes", body={}, at=AT)
    Application.objects.update(default_lifetime=120)
    assert refreshed(pair).expires_in == 120


def test_a_lower_ceiling_shortens_the_token(pair):
    Rule.objects.update(maximum_lifetime=60)
    assert refreshed(pair).expires_in == 60


def test_an_application_that_allows_less_shortens_it_too(pair):
    Application.objects.update(maximum_lifetime=30)
    assert refreshed(pair).expires_in == 30


def test_a_ceiling_below_the_least_lifetime_refuses(pair, policy):
    policy(Allow(BOTH, lifetime=0))
    assert denial(pair) == "lifetime_not_granted"


def test_what_a_rule_takes_away_is_gone(pair):
    Rule.objects.update(privileges=["read"])
    made = refreshed(pair)
    assert made.grant.privileges == {"read"}
    assert IssuedToken.objects.get(pk=made.token_id).privileges == ["read"]


def test_what_it_gives_back_is_there_again(pair):
    Rule.objects.update(privileges=["read"])
    narrow = refreshed(pair)
    Rule.objects.update(privileges=BOTH)
    assert refreshed(narrow).grant.privileges == {"read", "write"}


def test_more_than_was_granted_is_never_given(passes, user):
    pair = issuing.issue(caller(user, origin=Origin.BEARER), "passes", body={}, at=AT)
    assert refreshed(pair).grant.privileges == {"read"}


def test_without_any_rule_it_is_denied_and_nothing_is_consumed(pair, user, passes):
    rule = Rule.objects.get()
    rule.delete()
    assert denial(pair) == "no_rule"
    assert head() == (0, None)
    event = AuditEvent.objects.get()
    assert (event.kind, event.user, event.detail) == (
        AuditKind.DENIED,
        user,
        {"reason": "no_rule", "origin": "refresh"},
    )
    RuleFactory(application=passes, privileges=BOTH)
    assert refreshed(pair)


def test_without_any_of_its_words_it_is_denied(pair):
    Rule.objects.update(privileges=["audit"])
    assert denial(pair) == "privilege_not_granted"
    assert head() == (0, None)


def test_a_part_may_be_asked_for(pair):
    assert refreshed(pair, scope=["write"]).grant.privileges == {"write"}


def test_the_part_is_of_this_token_alone(pair):
    part = refreshed(pair, scope=["write"])
    assert refreshed(part).grant.privileges == {"read", "write"}


def test_more_may_not_be_asked_for(pair):
    with pytest.raises(BadGrant, match=r"^scope: asks for more than was granted: audit, else$"):
        refreshed(pair, scope=["read", "audit", "else"])
    assert head() == (0, None)


def test_a_word_that_there_is_not_any_more_is_left_out(pair, policy, monkeypatch):
    """Whatever the site still allows: a scope that left the catalogue means nothing to anybody."""
    policy(Allow(BOTH))
    monkeypatch.setattr(PassProvider, "privileges", {"read": PassProvider.privileges["read"]})
    assert refreshed(pair).grant.privileges == {"read"}
    monkeypatch.setattr(PassProvider, "privileges", {"audit": PassProvider.privileges["read"]})
    assert denial(pair) == "privilege_not_granted"


def test_a_grant_that_the_options_forbid_now_is_denied(pair, passes):
    passes.options = {"writing": False}
    passes.save()
    assert denial(pair) == "grant_not_allowed"
    assert head() == (0, None)


def test_what_only_servers_get_stays_with_the_server(passes, user, key):
    Rule.objects.update(privileges=["read", "audit"])
    server = caller(user, origin=Origin.API_KEY, api_key=key)
    pair = issuing.issue(server, "passes", body={"words": ["read", "audit"]}, at=AT)
    assert refreshed(pair).grant.privileges == {"read"}
    assert refreshed(pair, by=Presenter(client=key)).grant.privileges == {"read", "audit"}


def test_the_name_stays(pair):
    Rule.objects.update(subject_pattern="other-{user.pk}")
    assert refreshed(pair).grant.subject == pair.grant.subject


def test_a_refresh_is_not_charged(pair):
    Rule.objects.update(limit=1, window=3600)
    text = pair
    for minute in range(1, 4):
        text = refreshed(text, at=AT + timedelta(minutes=minute))
    assert not RuleWindow.objects.exists()


# The site's own function


def test_the_site_is_asked_again(pair, policy, user, passes):
    policy(Allow(BOTH))
    assert refreshed(pair).decision == f"policy:{__name__}.site"
    (ask,) = asks
    assert (ask.user, ask.application, ask.origin, ask.actor) == (user, passes, Origin.REFRESH, None)
    assert (ask.privileges, ask.lifetime) == ({"read", "write"}, 900)


def test_it_learns_who_acts(servers_pair, policy, key):
    policy(Allow(BOTH))
    refreshed(servers_pair)
    assert asks[0].actor == key


def test_its_no_is_final_and_takes_nothing(pair, policy):
    policy(Deny("suspended"))
    assert denial(pair) == "suspended"
    assert head() == (0, None)


def test_its_yes_narrows(pair, policy):
    policy(Allow(["read"], lifetime=60))
    made = refreshed(pair)
    assert (made.grant.privileges, made.expires_in) == ({"read"}, 60)


def test_its_failure_takes_nothing(pair, policy):
    policy(ZeroDivisionError())
    with pytest.raises(PolicyUnavailable):
        refreshed(pair)
    assert head() == (0, None)
    assert AuditEvent.objects.get().detail["reason"] == "policy_unavailable"


def test_what_is_refused_anyway_is_not_asked(pair, policy):
    refreshed(pair)
    policy(Allow(BOTH))
    verdict_of(text_of(pair), SOON + timedelta(hours=1))
    assert asks == []


def test_a_retry_is_asked_again_too(pair, policy):
    refreshed(pair)
    policy(Deny("suspended"))
    assert denial(pair) == "suspended"


def test_a_rejected_token_is_not_counted_as_a_denial(pair):
    TokenFamily.objects.update(closed_at=AT)
    with pytest.raises(TokenRejected):
        refreshed(pair)
    assert not AuditEvent.objects.exists()


def test_two_applications_do_not_mix(pair, passes):
    other = ApplicationFactory(slug="other", provider="passes")
    RuleFactory(application=other, privileges=BOTH)
    Rule.objects.filter(application=passes).delete()
    assert denial(pair) == "no_rule"
