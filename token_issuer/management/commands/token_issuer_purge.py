"""Deleting what is past its retention, and adding up hours before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.management.base import IssuerCommand
from token_issuer.services import counting, purging

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.purging import Purged


class Command(IssuerCommand):
    """May be stopped at any moment and run again; the site goes on meanwhile."""

    help = (
        "Delete tokens, token families, one-time keys, audit events, hourly counts and used-up windows that are older"
        " than RETENTION, and vendors' pairs and answered login keys that are past their end; and forget what proves"
        " deleted users at vendors. First adds up hours, as token_issuer_count does. Run it daily;"
        " it may be stopped at any moment, and goes on the next time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--dry-run", action="store_true", help="Delete nothing; count what would go.")
        parser.add_argument(
            "--batch-size", type=int, default=purging.BATCH_SIZE, metavar="N", help="Rows in one transaction."
        )

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Purge, or count."""
        if options["batch_size"] < 1:
            msg = "--batch-size must be at least 1."
            raise CommandError(msg)
        dry_run = options["dry_run"]
        if not dry_run:
            counting.count_all(at=at)
        progress = self._progress if options["verbosity"] > 1 else None
        done = purging.purge(at=at, batch_size=options["batch_size"], dry_run=dry_run, progress=progress)
        self.say(f"{'Would delete' if dry_run else 'Deleted'} {_counts(done)}.")

    def _progress(self, done: Purged) -> None:
        self.say(f"so far {_counts(done)}")


def _counts(done: Purged) -> str:
    return (
        f"{done.tokens} tokens, {done.families} families, {done.keys} one-time keys, {done.events} events,"
        f" {done.windows} windows, {done.pairs} vendor pairs, {done.answers} answered login keys,"
        f" {done.proofs} proofs of deleted users, {done.counts} hourly counts"
    )
