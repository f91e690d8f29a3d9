"""What a person may mint, and what he has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import AT, ApplicationFactory, GroupFactory, IssuedTokenFactory, RuleFactory, UserFactory, caller
from tests.statements import counted
from token_issuer.errors import NotAuthenticated, NotFound
from token_issuer.ids import uuid7
from token_issuer.models import Application, Standing
from token_issuer.services import listing, revoking


def offered(person) -> list[str]:
    return [offer.application.slug for offer in listing.applications_for(person)]


def test_an_application_is_offered_by_a_rule(person, rooms):
    ApplicationFactory(slug="closed", ready=True)
    assert offered(person) == ["rooms"]


def test_the_offer_has_its_limits(person, rooms):
    Application.objects.update(maximum_lifetime=120)
    (offer,) = listing.applications_for(person)
    assert (offer.limits.maximum, offer.limits.default, offer.provider.name) == (120, 120, "videosdk")


def test_a_rule_for_others_offers_nothing(person):
    RuleFactory(everyone=False, for_users=[UserFactory()], for_groups=[GroupFactory()])
    assert offered(person) == []


def test_a_rule_for_my_group_does(person, user):
    group = GroupFactory()
    user.groups.add(group)
    RuleFactory(application__slug="ours", everyone=False, for_groups=[group, GroupFactory()])
    assert offered(person) == ["ours"]


def test_a_site_policy_offers_its_application(person, settings):
    ApplicationFactory(slug="mine")
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "POLICIES": {"mine": "tests.services.test_site_policy.allow"}}
    assert offered(person) == ["mine"]


def test_disabled_and_unknown_ones_are_not_offered(person, rooms):
    RuleFactory(application__disabled_at=AT)
    RuleFactory(application__provider="gone", application__ready=False)
    assert offered(person) == ["rooms"]


def test_offers_cost_two_statements(person, rooms):
    for _ in range(3):
        RuleFactory()
    with counted(2):
        listing.applications_for(person)


def test_own_tokens_come_newest_first_in_pages(person, user):
    tokens = [IssuedTokenFactory(user=user) for _ in range(5)]
    IssuedTokenFactory()
    first = listing.own_tokens(person, at=AT, size=2)
    second = listing.own_tokens(person, at=AT, size=2, after=first.next)
    third = listing.own_tokens(person, at=AT, size=2, after=second.next)
    assert [*first.tokens, *second.tokens, *third.tokens] == tokens[::-1]
    assert third.next is None


def test_a_last_page_that_is_full_has_no_next(person, user):
    tokens = [IssuedTokenFactory(user=user) for _ in range(2)]
    page = listing.own_tokens(person, at=AT, size=2)
    assert (page.tokens, page.next) == (tokens[::-1], None)


def test_ended_ones_are_listed_as_ended(person, user):
    token = IssuedTokenFactory(user=user)
    IssuedTokenFactory(user=user, issued_at=AT - timedelta(hours=1))
    revoking.revoke_mine(person, reason="", at=AT)
    standings = [row.standing(AT) for row in listing.own_tokens(person, at=AT).tokens]
    assert standings == [Standing.REVOKED, Standing.REVOKED]
    assert listing.own_token(person, token.pk).standing(AT) is Standing.REVOKED


def test_tokens_come_with_their_application(person, user):
    token = IssuedTokenFactory(user=user)
    with counted(2):
        assert listing.own_token(person, token.pk).application.slug
        assert listing.own_tokens(person, at=AT).tokens[0].application.slug


def test_an_own_token_is_the_one_that_was_named(person, user):
    token = IssuedTokenFactory(user=user)
    IssuedTokenFactory(user=user)
    assert listing.own_token(person, token.pk) == token
    with pytest.raises(NotFound):
        listing.own_token(person, uuid7())


def test_live_ones_alone(person, user):
    live = IssuedTokenFactory(user=user)
    IssuedTokenFactory(user=user, issued_at=AT - timedelta(hours=1))
    IssuedTokenFactory(user=user, revoked_at=AT)
    assert listing.own_tokens(person, at=AT, live_only=True).tokens == [live]


def test_one_own_token(person, user):
    token = IssuedTokenFactory(user=user)
    assert listing.own_token(person, token.pk).standing(AT) is Standing.LIVE


@pytest.mark.parametrize("foreign", [True, False])
def test_a_foreign_one_does_not_exist(person, foreign):
    token_id = IssuedTokenFactory().pk if foreign else uuid7()
    with pytest.raises(NotFound, match=r"^There is no such token\.$"):
        listing.own_token(person, token_id)


@pytest.mark.parametrize(
    "ask",
    [listing.applications_for, lambda who: listing.own_tokens(who, at=AT), lambda who: listing.own_token(who, uuid7())],
)
def test_nobody_sees_nothing(db, ask):
    with pytest.raises(NotAuthenticated):
        ask(caller(AnonymousUser()))
