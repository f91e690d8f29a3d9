"""Refresh tokens keep the ring entry that they were born under; who drops it is told whom that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import AT, TokenFamilyFactory
from tests.services.test_refreshing import pair, refreshed, text_of, verdict_of
from tests.statements import counted
from token_issuer.crypto import refresh_texts
from token_issuer.models import AuditEvent, TokenFamily
from token_issuer.services import diagnosing, refresh_keys
from token_issuer.services.findings import Severity

SOON = AT + timedelta(minutes=5)

__all__ = ["pair"]  # a fixture


@pytest.fixture
def ring(settings):
    """Change which entries the ring has, by their ids, in their order."""
    entries = {entry.partition(":")[0]: entry for entry in settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]}
    entries["new"] = "new:QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="

    def ring(*ids: str) -> None:
        keys = [entries[name] for name in ids]
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": keys}

    return ring


def test_a_new_entry_in_front_changes_no_refresh_token(pair, ring):
    ring("new", "test2", "test1")
    made = refreshed(text_of(pair), SOON)
    presented = refresh_texts.read(made.pair.refresh_token)
    assert presented is not None
    assert (presented.key_id, TokenFamily.objects.get().mac_key_id) == ("test2", "test2")


def test_without_its_entry_a_refresh_token_is_garbage(pair, ring):
    ring("new", "test1")
    with counted(0):
        assert verdict_of(text_of(pair), SOON) == "malformed"


def test_what_is_in_use_is_counted_by_entry(db, ring):
    TokenFamilyFactory.create_batch(2, expires_at=AT + timedelta(days=20))
    TokenFamilyFactory(mac_key_id="gone", expires_at=AT + timedelta(days=25))
    with counted(1):
        found = refresh_keys.in_use(at=SOON)
    assert [(use.key_id, use.families, use.until, use.in_ring) for use in found] == [
        ("gone", 1, AT + timedelta(days=25), False),
        ("test2", 2, AT + timedelta(days=20), True),
    ]


@pytest.mark.parametrize(
    "over",
    [{"closed_at": AT}, {"idle_expires_at": SOON}, {"idle_expires_at": SOON, "expires_at": SOON}],
)
def test_what_is_over_is_not(db, over):
    TokenFamilyFactory(**over)
    assert refresh_keys.in_use(at=SOON) == []


def test_the_trouble_is_told_in_words(db):
    TokenFamilyFactory()
    assert refresh_keys.trouble(at=SOON) == ""
    TokenFamilyFactory.create_batch(2, mac_key_id="gone")
    assert refresh_keys.trouble(at=SOON) == "2 name the key 'gone', which is not in the ring"


def test_what_is_lost_can_be_closed(person):
    kept = TokenFamilyFactory()
    lost = TokenFamilyFactory.create_batch(2, mac_key_id="gone")
    assert refresh_keys.close_lost(person, at=SOON) == 2
    assert {row.reason for row in TokenFamily.objects.filter(pk__in=[row.pk for row in lost])} == {refresh_keys.REASON}
    assert TokenFamily.objects.get(pk=kept.pk).closed_at is None
    assert AuditEvent.objects.count() == 2
    assert refresh_keys.close_lost(person, at=SOON) == 0


def test_the_doctor_notices(person):
    later = timezone.now() + timedelta(days=1)
    TokenFamilyFactory(mac_key_id="gone", idle_expires_at=later, expires_at=later)
    (found,) = [each for each in diagnosing.full(person, at=SOON).findings if each.name == "check token_issuer.E023"]
    message = "Of the open token families, 1 name the key 'gone', which is not in the ring."
    assert (found.severity, found.message) == (Severity.FAILED, message)
