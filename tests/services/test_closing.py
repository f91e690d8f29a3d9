"""A family ends once, and everything that came from it at the same moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from tests.factories import AT, TokenFamilyFactory
from tests.services.test_refreshing import pair, refreshed, text_of, told
from tests.statements import counted
from token_issuer.models import AuditEvent, AuditKind, TokenFamily
from token_issuer.services import closing
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
    family = TokenFamilyFactory()
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
