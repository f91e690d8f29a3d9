"""One box for everything: from what is known of a leak to the page that ends it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.factories import (
    ApplicationFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    api_key,
)
from token_issuer import issue
from token_issuer.crypto import opaque, refresh_texts
from token_issuer.models import IssuedToken


def of_rooms(user):
    return ["rooms"]


def of_calls(user):
    return ["calls"]


def asked_by(settings, function):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": f"{__name__}.{function.__name__}"}


NOTHING = "Nothing that this site issued matches."


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


@pytest.fixture
def issued(rooms, bob):
    """A real token and its row."""
    RuleFactory(application=rooms)
    issuance = issue(bob, "rooms", roomId="room-7", lifetime=600)
    row = IssuedToken.objects.get()
    IssuedToken.objects.update(ip="192.0.2.7")
    return issuance.token.reveal(), row


def find(browser, pasted):
    return browser.post(url("issuedtoken", "find"), {"pasted": pasted})


def where(**which):
    return url("issuedtoken", "revoke_where") + "?" + urlencode(which)


def person(user):
    return url("issuedtoken", "person", user.pk)


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.mark.parametrize("around", ["{}", "  {}\n", "Bearer {}", '"{}"'])
def test_a_token_leads_to_its_page(site, issued, around):
    text, row = issued
    assert find(site, around.format(text))["Location"] == url("issuedtoken", "change", row.pk)


def test_what_names_a_token_leads_to_its_page(site, issued):
    _text, row = issued
    for term in (str(row.pk), f"id:{row.pk}", row.fingerprint, f"fingerprint:{row.fingerprint}"):
        assert find(site, term)["Location"] == url("issuedtoken", "change", row.pk), term


def test_a_name_or_key_leads_to_the_person(site, issued, bob):
    for term in ("bob", "user:bob", f"user:{bob.pk}", "user: bob "):
        assert find(site, term)["Location"] == person(bob), term


def test_a_deleted_user_is_found_by_his_key(site, issued, bob):
    key = bob.pk
    bob.delete()
    assert find(site, f"user:{key}")["Location"] == url("issuedtoken", "person", key)
    assert NOTHING in words(find(site, "bob"))


def test_a_room_and_an_address_lead_to_what_ends_them(site, issued):
    for term in ("room-7", "room:room-7", "rooms/room-7", "room:rooms/room-7"):
        assert find(site, term)["Location"] == where(application="rooms", room="room-7"), term
    assert find(site, "192.0.2.7")["Location"] == where(ip="192.0.2.7")


def test_an_application_a_certificate_and_a_key_lead_to_what_ends_their_tokens(site, issued, rooms, active, key):
    assert find(site, "rooms")["Location"] == where(application="rooms")
    for term in (str(active.pk), active.fingerprint, f"certificate:{active.fingerprint}", f"certificate:{active.pk}"):
        assert find(site, term)["Location"] == where(certificate=active.pk), term
    assert find(site, key.public_id)["Location"] == where(key=key.public_id)


def test_what_opens_something_leads_to_its_own_page(site, rooms):
    family = TokenFamilyFactory(application=rooms)
    login_key = OneTimeKeyFactory(application=rooms)
    key, secret = api_key(application=rooms)
    for text in (secret, f"{key.public_id}.{secret}", f"key:{secret}"):
        assert find(site, text)["Location"] == url("apikey", "change", key.pk)
    assert find(site, str(family.pk))["Location"] == url("tokenfamily", "change", family.pk)
    assert find(site, str(login_key.pk))["Location"] == url("onetimekey", "change", login_key.pk)


def test_a_refresh_token_leads_to_its_family(site, rooms):
    RuleFactory(application=rooms)
    family = TokenFamilyFactory(application=rooms)
    text = refresh_texts.make(family=family.pk, generation=0, key_id=family.mac_key_id)
    assert find(site, text.reveal())["Location"] == url("tokenfamily", "change", family.pk)


def test_several_are_offered_one_click_each(site, issued, rooms, bob):
    IssuedTokenFactory(certificate=rooms.certificates.get(), resource="bob", subject="bob")
    answer = find(site, "bob")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert [choice.url for choice in answer.context["choices"]] == [
        person(bob),
        where(application="rooms", room="bob"),
        url("issuedtoken", "changelist") + "?q=subject%3Abob",
    ]
    assert f'<a href="{person(bob)}">bob</a>' in text
    assert f'<a href="{where(user=bob.pk)}" class="token-issuer-danger">End tokens of bob</a>' in text


def test_the_same_room_of_two_applications_is_offered_twice(site, issued):
    other = ApplicationFactory(slug="calls", ready=True)
    IssuedTokenFactory(certificate=other.certificates.get(), resource="room-7")
    assert [choice.label for choice in find(site, "room-7").context["choices"]] == ["calls/room-7", "rooms/room-7"]


@pytest.mark.parametrize(
    "pasted",
    [
        "no-such-thing", "00000000-0000-7000-8000-000000000000", "tökn", "user:nobody", "room:rooms/none", "ip:none",
        "id:none", "fingerprint:zz", "certificate:none", "203.0.113.9", "fe80::1%eth0", "application:none", "room:",
        "key:none", "room:rooms/",
    ],
)  # fmt: skip
def test_nothing_is_said_and_the_box_keeps_what_was_typed(site, issued, pasted):
    answer = find(site, pasted)
    assert NOTHING in words(answer)
    assert f'value="{pasted}"' in answer.content.decode()


@pytest.mark.parametrize(
    "pasted",
    [
        "x" * 20_000, "eyJ" + "a" * 100, "0123456789abcdef0123456789abcdef", "f" * 63 + "7", "ab\0cd" * 9 + "1" * 30,
        opaque.new(opaque.LOGIN_KEY).reveal(), opaque.new(opaque.API_KEY_SECRET).reveal(), "user:" + "s3cret" * 6,
        "tir_" + "A1" * 40, "user:" + "9" * 30,
    ],
)  # fmt: skip
def test_what_could_open_something_does_not_come_back(site, issued, pasted):
    answer = find(site, pasted)
    assert NOTHING in words(answer)
    assert pasted[:12] not in answer.content.decode()


def test_nothing_of_a_secret_is_anywhere_afterwards(site, issued, rooms, caplog):
    caplog.set_level(0)
    key, secret = api_key(application=rooms)
    answer = site.post(url("issuedtoken", "find"), {"pasted": secret}, follow=True)
    assert answer.redirect_chain == [(url("apikey", "change", key.pk), 302)]
    for place in (answer.content.decode(), str(dict(site.session.items())), str(site.cookies), caplog.text):
        assert secret not in place


def test_who_may_not_revoke_is_led_to_what_he_may_see(viewer, issued, rooms, active, key):
    changelist = url("issuedtoken", "changelist")
    assert find(viewer, "room-7")["Location"] == changelist + "?q=room%3Arooms%2Froom-7"
    assert find(viewer, "192.0.2.7")["Location"] == changelist + "?q=ip%3A192.0.2.7"
    assert find(viewer, "rooms")["Location"] == url("application", "change", rooms.pk)
    assert find(viewer, active.fingerprint)["Location"] == url("certificate", "change", active.pk)
    assert find(viewer, key.public_id)["Location"] == url("apikey", "change", key.pk)


def test_who_may_not_revoke_is_not_offered_it(viewer, issued, rooms, bob):
    IssuedTokenFactory(certificate=rooms.certificates.get(), resource="bob")
    assert [choice.ends_url for choice in find(viewer, "bob").context["choices"]] == ["", ""]


def test_rows_that_one_may_not_see_are_not_found(staff, issued, rooms, active, key):
    login_key = OneTimeKeyFactory(application=rooms)
    only_tokens = staff("view_issuedtoken")
    for term in (str(login_key.pk), "rooms", active.fingerprint, key.public_id):
        assert NOTHING in words(find(only_tokens, term)), term


def test_staff_of_another_application_finds_nothing(staff, settings, issued, active, key, bob):
    asked_by(settings, of_calls)
    text, row = issued
    ApplicationFactory(slug="calls", ready=True)
    names = ("view_issuedtoken", "revoke_issuedtoken", "view_application", "view_certificate", "view_apikey")
    other = staff(*names)
    terms = (text, row.pk, row.fingerprint, "bob", f"user:{bob.pk}", "room-7", "192.0.2.7", "rooms", active.pk)
    for term in (*terms, key.public_id):
        assert NOTHING in words(find(other, str(term))), term


def test_staff_of_an_application_finds_its_people(staff, settings, issued, bob):
    asked_by(settings, of_rooms)
    own = staff("view_issuedtoken", "revoke_issuedtoken")
    assert find(own, "bob")["Location"] == person(bob)
    UserFactory(username="stranger")
    assert NOTHING in words(find(own, "stranger"))


def test_queries_do_not_grow_with_the_rows(site, issued, rooms, active):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert find(site, "room-7").status_code == 302
        return len(captured)

    queries()
    few = queries()
    IssuedTokenFactory.create_batch(40, certificate=active, resource="room-7", issued_at=timezone.now())
    assert queries() == few


def test_the_box_needs_permission_to_see_tokens(staff, issued):
    assert find(staff("view_application"), "bob").status_code == 403


def test_an_address_leads_to_what_the_audit_keeps_of_it(site, issued, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "AUDIT_NETWORK": "truncated"}
    assert find(site, "192.0.2.7")["Location"] == where(ip="192.0.2.7")
    IssuedToken.objects.update(ip="192.0.2.0")
    assert find(site, "192.0.2.7")["Location"] == where(ip="192.0.2.0")
    assert "all in it are meant" in words(site.get(where(ip="192.0.2.0")))


@pytest.mark.parametrize(("stored", "pasted"), [("192.0.2.7", "::ffff:192.0.2.7"), ("2001:db8::7", "2001:DB8:0::7")])
def test_an_address_may_be_written_otherwise(site, issued, stored, pasted):
    IssuedToken.objects.update(ip=stored)
    assert find(site, pasted)["Location"] == where(ip=stored)
