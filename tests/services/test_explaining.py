"""Explaining tells what issuing would do, and does nothing."""

from __future__ import annotations

import pytest

from tests.factories import AT, RuleFactory
from token_issuer.errors import BadGrant
from token_issuer.models import AuditEvent, IssuedToken, RuleWindow
from token_issuer.services import explaining, issuing


@pytest.fixture
def explain(person):
    return lambda **body: explaining.explain(person, "rooms", body={"roomId": "a", **body}, at=AT)


def test_what_would_be_granted(explain, rooms):
    told = explain()
    assert (told.allowed, told.lifetime, told.maximum, told.left) == (True, 600, 86400, None)


def test_why_not(explain, rooms):
    told = explain(permissions=["allow_mod"])
    assert (told.allowed, told.reason, told.maximum) == (False, "privilege_not_granted", 0)


def test_every_voice_is_heard(explain, rooms):
    RuleFactory(application=rooms, priority=1, resource_pattern="b")
    assert [step.reason for step in explain().steps] == ["resource_not_granted", ""]


def test_what_is_left_of_a_limit(explain, rooms, person):
    rooms.rules.update(limit=2, window=60)
    assert explain().left == 2
    issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT)
    assert explain().left == 1
    issuing.issue(person, "rooms", body={"roomId": "b"}, at=AT)
    assert (explain().allowed, explain().reason, explain().left) == (False, "rate_limited", 0)


def test_nothing_is_charged_minted_or_audited(explain, rooms):
    rooms.rules.update(limit=2, window=60)
    explain()
    explain(permissions=["allow_mod"])
    assert (RuleWindow.objects.count(), IssuedToken.objects.count(), AuditEvent.objects.count()) == (0, 0, 0)


def test_a_bad_body_is_a_bad_body(explain, rooms):
    with pytest.raises(BadGrant):
        explain(colour="red")


def test_nothing_to_sign_with_is_told(explain, rooms):
    rooms.certificates.update(retired_at=AT)
    assert (explain().allowed, explain().reason) == (False, "no_active_certificate")


def test_what_nothing_signs_needs_no_certificate(person, once, at):
    assert explaining.explain(person, "once", body={}, at=at).allowed
