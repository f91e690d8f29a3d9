"""What happened, on the pages of token families and tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.test_issued_tokens import text_of
from tests.admin.test_people import many_more, told
from tests.factories import (
    ApplicationFactory,
    IssuedTokenFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    caller,
)
from token_issuer.errors import TokenRejected
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, Origin, TokenFamily, VendorPush
from token_issuer.services import closing, issuing, refreshing, revoking


@pytest.fixture
def pair(db, settings):
    """An access token and a refresh token of somebody's phone."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}
    RuleFactory(application=ApplicationFactory(slug="own", provider="own", ready=True))
    person = caller(UserFactory(username="ada"), origin=Origin.BEARER)
    return issuing.issue(person, "own", body={}, at=timezone.now())


def page_of(family):
    return url("tokenfamily", "change", family.pk)


def test_a_family_tells_its_rotations_retries_and_reuse(site, pair):
    now, first = timezone.now(), pair.pair.refresh_token
    refreshed = refreshing.refresh(first, at=now)
    assert refreshed.pair is not None
    refreshing.refresh(first, at=now + timedelta(seconds=1))
    refreshing.refresh(refreshed.pair.refresh_token, at=now + timedelta(seconds=2))
    with pytest.raises(TokenRejected):
        refreshing.refresh(first, at=now + timedelta(hours=1))
    answer = site.get(page_of(TokenFamily.objects.get()))
    assert told(answer) == [
        "token family closed: a refresh token was reused",
        "token refreshed",
        "refresh retried",
        "token refreshed",
        "token issued",
        "token family begun",
    ]
    details = [line.entry.detail for line in answer.context["timeline"]]
    assert [detail.partition(",")[0] for detail in details[1:5]] == [
        "generation 2", "generation 1", "generation 1", "generation 0",
    ]  # fmt: skip
    assert details[0] == "reuse, generation 2, retries 0"


def test_a_family_tells_who_closed_it_and_why(site, chief, pair):
    family = TokenFamily.objects.get()
    closing.close_family(caller(chief), family, reason="phone lost", at=timezone.now())
    entry = site.get(page_of(family)).context["timeline"][0].entry
    assert (str(entry.what), entry.who, entry.detail.partition(",")[0]) == (
        "token family closed",
        "chief",
        "phone lost",
    )


def test_a_family_shows_its_tokens_and_events_to_who_may_see_those(staff, chief, pair):
    family = TokenFamily.objects.get()
    closing.close_family(caller(chief), family, reason="phone lost", at=timezone.now())
    answer = staff("view_tokenfamily").get(page_of(family))
    assert told(answer) == ["token family closed", "token family begun"]
    assert answer.context["timeline"][0].entry.who == ""
    assert "person_url" not in answer.context


def test_a_family_is_told_page_by_page(site, active):
    family = TokenFamilyFactory(application=active.application)
    rows = [IssuedTokenFactory(certificate=active, family=family, origin=Origin.REFRESH).pk for _ in range(60)]
    first = site.get(page_of(family))
    second = site.get(page_of(family) + "?" + first.context["older"])
    seen = [line.entry.row for answer in (first, second) for line in answer.context["timeline"]]
    assert seen == [*rows[::-1], family.pk]
    assert "Newest" in text_of(second)


@pytest.mark.parametrize("model", ["tokenfamily", "issuedtoken"])
def test_pages_take_the_same_queries_at_10_and_at_10_000_rows(site, active, model):
    family = TokenFamilyFactory(application=active.application)
    token = IssuedTokenFactory(certificate=active, family=family, origin=Origin.REFRESH)
    AuditEvent.objects.create(kind=AuditKind.PUSH_FAILED, at=timezone.now(), family=family, token=token)
    page = url(model, "change", family.pk if model == "tokenfamily" else token.pk)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert site.get(page).status_code == 200
        return len(captured)

    many_more(token, 9)
    queries()  # content types are read once
    few = queries()
    many_more(token, 9990)
    assert queries() == few


def test_a_token_tells_what_happened_to_it(site, chief, token):
    IssuedToken.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    revoking.revoke_any(caller(chief), token.pk, reason="leaked", at=timezone.now())
    push, _made = VendorPush.objects.get_or_create(
        token=token, application=token.application, defaults={"next_try_at": timezone.now()}
    )
    VendorPush.objects.filter(pk=push.pk).update(
        failed_at=timezone.now(), next_try_at=None, reason="refused: no such key"
    )
    answer = site.get(url("issuedtoken", "change", token.pk))
    assert told(answer) == ["the vendor was not told", "the vendor is to be told", "token revoked", "token issued"]
    revoked = answer.context["timeline"][2].entry
    assert (revoked.who, revoked.detail) == ("chief", "leaked")


def test_pages_lead_to_the_person(site, viewer, token):
    page = url("issuedtoken", "person", token.user.pk)
    assert page in viewer.get(url("issuedtoken", "change", token.pk)).content.decode()
    family = TokenFamilyFactory(user=token.user)
    assert page in viewer.get(page_of(family)).content.decode()
    token.user.delete()
    assert page not in site.get(url("issuedtoken", "change", token.pk)).content.decode()
