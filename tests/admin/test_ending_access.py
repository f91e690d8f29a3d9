"""Ending all that a person has here: what the page counts and offers, what it ends, and who may."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.busy import busy
from tests.factories import (
    ApiKeyFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorPairFactory,
)
from token_issuer.models import AuditEvent, AuditKind, IssuedToken, OneTimeKey, Standing, TokenFamily, VendorPair

ENDING = ("view_issuedtoken", "revoke_issuedtoken", "end_access")


def of_rooms(user):
    return ["rooms"]


@pytest.fixture
def bob(db):
    return UserFactory(username="bob")


@pytest.fixture
def held(rooms, active, bob):
    """One of everything."""
    now = timezone.now()
    return {
        "token": IssuedTokenFactory(certificate=active, user=bob, issued_at=now),
        "family": TokenFamilyFactory(
            application=rooms, user=bob, created_at=now, idle_expires_at=now.replace(year=now.year + 1),
            expires_at=now.replace(year=now.year + 1),
        ),
        "login_key": OneTimeKeyFactory(application=rooms, user=bob, created_at=now),
        "pair": VendorPairFactory(application=rooms, user=bob),
        "acting": ApiKeyFactory(application=rooms, acts_as=bob),
        "owned": ApiKeyFactory(application=rooms, owner=bob),
        "made": ApiKeyFactory(application=rooms, created_by=bob),
        "rule": RuleFactory(application=rooms, everyone=False, for_users=[bob]),
    }  # fmt: skip


def page(user):
    return url("issuedtoken", "person_end", user.pk)


def words(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def asked(answer):
    (value,) = re.findall(r'name="asked" value="([^"]+)"', answer.content.decode())
    return value


def end(browser, user, **chosen):
    """Look, choose, give a reason and press the button."""
    sent = {"reason": "account taken over", "asked": asked(browser.get(page(user))), **chosen}
    return browser.post(page(user), sent)


def live_now():
    return set(IssuedToken.objects.live(timezone.now()))


def test_the_page_counts_everything(site, held, bob):
    told = words(site.get(page(bob)))
    for line in (
        "Live tokens 1", "Token families that can be renewed 1", "One-time login keys 1",
        "Pairs that vendors gave to him 1", "Revoke the API keys that act as him (1)",
        "Revoke the other API keys that he owns (1)", "Revoke the other API keys that he made (1)",
        "Take him out of the rules that name him (1)", f"{held['acting'].public_id} for tests",
        "at the next join: 1", "cannot be undone", "What stays", "His sessions on this site",
    ):  # fmt: skip
        assert line in told, line
    assert f'href="/admin/auth/user/{bob.pk}/change/"' in site.get(page(bob)).content.decode()


def test_looking_ends_nothing(site, held, bob):
    site.get(page(bob), {"reason": "because", "asked": asked(site.get(page(bob)))})
    assert (live_now(), AuditEvent.objects.count(), LogEntry.objects.count()) == ({held["token"]}, 0, 0)


def test_what_is_his_ends_and_the_rest_where_it_is_chosen(site, held, bob):
    told = words(end(site, bob, with_api_keys="on", out_of_rules="on"))
    assert "This is what was ended:" in told
    assert live_now() == set()
    at = timezone.now()
    assert TokenFamily.objects.get().closed_at is not None
    assert OneTimeKey.objects.with_epochs_now().get().standing(at) is Standing.REVOKED
    assert not VendorPair.objects.exists()
    for name, ended in (("acting", True), ("owned", False), ("made", False)):
        held[name].refresh_from_db()
        assert (held[name].revoked_at is not None) is ended, name
    assert not held["rule"].users.exists()
    assert "Not done: Revoke the other API keys that he owns (1)" in told


def test_keys_that_he_owns_or_made_end_where_it_is_chosen(site, held, bob):
    end(site, bob, with_owned_keys="on", with_made_keys="on")
    for name, ended in (("acting", False), ("owned", True), ("made", True)):
        held[name].refresh_from_db()
        assert (held[name].revoked_at is not None) is ended, name
    assert [*held["rule"].users.all()] == [bob]


def test_it_is_written_down_without_values(site, held, bob, chief):
    end(site, bob)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.get_change_message()) == (chief, str(bob.pk), "All access was ended.")
    event = AuditEvent.objects.get(kind=AuditKind.ACCESS_ENDED)
    assert (event.user, event.detail["reason"]) == (chief, "account taken over")


def test_a_deleted_users_rows_end_by_his_key(site, active, bob):
    IssuedTokenFactory(certificate=active, user=bob, issued_at=timezone.now())
    address = page(bob)
    bob.delete()
    assert "The account is deleted." in words(site.get(address))
    answer = site.post(address, {"reason": "gone", "asked": asked(site.get(address))})
    assert "Live tokens: 1" in words(answer)
    assert (live_now(), LogEntry.objects.get().object_repr) == (set(), "issued tokens")


@pytest.mark.parametrize("key", ["nobody", "999999", "9" * 40, "%00"])
def test_nobody_has_no_page(site, active, key):
    assert site.get(f"/admin/token_issuer/issuedtoken/person/{key}/end/").status_code == 404


def test_a_reason_is_required_and_the_choice_is_kept(site, held, bob):
    answer = end(site, bob, reason=" ", with_made_keys="on")
    assert "This field is required." in words(answer)
    assert re.search(r'name="with_made_keys"[^>]* checked', answer.content.decode())
    assert not re.search(r'name="with_api_keys"[^>]* checked', answer.content.decode())
    assert live_now() == {held["token"]}


def test_a_reload_ends_nothing_twice(site, held, active, bob):
    sent = {"reason": "because", "asked": asked(site.get(page(bob)))}
    site.post(page(bob), sent)
    new = IssuedTokenFactory(certificate=active, user=bob, issued_at=timezone.now(), epochs=1)
    assert "nothing was ended a second time" in words(site.post(page(bob), sent))
    assert live_now() == {new}


def test_busy_is_said(site, held, bob):
    with busy("UPDATE", "token_issuer_revocationepoch"):
        answer = end(site, bob)
    assert "The database was busy three times in a row." in words(answer)
    assert (live_now(), LogEntry.objects.count()) == ({held["token"]}, 0)


def test_a_form_that_was_changed_or_is_not_ones_own_is_refused(site, staff, held, bob):
    own, other = asked(site.get(page(bob))), UserFactory()
    for browser, address, sent in (
        (site, page(bob), ""),
        (site, page(bob), own[:-1]),
        (site, page(other), own),
        (staff(*ENDING), page(bob), own),
    ):
        assert "Nothing was ended" in words(browser.post(address, {"reason": "because", "asked": sent}))
    assert live_now() == {held["token"]}


def test_it_takes_its_own_permission_and_that_to_revoke(staff, viewer, held, bob):
    for browser in (viewer, staff("view_issuedtoken", "revoke_issuedtoken"), staff("view_issuedtoken", "end_access")):
        assert browser.get(page(bob)).status_code == 403
        assert browser.post(page(bob), {"reason": "because"}).status_code == 403
        assert "person_end" not in browser.get(url("issuedtoken", "person", bob.pk)).content.decode()
    end(staff(*ENDING), bob)
    assert live_now() == set()


def test_what_one_may_not_do_is_shown_and_not_offered(staff, held, bob):
    browser = staff(*ENDING)
    told = words(browser.get(page(bob)))
    assert "Not offered, because you may not do it: Take him out of the rules" in told
    assert held["acting"].public_id not in told
    end(browser, bob, with_api_keys="on", out_of_rules="on")
    held["acting"].refresh_from_db()
    assert (held["acting"].revoked_at, [*held["rule"].users.all()]) == (None, [bob])


def test_staff_of_one_application_may_not(staff, settings, held, bob):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "APPLICATIONS_OF_STAFF": f"{__name__}.of_rooms"}
    browser = staff(*ENDING)
    assert browser.get(page(bob)).status_code == 403
    assert page(bob) not in browser.get(url("issuedtoken", "person", bob.pk)).content.decode()


def test_it_needs_the_csrf_token(site, chief, held, bob):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    sent = {"reason": "because", "asked": asked(site.get(page(bob)))}
    assert strict.post(page(bob), sent).status_code == 403
    assert live_now() == {held["token"]}


def test_the_persons_page_leads_here(site, held, bob):
    assert f'href="{page(bob)}"' in site.get(url("issuedtoken", "person", bob.pk)).content.decode()


def test_queries_do_not_grow_with_the_rows(site, held, active, rooms, bob):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert site.get(page(bob)).status_code == 200
        return len(captured)

    queries()
    few = queries()
    IssuedTokenFactory.create_batch(30, certificate=active, user=bob, issued_at=timezone.now())
    for _number in range(10):
        ApiKeyFactory(application=rooms, acts_as=bob)
        RuleFactory(application=rooms, everyone=False, for_users=[bob])
    assert queries() == few
