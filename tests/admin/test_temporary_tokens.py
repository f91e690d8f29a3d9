"""Making a temporary token at an application's page: a form from the grant's fields, the token shown once."""

from __future__ import annotations

import re
import time

import pytest
from django.contrib.admin.models import LogEntry
from django.core.signing import TimestampSigner, b62_encode
from django.db import connection
from django.test import Client

from tests.admin.addresses import url
from tests.factories import ApplicationFactory
from tests.services.test_temporary import RoomlessProvider
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, IssuedToken, Origin, VendorAccount
from token_issuer.registry import get_provider
from token_issuer.services import verifying


@pytest.fixture(autouse=True)
def on(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}


@pytest.fixture
def off(settings, on):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": False}


def sending(age=0):
    """What a form sends that was opened so many seconds ago."""

    class Earlier(TimestampSigner):
        def timestamp(self):
            return b62_encode(int(time.time()) - age)

    return Earlier(salt="token_issuer.admin.temporary_tokens").sign(str(uuid7()))


@pytest.fixture
def make(site, rooms):
    def make(application=rooms, client=site, **filled):
        defaults = {"sending": sending(), "option-roomId": "room-1", "option-permissions": ["allow_join"]}
        return client.post(
            url("application", "temporary", application.pk), {**defaults, "option-roles": "rtc", **filled}
        )

    return make


def errors(answer):
    return {name: list(texts) for name, texts in answer.context["form"].errors.items()}


def shown(answer):
    (text,) = re.findall(r'<pre class="token-issuer-lines" id="once-lines">([^<]+)</pre>', answer.content.decode())
    return text


def test_the_form_has_the_grants_fields_and_no_subject(site, rooms):
    form = site.get(url("application", "temporary", rooms.pk)).context["form"]
    assert [*form.fields] == ["sending", "option-roomId", "option-permissions", "option-roles", "lifetime", "slot"]


def test_the_token_is_in_the_answer_and_nowhere_else(make, chief):
    answer = make()
    text, row = shown(answer), IssuedToken.objects.get()
    assert verifying.find(text) == row
    assert "no-store" in answer["Cache-Control"]
    assert answer.content.decode().count(text) == 1
    assert (row.temporary, row.origin, row.user, row.subject) == (True, Origin.ADMIN, chief, f"user-{chief.pk}")
    entry = LogEntry.objects.get()
    assert (entry.get_edited_object(), entry.change_message) == (row, "Temporary token made.")
    assert text not in str(vars(entry))


def test_its_row_does_not_hold_it(make, site):
    text = shown(make())
    page = site.get(url("issuedtoken", "change", IssuedToken.objects.get().pk)).content.decode()
    assert text not in page
    assert "Temporary" in page


def test_the_list_says_temporary(make, site, token):
    make()
    told = [
        row for row in site.get(url("issuedtoken", "changelist")).content.decode().split("<tr") if "field-note" in row
    ]
    assert [">temporary<" in row.partition("</tr>")[0] for row in told] == [True, False]


def test_a_form_that_is_sent_twice_makes_one(make, site, rooms):
    opened = site.get(url("application", "temporary", rooms.pk)).context["form"].initial["sending"]
    make(sending=opened)
    assert "was sent before" in make(sending=opened).content.decode()
    assert [str(row.pk) for row in IssuedToken.objects.all()] == [opened.partition(":")[0]]


def test_what_was_sent_before_is_told_whatever_has_changed_since(make, rooms):
    opened = sending()
    make(sending=opened)
    rooms.disabled_at = rooms.created_at
    rooms.save()
    assert errors(make(sending=opened))["__all__"][0].startswith("This form was sent before")


@pytest.mark.parametrize("forged", ["", str(uuid7()), f"{uuid7()}:1a2b3c:signature", "tökn"])
def test_a_browser_chooses_no_id(make, forged):
    assert errors(make(sending=forged)) == {"__all__": ["This form is no longer good. Open the page again."]}
    assert not IssuedToken.objects.exists()


@pytest.mark.parametrize(("age", "made"), [(86_000, 1), (86_402, 0)])
def test_a_form_may_lie_open_for_a_day(make, age, made):
    make(sending=sending(age))
    assert IssuedToken.objects.count() == made


def test_its_row_has_the_requests_own_id(site, rooms):
    filled = {"sending": sending(), "option-roomId": "a", "option-permissions": "allow_join", "option-roles": "rtc"}
    site.post(url("application", "temporary", rooms.pk), filled, headers={"X-Request-ID": "req-7"})
    assert IssuedToken.objects.get().request_id == "req-7"


@pytest.mark.parametrize(("typed", "seconds"), [("", 3600), ("90m", 5400), ("86400", 86_400)])
def test_the_lifetime(make, typed, seconds):
    make(lifetime=typed)
    row = IssuedToken.objects.get()
    assert (row.expires_at - row.issued_at).total_seconds() == seconds


def test_refusals_stand_at_their_fields(make):
    assert errors(make(**{"option-roomId": "", "lifetime": "2d"})) == {"lifetime": ["must be 60 to 86400 seconds"]}
    assert errors(make(**{"option-roomId": ""})) == {
        "option-roomId": ["must name exactly one: a temporary token opens one channel or room"]
    }
    assert errors(make(lifetime="soon", slot="4")).keys() == {"lifetime", "slot"}
    assert not IssuedToken.objects.exists()


def test_a_slot_is_another_device(make, site):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    filled = {"option-channel": "room-1", "option-role": "publisher", "slot": "2"}
    answer = make(calls, **filled)
    number = VendorAccount.objects.get().number
    assert get_provider("agora").inspect(shown(answer)).subject == str((number or 0) * 16 + 2)


def fields_of(site, application):
    return site.get(url("application", "temporary", application.pk)).context["form"].fields


def test_what_is_never_in_a_temporary_token_is_not_asked_for(make, site, rooms):
    calls = ApplicationFactory(slug="calls", provider="agora", ready=True)
    assert [name for name in fields_of(site, calls) if name.startswith("option-")] == ["option-channel", "option-role"]
    assert fields_of(site, rooms)["option-roles"].choices == [("rtc", "rtc")]
    make(calls, **{"option-channel": "room-1", "option-role": "publisher", "option-chat": "on"})
    assert IssuedToken.objects.get().privileges == ["publisher"]
    assert "option-roles" in errors(make(**{"option-roles": ["crawler"]}))


def test_it_takes_its_own_permission(make, staff, rooms):
    for names, status in [(["view_application"], 403), (["view_application", "make_temporary_token"], 200)]:
        client = staff(*names)
        assert client.get(url("application", "temporary", rooms.pk)).status_code == status
        assert make(client=client).status_code == status
    assert IssuedToken.objects.count() == 1


def test_the_button_is_for_who_may(site, viewer, staff, rooms):
    page = url("application", "change", rooms.pk)
    button = url("application", "temporary", rooms.pk)
    may = staff("view_application", "make_temporary_token")
    assert [button in each.get(page).content.decode() for each in (site, viewer, may)] == [True, False, True]


def test_own_tokens_have_no_button_and_no_page(site, settings):
    own = ApplicationFactory(slug="own", provider="own", ready=True)
    button = url("application", "temporary", own.pk)
    assert button not in site.get(url("application", "change", own.pk)).content.decode()
    told = site.get(button, follow=True).content.decode()
    assert "Own access tokens: this site verifies them itself." in told


def test_a_format_without_a_room_is_told_so(make, settings):
    path = f"{RoomlessProvider.__module__}.{RoomlessProvider.__qualname__}"
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": [path]}}
    roomless = ApplicationFactory(slug="roomless", provider="roomless", ready=True)
    (told,) = errors(make(roomless, **{"option-roomId": ""}))["__all__"]
    assert told.startswith("application: VideoSDK's tokens name no channel or room")


def test_switched_off_there_is_no_button_and_the_page_names_the_setting(off, site, make, rooms):
    assert (
        url("application", "temporary", rooms.pk)
        not in site.get(url("application", "change", rooms.pk)).content.decode()
    )
    answer = make()
    assert answer["Location"] == url("application", "change", rooms.pk)
    assert "TOKEN_ISSUER[&quot;TEMPORARY_TOKENS&quot;] is False" in site.get(answer["Location"]).content.decode()
    assert not IssuedToken.objects.exists()


def test_an_application_that_is_off_gives_none(make, rooms):
    rooms.disabled_at = rooms.created_at
    rooms.save()
    assert errors(make()) == {"__all__": ["This application is switched off."]}
    assert AuditEvent.objects.get().detail["reason"] == "application_disabled"


def test_an_application_without_a_provider_is_no_error(site):
    gone = ApplicationFactory(slug="gone", provider="gone")
    answer = site.get(url("application", "temporary", gone.pk))
    assert answer.status_code == 302


def test_it_needs_the_csrf_token(chief, rooms):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    assert strict.post(url("application", "temporary", rooms.pk), {"option-roomId": "a"}).status_code == 403


def test_an_error_report_does_not_hold_it(chief, rooms, settings, make):
    settings.DEBUG = True
    client = Client(raise_request_exception=False)
    client.force_login(chief)

    def broken(execute, sql, params, many, context):
        if sql.startswith("INSERT INTO") and "django_admin_log" in sql:
            msg = "the disk is full"
            raise RuntimeError(msg)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(broken):
        answer = make(client=client)
    assert answer.status_code == 500
    assert not re.search(r"eyJ\w{20}", answer.content.decode())


def test_without_a_key_ring_it_says_so(make, settings):
    rest = {name: value for name, value in settings.TOKEN_ISSUER.items() if name != "ENCRYPTION_KEYS"}
    settings.TOKEN_ISSUER = rest
    assert "ENCRYPTION_KEYS" in errors(make())["__all__"][0]
    assert not IssuedToken.objects.exists()
