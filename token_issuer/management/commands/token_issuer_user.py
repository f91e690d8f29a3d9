"""What a person has here, and ending all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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

_MORE: Final = {
    "api_keys": "with_api_keys",
    "owned_keys": "with_owned_keys",
    "made_keys": "with_made_keys",
    "out_of_rules": "out_of_rules",
}


class Command(IssuerCommand):
    """Looks, and with ``--end`` ends."""

    help = (
        "Show what a user has: live tokens, pairs, one-time login keys, API keys, and rules that name him. With --end,"
        " end his tokens, pairs and login keys at once, also those that are being made at this moment, and forget what"
        " proves him at vendors, and what they gave to him."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("user", metavar="USER", help="His primary key or user name.")
        parser.add_argument("--end", action="store_true", help="Log him out everywhere.")
        parser.add_argument(
            "--api-keys", action="store_true", help="With --end: revoke the API keys that act as him, too."
        )
        parser.add_argument(
            "--owned-keys", action="store_true", help="With --end: revoke the other API keys that he is asked about."
        )
        parser.add_argument(
            "--made-keys", action="store_true", help="With --end: revoke those that he made: he may know the secret."
        )
        parser.add_argument(
            "--out-of-rules", action="store_true", help="With --end: take his name out of the rules that name him."
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
            self._tell_keys(has, {})
            self._tell_rest(has, {})
            return
        reason = options["reason"] or DEFAULT_REASON
        asked = {asked: options[option] for option, asked in _MORE.items()}
        had = ending.end_user(self.caller(), user, reason=reason, at=at, **asked)
        self.say(f"Ended for {name}: {_counts(had)}.")
        if had.last_ends_at is not None:
            self.say(f"A vendor that does not ask us may honour the last token until {instant(had.last_ends_at)}.")
        if had.proofs:
            self.say(
                f"Forgot what proves him at vendors ({had.proofs} accounts). Whoever has a copy of it goes on there"
                " until he has another password: `token_issuer_account APPLICATION USER --provision` sets one."
            )
        self._tell_keys(had, options)
        self._tell_rest(had, options)
        self.say(
            "His sessions on this site are Django's: change his password or deactivate him to end them, and deny him by"
            " policy what he shall not get again."
        )

    def _tell_keys(self, had: Possessions, options: dict[str, Any]) -> None:
        """Say of each key that it is revoked, or how that is done."""
        kinds = (
            ("api_keys", had.api_keys, "acts as him"),
            ("owned_keys", had.owned_keys, "is his"),
            ("made_keys", had.made_keys, "was made by him"),
        )
        for option, keys, why in kinds:
            switch = f"--{option.replace('_', '-')}"
            for key in keys:
                left = f"The API key {key.public_id} ({key.purpose}) {why}; --end {switch} revokes it."
                self.say(f"Revoked the API key {key.public_id}." if options.get(option) else left)

    def _tell_rest(self, had: Possessions, options: dict[str, Any]) -> None:
        if had.rules and options.get("out_of_rules"):
            self.say(f"Took him out of {had.rules} rules.")
        elif had.rules:
            self.say(f"{had.rules} rules name him; --end --out-of-rules takes him out.")
        made = {"applications": had.made_applications, "certificates": had.made_certificates, "rules": had.made_rules}
        told = ", ".join(f"{count} {what}" for what, count in made.items() if count)
        if told:
            self.say(f"He made {told}: look at them, they go on.")


def _check(options: dict[str, Any]) -> None:
    if len(options["reason"]) > LONGEST_REASON:
        msg = f"--reason must be at most {LONGEST_REASON} characters."
        raise CommandError(msg)
    if not options["end"] and (options["reason"] or any(options[option] for option in _MORE)):
        msg = "--api-keys, --owned-keys, --made-keys, --out-of-rules and --reason go with --end."
        raise CommandError(msg)


def _counts(had: Possessions) -> str:
    given = f", {had.vendor_pairs} vendor pairs" if had.vendor_pairs else ""
    return f"{had.tokens} live tokens, {had.pairs} pairs, {had.login_keys} login keys{given}"
