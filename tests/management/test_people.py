"""Users, groups and rules as the command line names them."""

from __future__ import annotations

import pytest
from django.core.management import CommandError

from tests.factories import GroupFactory, UserFactory
from token_issuer.management.people import rules_of, user_of


def test_a_user_by_name_or_key(user):
    assert user_of("ada") == user_of(str(user.pk)) == user


def test_one_person_with_both_is_no_question(db):
    user = UserFactory()
    user.username = str(user.pk)
    user.save()
    assert user_of(str(user.pk)) == user


def test_two_people_are_a_question(user):
    other = UserFactory(username=str(user.pk))
    with pytest.raises(CommandError, match=rf"another one's key. Use the key of the first: {other.pk}\."):
        user_of(str(user.pk))


@pytest.mark.parametrize("text", ["nobody", "999999", "9" * 40, "ADA", "ada "])
def test_nobody_is_named(user, text):
    with pytest.raises(CommandError, match=f"There is no user with the name or key '{text}'"):
        user_of(text)


def test_a_key_is_written_as_it_is(db):
    UserFactory(pk=10)
    with pytest.raises(CommandError, match="There is no user"):
        user_of("1_0")


def test_everyone(db):
    (rule,) = rules_of(["everyone:a,b"])
    assert (rule.everyone, rule.privileges, rule.users, rule.groups) == (True, ["a", "b"], (), ())


def test_a_group_whose_name_has_a_colon(db):
    group = GroupFactory(name="staff: west")
    (rule,) = rules_of(["group:staff: west:a"])
    assert (rule.everyone, rule.groups, rule.privileges) == (False, [group], ["a"])


def test_a_user(user):
    (rule,) = rules_of([f"user:{user.pk}:a"])
    assert (rule.everyone, rule.users) == (False, [user])


@pytest.mark.parametrize("text", ["", "everyone", "everyone:", "group::a", "group:a", "user:1", "all:a"])
def test_what_is_not_understood(db, text):
    with pytest.raises(CommandError, match=r"is not understood\. Write everyone:PRIVILEGE, group:NAME:PRIVILEGE"):
        rules_of([text])


def test_a_group_that_is_not_there(db):
    GroupFactory(name="staff")
    with pytest.raises(CommandError, match=r"There is no group 'STAFF'\."):
        rules_of(["group:STAFF:a"])
