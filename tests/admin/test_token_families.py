"""Looking at token families and ending them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.busy import busy
from tests.admin.test_issued_tokens import text_of
from tests.factories import ApplicationFactory, RuleFactory, TokenFamilyFactory, UserFactory, caller
from token_issuer.errors import TokenRejected
from token_issuer.models import AuditEvent, AuditKind, Origin, TokenFamily
from token_issuer.services import issuing, refreshing, revoking, verifying


@pytest.fixture
def pair(db, settings):
    """An access token and a refresh token of somebody's phone."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}
    RuleFactory(application=ApplicationFactory(slug="own", provider="own", ready=True))
    return issuing.issue(caller(UserFactory(), origin=Origin.BEARER), "own", body={}, at=timezone.now())


def standings(site) -> list[str]:
    rows = site.get(url("tokenfamily", "changelist")).context["cl"].result_list
    return [row.standing(timezone.now()).value for row in rows]


def test_the_list_says_how_each_stands(site, rooms):
    now = timezone.now()
    later = {"idle_expires_at": now + timedelta(days=1), "expires_at": now + timedelta(days=1)}
    TokenFamilyFactory(application=rooms, **later)
    TokenFamilyFactory(application=rooms, idle_expires_at=now, expires_at=now + timedelta(days=1))
    TokenFamilyFactory(application=rooms, closed_at=now, **later)
    ended = TokenFamilyFactory(application=rooms, **later).user
    revoking.revoke_user(caller(ended), ended, reason="", at=now)
    assert standings(site) == ["revoked", "revoked", "expired", "live"]


def test_no_page_shows_a_refresh_token(site, pair):
    family = TokenFamily.objects.get()
    for page in (url("tokenfamily", "changelist"), url("tokenfamily", "change", family.pk)):
        text = site.get(page).content.decode()
        assert "tir_" not in text
        assert family.password_stamp not in text


def test_ending_one_is_confirmed_and_ends_all_that_came_from_it(site, pair, chief):
    page = url("tokenfamily", "revoke", TokenFamily.objects.get().pk)
    assert "every access token that came from it end here at once" in text_of(site.get(page))
    assert TokenFamily.objects.get().closed_at is None
    site.post(page, {"reason": "phone lost"})
    for refused in (
        lambda at: refreshing.refresh(pair.pair.refresh_token, at=at),
        lambda at: verifying.verify(pair.token, at=at),
    ):
        with pytest.raises(TokenRejected):
            refused(timezone.now())
    event = AuditEvent.objects.get(kind=AuditKind.FAMILY_CLOSED)
    assert (event.user, event.family, event.detail["reason"]) == (chief, TokenFamily.objects.get(), "phone lost")


def test_the_button_is_there_for_who_may_and_while_it_lives(site, viewer, pair):
    family = TokenFamily.objects.get()
    button = url("tokenfamily", "revoke", family.pk)
    assert button in site.get(url("tokenfamily", "change", family.pk)).content.decode()
    assert button not in viewer.get(url("tokenfamily", "change", family.pk)).content.decode()
    TokenFamily.objects.update(closed_at=timezone.now())
    assert button not in site.get(url("tokenfamily", "change", family.pk)).content.decode()


def test_several_are_ended_at_once(site, rooms):
    families = [TokenFamilyFactory(application=rooms).pk for _ in range(2)]
    chosen = {"action": "revoke_selected", "_selected_action": families}
    assert "Revoke 2 rows?" in text_of(site.post(url("tokenfamily", "changelist"), chosen))
    site.post(url("tokenfamily", "revoke_selected"), {"reason": "lost", "token": families})
    assert not TokenFamily.objects.filter(closed_at=None).exists()


def test_busy_is_said_and_ends_nothing(site, pair):
    family = TokenFamily.objects.get()
    with busy("UPDATE", "token_issuer_tokenfamily"):
        answer = site.post(url("tokenfamily", "revoke", family.pk), {"reason": "phone lost"}, follow=True)
    assert "The database was busy three times in a row." in text_of(answer)
    family.refresh_from_db()
    assert family.closed_at is None
