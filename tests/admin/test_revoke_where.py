"""Ending any selection of tokens: what it says before, what it does, and how it goes on."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.busy import busy
from tests.factories import (
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorPairFactory,
    api_key,
)
from tests.pushes import agora_token, told
from token_issuer.ids import uuid7_floor
from token_issuer.models import AuditEvent, AuditKind, IssuedToken


def of_rooms(user):
    return ["rooms"]


def where(**which):
    return url("issuedtoken", "revoke_where") + "?" + urlencode(which)


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def live(certificate, count=1, **columns):
    now = timezone.now()
    columns = {"issued_at": now, "expires_at": now + timedelta(minutes=41, seconds=30), **columns}
    return IssuedTokenFactory.create_batch(count, certificate=certificate, **columns)


def hidden(answer, name):
    (value,) = re.findall(rf'name="{name}" value="([^"]+)"', answer.content.decode())
    return value


def confirm(browser, page, reason="seen in a log", **changes):
    """Look, give a reason and press the button."""
    return browser.post(page, {"reason": reason, "asked": hidden(browser.get(page), "asked"), **changes})


def go_on(browser, answer):
    return browser.post(url("issuedtoken", "revoke_where"), {"work": hidden(answer, "work")})


def live_now():
    return set(IssuedToken.objects.live(timezone.now()))


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


@pytest.fixture
def slowly(monkeypatch):
    """One batch of two a POST."""
    monkeypatch.setattr("token_issuer.admin.revoking_where.BATCH", 2)
    monkeypatch.setattr("token_issuer.admin.revoking_where.SECONDS", 0)


# Before


def test_the_page_says_how_many_of_whom_and_what_it_does(site, active, bob):
    live(active, 2, user=bob)
    live(active, family=TokenFamilyFactory(application=active.application))
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    live(calls.certificates.get(), user=bob)
    answer = site.get(where(user=bob.pk))
    said = words(answer)
    assert "Live tokens 3 People 1 Pairs that close 0" in said
    assert re.search(r"at the next join: 2, until [\d:]+, in 41 min, at the latest", said)
    assert re.search(r"at expiry: 1, the last at [\d:]+, in 41 min", said)
    assert "VideoSDK checks a token once, when its holder joins." in said
    assert "cannot be undone: a token that was refused once must never be good again" in said
    assert live_now() == set(IssuedToken.objects.all())


def test_each_token_of_the_sample_says_when_it_ends(site, active):
    (token,) = live(active)
    said = words(site.get(where(application="rooms")))
    assert re.search(rf"{token.fingerprint} .* room-1 at the next join after [\d:]+, in 41 min", said)


def test_the_page_says_whose_tokens_are_meant(site, active, bob):
    live(active, user=bob)
    said = words(site.get(where(user=bob.pk, application="rooms", **{"from": "2026-03-01T10:00Z"})))
    assert re.search(rf"all of this holds User bob \({bob.pk}\) Application Rooms \(rooms\) Issued from .*2026", said)
    key = bob.pk
    bob.delete()
    assert f"User deleted user {key}" in words(site.get(where(user=key)))


def test_it_leads_to_what_makes_the_tokens(site, staff, active, bob):
    live(active, user=bob)
    page = where(certificate=active.pk, user=bob.pk)
    for name, row in (("certificate", active), ("issuedtoken", bob)):
        link = url(name, "change" if name == "certificate" else "person", row.pk)
        assert f'href="{link}"' in site.get(page).content.decode()
    text = staff("view_issuedtoken", "revoke_issuedtoken").get(page).content.decode()
    assert url("certificate", "change", active.pk) not in text


def test_tokens_whose_vendor_is_told_say_so(site, db):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    told(calls, "https://127.0.0.1:9")
    token, _unknown = agora_token(calls, issued_at=timezone.now()), agora_token(calls, subject="*")
    _account = agora_token(calls, issued_at=timezone.now(), subject="anna")
    said = words(site.get(where(application="calls")))
    assert "pushed to the vendor: 1 at expiry: 1" in said
    assert re.search(rf"{token.fingerprint} .{{0,60}}pushed to the vendor", said)


def test_a_set_and_rows_are_told_apart(site, active, bob):
    live(active, user=bob)
    assert "with what is being made at this very moment" in words(site.get(where(user=bob.pk)))
    assert "token by token what was issued until you confirm" in words(
        site.get(where(user=bob.pk, application="rooms"))
    )


@pytest.mark.parametrize("more", [0, 1])
def test_a_count_stops_at_its_limit(site, active, monkeypatch, more):
    monkeypatch.setattr("token_issuer.services.selecting.MOST_COUNTED", 3)
    live(active, 3 + more)
    assert ("Live tokens more than 3" in words(site.get(where(application="rooms")))) is bool(more)


def test_more_than_were_counted_have_ended(site, active, monkeypatch):
    monkeypatch.setattr("token_issuer.services.revoking.MOST_COUNTED", 3)
    live(active, 4)
    assert "More than 3 tokens were ended." in words(confirm(site, where(application="rooms")))
    assert len(live_now()) == 0


def test_everything_named_must_hold(site, active, bob):
    now = timezone.now()
    (mine,) = live(active, user=bob, resource="hall", ip="192.0.2.7")
    live(active, user=bob, resource="hall")
    live(active, resource="hall", ip="192.0.2.7")
    asked = {"user": "bob", "application": "rooms", "room": "hall", "ip": "192.0.2.7"}
    window = {"from": (now - timedelta(minutes=1)).isoformat(), "until": (now + timedelta(minutes=1)).isoformat()}
    confirm(site, where(**asked, **window))
    mine.refresh_from_db()
    assert mine.revoked_at is not None
    assert len(live_now()) == 2


def test_nothing_said_ends_nothing(site, active):
    live(active)
    page = where(user=" ")
    assert "Say which tokens" in words(site.get(page))
    assert "Say which tokens" in words(site.post(page, {"reason": "because"}))
    assert len(live_now()) == 1


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("user", "nobody", "Nobody who is or was here"),
        ("user", "9" * 30, "Nobody who is or was here"),
        ("user", "x" * 300, "at most 255 characters"),
        ("user", "a\0b", "Null characters"),
        ("application", "none", "There is none here."),
        ("room", "hall", "name that, too"),
        ("certificate", "nonsense", "There is none here."),
        ("certificate", "00000000-0000-7000-8000-000000000000", "There is none here."),
        ("key", "ak_none", "There is none here."),
        ("ip", "1.2.3", "This is no IP address."),
        ("ip", "fe80::1%eth0", "This is no IP address."),
        ("from", "yesterday", "Enter a valid date/time."),
        ("from", "0001-01-01T00:00:00+14:00", "The years 2000 to 2999"),
        ("until", "9999-12-31T23:59:59-12:00", "The years 2000 to 2999"),
    ],
)
def test_a_bad_value_is_said_at_its_field_and_nothing_is_lost(site, active, name, value, said):
    live(active)
    page = where(**{name: value, **({} if name == "application" else {"ip": "192.0.2.7"} if name != "ip" else {})})
    for answer in (site.get(page), site.post(page, {"reason": "because"})):
        text = answer.content.decode()
        assert said in text
        assert "Revoke all of these" not in text
        assert value.split("\0")[0][:40] in text
    assert len(live_now()) == 1


def test_an_end_before_the_beginning_is_said(site, active):
    page = where(**{"from": "2026-03-02 10:00", "until": "2026-03-01 10:00"})
    assert "This is not after the beginning." in words(site.get(page))


def test_a_deleted_user_is_named_by_his_key(site, active, bob):
    key = bob.pk
    live(active, user=bob)
    bob.delete()
    assert "1 token was ended" in words(confirm(site, where(user=key)))
    assert not live_now()


# Doing it


@pytest.mark.parametrize("which", ["user", "application", "room", "certificate", "key"])
def test_a_set_ends_in_one_go(site, active, bob, which):
    key, _text = api_key(application=active.application)
    live(active, 3, user=bob, resource="hall", api_key=key)
    named = {
        "user": {"user": bob.pk},
        "application": {"application": "rooms"},
        "room": {"application": "rooms", "room": "hall"},
        "certificate": {"certificate": active.pk},
        "key": {"key": key.public_id},
    }[which]
    said = words(confirm(site, where(**named)))
    assert "3 tokens were ended" in said
    assert re.search(r"a vendor that does not ask us may honour the last one until [\d:]+, in 41 min", said)
    assert not live_now()


def test_rows_end_by_address_and_time(site, active):
    live(active, 2, ip="192.0.2.7")
    (other,) = live(active, ip="192.0.2.8")
    assert "2 tokens were ended" in words(confirm(site, where(ip="192.0.2.7")))
    assert live_now() == {other}


def test_a_window_ends_what_was_made_in_it(site, active):
    now = timezone.now()
    old = IssuedTokenFactory(
        id=uuid7_floor(now - timedelta(hours=2)), certificate=active, expires_at=now + timedelta(hours=1)
    )
    live(active)
    confirm(site, where(**{"from": (now - timedelta(hours=1)).isoformat()}))
    assert live_now() == {old}


def test_it_is_written_down_without_values(site, active, bob, chief):
    live(active, 2, user=bob, ip="192.0.2.7")
    confirm(site, where(user=bob.pk), reason="left the company")
    entry = LogEntry.objects.get()
    assert (entry.user, entry.get_change_message(), entry.object_id) == (chief, "Its tokens were revoked.", str(bob.pk))
    event = AuditEvent.objects.get(kind=AuditKind.SET_REVOKED)
    assert (event.user, event.detail["reason"]) == (chief, "left the company")
    live(active, ip="192.0.2.7")
    confirm(site, where(ip="192.0.2.7"))
    entry = LogEntry.objects.exclude(pk=entry.pk).get()
    assert (entry.object_repr, entry.get_change_message()) == ("issued tokens", "A selection was revoked.")


def test_a_reason_is_required(site, active):
    live(active)
    page = where(application="rooms")
    answer = site.post(page, {"reason": " ", "asked": hidden(site.get(page), "asked")})
    assert "This field is required." in words(answer)
    assert len(live_now()) == 1


def test_busy_is_said_and_nothing_is_logged(site, active):
    live(active, ip="192.0.2.7")
    page = where(ip="192.0.2.7")
    asked = hidden(site.get(page), "asked")
    with busy("UPDATE", "token_issuer_issuedtoken"):
        answer = site.post(page, {"reason": "because", "asked": asked})
    assert "The database was busy three times in a row." in words(answer)
    assert (len(live_now()), LogEntry.objects.count()) == (1, 0)
    assert "1 token was ended" in words(go_on(site, answer))


# Going on


def test_many_rows_end_batch_by_batch(site, active, slowly):
    live(active, 5, ip="192.0.2.7")
    answer = confirm(site, where(ip="192.0.2.7"))
    assert "2 ended, 3 left." in words(answer)
    assert '<progress id="progress" max="5" value="2">' in answer.content.decode()
    answer = go_on(site, answer)
    assert "4 ended, 1 left." in words(answer)
    answer = go_on(site, answer)
    assert "5 tokens were ended" in words(answer)
    assert (live_now(), LogEntry.objects.count()) == (set(), 1)


def test_a_thousand_rows_end(site, active, monkeypatch):
    monkeypatch.setattr("token_issuer.admin.revoking_where.BATCH", 500)
    monkeypatch.setattr("token_issuer.admin.revoking_where.SECONDS", 0)
    user, now = UserFactory(), timezone.now()
    rows = IssuedTokenFactory.build_batch(
        1200, certificate=active, user=user, issued_at=now, ip="192.0.2.7", application=active.application
    )
    IssuedToken.objects.bulk_create(rows)
    answer, steps = confirm(site, where(ip="192.0.2.7")), 1
    while "Continue" in words(answer):
        answer, steps = go_on(site, answer), steps + 1
    assert "1,200 tokens were ended" in words(answer)
    assert (steps, len(live_now())) == (3, 0)


def test_what_is_made_meanwhile_is_not_meant(site, active, slowly):
    live(active, 3, ip="192.0.2.7")
    answer = confirm(site, where(ip="192.0.2.7"))
    (new,) = live(active, ip="192.0.2.7", id=uuid7_floor(timezone.now() + timedelta(seconds=2)))
    go_on(site, answer)
    assert live_now() == {new}


def test_a_reload_ends_nothing_twice(site, active, bob):
    live(active, user=bob)
    page = where(user=bob.pk)
    sent = {"reason": "because", "asked": hidden(site.get(page), "asked")}
    site.post(page, sent)
    (new,) = live(active, user=bob, epochs=1)
    assert live_now() == {new}
    assert "nothing was ended a second time" in words(site.post(page, sent))
    assert (live_now(), LogEntry.objects.count()) == ({new}, 1)


def test_a_reload_on_the_way_goes_on_from_there(site, active, slowly):
    live(active, 5, ip="192.0.2.7")
    answer = confirm(site, where(ip="192.0.2.7"))
    go_on(site, answer)
    go_on(site, answer)
    assert AuditEvent.objects.filter(kind=AuditKind.SET_REVOKED).count() == 3
    assert not live_now()


# Who may, and what is refused


def test_it_takes_both_permissions(staff, active):
    live(active)
    page = where(application="rooms")
    for person in (staff("view_issuedtoken"), staff("revoke_issuedtoken")):
        assert {person.get(page).status_code, person.post(page, {"reason": "because"}).status_code} == {403}
    assert "1 token was ended" in words(confirm(staff("view_issuedtoken", "revoke_issuedtoken"), page))


def test_only_a_post_with_the_csrf_token_ends_something(site, chief, active):
    live(active)
    page = where(application="rooms")
    asked = hidden(site.get(page), "asked")
    site.get(page, {"application": "rooms", "reason": "because", "asked": asked})
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    assert strict.post(page, {"reason": "because", "asked": asked}).status_code == 403
    assert len(live_now()) == 1


def refused(browser, page, sent):
    answer = browser.post(page, sent)
    assert "Nothing was ended" in words(answer)
    assert len(live_now()) == 1


def test_a_form_that_was_changed_or_is_not_ones_own_is_refused(site, staff, active, bob, monkeypatch):
    live(active, user=bob)
    page, other = where(application="rooms"), where(user=bob.pk)
    asked = hidden(site.get(page), "asked")
    colleague = staff("view_issuedtoken", "revoke_issuedtoken")
    refused(site, page, {"reason": "because"})
    refused(site, page, {"reason": "because", "asked": asked[:-1]})
    refused(site, other, {"reason": "because", "asked": asked})
    refused(colleague, page, {"reason": "because", "asked": asked})
    monkeypatch.setattr("token_issuer.admin.signed_steps.LIFETIME", timedelta(seconds=-1))
    refused(site, page, {"reason": "because", "asked": asked})


def test_work_that_was_changed_or_is_not_ones_own_is_refused(site, staff, active, slowly, monkeypatch):
    live(active, 3, ip="192.0.2.7")
    page = url("issuedtoken", "revoke_where")
    work = hidden(confirm(site, where(ip="192.0.2.7")), "work")
    refused(site, page, {"work": work[:-1]})
    refused(site, page, {"work": hidden(site.get(where(ip="192.0.2.7")), "asked")})
    refused(staff("view_issuedtoken", "revoke_issuedtoken"), page, {"work": work})
    monkeypatch.setattr("token_issuer.admin.signed_steps.LIFETIME", timedelta(seconds=-1))
    refused(site, page, {"work": work})


def test_work_of_another_release_is_refused(site, chief, active, slowly):
    live(active, 3, ip="192.0.2.7")
    page, salt = url("issuedtoken", "revoke_where"), "token_issuer.admin.revoke_where_on"
    facts = signing.loads(hidden(confirm(site, where(ip="192.0.2.7")), "work"), salt=salt)
    refused(site, page, {"work": signing.dumps({**facts, "later": 1}, salt=salt)})


def test_staff_of_an_application_ends_only_its_tokens(staff, settings, active, bob):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": f"{__name__}.of_rooms"}
    live(active, user=bob)
    theirs = CertificateFactory(application=ApplicationFactory(slug="calls"), active=True)
    (other,) = live(theirs, user=bob)
    own = staff("view_issuedtoken", "revoke_issuedtoken", "end_access")
    answer = own.get(where(user=bob.pk))
    assert "Live tokens 1" in words(answer)
    assert other.fingerprint not in words(answer)
    assert "There is none here." in words(own.get(where(application="calls")))
    assert "There is none here." in words(own.get(where(certificate=theirs.pk)))
    assert "1 token was ended" in words(confirm(own, where(user=bob.pk)))
    assert live_now() == {other}


def test_queries_do_not_grow_with_the_rows(site, active, bob):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            for page in (where(user=bob.pk), where(ip="192.0.2.7")):
                assert site.get(page).status_code == 200
        return len(captured)

    live(active, 10, user=bob, ip="192.0.2.7")
    queries()
    few = queries()
    live(active, 60, ip="192.0.2.7", user=bob)
    assert queries() == few


def test_what_a_vendor_is_still_to_be_told_of_has_not_ended_at_once(site, db):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    told(calls, "https://127.0.0.1:9")
    agora_token(calls, issued_at=timezone.now())
    said = words(confirm(site, where(application="calls")))
    assert "1 token was ended. This site refuses them from now on; a vendor that is still to be told" in said
    assert "at once" not in said


@pytest.fixture
def beside_tokens(rooms, bob):
    """What is no token: a pair that can be renewed, a login key, and what a vendor gave."""
    now = timezone.now()
    later = {"idle_expires_at": now + timedelta(days=1), "expires_at": now + timedelta(days=1)}
    TokenFamilyFactory(application=rooms, user=bob, **later)
    OneTimeKeyFactory(application=rooms, user=bob, created_at=now, ip="192.0.2.7")
    VendorPairFactory(application=rooms, user=bob, ends_at=now + timedelta(days=1))


@pytest.mark.parametrize("more", [{}, {"application": "rooms"}])
def test_what_ends_beside_tokens_is_said_before_and_after(site, bob, beside_tokens, more):
    page = where(user=bob.pk, **more)
    before, after = words(site.get(page)), words(confirm(site, page))
    assert "Pairs that close 1 One-time login keys 1 Vendor pairs that are kept here 1" in before
    assert "Pairs that were closed, so that nobody renews them: 1." in after
    assert "One-time login keys that were revoked: 1. Vendor pairs that this site hands out no more: 1." in after
    assert "Nothing was live" not in after
    assert "Nothing was live any more." in words(confirm(site, page))


def test_login_keys_alone_are_not_nothing(site, beside_tokens):
    assert "Nothing was live" not in words(confirm(site, where(ip="192.0.2.7")))


def test_vendor_pairs_alone_are_not_nothing(site, rooms, bob):
    VendorPairFactory(application=rooms, user=bob)
    assert "Nothing was live" not in words(confirm(site, where(user=bob.pk)))


def test_a_set_that_was_tried_again_ends_once(site, active):
    live(active)
    page = where(application="rooms")
    asked = hidden(site.get(page), "asked")
    with busy("UPDATE", "token_issuer_revocationepoch"):
        answer = site.post(page, {"reason": "because", "asked": asked})
    assert "1 token was ended" in words(go_on(site, answer))
    (new,) = live(active, epochs=1)
    assert live_now() == {new}
    assert "nothing was ended a second time" in words(go_on(site, answer))
    assert live_now() == {new}


def test_a_room_is_named_with_its_blanks(site, active):
    (there,), (other,) = live(active, resource=" hall"), live(active, resource="hall")
    confirm(site, where(application="rooms", room=" hall"))
    assert live_now() == {other} != {there}


def test_a_blank_room_is_none(site, active):
    live(active)
    assert "Live tokens 1" in words(site.get(where(application="rooms", room=" ")))
    assert "Say which tokens" in words(site.get(where(room=" ")))
