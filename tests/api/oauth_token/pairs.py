"""Pairs as a session or a server has got them."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from tests.factories import caller
from token_issuer.models import Origin
from token_issuer.services import issuing

SCOPES = {"orders:read": "See your orders", "orders:write": "Change your orders"}
BOTH = "orders:read orders:write"


def issued(user, *, scope=BOTH, **who):
    return issuing.issue(
        caller(user, origin=Origin.BEARER, **who),
        "own",
        body={"scope": scope},
        at=timezone.now() - timedelta(minutes=1),
    )


def text_of(made) -> str:
    return made.pair.refresh_token.reveal()
