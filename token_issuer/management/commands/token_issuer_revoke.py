"""Ending one token, or many: what somebody has, what is out for a room, what left for an address in an hour."""

from __future__ import annotations

import ipaddress
import sys
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext

from token_issuer.management.base import IssuerCommand, application_of
from token_issuer.management.people import principal_of
from token_issuer.management.selecting import certificate_of, key_of, moment
from token_issuer.management.words import away, instant
from token_issuer.models import IssuedToken, Standing
from token_issuer.models.row_counts import MOST_COUNTED
from token_issuer.providers.base import Revocation
from token_issuer.services.ending_beside import beside
from token_issuer.services.ending_selected import end_selected
from token_issuer.services.foretelling import effect_of_each
from token_issuer.services.revoking import LONGEST_REASON, ending_of, revoke_any
from token_issuer.services.selecting import Selection, preview
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.ending_selected import Progress
    from token_issuer.services.selecting import Preview

WORDS: Final = {
    Revocation.IMMEDIATE: "at once",
    Revocation.PUSHED: "as the vendor is told",
    Revocation.AT_NEXT_JOIN: "at the next join",
    Revocation.AT_EXPIRY: "when they expire",
}
_NAMES: Final = ("user", "application", "room", "certificate", "key", "ip", "from", "until")


class Command(IssuerCommand):
    """Looks, asks, and ends in batches; may be stopped at any moment and run again."""

    help = (
        "End tokens early: one by its --token id, or all for which everything that is given holds. Shows what will end,"
        " and when it really does at the vendor, and asks before it ends anything. There is no undo."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--token", metavar="ID", help="One token, and its pair. Goes with none of the others.")
        parser.add_argument("--user", metavar="USER", help="Whose: a user name or primary key, also a deleted user's.")
        parser.add_argument("--application", metavar="SLUG", help="Of one application.")
        parser.add_argument("--room", metavar="TEXT", help="For one exact room or channel; with --application.")
        parser.add_argument("--certificate", metavar="KEYID", help="Made with one: its key id, fingerprint or id.")
        parser.add_argument("--key", metavar="AK", help="Asked for with an API key, by its public id.")
        parser.add_argument("--ip", metavar="ADDRESS", help="Asked for from one exact address.")
        parser.add_argument("--from", metavar="TIME", help="Issued at or after this: ISO 8601.")
        parser.add_argument("--until", metavar="TIME", help="Issued before this: ISO 8601.")
        parser.add_argument("--reason", default="", metavar="TEXT", help="Kept in the audit; never a secret. Required.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would end, and end nothing.")
        parser.add_argument("--no-input", action="store_true", help="Do not ask.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Show, ask, end."""
        _check(options)
        if options["token"] is not None:
            self._one(_token(options["token"]), options, at=at)
            return
        selection = _selection(options)
        self._show(preview(self.caller(), selection, at=at), selection, at=at)
        if self._decided(options):
            self._end(selection, reason=options["reason"], at=at)

    def _one(self, token: IssuedToken, options: dict[str, Any], *, at: datetime) -> None:
        with_it = beside([token], at=at)
        if token.standing(at) is not Standing.LIVE and not with_it.pairs:
            self.say(f"{token} of {token.subject} has ended before: {token.standing(at).value}.")
            return
        self._foretell(token, at=at)
        if with_it.pairs:
            self.say(f"Its pair is closed, and {with_it.tokens} other live tokens end with that.")
        if not self._decided(options):
            return
        ending = revoke_any(self.caller(), token.pk, reason=options["reason"], at=at)
        last = f"It really ends {WORDS[ending.revocation]}"
        self.say("Revoked.", f"{last}: {instant(ending.ends_at)}." if ending.ends_at > at else f"{last}.")

    def _foretell(self, token: IssuedToken, *, at: datetime) -> None:
        # What becomes of one is told by the same words as what becomes of many.
        told = effect_of_each(self.caller(), [token], at=at).get(token.pk)
        if told is None:
            self.say(f"{token} of {token.subject} has ended before: {token.standing(at).value}.")
            return
        self.say(f"{token} of {token.subject} at {token.application.slug} ends {WORDS[told.revocation]}.")
        self.say(gettext(ending_of(token, at=at).sentence))

    def _show(self, seen: Preview, selection: Selection, *, at: datetime) -> None:
        more = "more than " if seen.capped else ""
        self.say(
            f"Selected: {selection.sentence}.",
            f"{more}{seen.live} live tokens of {more}{seen.people} people, and {seen.families} pairs.",
        )
        if seen.login_keys or seen.vendor_pairs:
            self.say(f"Also {seen.login_keys} login keys and {seen.vendor_pairs} pairs that vendors gave.")
        for effect in seen.effects:
            last = "" if effect.last_ends_at <= at else f", the last one {away(effect.last_ends_at, at)}"
            self.say(f"  {effect.count} end {WORDS[effect.revocation]}{last}.")
        self.say(*(f"  {gettext(sentence)}" for sentence in seen.sentences))
        if selection.is_set:
            self.say("All of it ends in one go, with what is being made at this moment.")

    def _decided(self, options: dict[str, Any]) -> bool:
        if options["dry_run"]:
            self.say("Nothing is ended.")
            return False
        if not options["no_input"]:
            self.say("There is no undo: whoever needs a token gets another one. Write yes to end it:")
            if sys.stdin.readline().strip().lower() != "yes":
                msg = "Nothing is ended."
                raise CommandError(msg)
        return True

    def _end(self, selection: Selection, *, reason: str, at: datetime) -> None:
        done = [end_selected(self.caller(), selection, reason=reason, at=at)]
        while (after := done[-1].after) is not None:
            left = done[-1].left
            self.say(f"{_sum(done)} ended, {'more than ' if left == MOST_COUNTED else ''}{left} left.")
            done.append(end_selected(self.caller(), selection, reason=reason, at=at, after=after))
        self.say(f"{_sum(done)} ended.")
        pushed, waiting, left_out = (
            sum(each.pushes.pushed for each in done),
            sum(each.pushes.waiting for each in done),
            sum(each.left_out for each in done),
        )
        if pushed or waiting:
            self.say(f"Vendors were told of {pushed}; {waiting} wait for token_issuer_push.")
        if left_out:
            self.say(f"{left_out} were too many for their vendor to be told.")


def _sum(done: list[Progress]) -> str:
    more = "more than " if any(each.more for each in done) else ""
    return f"{more}{sum(each.ended for each in done)} tokens and {sum(each.pairs for each in done)} pairs"


def _check(options: dict[str, Any]) -> None:
    given = [name for name in _NAMES if options[name] is not None]
    wrong = {
        "Name what shall end: --token, or any of --user, --application, --room, --certificate, --key, --ip, --from and"
        " --until.": not given and options["token"] is None,
        "--token goes with none of the others.": given and options["token"] is not None,
        "--room goes with --application.": options["room"] is not None and options["application"] is None,
        "--reason is required: it is what the audit will tell.": not (options["reason"].strip() or options["dry_run"]),
        f"--reason must be at most {LONGEST_REASON} characters.": len(options["reason"]) > LONGEST_REASON,
    }
    for msg, is_so in wrong.items():
        if is_so:
            raise CommandError(msg)


def _token(text: str) -> IssuedToken:
    rows = IssuedToken.objects.using(write_alias()).with_epochs_now().select_related("application", "family", "push")
    try:
        found = rows.filter(pk=UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        # Not the text: somebody may have pasted the token itself.
        msg = "There is no token with this id. For a token itself: `token_issuer_inspect` tells its id."
        raise CommandError(msg)
    return found


def _selection(options: dict[str, Any]) -> Selection:
    application = None if options["application"] is None else application_of(options["application"])
    start, end = (None if options[name] is None else moment(options[name]) for name in ("from", "until"))
    if start is not None and end is not None and start >= end:
        msg = "--from must be before --until."
        raise CommandError(msg)
    certificate = None if options["certificate"] is None else certificate_of(options["certificate"], application)
    key = None if options["key"] is None else key_of(options["key"])
    if options["room"] is None and application in {row.application for row in (certificate, key) if row is not None}:
        application = None  # they say it themselves, and alone they end in one go
    return Selection(
        principal_key=None if options["user"] is None else principal_of(options["user"]),
        application=application,
        resource=options["room"],
        certificate=certificate,
        api_key=key,
        ip=None if options["ip"] is None else _address(options["ip"]),
        issued_from=start,
        issued_until=end,
    )


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        msg = f"{text!r} is not an IP address."
        raise CommandError(msg) from error
