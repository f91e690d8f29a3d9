"""The purge from the command line."""

from __future__ import annotations

from datetime import timedelta

from tests.factories import AT, IssuedTokenFactory
from token_issuer.models import IssuedToken

OLD = AT - timedelta(days=200)
TWO = (
    "2 tokens, 0 families, 0 one-time keys, 0 events, 0 windows, 0 vendor pairs, 0 answered login keys,"
    " 0 proofs of deleted users, 0 hourly counts"
)


def old_tokens(number: int) -> None:
    for _ in range(number):
        IssuedTokenFactory(issued_at=OLD, expires_at=OLD + timedelta(minutes=10))


def test_it_deletes_and_counts(run, db):
    old_tokens(2)
    done = run("token_issuer_purge", at=AT)
    assert (done.code, done.out, IssuedToken.objects.count()) == (
        0,
        f"Deleted {TWO}.\n",
        0,
    )


def test_a_dry_run_deletes_nothing(run, db):
    old_tokens(2)
    done = run("token_issuer_purge", "--dry-run", at=AT)
    assert (done.out, IssuedToken.objects.count()) == (
        f"Would delete {TWO}.\n",
        2,
    )


def test_it_tells_how_far_it_is_when_asked(run, db):
    old_tokens(2)
    done = run("token_issuer_purge", "--verbosity=2", at=AT)
    assert done.out.startswith(f"so far {TWO}\n")


def test_a_batch_has_a_row(run, db):
    done = run("token_issuer_purge", "--batch-size=0")
    assert (done.code, done.err) == (1, "--batch-size must be at least 1.")
