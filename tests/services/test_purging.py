"""Purging: in ranges, restartable, and never a verdict changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import (
    AT,
    ApplicationFactory,
    IssuedTokenFactory,
    OneTimeKeyFactory,
    RuleFactory,
    TokenFamilyFactory,
    VendorAccountFactory,
    VendorPairFactory,
    caller,
)
from tests.statements import counted
from token_issuer.ids import uuid7
from token_issuer.models import (
    AnsweredLoginKey,
    AuditEvent,
    Counted,
    HourlyCount,
    IssuedToken,
    OneTimeKey,
    RuleWindow,
    TokenFamily,
    VendorAccount,
    VendorPair,
)
from token_issuer.services import purging, revoking, verifying

PROOF = {"proof": "of-a-password"}
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


def family(*, expired: timedelta, **columns) -> TokenFamily:
    """A chain that reached its absolute end this long before the retention ends."""
    end = OLD - expired
    return TokenFamilyFactory(
        created_at=end - timedelta(days=30), idle_expires_at=end - timedelta(days=1), expires_at=end, **columns
    )


def test_families_go_when_they_are_past_it(db):
    family(expired=timedelta(seconds=1))
    kept = family(expired=timedelta(0))
    assert (purging.purge(at=AT).families, [*TokenFamily.objects.all()]) == (1, [kept])


def test_a_vendors_pair_goes_at_its_end_whatever_the_retention(db):
    VendorPairFactory(device="gone", ends_at=AT - timedelta(microseconds=1))
    kept = VendorPairFactory(ends_at=AT)
    assert (purging.purge(at=AT).pairs, [*VendorPair.objects.all()]) == (1, [kept])


MONTH = timedelta(days=30)


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_pair_that_its_vendor_refused_goes_after_a_month(db, dry_run):
    """Its texts open nothing any more, and nobody but an administrator could have them tried again."""
    application = ApplicationFactory()
    late = {"application": application, "ends_at": AT + timedelta(days=100), "access_expires_at": AT - MONTH}
    gone = VendorPairFactory(**late, refused_at=AT - MONTH - timedelta(microseconds=1))
    VendorPairFactory(**late, refused_at=AT - MONTH)
    VendorPairFactory(**late)
    VendorPairFactory(**{**late, "access_expires_at": AT}, refused_at=AT - 2 * MONTH)
    assert purging.purge(at=AT, dry_run=dry_run).pairs == 1
    assert VendorPair.objects.filter(pk=gone.pk).exists() is dry_run
    assert VendorPair.objects.count() == 3 + dry_run


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_pair_that_ended_with_its_users_tokens_goes_at_once(db, dry_run):
    rows = VendorPairFactory.create_batch(3, ends_at=AT + MONTH)
    over = {"ends_at": AT - MONTH, "refused_at": AT - 2 * MONTH, "access_expires_at": AT - MONTH}
    rows += [VendorPairFactory(**over), VendorPairFactory(**{**over, "ends_at": AT + MONTH})]
    kept = VendorPairFactory(ends_at=AT + MONTH)
    for row in rows:
        revoking.revoke_user(caller(row.user), row.user, reason="", at=AT)
    assert purging.purge(at=AT, dry_run=dry_run, batch_size=2).pairs == 5
    assert VendorPair.objects.filter(pk=kept.pk).exists()
    assert VendorPair.objects.count() == (6 if dry_run else 1)


def test_an_answered_login_key_is_forgotten_a_day_after_its_end(db):
    account = VendorAccountFactory()
    for digest, end in (("gone", AT - timedelta(days=1, microseconds=1)), ("kept", AT - timedelta(days=1))):
        AnsweredLoginKey.objects.create(account=account, digest=digest, answered_at=end, expires_at=end)
    assert purging.purge(at=AT, dry_run=True) == purging.Purged(answers=1)
    assert purging.purge(at=AT) == purging.Purged(answers=1)
    assert [*AnsweredLoginKey.objects.values_list("digest", flat=True)] == ["kept"]


def test_what_proved_a_deleted_user_is_forgotten_and_his_name_stays(db):
    gone = [VendorAccountFactory(subject="ada", proof=PROOF), VendorAccountFactory(subject="bob", proof=PROOF)]
    kept, nameless = VendorAccountFactory(subject="eve", proof=PROOF), VendorAccountFactory()
    VendorAccount.objects.filter(pk=gone[0].pk).update(proved_at=AT)
    VendorAccount.objects.filter(pk=gone[1].pk).update(sealed_secret=None, pending_secret=b"sealed", pending_at=AT)
    for account in (*gone, nameless):
        account.user.delete()
    assert purging.purge(at=AT, dry_run=True) == purging.Purged(proofs=2)
    seen = []
    assert purging.purge(at=AT, batch_size=1, progress=lambda done: seen.append(done.proofs)) == purging.Purged(
        proofs=2
    )
    assert seen == [1, 2]
    columns = ("subject", "sealed_secret", "proved_at", "pending_secret", "pending_at")
    assert sorted(VendorAccount.objects.filter(pk__in=[row.pk for row in gone]).values_list(*columns)) == [
        ("ada", None, None, None, None),
        ("bob", None, None, None, AT),
    ]
    kept.refresh_from_db()
    assert kept.sealed_secret


def test_a_family_stays_while_a_token_of_it_does(db):
    """Its last token was made shortly before the family's end, and its verdict needs the family's row."""
    chain = family(expired=timedelta(minutes=5))
    last = IssuedTokenFactory(
        issued_at=OLD - timedelta(minutes=10), expires_at=OLD + timedelta(minutes=1), family=chain
    )
    assert purging.purge(at=AT).families == 0
    assert TokenFamily.objects.get() == last.family
    assert purging.purge(at=AT + timedelta(minutes=2)) == purging.Purged(tokens=1, families=1)


def test_no_verdict_changes_even_when_nothing_is_kept(db, settings):
    """A token in time, whose family was closed and is past its own end, stays dead for the reason it was dead."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "RETENTION": 0}
    for closed in (None, AT - timedelta(hours=1)):
        chain = TokenFamilyFactory(
            idle_expires_at=AT - timedelta(hours=2), expires_at=AT - timedelta(minutes=1), closed_at=closed
        )
        IssuedTokenFactory(family=chain)
        IssuedTokenFactory(issued_at=AT - timedelta(hours=1), family=chain)
    before = [verdict(token) for token in IssuedToken.objects.order_by("pk")]
    assert purging.purge(at=AT).tokens == 2
    assert [word for word in before if word != "expired"] == ["", "family_closed"]
    assert [verdict(token) for token in IssuedToken.objects.order_by("pk")] == ["", "family_closed"]


def verdict(token: IssuedToken) -> str:
    return verifying.objection(IssuedToken.objects.with_epochs_now().get(pk=token.pk), at=AT)


def test_a_family_that_was_idle_stays_until_its_absolute_end(db):
    TokenFamilyFactory(idle_expires_at=OLD - timedelta(days=1), expires_at=OLD + timedelta(days=1))
    assert purging.purge(at=AT).families == 0


def test_a_younger_event_outlives_its_family(db):
    chain = family(expired=timedelta(days=1))
    late = AuditEvent.objects.create(kind="family_closed", at=AT, family=chain)
    assert purging.purge(at=AT).families == 1
    late.refresh_from_db()
    assert late.family is None


def test_login_keys_go_when_they_are_past_it(db):
    OneTimeKeyFactory(created_at=OLD - timedelta(minutes=1, seconds=1))
    kept = OneTimeKeyFactory(created_at=OLD - timedelta(minutes=1))
    assert (purging.purge(at=AT).keys, OneTimeKey.objects.get()) == (1, kept)


def test_a_site_may_keep_it_longer(db, settings):
    token(expired=timedelta(days=1))
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "RETENTION": timedelta(days=200)}
    assert purging.purge(at=AT).tokens == 0


def test_events_go_by_their_own_age(db):
    event(old=timedelta(seconds=1))
    kept = event(old=timedelta(0))
    assert (purging.purge(at=AT).events, AuditEvent.objects.get()) == (1, kept)


def test_hourly_counts_go_by_their_own_age(db):
    for number, at in enumerate((OLD - timedelta(seconds=1), OLD)):
        HourlyCount.objects.create(key=uuid7(), starts_at=at, what=Counted.HOUR, number=number)
    assert (purging.purge(at=AT).counts, HourlyCount.objects.get().number) == (1, 1)


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
    gone = token(expired=timedelta(days=1))
    event(old=timedelta(days=1), of=gone)
    IssuedToken.objects.update(family=family(expired=timedelta(days=1)))
    IssuedTokenFactory(family=family(expired=timedelta(days=1)))
    OneTimeKeyFactory(created_at=OLD - timedelta(days=1))
    counted = purging.purge(at=AT, dry_run=True)
    assert (counted, IssuedToken.objects.count()) == (purging.Purged(tokens=1, families=1, keys=1, events=1), 2)
    assert purging.purge(at=AT) == counted


def test_statements_do_not_grow_with_a_batch(db):
    for hours in range(9):
        token(expired=timedelta(hours=hours + 1))
    # The longest window; two ages each for eight empty shelves; tokens: an age, UPDATE, two DELETEs, and two ages more;
    # the pairs that were revoked; the proofs of deleted users.
    with counted(25):
        purging.purge(at=AT, batch_size=9)
