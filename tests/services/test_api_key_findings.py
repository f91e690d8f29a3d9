"""What the doctor says of API keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, ApiKeyFactory, UserFactory, caller
from tests.statements import counted
from token_issuer.services import api_key_findings, diagnosing
from token_issuer.services.findings import Severity

YEAR = timedelta(days=365)
OWNERLESS = "has no active owner"
REFUSED = "acts as a user who is gone or not active, so it is refused"
ENDLESS = "never expires and is older than a year"


def look(at=AT, **where) -> list[tuple[Severity, str]]:
    return [(found.severity, found.message) for found in api_key_findings.look(at=at, **where)]


@pytest.fixture
def owner(db):
    return UserFactory()


@pytest.fixture
def away(db):
    return UserFactory(is_active=False)


def test_without_keys_there_is_nothing_to_say(db):
    assert look() == []


def test_keys_that_are_as_they_should_be_are_counted(owner):
    ApiKeyFactory(owner=owner)
    ApiKeyFactory(created_by=owner, acts_as=owner)
    assert look(AT + YEAR) == [(Severity.OK, "Somebody answers for each of them (2).")]


def test_a_key_whose_owner_is_away_is_named(owner, away):
    key = ApiKeyFactory(owner=away, created_by=owner)
    assert look() == [(Severity.WARNING, f"{key.public_id}: {OWNERLESS}.")]


def test_without_an_owner_its_maker_answers_for_it(away):
    keys = [ApiKeyFactory(created_by=away), ApiKeyFactory()]
    assert look() == [(Severity.WARNING, f"{', '.join(key.public_id for key in keys)}: {OWNERLESS}.")]


def test_a_key_that_acts_as_somebody_inactive_or_gone_is_named(owner, away):
    leaving = UserFactory()
    inactive, gone = ApiKeyFactory(owner=owner, acts_as=away), ApiKeyFactory(owner=owner, acts_as=leaving)
    leaving.delete()
    assert look() == [(Severity.WARNING, f"{inactive.public_id}, {gone.public_id}: {REFUSED}.")]


def test_a_key_that_is_old_and_without_an_end_is_named(owner):
    key = ApiKeyFactory(owner=owner)
    ApiKeyFactory(owner=owner, expires_at=AT + 3 * YEAR)
    assert look(AT + YEAR + timedelta(days=1)) == [(Severity.WARNING, f"{key.public_id}: {ENDLESS}.")]


@pytest.mark.parametrize("ended", [{"revoked_at": AT}, {"expires_at": AT}])
def test_keys_that_have_ended_are_nobodys_concern(db, ended):
    ApiKeyFactory(**ended)
    assert look() == []


def test_only_some_are_named(db):
    keys = [ApiKeyFactory() for _ in range(12)]
    ((_severity, message),) = look()
    assert (keys[9].public_id in message, keys[10].public_id in message, " and 2 more" in message) == (
        True, False, True,
    )  # fmt: skip


def test_one_statement_looks_at_all(owner):
    ApiKeyFactory(owner=owner)
    with counted(1):
        look()


def test_the_keys_of_one_application_can_be_looked_at(db):
    key, _other = ApiKeyFactory(), ApiKeyFactory()
    assert look(slug=key.application.slug) == [(Severity.WARNING, f"{key.public_id}: {OWNERLESS}.")]


def test_the_doctor_tells(owner, away):
    ApiKeyFactory(owner=away)
    found = diagnosing.full(caller(owner), at=AT)
    assert [finding.severity for finding in found.findings if finding.name == "API keys"] == [Severity.WARNING]
