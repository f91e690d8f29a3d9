"""What a person may mint, and what he has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import (
    AT,
    ApiKeyFactory,
    ApplicationFactory,
    GroupFactory,
    IssuedTokenFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    caller,
)
from tests.statements import counted
from token_issuer.errors import NotAuthenticated, NotFound
from token_issuer.ids import uuid7
from token_issuer.models import Application, Origin, Standing
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


def test_those_of_a_closed_family_are_ended(person, user):
    open_family, closed_family = TokenFamilyFactory(user=user), TokenFamilyFactory(user=user, closed_at=AT)
    live = IssuedTokenFactory(user=user, family=open_family)
    ended = IssuedTokenFactory(user=user, family=closed_family)
    assert listing.own_tokens(person, at=AT, live_only=True).tokens == [live]
    assert listing.own_token(person, ended.pk).standing(AT) is Standing.REVOKED


@pytest.mark.parametrize("size", [1, 5])
def test_tokens_come_with_all_that_their_standing_needs(person, user, size):
    tokens = [IssuedTokenFactory(user=user, family=TokenFamilyFactory(user=user)) for _ in range(size)]
    with counted(2):
        assert listing.own_token(person, tokens[0].pk).standing(AT) is Standing.LIVE
        found = listing.own_tokens(person, at=AT).tokens
        assert [(row.application.slug, row.standing(AT)) for row in found]


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


# A server's key


def test_a_key_is_shown_its_one_application(rooms):
    ApplicationFactory(slug="closed", ready=True)
    closed = Application.objects.get(slug="closed")
    assert [offered(server(key(closed))), offered(server(key(rooms)))] == [["closed"], ["rooms"]]


def test_a_key_of_a_disabled_application_is_shown_nothing(db):
    found = key(ApplicationFactory(disabled_at=AT))
    assert offered(server(found)) == []


def test_a_key_without_a_user_owns_what_it_issued(rooms):
    mine, other = key(rooms), key(rooms)
    IssuedTokenFactory(application=rooms, api_key=other)
    for_somebody = IssuedTokenFactory(application=rooms, api_key=mine)
    assert [row.pk for row in listing.own_tokens(server(mine), at=AT).tokens] == [for_somebody.pk]
    assert listing.own_token(server(mine), for_somebody.pk).pk == for_somebody.pk


def test_a_key_that_acts_as_a_user_owns_his_tokens_of_its_application(rooms, user):
    inside = IssuedTokenFactory(application=rooms, user=user)
    outside = IssuedTokenFactory(user=user)
    acting = server(key(rooms, acts_as=user), user)
    assert [row.pk for row in listing.own_tokens(acting, at=AT).tokens] == [inside.pk]
    with pytest.raises(NotFound):
        listing.own_token(acting, outside.pk)


def key(application, **columns):
    return ApiKeyFactory(application=application, **columns)


def server(api_key, user=None):
    return caller(user or AnonymousUser(), origin=Origin.API_KEY, api_key=api_key)
