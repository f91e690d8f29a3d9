"""A limit's units belong to one rule, one person and one window."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, RuleFactory, UserFactory, caller
from token_issuer.models import RuleWindow
from token_issuer.policy import Charge
from token_issuer.services import windows


def charge_of(rule) -> Charge:
    return Charge(rule_id=str(rule.pk), limit=5, window=60)


@pytest.fixture
def order(db):
    return charge_of(RuleFactory())


def of_another_rule(order, key):
    return charge_of(RuleFactory()), key, AT


def of_another_person(order, key):
    return order, caller(UserFactory()).principal_key, AT


def of_another_window(order, key):
    return order, key, AT + timedelta(seconds=60)


@pytest.mark.parametrize("other", [of_another_rule, of_another_person, of_another_window])
def test_a_unit_is_taken_and_counted_in_one_place(order, person, other):
    key = person.principal_key
    other_order, other_key, other_at = other(order, key)
    windows.ensure(other_order, other_key, at=other_at)
    windows.ensure(order, key, at=AT)
    assert windows.charge(order, key, at=AT)
    assert windows.used(order, key, at=AT) == 1
    assert windows.used(other_order, other_key, at=other_at) == 0


def test_a_window_that_is_there_keeps_its_count(order, person):
    windows.ensure(order, person.principal_key, at=AT)
    windows.charge(order, person.principal_key, at=AT)
    windows.ensure(order, person.principal_key, at=AT)
    assert RuleWindow.objects.get().used == 1
