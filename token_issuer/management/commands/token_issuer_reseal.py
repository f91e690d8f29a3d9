"""Re-encrypting every stored secret under the first key of the ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.management.base import IssuerCommand
from token_issuer.services import refresh_keys, resealing

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.resealing import Resealing


class Command(IssuerCommand):
    """May be stopped at any moment and run again; the site goes on meanwhile."""

    help = (
        "Re-encrypt every stored secret under the first key of the ring. It may be stopped and run again. Drop an old"
        " key from the ring only when --check ends with 0: refresh tokens keep the key that they were born under."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--check",
            action="store_true",
            help="Change nothing; count the rows by key. Ends with 1 while rows name an old or a missing key.",
        )
        parser.add_argument(
            "--close-families",
            action="store_true",
            help="Change nothing but this: close the token families whose key is not in the ring any more.",
        )
        parser.add_argument("--batch-size", type=int, default=200, metavar="N", help="Rows between two progress lines.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Reseal, or count."""
        if options["batch_size"] < 1:
            msg = "--batch-size must be at least 1."
            raise CommandError(msg)
        if options["close_families"]:
            closed = refresh_keys.close_lost(self.caller(), at=at)
            self.say(f"{closed} token families closed.")
            return
        if options["check"]:
            self._check(at=at)
            return
        done = resealing.reseal(batch_size=options["batch_size"], progress=self._progress)
        self.say(f"Done: {done.resealed} resealed, {done.current} were under the first key already.")
        if done.failed:
            lines = "\n".join(f"{row}: {why}" for row, why in done.failed)
            msg = f"{len(done.failed)} rows do not open and are as they were:\n{lines}"
            raise CommandError(msg)
        if done.raced:
            msg = f"{done.raced} rows were changed meanwhile; run it again."
            raise CommandError(msg)

    def _progress(self, done: Resealing) -> None:
        self.say(f"{done.seen} rows seen, {done.resealed} resealed")

    def _check(self, *, at: datetime) -> None:
        survey = resealing.survey()
        for key_id, count in sorted(survey.rows.items()):
            note = "the first key" if key_id == survey.first else "an old key"
            self.say(f"{key_id}: {count} rows, {note if key_id in survey.known else 'not in the ring'}")
        if survey.trouble:
            msg = f"Of the stored secrets, {survey.trouble}."
            raise CommandError(msg)
        if survey.waiting:
            msg = f"{survey.waiting} rows wait to be resealed; run it without --check."
            raise CommandError(msg)
        self._check_families(survey.first, at=at)
        self.say(f"Every stored secret is under the first key, {survey.first}.")

    def _check_families(self, first: str, *, at: datetime) -> None:
        others = [use for use in refresh_keys.in_use(at=at) if use.key_id != first]
        for use in others:
            note = "" if use.in_ring else ", not in the ring"
            self.say(f"{use.key_id}: {use.families} open token families, until {use.until:%Y-%m-%d %H:%M} UTC{note}")
        if others:
            msg = (
                "Refresh tokens keep the key that they were born under: keep the entry in the ring until they are over,"
                " or drop it and run this with --close-families, and their holders sign in again."
            )
            raise CommandError(msg)
