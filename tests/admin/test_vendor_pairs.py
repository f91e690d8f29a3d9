"""Vendors' pairs in the admin: how each stands, in words, and a button that deletes one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from tests.admin.addresses import url
from tests.admin.test_issued_tokens import text_of
from tests.factories import ApplicationFactory, UserFactory, VendorPairFactory, caller
from token_issuer.models import AuditEvent, AuditKind, VendorPair
from token_issuer.services import revoking

SEALED = ("vendor-access", "vendor-refresh")


@pytest.fixture
def connectify(db):
    return ApplicationFactory(
        slug="connectify", provider="oauth-client", options={"token_url": "https://auth.example.com/token"}
    )


@pytest.fixture
def pair(connectify):
    """A pair that is good now."""
    now = timezone.now()
    return VendorPairFactory(
        application=connectify, device="work", created_at=now, ends_at=now + timedelta(days=1), user=UserFactory()
    )


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "connected"),
        ({"refused_at": timezone.now()}, "refused by the vendor: its user has to connect again"),
        ({"ends_at": timezone.now()}, "expired: its user has to connect again"),
    ],
)
def test_the_list_says_how_it_stands(site, pair, columns, words):
    VendorPair.objects.update(**columns)
    for page in (url("vendorpair", "changelist"), url("vendorpair", "change", pair.pk)):
        assert words in text_of(site.get(page))


def test_one_that_a_log_out_ended_shows_so(site, pair):
    revoking.revoke_user(caller(pair.user), pair.user, reason="", at=timezone.now())
    assert "of its user, application or API key: its user has to connect again" in text_of(
        site.get(url("vendorpair", "changelist"))
    )


def test_no_page_shows_a_text_or_what_is_sealed(site, pair):
    row = VendorPair.objects.get()
    hidden = (*SEALED, bytes(row.sealed_access).decode(), bytes(row.sealed_refresh or b"").decode())
    for page in ("changelist", "change", "forget"):
        shown = site.get(url("vendorpair", page, *([] if page == "changelist" else [pair.pk]))).content.decode()
        assert not any(text in shown for text in hidden)


def test_the_button_is_there_for_who_may(site, staff, pair):
    button, page = url("vendorpair", "forget", pair.pk), url("vendorpair", "change", pair.pk)
    assert button in site.get(page).content.decode()
    viewer = staff("view_vendorpair")
    assert button not in viewer.get(page).content.decode()
    assert viewer.get(button).status_code == viewer.post(button).status_code == 403
    assert staff("forget_vendorpair").post(button).status_code == 403
    assert VendorPair.objects.exists()


def test_it_is_confirmed_and_deleted(staff, pair):
    client, page = staff("view_vendorpair", "forget_vendorpair"), url("vendorpair", "forget", pair.pk)
    assert "The vendor is not told" in text_of(client.get(page))
    assert VendorPair.objects.exists()
    assert client.post(page)["Location"] == url("vendorpair", "changelist")
    assert not VendorPair.objects.exists()
    event = AuditEvent.objects.get()
    assert (event.kind, event.detail) == (AuditKind.PAIR_FORGOTTEN, {"device": "work", "of": str(pair.user_id)})
    assert LogEntry.objects.get().change_message == "Deleted."
    assert client.post(page).status_code == 404


def test_what_a_vendor_refused_may_be_tried_again(staff, pair):
    button, page = url("vendorpair", "retry", pair.pk), url("vendorpair", "change", pair.pk)
    client = staff("view_vendorpair", "retry_vendorpair")
    assert button not in client.get(page).content.decode()
    VendorPair.objects.update(refused_at=timezone.now(), reason="no", leased_until=timezone.now())
    assert button in client.get(page).content.decode()
    assert "If it refuses again" in text_of(client.get(button))
    assert client.post(button)["Location"] == page
    row = VendorPair.objects.get()
    assert (row.refused_at, row.reason, row.leased_until) == (None, "", None)
    event = AuditEvent.objects.get()
    assert (event.kind, event.detail) == (AuditKind.PAIR_RETRIED, {"device": "work", "of": str(pair.user_id)})


def test_who_may_not_tries_nothing_again(staff, pair):
    VendorPair.objects.update(refused_at=timezone.now())
    button, page = url("vendorpair", "retry", pair.pk), url("vendorpair", "change", pair.pk)
    viewer = staff("view_vendorpair", "forget_vendorpair")
    assert button not in viewer.get(page).content.decode()
    assert viewer.get(button).status_code == viewer.post(button).status_code == 403
    assert staff("retry_vendorpair").post(button).status_code == 403
    assert VendorPair.objects.get().refused_at


def test_nobody_adds_changes_or_deletes_one_otherwise(site, pair):
    assert site.get(url("vendorpair", "add")).status_code == 403
    assert site.post(url("vendorpair", "change", pair.pk), {"device": "other"}).status_code == 403
    assert site.post(url("vendorpair", "delete", pair.pk), {"post": "yes"}).status_code == 403


def test_a_search_is_for_a_person_or_an_id(site, pair):
    VendorPairFactory(application=pair.application)
    for term in (pair.user.get_username(), f"user:{pair.user.pk}", str(pair.pk)):
        rows = site.get(url("vendorpair", "changelist") + f"?q={term}").context["cl"].result_list
        assert [row.pk for row in rows] == [pair.pk], term
