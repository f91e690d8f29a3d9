"""The benchmarks of the admin's lists still run. No test asserts a time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks import admin_lists, fill_audit
from token_issuer.models import AuditEvent, IssuedToken, TokenFamily, VendorPush

ROWS = 400


@pytest.fixture
def filled(db, settings):
    settings.ROOT_URLCONF = "benchmarks.admin_sites"
    fill_audit.fill(ROWS, until=datetime.now(UTC), people=40)


@pytest.mark.django_db(transaction=True)  # PostgreSQL vacuums outside transactions
def test_every_page_is_filled_and_measured(filled):
    assert {model.objects.count() for model in (TokenFamily, IssuedToken, AuditEvent)} == {ROWS}
    assert VendorPush.objects.exists()
    browser, pages = admin_lists.client(), [*admin_lists.pages()]
    assert len(pages) > 40
    assert all(admin_lists.statements(browser, page) for page in pages)


@pytest.mark.django_db(transaction=True)
def test_ids_are_in_the_order_of_time(filled):
    rows = IssuedToken.objects.order_by("pk").values_list("issued_at", flat=True)
    assert [*rows] == sorted(rows)
