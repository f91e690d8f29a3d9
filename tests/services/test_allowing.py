"""Adding a rule once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories import AT, GroupFactory, RuleFactory, UserFactory
from tests.statements import counted
from token_issuer.errors import BadOption
from token_issuer.models import AuditEvent, Rule
from token_issuer.services import allowing
from token_issuer.services.drafts import RuleDraft

EVERYONE = RuleDraft(everyone=True, privileges=["allow_join"])


@pytest.fixture
def bare(rooms):
    Rule.objects.all().delete()
    return rooms


def test_the_same_rule_is_there_once(person, bare):
    assert allowing.allow(person, bare, EVERYONE, at=AT) == Rule.objects.get()
    assert allowing.allow(person, bare, replace(EVERYONE, priority=1), at=AT) is None
    assert Rule.objects.count() == 1
    assert AuditEvent.objects.get().kind == "rule_changed"


def test_the_order_of_words_does_not_matter(person, bare):
    allowing.allow(person, bare, replace(EVERYONE, privileges=["allow_mod", "allow_join"]), at=AT)
    assert allowing.allow(person, bare, replace(EVERYONE, privileges=["allow_join", "allow_mod"]), at=AT) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"everyone": False},
        {"privileges": ["ask_join"]},
        {"resource_pattern": "room-*"},
        {"subject_pattern": "x-{user.pk}"},
        {"maximum_lifetime": 60},
        {"limit": 1, "window": 60},
        {"wildcards": True},
        {"allow_username": True},
    ],
)
def test_any_other_content_is_another_rule(person, bare, changes):
    allowing.allow(person, bare, EVERYONE, at=AT)
    assert allowing.allow(person, bare, replace(EVERYONE, **changes), at=AT) is not None


def test_other_people_are_another_rule(person, bare):
    ada, bob, group = UserFactory(), UserFactory(), GroupFactory()
    ours = RuleDraft(privileges=["allow_join"])
    of_users = [replace(ours, users=users) for users in ([ada], [bob], [ada, bob])]
    drafts = [*of_users, replace(ours, groups=[group])]
    for draft in drafts:
        assert allowing.allow(person, bare, draft, at=AT) is not None
        assert allowing.allow(person, bare, draft, at=AT) is None
    assert Rule.objects.count() == len(drafts)


def test_another_applications_rule_is_another_rule(person, bare):
    RuleFactory(privileges=["allow_join"])
    assert allowing.allow(person, bare, EVERYONE, at=AT) is not None


def test_many_rules_are_compared_in_as_many_statements_as_one(person, bare):
    for privileges in (["ask_join"], ["allow_mod"], ["allow_join"]):
        allowing.allow(person, bare, replace(EVERYONE, privileges=privileges), at=AT)
    with counted(4):  # the application, its rules, their users, their groups
        assert allowing.allow(person, bare, EVERYONE, at=AT) is None


def test_a_rule_that_can_never_work_is_refused(person, bare):
    with pytest.raises(BadOption, match="not a privilege of VideoSDK"):
        allowing.allow(person, bare, replace(EVERYONE, privileges=["fly"]), at=AT)
