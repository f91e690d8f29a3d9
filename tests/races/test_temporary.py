"""One form for a temporary token, sent many times at the same moment: one token, whatever the engine."""

from __future__ import annotations

from collections import Counter

import pytest
from django.contrib.auth.models import Permission

from tests.factories import AT, ApplicationFactory, UserFactory, caller
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, IssuedToken, Origin
from token_issuer.services import temporary

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

THREADS = 12
ROUNDS = 3


@pytest.fixture
def chief(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}
    ApplicationFactory(slug="rooms", ready=True)
    user = UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="make_temporary_token"))
    return caller(user, origin=Origin.ADMIN)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_form_makes_one_token(at_once, chief, round_):
    token_id = uuid7()

    def make(_: int) -> object:
        return temporary.make(chief, "rooms", body={"roomId": "a"}, at=AT, token_id=token_id)

    results = at_once(THREADS, make)
    assert Counter(type(result).__name__ for result in results) == {"Issuance": 1, "Conflict": THREADS - 1}, results
    assert [row.pk for row in IssuedToken.objects.all()] == [token_id]
    assert not AuditEvent.objects.exists()
