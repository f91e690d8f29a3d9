"""What somebody is called at a vendor, and what logs him in there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.errors import VendorUnavailable
from token_issuer.management import sources
from token_issuer.management.base import IssuerCommand, application_of
from token_issuer.management.people import user_of
from token_issuer.management.words import away, instant
from token_issuer.providers.called import AccountProver
from token_issuer.registry import get_provider
from token_issuer.services import naming, proving, provisioning

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application, VendorAccount


class Command(IssuerCommand):
    """Sets, provisions, forgets or shows one account."""

    help = (
        "Set what a user is called at the vendor, and what proves him there, from his password at the vendor: only what"
        " the provider makes of it is kept. With --provision the vendor gives him a random password that nobody sees,"
        " and makes him if he is not there. With --forget what proves him is forgotten, and --name then renames him."
        " May be run again at any time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("application", metavar="APPLICATION", help="Its slug.")
        parser.add_argument("user", metavar="USER", help="His primary key or user name on this site.")
        parser.add_argument(
            "--name", default="", help="His name at the vendor; without it the one he has, or what the pattern says."
        )
        parser.add_argument("--provision", action="store_true", help="Have the vendor set a new password.")
        parser.add_argument(
            "--forget", action="store_true", help="Forget what proves him; the password at the vendor stays."
        )
        parser.add_argument("--show", action="store_true", help="Tell what there is, and change nothing.")
        sources.add_readings(parser)

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Do one of the four."""
        _check(options)
        application, user = application_of(options["application"]), user_of(options["user"])
        if options["show"]:
            account = naming.account_of(application, user)
            self.say(*_lines(account, at=at) if account else ["He has no account at this application."])
        elif options["forget"]:
            self._forget(application, user, name=options["name"], at=at)
        elif options["provision"]:
            self._provision(application, user, name=options["name"], at=at)
        else:
            self._set(application, user, options, at=at)

    def _provision(self, application: Application, user: Any, *, name: str, at: datetime) -> None:  # noqa: ANN401  the site's own user model
        try:
            account = provisioning.provision(self.caller(), application, user, subject=name, at=at)
        except VendorUnavailable as error:
            left = naming.account_of(application, user)
            open_still = left is not None and left.pending_at == at
            why = "It is not known whether the password was set: run this again in half a minute."
            msg = f"{error.message} {why if open_still else 'It was not set, and what he had stays.'}"
            raise CommandError(msg) from error
        self.say(f"{account.subject} has a new password at the vendor, which nobody knows; its proof is kept.")

    def _forget(self, application: Application, user: Any, *, name: str, at: datetime) -> None:  # noqa: ANN401
        account = naming.account_of(application, user)
        done = account is not None and proving.forget_one(self.caller(), account, reason="by command", at=at)
        self.say("What proved him here is forgotten." if done else "Nothing proves him here.")
        if name:
            renamed = naming.name(self.caller(), application, user, subject=name, at=at)
            self.say(f"He is called {renamed.subject} at the vendor.")

    def _set(self, application: Application, user: Any, options: dict[str, Any], *, at: datetime) -> None:  # noqa: ANN401
        provider = get_provider(application.provider)
        if not isinstance(provider, AccountProver) and options["name"] and not sources.is_handed_in(options):
            account = naming.name(self.caller(), application, user, subject=options["name"], at=at)
            self.say(f"He is called {account.subject} at the vendor.")
            return
        parts = sources.read(options, proving.prover_of(application).account_fields)
        account = proving.prove(self.caller(), application, user, subject=options["name"], parts=parts, at=at)
        self.say(f"What proves {account.subject} at the vendor is kept, sealed; what was entered is not.")


def _check(options: dict[str, Any]) -> None:
    changes = options["provision"] or options["forget"] or options["name"] or sources.is_handed_in(options)
    if options["show"] and changes:
        msg = "--show goes with nothing else."
        raise CommandError(msg)
    if options["forget"] and (options["provision"] or sources.is_handed_in(options)):
        msg = "--forget goes with --name alone."
        raise CommandError(msg)
    if options["provision"] and sources.is_handed_in(options):
        msg = "--provision makes the password itself; leave out the other one."
        raise CommandError(msg)


def _lines(account: VendorAccount, *, at: datetime) -> list[str]:
    lines = [f"name at the vendor: {account.subject or 'by the pattern'}"]
    if account.number is not None:
        lines.append(f"number: {account.number}")
    lines.append(f"proof set at: {_when(account.proved_at, at)}")
    if account.pending_at is not None:
        lines.append(f"a password was on its way to the vendor: {_when(account.pending_at, at)}; provision him again")
    return lines


def _when(then: datetime | None, at: datetime) -> str:
    return f"{instant(then)} ({away(then, at)})" if then is not None else "never"
