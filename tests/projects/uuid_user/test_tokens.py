"""Tokens for people whose model has nothing but a UUID."""

from __future__ import annotations

import pytest

from tests.factories import AT, RuleFactory, caller
from tests.projects.uuid_user.models import Person
from token_issuer.errors import PolicyDenied
from token_issuer.models import IssuedToken
from token_issuer.services import issuing

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"roomId": "room-1"}


@pytest.fixture
def person():
    return Person.objects.create(handle="ada")


def issue(person, rule):
    return issuing.issue(caller(person), rule.application.slug, body=BODY, at=AT)


def test_everyone_signed_in_may_have_one(person):
    issuance = issue(person, RuleFactory())
    assert IssuedToken.objects.get(pk=issuance.token_id).user == person


def test_a_rule_may_name_the_person(person):
    assert issue(person, RuleFactory(everyone=False, for_users=[person])).token.reveal()


def test_nobody_is_in_a_group(person):
    with pytest.raises(PolicyDenied, match="no_rule"):
        issue(person, RuleFactory(everyone=False))


def test_the_key_is_the_subject(person):
    issuance = issue(person, RuleFactory(subject_pattern="{user.pk}"))
    assert issuance.sdk["participantId"] == str(person.pk)


def test_the_name_they_sign_in_with_stands_for_a_user_name(person):
    issuance = issue(person, RuleFactory(subject_pattern="{user.username}", allow_username=True))
    assert issuance.sdk["participantId"] == "ada"
