"""Which rules name a person, in one SELECT."""

from __future__ import annotations

import pytest

from tests.factories import ApplicationFactory, GroupFactory, RuleFactory, UserFactory
from tests.statements import counted
from token_issuer.errors import PolicyUnavailable
from token_issuer.registry import get_provider
from token_issuer.services.rules import rules_for


@pytest.fixture
def application(db):
    return ApplicationFactory()


@pytest.fixture
def found(user, application):
    return lambda: rules_for(user, application, get_provider("videosdk"))


def groups_by_name(user):
    return ["support"]


def groups_that_fail(user):
    raise RuntimeError


def test_priority_then_age_decides(found, application):
    late = RuleFactory(application=application, priority=2)
    first = RuleFactory(application=application, priority=1)
    second = RuleFactory(application=application, priority=1)
    assert [rule.id for rule in found()] == [str(first.pk), str(second.pk), str(late.pk)]


def test_another_applications_rules_do_not_count(found):
    RuleFactory()
    assert found() == ()


def test_being_chosen_by_one_rule_opens_no_other(found, application, user):
    mine = RuleFactory(application=application, everyone=False, for_users=[user])
    RuleFactory(application=application, everyone=False, for_users=[UserFactory()])
    assert [rule.id for rule in found()] == [str(mine.pk)]


def test_policy_sees_all_that_a_rule_says(found, application):
    said = {
        "resource_pattern": "room-*",
        "subject_pattern": "{user.username}",
        "maximum_lifetime": 300,
        "limit": 5,
        "window": 60,
        "wildcards": True,
        "allow_username": True,
    }
    RuleFactory(application=application, **said)
    (rule,) = found()
    assert {name: getattr(rule, name) for name in said} == said


def test_a_group_rule_names_my_groups_alone(found, application, user):
    mine, other = GroupFactory(name="mine"), GroupFactory(name="other")
    user.groups.add(mine)
    RuleFactory(application=application, everyone=False, for_groups=[mine, other])
    (rule,) = found()
    assert rule.groups == ("mine",)


def test_two_groups_are_one_rule(found, application, user):
    groups = [GroupFactory(), GroupFactory()]
    user.groups.set(groups)
    RuleFactory(application=application, everyone=False, for_groups=groups)
    (rule,) = found()
    assert sorted(rule.groups) == sorted(group.name for group in groups)


def test_everyone_with_foreign_groups_is_one_rule_without_groups(found, application):
    RuleFactory(application=application, for_groups=[GroupFactory(), GroupFactory()])
    (rule,) = found()
    assert rule.groups == ()


def test_chosen_and_in_a_group_is_one_rule(found, application, user):
    group = GroupFactory(name="mine")
    user.groups.add(group)
    RuleFactory(application=application, everyone=False, for_users=[user, UserFactory()], for_groups=[group])
    (rule,) = found()
    assert rule.groups == ("mine",)


def test_a_rule_for_nobody_names_nobody(found, application):
    RuleFactory(application=application, everyone=False)
    assert found() == ()


def test_a_site_may_name_the_groups_itself(found, application, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "GROUPS_OF_USER": "tests.services.test_rules.groups_by_name"}
    RuleFactory(application=application, everyone=False, for_groups=[GroupFactory(name="support")])
    (rule,) = found()
    assert rule.groups == ("support",)


def test_a_site_that_cannot_name_them_refuses(found, settings, caplog):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "GROUPS_OF_USER": "tests.services.test_rules.groups_that_fail"}
    with pytest.raises(PolicyUnavailable, match=r"^The site could not say which groups somebody is in\.$"):
        found()
    assert caplog.messages == ["GROUPS_OF_USER failed"]


def test_a_privilege_brings_the_weaker_ones(found, application):
    RuleFactory(application=application, privileges=["allow_join"])
    (rule,) = found()
    assert "ask_join" in rule.privileges


def test_one_statement(found, application, user):
    user.groups.set([GroupFactory(), GroupFactory()])
    RuleFactory(application=application, everyone=False, for_groups=user.groups.all())
    with counted(1):
        found()
