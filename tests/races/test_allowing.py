"""The same rule added at the same moment."""

from __future__ import annotations

import pytest

from tests.factories import AT, ApplicationFactory, UserFactory, caller
from token_issuer.models import Rule
from token_issuer.services import allowing
from token_issuer.services.drafts import RuleDraft

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]


def test_eight_at_once_make_one_rule(at_once):
    application, person = ApplicationFactory(), caller(UserFactory())
    draft = RuleDraft(everyone=True, privileges=["allow_join"])
    results = at_once(8, lambda index: allowing.allow(person, application, draft, at=AT))
    assert (sum(result is not None for result in results), Rule.objects.count()) == (1, 1), results
