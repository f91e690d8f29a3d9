"""The page "Check a token": what was pasted goes nowhere but into the answer's sentences."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client

from tests.admin.addresses import url
from tests.admin.test_issued_tokens import text_of
from tests.factories import ApplicationFactory, RuleFactory, UserFactory, api_key
from token_issuer import issue
from token_issuer.crypto import refresh_texts
from token_issuer.ids import uuid7
from token_issuer.models import ApiKeySecret, AuditEvent, IssuedToken


@pytest.fixture
def issued(rooms):
    RuleFactory(application=rooms)
    made = issue(UserFactory(username="bob"), "rooms", roomId="room-7", lifetime=600)
    return made.token.reveal()


@pytest.fixture
def check(site):
    return lambda text, client=site, **more: client.post(url("issuedtoken", "check"), {"token": text, **more})


def words(answer):
    return {word for word, _text in answer.context["sentences"]}


def test_the_list_leads_there(site, viewer, token):
    page = url("issuedtoken", "changelist")
    address = url("issuedtoken", "check")
    assert [address in each.get(page).content.decode() for each in (site, viewer)] == [True, False]
    assert site.get(address).status_code == 200


def test_a_good_token_and_where_its_rows_are(check, issued, rooms):
    answer = check(issued)
    row = IssuedToken.objects.get()
    page = answer.content.decode()
    assert "Good : a token for a vendor's cloud." in text_of(answer).replace("&#x27;", "'")
    assert words(answer) == {"good", "expires", "signed_by_active"}
    assert url("issuedtoken", "change", row.pk) in page
    assert url("certificate", "change", rooms.certificates.get().pk) in page
    assert "room-7" in page


def test_the_token_is_not_in_the_page(check, issued):
    answer = check(issued)
    assert issued not in answer.content.decode()
    assert issued.rpartition(".")[2] not in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_nothing_of_it_stays(check, issued):
    before = AuditEvent.objects.count()
    answer = check(issued, resource="room-7")
    assert (LogEntry.objects.count(), AuditEvent.objects.count()) == (0, before)
    assert [*get_messages(answer.wsgi_request)] == []


def test_what_was_expected_comes_back_and_the_token_does_not(check, issued):
    answer = check(issued, resource="room-8", subject="bob")
    assert "channel or room differs: the token is for room-7, you expect room-8" in text_of(answer)
    assert "Not good" in text_of(answer)
    assert 'value="room-8"' in answer.content.decode()


def test_a_vendors_error_is_explained(check, issued):
    assert "VideoSDK says 4022: Token is not for this meeting." in text_of(check(issued, code="4022"))


def test_garbage_is_told_and_not_repeated(check, db):
    answer = check("no-such-token")
    assert words(answer) == {"not_a_token"}
    assert "no-such-token" not in answer.content.decode()


def test_markup_in_a_token_is_shown_as_text(check, issued, rooms):
    IssuedToken.objects.update(resource="<script>alert(1)</script>")
    assert "<script>alert" not in check(issued).content.decode()


def test_an_api_key_is_told_and_not_used(check, rooms):
    key, secret = api_key(application=rooms)
    answer = check(f"{key.public_id}.{secret}")
    assert "api_key" in words(answer)
    assert url("apikey", "change", key.pk) in answer.content.decode()
    assert secret not in answer.content.decode()
    assert ApiKeySecret.objects.get().last_used_at is None


def test_an_empty_form_is_sent_back(check, db):
    assert check("").context["form"].errors == {"token": ["This field is required."]}


def test_it_takes_its_own_permission(check, staff, issued):
    assert check(issued, client=staff("view_issuedtoken")).status_code == 403
    answer = check(issued, client=staff("inspect_issuedtoken"))
    assert words(answer) >= {"good"}
    assert url("issuedtoken", "change", IssuedToken.objects.get().pk) not in answer.content.decode()
    may_see = staff("inspect_issuedtoken", "view_issuedtoken")
    assert url("issuedtoken", "change", IssuedToken.objects.get().pk) in check(issued, client=may_see).content.decode()


def test_it_needs_the_csrf_token(chief, issued):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    assert strict.post(url("issuedtoken", "check"), {"token": issued}).status_code == 403


def test_a_token_in_the_address_is_not_read(site, issued):
    answer = site.get(url("issuedtoken", "check"), {"token": issued})
    assert "found" not in answer.context
    assert issued not in answer.content.decode().replace(f"token={issued}", "")


def test_a_strict_content_security_policy_is_enough(check, issued):
    page = check(issued).content.decode()
    assert not any(inline in page for inline in ("<style", "style=", "<script>", "onclick="))


def test_an_application_without_provider_is_no_error(check, db):
    ApplicationFactory(slug="gone", provider="gone")
    assert check("hello").status_code == 200


@pytest.mark.parametrize("debug", [True, False])
def test_an_error_report_does_not_hold_it(chief, issued, settings, debug):
    settings.DEBUG = debug
    client = Client(raise_request_exception=False)
    client.force_login(chief)

    def broken(execute, sql, *rest):
        if "token_issuer_issuedtoken" in sql:
            raise RuntimeError
        return execute(sql, *rest)

    with connection.execute_wrapper(broken):
        answer = client.post(url("issuedtoken", "check"), {"token": issued})
    assert answer.status_code == 500
    assert issued not in answer.content.decode()


def test_without_a_key_ring_it_says_so(check, issued, settings):
    text = refresh_texts.make(family=uuid7(), generation=0, key_id="test2").reveal()
    rest = {name: value for name, value in settings.TOKEN_ISSUER.items() if name != "ENCRYPTION_KEYS"}
    settings.TOKEN_ISSUER = rest
    (told,) = check(text).context["form"].non_field_errors()
    assert "ENCRYPTION_KEYS" in told
    assert "untried" in words(check(issued))
