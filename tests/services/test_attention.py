"""What the overview says that somebody should look at."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import AT, CertificateFactory, IssuedTokenFactory
from tests.services.hours import event, row_id
from token_issuer.conf import conf
from token_issuer.models import AuditKind, VendorPush
from token_issuer.services import attention
from token_issuer.services.attention import look

pytestmark = pytest.mark.django_db

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
OLD = conf.rotate_after


def push(*, ago=MINUTE, due=timedelta(0), **columns):
    """A push that was written this long ago, and is due this long since."""
    token = IssuedTokenFactory()
    columns = {"id": row_id(AT - ago), "created_at": AT - ago, "next_try_at": AT - due, **columns}
    return VendorPush.objects.create(token=token, application=token.application, **columns)


def pushes(**more):
    return look(at=AT, **more).pushes


def test_nothing_is_the_matter():
    found = look(at=AT)
    assert (found.ring, found.due, found.due_count, found.kept_since, found.is_purge_late) == ("", (), 0, None, False)
    assert not found.pushes.is_trouble


def test_a_key_ring_that_is_no_good(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": ["short:AAAA"]}
    assert "ENCRYPTION_KEYS" in look(at=AT).ring
    assert look(at=AT, within=frozenset()).ring == ""


def test_certificates_that_are_due():
    old = CertificateFactory(activated_at=AT - OLD - MINUTE)
    oldest = CertificateFactory(activated_at=AT - OLD - DAY)
    CertificateFactory(activated_at=AT - OLD)
    CertificateFactory(activated_at=AT - OLD - DAY, retiring_at=AT)
    CertificateFactory()
    found = look(at=AT)
    assert (found.due, found.due_count) == ((oldest, old), 2)
    assert look(at=AT, within=frozenset([old.application_id])).due == (old,)


def test_a_few_certificates_are_named_and_all_are_counted(monkeypatch):
    monkeypatch.setattr(attention, "NAMED", 1)
    CertificateFactory.create_batch(3, activated_at=AT - OLD - DAY)
    found = look(at=AT)
    assert (len(found.due), found.due_count) == (1, 3)


def test_pushes_that_wait_and_are_not_due_for_long():
    push(ago=3 * MINUTE, due=MINUTE)
    found = pushes()
    assert (found.waiting, found.oldest, found.is_trouble) == (1, AT - 3 * MINUTE, False)


def test_pushes_that_nobody_sends():
    push(due=6 * MINUTE)
    assert pushes().is_late
    assert pushes().is_trouble


def test_one_that_is_told_of_with_another_is_not_late():
    push(due=6 * MINUTE, told_by=push().pk)
    assert not pushes().is_late


def test_pushes_that_fail():
    push(attempts=2)
    push()
    assert (pushes().failing, pushes().is_trouble) == (1, True)


def test_pushes_that_were_given_up_within_a_day():
    push(ago=2 * DAY, next_try_at=None, failed_at=AT - DAY)
    push(ago=2 * DAY, next_try_at=None, failed_at=AT - DAY - MINUTE)
    push(next_try_at=None, pushed_at=AT)
    assert (pushes().given_up, pushes().waiting, pushes().is_trouble) == (1, 0, True)


def test_pushes_of_long_ago_are_given_up_late():
    """Their tokens may be good for weeks."""
    push(ago=30 * DAY, next_try_at=None, failed_at=AT)
    assert pushes().given_up == 1


def test_pushes_of_other_applications_are_not_ours():
    mine = push(attempts=1)
    push(attempts=1)
    push(next_try_at=None, failed_at=AT)
    found = pushes(within=frozenset([mine.application_id]))
    assert (found.waiting, found.given_up) == (1, 0)


@pytest.mark.parametrize(("days", "is_late"), [(1, False), (2, False), (3, True)])
def test_what_the_purge_should_have_taken(days, is_late):
    old = AT - conf.retention - days * DAY
    IssuedTokenFactory(issued_at=old - DAY, expires_at=old)
    found = look(at=AT)
    assert (found.kept_since, found.is_purge_late) == (AT - days * DAY, is_late)
    event(None, AuditKind.DENIED, old - DAY)
    assert look(at=AT).kept_since == AT - (days + 1) * DAY
    assert look(at=AT, within=frozenset()).kept_since is None


def test_what_is_within_its_retention_is_nobodys_fault():
    IssuedTokenFactory(issued_at=AT - DAY)
    assert look(at=AT).kept_since is None


def statements():
    with CaptureQueriesContext(connection) as captured:
        look(at=AT)
    return len(captured)


def test_statements_do_not_grow():
    few = statements()
    for _ in range(20):
        push(attempts=1)
        CertificateFactory(activated_at=AT - OLD - DAY)
    assert statements() == few <= 6
