"""Two people are given one name at the same moment, at two rows that are one application at the vendor."""

from __future__ import annotations

import pytest

from tests.factories import AT, ApplicationFactory, UserFactory, caller
from token_issuer.errors import BadOption
from token_issuer.models import VendorAccount
from token_issuer.services import naming

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

ROUNDS = 10


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_of_them_gets_it(at_once, round_):
    rows = [ApplicationFactory(provider="voximplant") for _ in range(2)]
    users = UserFactory.create_batch(2)
    results = at_once(2, lambda n: naming.name(caller(users[n]), rows[n], users[n], subject="ada", at=AT))
    assert sorted(type(result).__name__ for result in results) == [BadOption.__name__, "VendorAccount"], results
    assert VendorAccount.objects.filter(subject="ada").count() == 1
