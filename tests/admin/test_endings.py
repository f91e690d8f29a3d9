"""When a token really ends, in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.template.loader import render_to_string

from tests.factories import AT
from token_issuer.ids import uuid7
from token_issuer.providers.base import Revocation
from token_issuer.services.revoking import Ending

ENDS = AT + timedelta(minutes=41)


@pytest.mark.parametrize(
    ("revocation", "words"),
    [
        (Revocation.IMMEDIATE, "at once"),
        (Revocation.AT_EXPIRY, "{clock}, in 41 min"),
        (Revocation.AT_NEXT_JOIN, "at the next join after {clock}, in 41 min"),
        (Revocation.PUSHED, "pushed to the vendor; {clock}, in 41 min at the latest"),
    ],
)
def test_it_is_said_for_each_way_of_ending(revocation, words):
    assert said(revocation) == words.format(clock=ENDS.strftime("%H:%M"))


@pytest.mark.parametrize("revocation", Revocation)
def test_what_has_ended_ends_at_once(revocation):
    assert said(revocation, at=ENDS) == "at once"


def said(revocation, *, at=AT):
    ending = Ending(token_id=uuid7(), revocation=revocation, ends_at=ENDS, changed=True)
    return render_to_string("admin/token_issuer/includes/ending.html", {"ending": ending, "at": at}).strip()
