"""Whoever is deleted leaves his audit behind, and every page of it still opens."""

from __future__ import annotations

import pytest

from tests.admin.addresses import read_pages
from tests.factories import (
    AT,
    ApiKeyFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
)
from token_issuer.models import AuditEvent, AuditKind


@pytest.fixture
def rows(rooms, active):
    """One of everything of somebody who is gone."""
    user = UserFactory(username="gone")
    family = TokenFamilyFactory(application=rooms, user=user)
    token = IssuedTokenFactory(
        certificate=active, user=user, family=family, revoked_by=user, api_key=ApiKeyFactory(acts_as=user, owner=user)
    )
    event = AuditEvent.objects.create(
        kind=AuditKind.TOKEN_REVOKED, at=AT, application=rooms, user=user, token=token, family=family
    )
    rows = {
        "application": rooms,
        "certificate": active,
        "rule": RuleFactory(application=rooms, everyone=False, for_users=[user]),
        "issuedtoken": token,
        "auditevent": event,
        "vendoraccount": VendorAccountFactory(application=rooms, user=user),
        "onetimekey": OneTimeKeyFactory(application=rooms, user=user),
        "tokenfamily": family,
    }
    user.delete()
    return rows


def test_every_page_still_opens(site, rows):
    answers = {page: site.get(page).status_code for page in read_pages(rows)}
    assert set(answers.values()) == {200}, answers


def test_the_evidence_still_says_who_it_was(rows):
    for model in ("issuedtoken", "onetimekey", "tokenfamily"):
        row = rows[model]
        before = row.principal_key
        row.refresh_from_db()
        assert (row.user, row.principal_key) == (None, before)
    rows["issuedtoken"].refresh_from_db()
    assert rows["issuedtoken"].subject == "user-1"
