"""The API keys of servers: created, rotated, revoked, listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.core.management.base import CommandError, CommandParser

from token_issuer.crypto import TokenText
from token_issuer.management import env_files
from token_issuer.management.base import IssuerCommand, application_of
from token_issuer.management.pairs import seconds_of
from token_issuer.management.people import user_of
from token_issuer.management.words import instant
from token_issuer.models import ApiKey
from token_issuer.services import api_keys
from token_issuer.services.api_key_drafts import ApiKeyDraft
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

KEY_VARIABLE: Final = "TOKEN_ISSUER_API_KEY"
SECRET_VARIABLE: Final = "TOKEN_ISSUER_API_SECRET"  # noqa: S105  a variable's name

_THERE: Final = "; name another file, or take the line out."
_DURATION: Final = "Seconds, or a text such as 90d or 12h"


class Command(IssuerCommand):
    """A secret goes to standard output, or into a file; everything else that is said of it goes to standard error."""

    help = (
        "Create, rotate, revoke and list the API keys that servers call with. A secret is printed once, as two lines"
        " for a file of settings; it cannot be read again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="create|rotate|revoke|list")
        _declare_create(actions.add_parser("create", help="Create a key, and print its secret."))
        _declare_rotate(actions.add_parser("rotate", help="Give a key another secret, and print it."))
        _declare_revoke(actions.add_parser("revoke", help="End a key and every token that it issued."))
        listing = actions.add_parser("list", help="Tell which keys there are.")
        listing.add_argument("slug", nargs="?", default="", help="Of this application only.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Do what was asked."""
        action: Callable[..., None] = getattr(self, f"_{options['action']}")
        action(options, at=at)

    def _create(self, options: dict[str, Any], *, at: datetime) -> None:
        application = application_of(options["slug"])
        life = None if options["never_expires"] else seconds_of(options["expires_in"])
        draft = ApiKeyDraft(
            purpose=options["purpose"],
            owner=user_of(options["owner"]) if options["owner"] else None,
            scopes=options["scope"],
            networks=options["network"],
            expires_at=None if life is None else at + timedelta(seconds=life),
            acts_as=user_of(options["acts_as"]) if options["acts_as"] else None,
            may_sign=options["may_sign"],
        )
        with self._kept(options["env_file"]) as keep:
            keep(*api_keys.create(self.caller(), application, draft, at=at))

    def _rotate(self, options: dict[str, Any], *, at: datetime) -> None:
        key = _find(options["public_id"])
        overlap = 0 if options["overlap"] == "0" else seconds_of(options["overlap"]) or 0
        with self._kept(options["env_file"]) as keep:
            keep(key, api_keys.rotate(self.caller(), key, overlap=overlap, at=at))
        until = f"works until {instant(at + timedelta(seconds=overlap))}" if overlap else "is refused from now on"
        self._explain(f"The secret before {until}.")

    def _revoke(self, options: dict[str, Any], *, at: datetime) -> None:
        key = _find(options["public_id"])
        if api_keys.revoke(self.caller(), key, reason=options["reason"], at=at):
            self.say(f"{key.public_id} is revoked, with every token that it issued.")
        else:
            self.say(f"{key.public_id} had been revoked before.")

    def _list(self, options: dict[str, Any], *, at: datetime) -> None:
        rows = _keys().order_by("application__slug", "pk")
        if options["slug"]:
            rows = rows.filter(application=application_of(options["slug"]))
        for key in rows.iterator():
            state = key.ended(at) or (f"until {instant(key.expires_at)}" if key.expires_at else "live")
            self.say(f"{key.public_id}  {key.application.slug}  {state}  {key.purpose}")

    @contextmanager
    def _kept(self, path: Path | None) -> Iterator[Callable[[ApiKey, TokenText], None]]:
        """Hand out what keeps a new secret: standard output prints it, or a file that was looked at before."""
        if path is None:
            yield self._print
            return
        with env_files.appending(path, absent={KEY_VARIABLE: _THERE, SECRET_VARIABLE: _THERE}) as write:
            yield lambda key, text: write({KEY_VARIABLE: TokenText(key.public_id), SECRET_VARIABLE: text})
        self.say(f"Wrote {KEY_VARIABLE} and {SECRET_VARIABLE} to {path}, readable by you alone.")
        if not env_files.is_ignored(path):
            self._explain(f"git does not ignore {path}: add it to .gitignore before you commit.")

    def _print(self, key: ApiKey, text: TokenText) -> None:
        self.say(f"{KEY_VARIABLE}={key.public_id}", f"{SECRET_VARIABLE}={text.reveal()}")
        self._explain("This is shown once. Put it where the server keeps its secrets; it cannot be read again.")

    def _explain(self, text: str) -> None:
        self.stderr.write(text, style_func=str)


def _declare_create(parser: CommandParser) -> None:
    parser.add_argument("slug", help="The application that it opens.")
    parser.add_argument("--purpose", required=True, help="What it is for, and where it is kept.")
    parser.add_argument(
        "--scope", action="append", default=[], help="What it may do, as often as needed: tokens:issue …"
    )
    parser.add_argument(
        "--network", action="append", default=[], metavar="CIDR", help="Where it may call from; anywhere by default."
    )
    parser.add_argument("--owner", metavar="USER", help="Whom to ask about it: a user's name or key.")
    parser.add_argument("--acts-as", metavar="USER", help="Whose rights its calls have; nobody's by default.")
    parser.add_argument("--may-sign", action="store_true", help="It may sign its own tokens with its secret.")
    life = parser.add_mutually_exclusive_group()
    life.add_argument("--expires-in", default="365d", metavar="DURATION", help=f"{_DURATION}; 365d by default.")
    life.add_argument("--never-expires", action="store_true", help="It works until somebody revokes it.")
    _declare_env_file(parser)


def _declare_rotate(parser: CommandParser) -> None:
    parser.add_argument("public_id", help="The key: ak_…")
    parser.add_argument(
        "--overlap", default="1d", metavar="DURATION",
        help=f"How long the secret before works on. {_DURATION}; 1d by default, 30d at most, 0 because it leaked.",
    )  # fmt: skip
    _declare_env_file(parser)


def _declare_revoke(parser: CommandParser) -> None:
    parser.add_argument("public_id", help="The key: ak_…")
    parser.add_argument("--reason", required=True, help="For the audit.")


def _declare_env_file(parser: CommandParser) -> None:
    parser.add_argument(
        "--env-file",
        type=Path,
        metavar="FILE",
        help="Append the lines to this file (mode 0600) instead of printing them. Refuses a file that git tracks.",
    )


def _keys() -> QuerySet[ApiKey]:
    return ApiKey.objects.using(write_alias()).select_related("application")


def _find(public_id: str) -> ApiKey:
    found = next((row for row in _keys().filter(public_id=public_id) if row.public_id == public_id), None)
    if found is None:
        msg = f"There is no API key {public_id!r}; `token_issuer_key list` tells which there are."
        raise CommandError(msg)
    return found
