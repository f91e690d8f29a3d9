"""Telling vendors of revocations: what waits, and what failed before."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.management.base import IssuerCommand
from token_issuer.services import pushing
from token_issuer.services.telling_again import tell_again

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.pushing import Pushed


class Command(IssuerCommand):
    """May be stopped at any moment and run again, and several may run at once."""

    help = (
        "Tell vendors of revocations that wait for it, where an application has a certificate to call with. Run it"
        " every minute, or with --every as a service; a revocation tells its vendor itself, and this is for the rest."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--dry-run", action="store_true", help="Tell nobody; count what is due.")
        parser.add_argument(
            "--batch-size", type=int, default=pushing.BATCH_SIZE, metavar="N", help="Rows that are looked up at once."
        )
        parser.add_argument(
            "--again",
            action="store_true",
            help="First, let what was given up be due again, where the token has not expired.",
        )
        how_often = parser.add_mutually_exclusive_group()
        how_often.add_argument("--once", action="store_true", help="Tell of all that is due, and end (the default).")
        how_often.add_argument("--every", type=int, default=0, metavar="SECONDS", help="Go on, and look this often.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Push, or count."""
        if options["batch_size"] < 1:
            msg = "--batch-size must be at least 1."
            raise CommandError(msg)
        if options["every"] < 0:
            msg = "--every must be at least 1."
            raise CommandError(msg)
        if options["again"] and options["dry_run"]:
            msg = "--again cannot be tried with --dry-run: it changes what is due."
            raise CommandError(msg)
        if options["dry_run"]:
            self.say(f"Would tell vendors of {pushing.count_due(at=at)} revocations.")
            return
        if options["again"]:
            self.say(f"{tell_again(at=at)} that were given up are due again.")
        self.say(self._run(options, at=at))
        began = time.monotonic()
        while options["every"]:
            time.sleep(options["every"])
            told = self._run(options, at=at + timedelta(seconds=time.monotonic() - began))
            if told != _told(pushing.Pushed()):
                self.say(told)

    def _run(self, options: dict[str, Any], *, at: datetime) -> str:
        progress = self._progress if options["verbosity"] > 1 else None
        done = pushing.push_due(at=at, caller=self.caller(), batch_size=options["batch_size"], progress=progress)
        return _told(done)

    def _progress(self, done: Pushed) -> None:
        self.say(f"so far: {_told(done)}")


def _told(done: Pushed) -> str:
    return f"{done.pushed} pushed, {done.waiting} to be tried again, {done.failed} given up."
