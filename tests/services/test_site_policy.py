"""The site's own function: asked first, believed within limits, and a refusal when it fails."""

from __future__ import annotations

import pytest

from tests.factories import AT, ApplicationFactory, RuleFactory
from token_issuer import Allow, Deny
from token_issuer.errors import PolicyDenied, PolicyUnavailable
from token_issuer.models import AuditEvent, IssuedToken, Origin
from token_issuer.services import issuing
from token_issuer.services.site_policy import Ask

SEEN: list[Ask] = []


def allow(ask):
    SEEN.append(ask)
    return Allow({"allow_join"}, lifetime=120)


def deny(ask):
    return Deny("closed_on_sundays")


def undecided(ask):
    return None


def fails(ask):
    raise RuntimeError("the membership table is gone")


def chatty(ask):
    return True


def generous(ask):
    return Allow(ask.privileges | {"allow_mod"}, lifetime=10**9)


@pytest.fixture
def site(settings, person):
    def site(name, slug="rooms"):
        policies = {slug: f"tests.services.test_site_policy.{name}"}
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": policies}
        return lambda **body: issuing.issue(person, "rooms", body={"roomId": "a", **body}, at=AT)

    return site


@pytest.fixture(autouse=True)
def application(db):
    return ApplicationFactory(slug="rooms", ready=True)


def test_it_suffices_without_a_rule(site):
    made = site("allow")()
    assert (made.expires_in, made.decision) == (120, "policy:tests.services.test_site_policy.allow")


def test_it_is_asked_with_everything(site, user, application):
    SEEN.clear()
    site("allow")(lifetime=60)
    (ask,) = SEEN
    assert (ask.user, ask.application, ask.grant.roomId, ask.lifetime, ask.origin, ask.actor) == (
        user,
        application,
        "a",
        60,
        Origin.SESSION,
        None,
    )


def test_it_is_asked_before_anybody_has_a_subject(site):
    SEEN.clear()
    site("allow")()
    assert SEEN[0].grant.subject is None


def test_a_star_answers_for_every_application(site):
    assert site("allow", slug="*")().expires_in == 120


def test_its_no_is_final(site, application):
    RuleFactory(application=application)
    with pytest.raises(PolicyDenied) as refusal:
        site("deny")()
    assert refusal.value.reason == "closed_on_sundays"


def test_undecided_leaves_it_to_the_rules(site, application):
    rule = RuleFactory(application=application)
    assert site("undecided")().decision == f"rule:{rule.pk}"


def test_it_cannot_allow_more_than_was_asked(site):
    made = site("generous")()
    assert (made.expires_in, "allow_mod" in made.grant.privileges) == (600, False)


def test_it_must_say_wildcards(site):
    with pytest.raises(PolicyDenied) as refusal:
        site("allow")(roomId=None)
    assert refusal.value.reason == "wildcard_not_granted"


@pytest.mark.parametrize("name", ["fails", "chatty", "missing"])
def test_its_failure_is_a_refusal(site, name):
    with pytest.raises(PolicyUnavailable, match="The site's policy"):
        site(name)()
    assert (IssuedToken.objects.count(), AuditEvent.objects.get().detail["reason"]) == (0, "policy_unavailable")


def test_an_answer_that_is_none_is_logged(site, caplog):
    with pytest.raises(PolicyUnavailable):
        site("chatty")()
    assert "the site policy for rooms answered neither Allow, Deny nor None" in caplog.messages


def test_its_failure_is_logged_with_its_cause(site, caplog):
    with pytest.raises(PolicyUnavailable):
        site("fails")()
    assert "the membership table is gone" in caplog.text
