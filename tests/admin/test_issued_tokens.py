"""Finding a token and ending it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.busy import busy
from tests.factories import (
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    caller,
)
from token_issuer import issue
from token_issuer.models import AuditEvent, AuditKind, IssuedToken
from token_issuer.services import revoking


@pytest.fixture
def issued(rooms):
    """A real token and its row."""
    RuleFactory(application=rooms)
    issuance = issue(UserFactory(username="bob"), "rooms", roomId="room-7", lifetime=600)
    return issuance.token.reveal(), IssuedToken.objects.get()


def text_of(answer):
    """What a reader sees, without tags and line breaks."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


# The paste box


def test_pasted_token_leads_to_its_page(site, issued):
    text, row = issued
    answer = site.post(url("issuedtoken", "find"), {"pasted": f"  {text}\n"})
    assert answer["Location"] == url("issuedtoken", "change", row.pk)


def test_pasted_id_leads_to_its_page(site, token):
    assert site.post(url("issuedtoken", "find"), {"pasted": str(token.pk)})["Location"] == url(
        "issuedtoken", "change", token.pk
    )


def test_empty_box_leads_back(site, token):
    assert site.post(url("issuedtoken", "find"), {"pasted": " "})["Location"] == url("issuedtoken", "changelist")


def test_pasting_needs_permission_to_see(staff, issued):
    text, _row = issued
    assert staff("view_application").post(url("issuedtoken", "find"), {"pasted": text}).status_code == 403


def test_pasted_token_is_nowhere_afterwards(site, issued, caplog):
    text, _row = issued
    caplog.set_level(0)
    answer = site.post(url("issuedtoken", "find"), {"pasted": text}, follow=True)
    signature = text.rsplit(".", 1)[1]
    assert signature not in answer.content.decode()
    assert all(signature not in address for address, _status in answer.redirect_chain)
    assert signature not in str(dict(site.session.items()))
    assert signature not in str(site.cookies)
    assert signature not in caplog.text


# The token's page


def test_page_tells_all_and_what_revoking_would_do(site, issued):
    _text, row = issued
    words = text_of(site.get(url("issuedtoken", "change", row.pk)))
    for fact in (row.fingerprint, str(row.pk), "room-7", "bob", "allow_join", "Rooms (rooms)", "Python", row.decision):
        assert fact in words
    assert "in 9 min" in words
    assert "at the next join after" in words
    assert "VideoSDK checks a token once, when its holder joins." in words
    assert row.digest not in words


def test_button_is_there_for_who_may_and_while_it_lives(site, viewer, issued, token):
    _text, row = issued
    button = url("issuedtoken", "revoke", row.pk)
    assert button in site.get(url("issuedtoken", "change", row.pk)).content.decode()
    assert button not in viewer.get(url("issuedtoken", "change", row.pk)).content.decode()
    assert "Expired" in text_of(site.get(url("issuedtoken", "change", token.pk)))


def test_missing_provider_is_survived(site, issued):
    _text, row = issued
    type(row.application).objects.update(provider="gone")
    assert "Live" in text_of(site.get(url("issuedtoken", "change", row.pk)))
    assert "Revoke" in text_of(site.get(url("issuedtoken", "revoke", row.pk)))


def test_used_token_says_so(site, active):
    token = IssuedTokenFactory(certificate=active, one_time=True, consumed_at=timezone.now())
    assert "it was good once" in text_of(site.get(url("issuedtoken", "change", token.pk)))


def test_unknown_token_leads_back(site, token):
    assert site.get(url("issuedtoken", "change", "nonsense")).status_code == 302


# Revoking


def test_confirmation_says_when_it_really_ends(site, issued):
    _text, row = issued
    words = text_of(site.get(url("issuedtoken", "revoke", row.pk)))
    assert "Revoke this token?" in words
    assert re.search(r"at the next join after \d\d:\d\d, in 9 min", words)
    row.refresh_from_db()
    assert row.revoked_at is None


def test_agora_token_ends_at_a_time(site, db):
    application = ApplicationFactory(slug="calls", provider="agora", ready=True)
    now = timezone.now()
    token = IssuedTokenFactory(
        certificate=application.certificates.get(), issued_at=now, expires_at=now + timedelta(minutes=41, seconds=30)
    )
    words = text_of(site.get(url("issuedtoken", "revoke", token.pk)))
    assert re.search(r"room-1 (\d+ \w+ \d+, )?\d\d:\d\d, in 41 min", words)


def test_revoking_needs_a_reason(site, issued):
    _text, row = issued
    page = url("issuedtoken", "revoke", row.pk)
    assert "This field is required." in text_of(site.post(page, {"reason": " "}))
    row.refresh_from_db()
    assert row.revoked_at is None


def test_result_says_the_same_and_everything_is_written_down(site, issued, chief):
    _text, row = issued
    answer = site.post(url("issuedtoken", "revoke", row.pk), {"reason": "seen in a log"})
    assert re.search(r"Really ends .* at the next join after \d\d:\d\d, in 9 min", text_of(answer))
    row.refresh_from_db()
    assert (row.revoked_by, row.reason) == (chief, "seen in a log")
    event = AuditEvent.objects.get(kind=AuditKind.TOKEN_REVOKED)
    assert (event.user, event.token, event.ip) == (chief, row, "127.0.0.1")
    assert LogEntry.objects.get().get_change_message() == "Revoked."
    assert "It really ends" in text_of(site.get(url("issuedtoken", "change", row.pk)))


def test_second_revocation_changes_nothing(site, issued):
    _text, row = issued
    page = url("issuedtoken", "revoke", row.pk)
    site.post(page, {"reason": "first"})
    words = text_of(site.post(page, {"reason": "second"}))
    assert "revoked before" in words
    row.refresh_from_db()
    assert row.reason == "first"
    assert (LogEntry.objects.count(), AuditEvent.objects.filter(kind=AuditKind.TOKEN_REVOKED).count()) == (1, 1)


def test_what_was_not_revoked_is_said(site, issued):
    _text, row = issued
    with busy("UPDATE", "token_issuer_issuedtoken"):
        words = text_of(site.post(url("issuedtoken", "revoke", row.pk), {"reason": "seen in a log"}))
    assert "Not revoked : The database was busy three times in a row." in words
    row.refresh_from_db()
    assert (row.revoked_at, LogEntry.objects.count()) == (None, 0)


def test_revoking_needs_its_own_permission(staff, issued):
    _text, row = issued
    pages = [url("issuedtoken", "revoke", row.pk), url("issuedtoken", "revoke_selected")]
    for person in (staff("view_issuedtoken"), staff("revoke_issuedtoken")):
        assert {person.post(page, {"reason": "because", "token": row.pk}).status_code for page in pages} == {403}
    both = staff("view_issuedtoken", "revoke_issuedtoken")
    assert both.post(pages[0], {"reason": "because"}).status_code == 200
    row.refresh_from_db()
    assert row.revoked_at is not None


def live(active, count):
    now = timezone.now()
    return IssuedTokenFactory.create_batch(
        count, certificate=active, issued_at=now, expires_at=now + timedelta(minutes=5)
    )


def select(tokens):
    return {"action": "revoke_selected", "_selected_action": [token.pk for token in tokens]}


def test_selected_tokens_are_confirmed_first(site, active):
    tokens = live(active, 3)
    answer = site.post(url("issuedtoken", "changelist"), select(tokens))
    assert "Revoke 3 tokens?" in text_of(answer)
    assert re.search(
        r"When they really end at the next join: 3, until [\d:]+, in 4 min, at the latest", text_of(answer)
    )
    assert not IssuedToken.objects.filter(revoked_at__isnull=False).exists()


def test_selected_tokens_are_revoked_together(site, active):
    first, second, other = live(active, 3)
    data = {"token": [first.pk, second.pk, "nonsense"], "reason": "shared account"}
    words = text_of(site.post(url("issuedtoken", "revoke_selected"), data))
    assert words.count("at the next join after") == 2
    assert {*IssuedToken.objects.filter(revoked_at__isnull=False)} == {first, second}
    assert other.revoked_at is None


def test_selected_tokens_need_a_reason(site, active):
    (token,) = live(active, 1)
    answer = site.post(url("issuedtoken", "revoke_selected"), {"token": [token.pk], "reason": ""})
    assert "This field is required." in text_of(answer)
    assert f'value="{token.pk}"' in answer.content.decode()


def test_nothing_selected_is_said(site, active):
    answer = site.post(url("issuedtoken", "revoke_selected"), {"reason": ""})
    assert "None of these tokens is known here." in text_of(answer)


def test_too_many_selected_are_refused(site, active, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.revoking.MOST_AT_ONCE", 2)
    answer = site.post(url("issuedtoken", "changelist"), select(live(active, 3)), follow=True)
    assert answer.redirect_chain == [(url("issuedtoken", "revoke_where"), 302)]
    assert "Select at most 2 tokens, or say here which ones you mean." in text_of(answer)


def test_viewer_has_no_such_action(viewer, active):
    tokens = live(active, 1)
    assert "revoke_selected" not in viewer.get(url("issuedtoken", "changelist")).content.decode()
    viewer.post(url("issuedtoken", "changelist"), select(tokens))
    assert not IssuedToken.objects.filter(revoked_at__isnull=False).exists()


def test_expired_and_used_tokens_are_said_to_have_ended(site, token, active):
    used = IssuedTokenFactory(certificate=active, one_time=True, consumed_at=timezone.now())
    words = text_of(site.post(url("issuedtoken", "changelist"), select([token, used])))
    assert "ended before: it has expired" in words
    assert "ended before: it was used" in words


def test_set_revocation_shows_at_once(site, active, chief):
    (token,) = live(active, 1)
    revoking.revoke_certificate(caller(chief), active, reason="leak", at=timezone.now())
    assert ">revoked<" in site.get(url("issuedtoken", "changelist")).content.decode()
    assert "Revoked" in text_of(site.get(url("issuedtoken", "change", token.pk)))


def test_staged_certificates_tokens_are_listed_too(site, rooms):
    IssuedTokenFactory(certificate=CertificateFactory(application=rooms))
    assert site.get(url("issuedtoken", "changelist")).context["cl"].result_count == 1


@pytest.fixture
def expired(active):
    """An access token that has expired, of a pair that can be renewed and has another live token."""
    now = timezone.now()
    later = {"idle_expires_at": now + timedelta(days=1), "expires_at": now + timedelta(days=1)}
    family = TokenFamilyFactory(application=active.application, **later)
    IssuedTokenFactory(certificate=active, family=family, issued_at=now)
    return IssuedTokenFactory(certificate=active, family=family, issued_at=now - timedelta(hours=2))


def test_an_expired_token_leads_to_the_end_of_its_pair(site, expired):
    page = url("issuedtoken", "revoke", expired.pk)
    answer = site.get(url("issuedtoken", "change", expired.pk))
    assert "can still be renewed: revoking it closes that." in text_of(answer)
    assert page in answer.content.decode()
    for answer in (site.get(page), site.post(page, {"reason": "in a log"})):
        assert "The pair it belongs to is closed" in text_of(answer)
        assert "Other live tokens that end with that: 1." in text_of(answer)
    expired.family.refresh_from_db()
    assert expired.family.closed_at is not None
    assert page not in site.get(url("issuedtoken", "change", expired.pk)).content.decode()


def test_a_live_token_says_that_its_pair_ends_with_it(site, expired):
    token = expired.family.tokens.exclude(pk=expired.pk).get()
    assert "It belongs to a pair that ends with it." in text_of(site.get(url("issuedtoken", "change", token.pk)))
    assert "Other live tokens" not in text_of(site.get(url("issuedtoken", "revoke", token.pk)))


def test_a_token_without_a_pair_says_nothing_of_one(site, token):
    for page in ("change", "revoke"):
        assert "t belongs to" not in text_of(site.get(url("issuedtoken", page, token.pk)))
