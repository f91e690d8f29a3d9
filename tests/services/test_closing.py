"""A family ends once, and everything that came from it at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from tests.factories import AT, TokenFamilyFactory
from tests.services.test_refreshing import is_good, pair, refreshed, text_of, told, verdict_of
from tests.statements import counted
from token_issuer.models import AuditEvent, AuditKind, TokenFamily
from token_issuer.services import closing, revoking
from token_issuer.services.transactions import OpenTransaction

SOON = AT + timedelta(minutes=5)

__all__ = ["pair", "told"]  # fixtures


def close(person, family, **changes):
    return closing.close_family(person, family, **{"reason": "lost", "at": SOON, **changes})


def test_it_ends_once(person, told):
    family = TokenFamilyFactory()
    assert close(person, family)
    assert not close(person, family, reason="again", at=SOON + timedelta(hours=1))
    family.refresh_from_db()
    assert (family.closed_at, family.reason) == (SOON, "lost")
    assert told == [("family", "lost", person.user)]


def test_its_event_names_it(person):
    family = TokenFamilyFactory(generation=3)
    close(person, family)
    event = AuditEvent.objects.get()
    assert (event.kind, event.family, event.user, event.at) == (AuditKind.FAMILY_CLOSED, family, person.user, SOON)
    assert event.detail == {"reason": "lost", "of": family.subject, "generation": 3}


def test_it_is_one_update_and_one_event(person):
    family = TokenFamilyFactory(application__provider="own")
    with counted(2):
        close(person, family)
    with counted(1):
        close(person, family)


@pytest.mark.parametrize("size", [1, 50])
def test_it_costs_the_same_however_large(pair, person, size):
    text = text_of(pair)
    for minute in range(size):
        text = text_of(refreshed(text, AT + timedelta(minutes=minute)))
    family = TokenFamily.objects.select_related("application").get()
    with counted(2):
        close(person, family, at=AT + timedelta(hours=1))


def test_a_reason_is_kept_as_the_audit_holds_it(person):
    family = TokenFamilyFactory()
    close(person, family, reason="a\0b" + "c" * 300)
    family.refresh_from_db()
    assert family.reason == "a b" + "c" * 197


@pytest.mark.django_db(transaction=True)
def test_inside_a_hosts_transaction_it_refuses(person):
    family = TokenFamilyFactory()
    with transaction.atomic(), pytest.raises(OpenTransaction):
        close(person, family)


# One half of a pair ends the other


def test_revoking_the_access_token_ends_the_refresh_token(pair, person, told):
    made = refreshed(text_of(pair), SOON)
    revoking.revoke_own(person, pair.token_id, reason="lost phone", at=SOON)
    assert verdict_of(text_of(made), SOON) == "ended"
    assert not is_good(made, SOON)
    assert told == [("token", "lost phone", person.user), ("family", "lost phone", person.user)]


def test_both_endings_are_in_the_audit(pair, person):
    revoking.revoke_own(person, pair.token_id, reason="lost phone", at=SOON)
    assert [*AuditEvent.objects.order_by("pk").values_list("kind", flat=True)] == ["token_revoked", "family_closed"]


def test_a_token_that_has_expired_still_ends_its_family(pair, person):
    revoking.revoke_any(person, pair.token_id, reason="", at=AT + timedelta(days=2))
    assert TokenFamily.objects.get().closed_at == AT + timedelta(days=2)


def test_doing_it_again_changes_and_tells_nothing(pair, person, told):
    for _ in range(2):
        ending = revoking.revoke_own(person, pair.token_id, reason="", at=SOON)
    assert not ending.changed
    assert (AuditEvent.objects.count(), len(told)) == (2, 2)
