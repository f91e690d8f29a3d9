"""Looking at login keys and ending them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.test_issued_tokens import text_of
from tests.factories import OneTimeKeyFactory, RuleFactory, UserFactory, caller
from token_issuer.models import AuditEvent, AuditKind, OneTimeKey
from token_issuer.services import login_keys, revoking


@pytest.fixture
def key(rooms):
    """A key that can be redeemed now."""
    return OneTimeKeyFactory(application=rooms, created_at=timezone.now())


def test_the_list_says_how_each_stands(site, rooms, key):
    now = timezone.now()
    OneTimeKeyFactory(application=rooms)
    OneTimeKeyFactory(application=rooms, consumed_at=now)
    OneTimeKeyFactory(application=rooms, created_at=now, revoked_at=now)
    rows = site.get(url("onetimekey", "changelist")).context["cl"].result_list
    assert [row.standing(now).value for row in rows] == ["revoked", "consumed", "expired", "live"]
    words = text_of(site.get(url("onetimekey", "changelist")))
    assert all(word in words for word in ("revoked", "consumed", "expired", "live"))


def test_a_key_that_a_log_out_ended_shows_so(site, key):
    revoking.revoke_user(caller(key.user), key.user, reason="", at=timezone.now())
    (row,) = site.get(url("onetimekey", "changelist")).context["cl"].result_list
    assert row.standing(timezone.now()).value == "revoked"


def test_no_page_shows_the_digest_or_the_text(site, rooms):
    RuleFactory(application=rooms)
    made = login_keys.make(caller(UserFactory()), "rooms", body={"roomId": "room-1"}, at=timezone.now())
    digest = OneTimeKey.objects.get().digest
    for page in (url("onetimekey", "changelist"), url("onetimekey", "change", made.key_id)):
        text = site.get(page).content.decode()
        assert digest not in text
        assert made.text.reveal() not in text


def test_the_button_is_there_for_who_may_and_while_it_lives(site, viewer, rooms, key):
    button = url("onetimekey", "revoke", key.pk)
    assert button in site.get(url("onetimekey", "change", key.pk)).content.decode()
    assert button not in viewer.get(url("onetimekey", "change", key.pk)).content.decode()
    old = OneTimeKeyFactory(application=rooms)
    assert url("onetimekey", "revoke", old.pk) not in site.get(url("onetimekey", "change", old.pk)).content.decode()


def test_revoking_is_confirmed_with_a_reason(site, key):
    page = url("onetimekey", "revoke", key.pk)
    assert "Revoke this row?" in text_of(site.get(page))
    assert "This field is required." in text_of(site.post(page, {"reason": " "}))
    assert OneTimeKey.objects.get().revoked_at is None


def test_revoking_is_written_down(site, key, chief):
    answer = site.post(url("onetimekey", "revoke", key.pk), {"reason": "lost"}, follow=True)
    assert "1 row is revoked." in text_of(answer)
    key.refresh_from_db()
    assert key.reason == "lost"
    event = AuditEvent.objects.get(kind=AuditKind.LOGIN_KEY_REVOKED)
    assert (event.user, event.detail["reason"]) == (chief, "lost")
    assert LogEntry.objects.get().get_change_message() == "Revoked."


def test_several_are_revoked_at_once(site, rooms, key):
    other = OneTimeKeyFactory(application=rooms, created_at=timezone.now() - timedelta(seconds=1))
    chosen = {"action": "revoke_selected", "_selected_action": [key.pk, other.pk]}
    assert "Revoke 2 rows?" in text_of(site.post(url("onetimekey", "changelist"), chosen))
    assert not OneTimeKey.objects.exclude(revoked_at=None).exists()
    answer = site.post(
        url("onetimekey", "revoke_selected"), {"reason": "lost", "token": [key.pk, other.pk]}, follow=True
    )
    assert "2 rows are revoked." in text_of(answer)
    assert not OneTimeKey.objects.filter(revoked_at=None).exists()


def test_what_was_redeemed_stays_as_it_was(site, key):
    OneTimeKey.objects.update(consumed_at=timezone.now())
    answer = site.post(url("onetimekey", "revoke_selected"), {"reason": "lost", "token": [key.pk]}, follow=True)
    assert "What had ended before stays as it was." in text_of(answer)
    assert OneTimeKey.objects.get().revoked_at is None


def test_too_many_at_once_are_refused(site, rooms, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.revoking.MOST_AT_ONCE", 1)
    keys = [OneTimeKeyFactory(application=rooms).pk for _ in range(2)]
    chosen = {"action": "revoke_selected", "_selected_action": keys}
    answer = site.post(url("onetimekey", "changelist"), chosen, follow=True)
    assert "Select at most 1 rows" in text_of(answer)


def test_keys_that_are_not_known_are_none(site, key):
    answer = site.post(url("onetimekey", "revoke_selected"), {"token": ["x", key.application_id]})
    assert "None of these rows is known here." in text_of(answer)


def test_the_address_alone_revokes_nothing(site, key):
    assert site.get(url("onetimekey", "revoke_selected"))["Location"] == url("onetimekey", "changelist")
