"""Adding up what happened in the hours that are over."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.management.base import IssuerCommand
from token_issuer.services import counting

if TYPE_CHECKING:
    from datetime import datetime


class Command(IssuerCommand):
    """May be stopped at any moment and run again, and several may run at once."""

    help = (
        "Add up what was issued, denied, revoked and reused in each hour that is over, for the admin's overview. Run it"
        " every hour, or with --every as a service; token_issuer_purge does it too, once a day."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        how_often = parser.add_mutually_exclusive_group()
        how_often.add_argument("--once", action="store_true", help="Add up all that is missing, and end (the default).")
        how_often.add_argument("--every", type=int, default=0, metavar="SECONDS", help="Go on, and look this often.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Add up."""
        if options["every"] < 0:
            msg = "--every must be at least 1."
            raise CommandError(msg)
        progress = self._progress if options["verbosity"] > 1 else None
        self.say(_told(counting.count_all(at=at, progress=progress)))
        began = time.monotonic()
        while options["every"]:
            time.sleep(options["every"])
            now = at + timedelta(seconds=time.monotonic() - began)
            if hours := counting.count_all(at=now, progress=progress):
                self.say(_told(hours))

    def _progress(self, hour: datetime) -> None:
        self.say(f"counted {hour:%Y-%m-%d %H:%M}")


def _told(hours: int) -> str:
    return f"{hours} hours counted."
