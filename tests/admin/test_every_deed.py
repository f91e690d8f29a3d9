"""Every page that changes something, discovered from the addresses: POST, CSRF, its own permission, and two records."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import resolve, reverse
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.conftest import signed_in
from tests.admin.test_access import state
from tests.admin.test_tenancy import PAGES
from tests.factories import (
    AGORA_APP_ID,
    AGORA_CERTIFICATE,
    ApplicationFactory,
    CertificateFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    UserFactory,
    VendorAccountFactory,
    VendorPairFactory,
    api_key,
)
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, IssuedToken, VendorPair

# Django's own pages are visited, too: under ATOMIC_REQUESTS they open a transaction in every database.
pytestmark = pytest.mark.django_db(databases="__all__")

REASON = {"reason": "because"}
FRESH = "5up3r" * 8
RULE = {"privileges": ["allow_join"], "priority": "100", "everyone": "on", "resource_pattern": "room-*"}


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What is posted where, and by whom at least. ``read`` are fields that the page itself hands out."""

    permissions: tuple[str, ...]
    post: Callable[[dict[str, Any]], dict[str, Any]] = lambda rows: {}
    row: str = ""
    query: Callable[[dict[str, Any]], str] = lambda rows: ""
    read: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()  # arguments of the address behind the row


def of_application(rows):
    return f"?application={rows['application'].pk}"


def posting(**data):
    return lambda rows: data


ENDS = ("view_issuedtoken", "revoke_issuedtoken")
ROTATES = ("rotate_certificate",)

DEEDS = {
    "apikey_add": Deed(
        permissions=("add_apikey",),
        post=lambda rows: {"purpose": "a server", "scopes": ["tokens:issue"], "row_id": uuid7()},
        query=of_application,
    ),
    "apikey_change": Deed(permissions=("change_apikey",), post=posting(purpose="another"), row="apikey"),
    "apikey_rotate": Deed(permissions=("rotate_apikey",), post=posting(overlap="0"), row="apikey", read=("seen",)),
    "apikey_revoke": Deed(permissions=("rotate_apikey",), post=posting(**REASON), row="apikey"),
    "application_add": Deed(
        permissions=("add_application",),
        post=posting(
            **{
                "name": "Calls",
                "slug": "calls",
                "public_id": AGORA_APP_ID,
                "secret-certificate": AGORA_CERTIFICATE,
                "option-token_version": "007",
                "option-subject": "integer",
                "option-account_pattern": "user-{user.pk}",
                "option-channel_max": "63",
                "option-on_revocation": "ban",
                "option-api_url": "https://api.agora.io",
                "slots": "4",
                "rule_for": "nobody",
            }
        ),
        query=lambda rows: "?provider=agora",
    ),
    "application_change": Deed(
        permissions=("change_application",),
        post=posting(
            **{
                "name": "Other rooms",
                "slots": "4",
                "option-on_revocation": "remove",
                "option-api_url": "https://api.videosdk.live",
                "option-participant_pattern": "user-{user.pk}",
            }
        ),
        row="application",
        read=("seen_version",),
    ),
    "application_disable": Deed(permissions=("change_application",), row="application"),
    "application_enable": Deed(permissions=("change_application",), row="disabled"),
    "application_doctor": Deed(permissions=("diagnose_application",)),
    "application_temporary": Deed(
        permissions=("view_application", "make_temporary_token"),
        post=posting(**{"option-roomId": "room-1", "option-permissions": ["allow_join"], "option-roles": "rtc"}),
        row="application",
        read=("sending",),
    ),
    "application_rotate": Deed(
        permissions=ROTATES, post=posting(**{"secret-secret": FRESH}), row="unstaged", extra=("sign",)
    ),
    "certificate_add": Deed(permissions=ROTATES, post=posting(**{"secret-secret": FRESH}), query=of_application),
    "certificate_activate": Deed(permissions=ROTATES, row="staged"),
    "certificate_retire": Deed(permissions=ROTATES, row="retiring"),
    "certificate_revoke": Deed(permissions=ROTATES, post=posting(**REASON), row="certificate"),
    "certificate_replace": Deed(
        permissions=ROTATES, post=posting(**{"secret-secret": FRESH, **REASON}), row="certificate"
    ),
    "issuedtoken_revoke": Deed(permissions=ENDS, post=posting(**REASON), row="issuedtoken"),
    "issuedtoken_revoke_selected": Deed(
        permissions=ENDS, post=lambda rows: {"token": rows["issuedtoken"].pk, **REASON}
    ),
    "issuedtoken_revoke_where": Deed(
        permissions=ENDS,
        post=posting(**REASON),
        query=lambda rows: f"?application={rows['application'].slug}",
        read=("asked",),
    ),
    "issuedtoken_person_end": Deed(
        permissions=(*ENDS, "end_access"), post=posting(**REASON), row="person", read=("asked",)
    ),
    "issuedtoken_export": Deed(permissions=("view_issuedtoken", "export_issuedtoken"), post=posting(format="csv")),
    "auditevent_export": Deed(permissions=("view_auditevent", "export_auditevent"), post=posting(format="csv")),
    "onetimekey_export": Deed(permissions=("view_onetimekey", "export_issuedtoken"), post=posting(format="csv")),
    "tokenfamily_export": Deed(permissions=("view_tokenfamily", "export_issuedtoken"), post=posting(format="csv")),
    "onetimekey_revoke": Deed(
        permissions=("view_onetimekey", "revoke_onetimekey"), post=posting(**REASON), row="onetimekey"
    ),
    "onetimekey_revoke_selected": Deed(
        permissions=("view_onetimekey", "revoke_onetimekey"),
        post=lambda rows: {"token": rows["onetimekey"].pk, **REASON},
    ),
    "tokenfamily_revoke": Deed(
        permissions=("view_tokenfamily", "revoke_tokenfamily"), post=posting(**REASON), row="tokenfamily"
    ),
    "tokenfamily_revoke_selected": Deed(
        permissions=("view_tokenfamily", "revoke_tokenfamily"),
        post=lambda rows: {"token": rows["tokenfamily"].pk, **REASON},
    ),
    "rule_add": Deed(permissions=("add_rule",), post=posting(**RULE), query=of_application),
    "rule_change": Deed(permissions=("change_rule",), post=posting(**RULE), row="rule"),
    "rule_delete": Deed(permissions=("delete_rule",), post=posting(post="yes"), row="rule"),
    "rule_changelist": Deed(
        permissions=("view_rule", "delete_rule"),
        post=lambda rows: {"action": "delete_selected", "_selected_action": rows["rule"].pk, "post": "yes"},
    ),
    "vendoraccount_add": Deed(
        permissions=("change_vendoraccount",),
        post=lambda rows: {"user": rows["person"].pk, "subject": "robert"},
        query=of_application,
    ),
    "vendorpair_forget": Deed(permissions=("view_vendorpair", "forget_vendorpair"), row="vendorpair"),
    "vendorpair_retry": Deed(permissions=("view_vendorpair", "retry_vendorpair"), row="refused"),
}
ELSEWHERE = {  # their own tests say what they do
    "application_try": "test_trying",
    "certificate_try": "test_trying",
    "certificate_try_replacement": "test_trying",
    "issuedtoken_tell_again": "test_pushes",
    "vendoraccount_change": "test_vendor_accounts",
    "vendoraccount_forget": "test_vendor_accounts",
    "vendoraccount_provision": "test_vendor_accounts",
    "issuedtoken_changelist": "test_issued_tokens",  # the action leads to issuedtoken_revoke_selected
    "onetimekey_changelist": "test_one_time_keys",
    "tokenfamily_changelist": "test_token_families",
}
REFUSED = {"rule_changelist": {200, 403}}  # the action is not offered
READ = {  # whatever is posted to them
    "apikey_changelist", "apikey_delete", "apikey_history", "application_changelist", "application_delete",
    "application_explain", "application_history", "auditevent_add", "auditevent_change", "auditevent_changelist",
    "auditevent_delete", "auditevent_history", "certificate_change", "certificate_changelist", "certificate_delete",
    "certificate_history", "issuedtoken_add", "issuedtoken_change", "issuedtoken_check", "issuedtoken_delete",
    "issuedtoken_find", "issuedtoken_history", "issuedtoken_overview", "issuedtoken_person", "onetimekey_add",
    "onetimekey_change", "onetimekey_delete", "onetimekey_history", "rule_explain", "rule_history", "tokenfamily_add",
    "tokenfamily_change", "tokenfamily_delete", "tokenfamily_history", "vendoraccount_changelist",
    "vendoraccount_delete", "vendoraccount_history", "vendorpair_add", "vendorpair_change", "vendorpair_changelist",
    "vendorpair_delete", "vendorpair_history",
}  # fmt: skip


@pytest.fixture
def rows(rooms, active, staged, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "TEMPORARY_TOKENS": True}
    now, person = timezone.now(), UserFactory()
    off = ApplicationFactory(slug="off", disabled_at=now)
    later = now.replace(year=now.year + 1)
    pair = VendorPairFactory(application=rooms, user=person)
    VendorPair.objects.filter(pk=pair.pk).update(refused_at=now)
    return {
        "application": rooms,
        "disabled": off,
        "unstaged": ApplicationFactory(slug="unstaged", ready=True),
        "certificate": active,
        "staged": staged,
        "retiring": CertificateFactory(application=off, activated_at=now, retiring_at=now),
        "rule": RuleFactory(application=rooms),
        "person": person,
        "issuedtoken": IssuedTokenFactory(certificate=active, user=person, issued_at=now),
        "auditevent": AuditEvent.objects.create(kind="denied", at=now, application=rooms),
        "onetimekey": OneTimeKeyFactory(application=rooms, user=person, created_at=now),
        "tokenfamily": TokenFamilyFactory(
            application=rooms, user=person, created_at=now, idle_expires_at=later, expires_at=later
        ),
        "vendorpair": pair,
        "refused": pair,
        "apikey": api_key(application=rooms)[0],
    }


def address(name, deed, rows):
    where = (rows[deed.row].pk,) if deed.row else ()
    return url(*name.split("_", 1), *where, *deed.extra) + deed.query(rows)


def posted(client, name, deed, rows):
    """What a person would send: what the page handed out, and what he fills in."""
    page = address(name, deed, rows)
    shown = client.get(page).content.decode() if deed.read else ""
    handed = {field: re.findall(rf'name="{field}" value="([^"]*)"', shown) for field in deed.read}
    return page, {**{field: found[0] for field, found in handed.items() if found}, **deed.post(rows)}


def test_no_page_is_forgotten():
    names = {name.removeprefix("token_issuer_") for name, _takes in PAGES}
    assert names == {*DEEDS, *ELSEWHERE, *READ}


def test_every_page_is_outside_the_sites_transactions(rows):
    for name, takes in PAGES:
        filled = {"row_id": rows["rule"].pk, "object_id": rows["rule"].pk, "purpose": "sign", "key": "1"}
        page = reverse(f"admin:{name}", kwargs={part: filled[part] for part in takes})
        outside = vars(resolve(page).func)["_non_atomic_requests"]
        assert "default" in outside, name
        assert "any other" in outside, name


def evidence():
    """How much there is: an event, or the row of a token that was made."""
    return AuditEvent.objects.count() + IssuedToken.objects.count()


GETS_SECRETS = {  # into which something secret is pasted, or whose answer shows it
    "apikey_add", "apikey_rotate", "application_add", "application_explain", "application_rotate",
    "application_temporary", "application_try", "certificate_add", "certificate_replace", "certificate_try",
    "certificate_try_replacement", "issuedtoken_check", "issuedtoken_find", "vendoraccount_add", "vendoraccount_change",
}  # fmt: skip


def test_error_reports_of_pages_with_secrets_show_nothing_that_came_in(site, rows):
    found = set()
    for name, takes in PAGES:
        short = name.removeprefix("token_issuer_")
        account = VendorAccountFactory(application=rows["application"])
        row = {**rows, "vendoraccount": account, "auditevent": rows["auditevent"]}.get(short.split("_")[0])
        filled = {"row_id": getattr(row, "pk", 0), "object_id": getattr(row, "pk", 0), "purpose": "sign", "key": "1"}
        page = reverse(f"admin:{name}", kwargs={part: filled[part] for part in takes})
        asked = site.post(f"{page}?provider=agora&application={rows['application'].pk}", {}).wsgi_request
        if vars(asked).get("sensitive_post_parameters") == "__ALL__":
            assert asked.exception_reporter_filter.is_active(asked), name
            found.add(short)
        shown = site.get(f"{page}?provider=agora&application={rows['application'].pk}", follow=True)
        if not shown.streaming and 'type="password"' in shown.content.decode():
            assert short in GETS_SECRETS, name
    assert found == GETS_SECRETS


@pytest.mark.parametrize("name", DEEDS)
def test_it_takes_exactly_its_permissions(staff, rows, name):
    deed = DEEDS[name]
    client = staff(*deed.permissions)
    page, data = posted(client, name, deed, rows)
    for lacking in deed.permissions:
        rest = staff(*(permission for permission in deed.permissions if permission != lacking))
        before = state()
        assert rest.post(page, data).status_code in REFUSED.get(name, {403}), lacking
        assert state() == before, lacking
    logged, audited = LogEntry.objects.count(), evidence()
    answer = client.post(page, data)
    assert answer.status_code in (200, 302)
    assert LogEntry.objects.count() > logged
    assert evidence() > audited


@pytest.mark.parametrize("name", DEEDS)
def test_it_takes_the_csrf_token(staff, rows, name):
    deed = DEEDS[name]
    user = UserFactory(is_staff=True, is_superuser=True)
    page, data = posted(signed_in(user), name, deed, rows)
    strict, before = Client(enforce_csrf_checks=True), state()
    strict.force_login(user)
    assert strict.post(page, data).status_code == 403
    assert state() == before


@pytest.mark.parametrize("name", DEEDS)
@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options"])
def test_only_a_post_does_it(site, rows, name, method):
    deed = DEEDS[name]
    page, data = posted(site, name, deed, rows)
    before = state()
    getattr(site, method)(page, data) if method == "get" else getattr(site, method)(page)
    assert state() == before


def test_records_hold_no_secret(site, rows):
    for name, deed in DEEDS.items():
        if FRESH in str(deed.post(rows)) or AGORA_CERTIFICATE in str(deed.post(rows)):
            page, data = posted(site, name, deed, rows)
            site.post(page, data)
    kept = str([*LogEntry.objects.values()]) + str([*AuditEvent.objects.values()])
    assert FRESH not in kept
    assert AGORA_CERTIFICATE not in kept
