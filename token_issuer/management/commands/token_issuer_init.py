"""Making a key for the ring, before anything else is set up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from token_issuer.conf import conf
from token_issuer.crypto import generating
from token_issuer.management import env_files

VARIABLE = "TOKEN_ISSUER_ENCRYPTION_KEYS"

_SETTINGS = f"""
Secrets are sealed with this key: keep it where your other secrets are, back it up apart from the database, and never
commit it. In settings.py:

    TOKEN_ISSUER = {{
        "ENCRYPTION_KEYS": os.environ.get("{VARIABLE}", ""),
    }}
"""
_SECOND = """
There is a key ring already ({ids}). Put the new entry in front of the others, with a comma after it: the first entry
seals, all of them open. Then restart the site and run `python manage.py token_issuer_reseal`.
"""
_THERE = (
    ", and secrets may be sealed with what it names. To add a key, put a new entry in front of the others there;"
    " `token_issuer_init` without --write prints one."
)


class Command(BaseCommand):
    """Needs no finished settings, no system check, no key ring and no database."""

    help = (
        "Make a key for TOKEN_ISSUER['ENCRYPTION_KEYS'] and print its line, ready to paste (explanations go to standard"
        " error). With --write, put the line into a file instead, with mode 0600."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--write",
            type=Path,
            metavar="FILE",
            help="Append the line to this file, or create it. Refuses a file that git tracks or that has a ring.",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  Django's signature
        """Print one new entry, or write it."""
        taken = _ids()
        entry = generating.new_ring_entry(taken)
        if options["write"] is None:
            self.stdout.write(f"{VARIABLE}={entry.reveal()}")
            self._explain(_SECOND.format(ids=", ".join(taken)) if taken else _SETTINGS)
            return
        if taken:
            msg = f"The settings have a key ring already ({', '.join(taken)}); --write makes the first one only."
            raise CommandError(msg)
        with env_files.appending(options["write"], absent={VARIABLE: _THERE}) as write:
            write({VARIABLE: entry})
        self.stdout.write(f"Wrote {VARIABLE} to {options['write']}, readable by you alone.")
        if not env_files.is_ignored(options["write"]):
            self._explain(f"git does not ignore {options['write']}: add it to .gitignore before you commit.")
        self._explain(_SETTINGS)

    def _explain(self, text: str) -> None:
        self.stderr.write(text.rstrip("\n"), style_func=str)


def _ids() -> tuple[str, ...]:
    """Return the ids in the settings as they stand; a ring that cannot be read has one, too."""
    try:
        entries = conf.encryption_keys
    except ImproperlyConfigured:
        return ("unreadable",)
    # A malformed entry may be a bare key: only what stands before a colon is an id.
    return tuple(entry.partition(":")[0].strip() if ":" in entry else "malformed" for entry in entries)
