"""Choosing somebody's name at a vendor."""

from __future__ import annotations

import pytest

from tests.admin.addresses import url
from tests.factories import ApplicationFactory, VendorAccountFactory
from token_issuer.models import AuditEvent, AuditKind


@pytest.fixture
def account(rooms):
    return VendorAccountFactory(application=rooms, number=7)


def test_name_is_chosen_and_audited(site, account, chief):
    site.post(url("vendoraccount", "change", account.pk), {"subject": "robert", "number": "8"})
    account.refresh_from_db()
    assert (account.subject, account.number) == ("robert", 7)
    event = AuditEvent.objects.get(kind=AuditKind.ACCOUNT_CHANGED)
    assert (event.user, event.application, event.detail) == (chief, account.application, {"account": str(account.pk)})


def test_name_is_taken_away_again(site, account):
    for chosen in ("robert", ""):
        site.post(url("vendoraccount", "change", account.pk), {"subject": chosen})
    account.refresh_from_db()
    assert account.subject is None


@pytest.mark.parametrize(
    ("subject", "message"),
    [
        ("anna", "Somebody else has this name at the vendor."),
        ("a:1", "A colon would make it somebody's second device."),
    ],
)
def test_name_of_somebody_else_is_refused(site, account, subject, message):
    VendorAccountFactory(application=account.application, subject="anna")
    VendorAccountFactory(application=ApplicationFactory(), subject="robert")
    answer = site.post(url("vendoraccount", "change", account.pk), {"subject": subject})
    assert answer.context["adminform"].form.errors["subject"] == [message]


def test_name_is_refused_where_users_are_numbers(site):
    account = VendorAccountFactory(application=ApplicationFactory(provider="agora"))
    answer = site.post(url("vendoraccount", "change", account.pk), {"subject": "robert"})
    assert answer.context["adminform"].form.errors["subject"] == ["This application names its users by number."]


def test_choosing_needs_permission(staff, account):
    page = url("vendoraccount", "change", account.pk)
    assert staff("view_vendoraccount").post(page, {"subject": "robert"}).status_code == 403
    assert staff("view_vendoraccount", "change_vendoraccount").post(page, {"subject": "robert"}).status_code == 302


def test_nobody_adds_accounts(site, account):
    assert site.get(url("vendoraccount", "add")).status_code == 403
