"""Purging: in ranges, restartable, and never a verdict changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, IssuedTokenFactory, RuleFactory
from tests.statements import counted
from token_issuer.ids import uuid7
from token_issuer.models import AuditEvent, IssuedToken, RuleWindow
from token_issuer.services import purging

RETENTION = timedelta(days=180)
OLD = AT - RETENTION


def token(*, expired: timedelta) -> IssuedToken:
    """A token that ran out this long before the retention ends (negative: after)."""
    end = OLD - expired
    return IssuedTokenFactory(issued_at=end - timedelta(minutes=10), expires_at=end)


def event(*, old: timedelta, of: IssuedToken | None = None) -> AuditEvent:
    return AuditEvent.objects.create(kind="token_revoked", at=OLD - old, token=of)


def test_what_is_past_its_retention_goes_and_the_rest_stays(db):
    gone, kept = token(expired=timedelta(seconds=1)), token(expired=timedelta(0))
    done = purging.purge(at=AT)
    assert (done.tokens, [*IssuedToken.objects.all()]) == (1, [kept])
    assert gone != kept


def test_a_site_may_keep_it_longer(db, settings):
    token(expired=timedelta(days=1))
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "RETENTION": timedelta(days=200)}
    assert purging.purge(at=AT).tokens == 0


def test_events_go_by_their_own_age(db):
    event(old=timedelta(seconds=1))
    kept = event(old=timedelta(0))
    assert (purging.purge(at=AT).events, AuditEvent.objects.get()) == (1, kept)


def test_a_younger_event_outlives_its_token(db):
    late = event(old=-timedelta(days=5), of=token(expired=timedelta(days=1)))
    purging.purge(at=AT)
    late.refresh_from_db()
    assert late.token is None


@pytest.mark.parametrize(("window", "left"), [(60, 1), (86400, 2), (7 * 86400, 4)])
def test_windows_go_when_they_count_nothing_any_more(db, window, left):
    """A window that still counts is never deleted, however long it is: that would lift its limit."""
    rule = RuleFactory(limit=1, window=window)
    for days in (1, 2, 3, 4):
        RuleWindow.objects.create(rule=rule, principal_key=uuid7(), starts_at=AT - timedelta(days=days))
    purging.purge(at=AT)
    assert RuleWindow.objects.count() == left


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_batches_take_everything(db, batch_size):
    for hours in range(5):
        token(expired=timedelta(hours=hours + 1))
    assert purging.purge(at=AT, batch_size=batch_size).tokens == 5


def test_more_rows_of_one_instant_than_a_batch_go_too(db):
    for _ in range(5):
        token(expired=timedelta(hours=1))
    assert purging.purge(at=AT, batch_size=2).tokens == 5


def test_a_stopped_run_goes_on(db):
    for hours in range(4):
        token(expired=timedelta(hours=hours + 1))

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        purging.purge(at=AT, batch_size=2, progress=stop)
    assert IssuedToken.objects.count() == 2
    assert purging.purge(at=AT, batch_size=2).tokens == 2


def test_it_tells_how_far_it_is(db):
    for hours in range(4):
        token(expired=timedelta(hours=hours + 1))
    seen: list[int] = []
    purging.purge(at=AT, batch_size=2, progress=lambda done: seen.append(done.tokens))
    assert seen == [2, 4]


def test_a_dry_run_counts_and_keeps(db):
    event(old=timedelta(days=1), of=token(expired=timedelta(days=1)))
    done = purging.purge(at=AT, dry_run=True)
    assert (done, IssuedToken.objects.count()) == (purging.Purged(tokens=1, events=1, windows=0), 1)


def test_statements_do_not_grow_with_a_batch(db):
    for hours in range(9):
        token(expired=timedelta(hours=hours + 1))
    # The longest window; two ages each for events and windows; tokens: an age, UPDATE, DELETE, and two ages more.
    with counted(10):
        purging.purge(at=AT, batch_size=9)
