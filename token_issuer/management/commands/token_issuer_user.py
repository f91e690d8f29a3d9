"""What a person has here, and ending all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.management.base import IssuerCommand
from token_issuer.management.people import user_of
from token_issuer.management.words import instant
from token_issuer.services import ending
from token_issuer.services.revoking import LONGEST_REASON

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.ending import Possessions

DEFAULT_REASON = "ended by an administrator"


class Command(IssuerCommand):
    """Looks, and with ``--end`` ends."""

    help = (
        "Show what a user has: live tokens, pairs, one-time login keys, and API keys that act as him. With --end, end"
        " his tokens, pairs and login keys at once, also those that are being made at this moment, and forget what"
        " proves him at vendors, and what they gave to him."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("user", metavar="USER", help="His primary key or user name.")
        parser.add_argument("--end", action="store_true", help="Log him out everywhere.")
        parser.add_argument(
            "--api-keys", action="store_true", help="With --end: revoke the API keys that act as him, too."
        )
        parser.add_argument("--reason", default="", metavar="TEXT", help="Kept in the audit; never a secret.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Look or end."""
        _check(options)
        user = user_of(options["user"])
        name = f"{user.get_username()} (key {user.pk})"
        if not options["end"]:
            has = ending.possessions(user, at=at)
            self.say(f"{name} has {_counts(has)}.")
            if has.proofs:
                self.say(f"He is logged in at vendors from here by {has.proofs} accounts.")
            self._tell_keys(has)
            return
        reason = options["reason"] or DEFAULT_REASON
        had = ending.end_user(self.caller(), user, reason=reason, at=at, with_api_keys=options["api_keys"])
        self.say(f"Ended for {name}: {_counts(had)}.")
        if had.last_ends_at is not None:
            self.say(f"A vendor that does not ask us may honour the last token until {instant(had.last_ends_at)}.")
        if had.proofs:
            self.say(
                f"Forgot what proves him at vendors ({had.proofs} accounts). Whoever has a copy of it goes on there"
                " until he has another password: `token_issuer_account APPLICATION USER --provision` sets one."
            )
        if options["api_keys"]:
            self.say(*(f"Revoked the API key {key.public_id}." for key in had.api_keys))
        else:
            self._tell_keys(had)
        self.say(
            "His sessions on this site are Django's: change his password or deactivate him to end them, and deny him by"
            " policy what he shall not get again."
        )

    def _tell_keys(self, had: Possessions) -> None:
        for key in had.api_keys:
            self.say(f"The API key {key.public_id} ({key.purpose}) acts as him; --end --api-keys revokes it.")


def _check(options: dict[str, Any]) -> None:
    if len(options["reason"]) > LONGEST_REASON:
        msg = f"--reason must be at most {LONGEST_REASON} characters."
        raise CommandError(msg)
    if not options["end"] and (options["api_keys"] or options["reason"]):
        msg = "--api-keys and --reason go with --end."
        raise CommandError(msg)


def _counts(had: Possessions) -> str:
    given = f", {had.vendor_pairs} vendor pairs" if had.vendor_pairs else ""
    return f"{had.tokens} live tokens, {had.pairs} pairs, {had.login_keys} login keys{given}"
