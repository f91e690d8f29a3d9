"""API keys when several people, or a server and a person, act at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connections, transaction

from tests.factories import AT, ApiKeySecretFactory, ApplicationFactory, RuleFactory, UserFactory, api_key, caller
from token_issuer.crypto import TokenText
from token_issuer.errors import Conflict, TokenRejected
from token_issuer.models import ApiKeySecret, AuditEvent, AuditKind, Origin, RevocationEpoch
from token_issuer.services import api_keys, issuing, revoking, verifying
from token_issuer.services.issuing import Issuance

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

PEOPLE = 12
DAY = 86_400
ROOM = {"roomId": "abcd-efgh-ijkl"}
LATER = AT + timedelta(minutes=1)


@pytest.fixture
def admin():
    return caller(UserFactory(), origin=Origin.ADMIN)


@pytest.fixture
def rooms():
    return RuleFactory(application=ApplicationFactory(slug="rooms", ready=True)).application


@pytest.mark.parametrize("round_", range(5))
def test_of_many_rotations_at_once_one_is_won(at_once, admin, rooms, round_):
    key, _text = api_key(application=rooms)
    results = at_once(PEOPLE, lambda _: api_keys.rotate(admin, key, overlap=DAY, at=LATER))
    assert Counter(map(type, results)) == {TokenText: 1, Conflict: PEOPLE - 1}
    assert len(api_keys.working(key, at=LATER)) == ApiKeySecret.objects.count() == 2
    assert AuditEvent.objects.filter(kind=AuditKind.API_KEY_ROTATED).count() == 1


@pytest.mark.parametrize("round_", range(5))
def test_rotations_of_every_kind_never_leave_three_secrets(at_once, admin, rooms, round_):
    key, _text = api_key(application=rooms)
    results = at_once(PEOPLE, lambda n: api_keys.rotate(admin, key, overlap=DAY * (n % 3), at=LATER))
    assert set(map(type, results)) <= {TokenText, Conflict}
    assert 1 <= len(api_keys.working(key, at=LATER)) <= 2
    assert ApiKeySecret.objects.filter(expires_at__isnull=True, revoked_at__isnull=True).count() == 1


def naive(key) -> None:
    """The obvious way: look whether there is room, then insert. Kept to prove that the tests above can fail."""
    with transaction.atomic():
        if len(api_keys.working(key, at=LATER)) < 2:
            time.sleep(0.05)
            ApiKeySecretFactory(api_key=key, expires_at=LATER + timedelta(days=1))


@pytest.mark.engine("postgresql", "mariadb")
def test_looking_first_leaves_more(at_once, rooms):
    key, _text = api_key(application=rooms)
    at_once(PEOPLE, lambda _: naive(key))
    assert len(api_keys.working(key, at=LATER)) > 2


def test_a_key_is_revoked_once(at_once, admin, rooms):
    key, _text = api_key(application=rooms)
    results = at_once(PEOPLE, lambda _: api_keys.revoke(admin, key, reason="leaked", at=LATER))
    assert Counter(results) == {True: 1, False: PEOPLE - 1}
    assert (RevocationEpoch.objects.get().epoch, AuditEvent.objects.count()) == (1, 1)


@pytest.mark.engine("postgresql", "mariadb")
@pytest.mark.parametrize("end", ["revoke", "end_tokens"])
def test_a_mint_held_open_while_its_key_is_revoked_is_refused(admin, rooms, end):
    """The INSERT has run and the COMMIT has not when the key ends; where the INSERT holds the key's row, it waits."""
    key, _text = api_key(application=rooms)
    server = caller(UserFactory(), origin=Origin.API_KEY, api_key=key)
    inserted, ended = threading.Event(), threading.Event()
    given: list[Issuance] = []

    def mint() -> None:
        with transaction.atomic():
            issuing.issue(server, "rooms", body=ROOM, at=AT, on_commit=given.append)
            inserted.set()
            ended.wait(timeout=2)
        connections.close_all()

    thread = threading.Thread(target=mint)
    thread.start()
    inserted.wait(timeout=30)
    if end == "revoke":
        api_keys.revoke(admin, key, reason="leaked", at=LATER)
    else:
        revoking.revoke_mine(server, reason="leaked", at=LATER)
    ended.set()
    thread.join(timeout=30)
    with pytest.raises(TokenRejected):
        verifying.verify(given[0].token.reveal(), at=LATER)
