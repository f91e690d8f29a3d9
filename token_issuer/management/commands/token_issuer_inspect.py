"""Telling what a token is, who made it, and whether it is good. Asks no vendor."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error as DatabaseError
from django.utils.translation import gettext

from token_issuer.crypto import TokenText
from token_issuer.errors import TokenMalformed, Unavailable
from token_issuer.management.base import IssuerCommand
from token_issuer.management.words import away, instant
from token_issuer.services import checking, inspecting
from token_issuer.services.telling import VERDICTS, Expected
from token_issuer.services.verifying import LONGEST_TOKEN

if TYPE_CHECKING:
    from token_issuer.models import Certificate, IssuedToken
    from token_issuer.providers.base import Inspection, Provider, VendorError
    from token_issuer.services.checking import Checked
    from token_issuer.services.held import Held
    from token_issuer.services.inspecting import Report
    from token_issuer.services.telling import Sentence

NOT_GOOD, NOT_A_TOKEN = 1, 2

_LONGEST = 2 * LONGEST_TOKEN  # characters: with the line breaks and the header that people paste around it


class Command(IssuerCommand):
    """Ends with 0 when the token is good, 1 when it is not, 2 when it is no token."""

    help = (
        "Tell what a token is: its format, content and expiry, the certificate that made it, whether it is good, and"
        " its audit row. Reads it from standard input, or asks for it. Ends with 0 (good), 1 (not good), 2 (no token)."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("source", nargs="?", default="-", metavar="-", help="Standard input, which is the default.")
        parser.add_argument("--file", type=Path, metavar="PATH", help="Read it from a file.")
        parser.add_argument("--resource", metavar="NAME", help="The channel or room that it should be for.")
        parser.add_argument("--subject", metavar="NAME", help="Who it should speak for.")
        parser.add_argument("--code", default="", help="An error that the vendor's SDK says, to read what it means.")
        parser.add_argument("--json", action="store_true", help="Answer in JSON.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Read it, say what it is, and end with the exit code that says so, too."""
        text = checking.bare(TokenText(_read(options)))
        expected = Expected(resource=options["resource"], subject=options["subject"])
        sentences: tuple[Sentence, ...] = ()
        try:
            found = checking.check(self.caller(), text, at=at, expected=expected, code=options["code"])
        except (DatabaseError, Unavailable):
            verdict, facts = "database_unavailable", _read_only(text)
        else:
            verdict, sentences, facts = found.verdict, found.sentences, _facts(found, at=at)
        if verdict != checking.NOT_A_TOKEN or options["code"]:
            self._tell(verdict, facts, as_json=options["json"], at=at)
        if verdict:
            raise _refusal(verdict, sentences)

    def _tell(self, verdict: str, facts: Mapping[str, Any], *, as_json: bool, at: datetime) -> None:
        if as_json:
            self.say(json.dumps({"valid": not verdict, "verdict": verdict, **facts}, indent=2, ensure_ascii=False))
        else:
            self.say(*_lines(facts, at=at), *(() if verdict else ("The token is good.",)))


def _refusal(verdict: str, sentences: Iterable[Sentence]) -> CommandError:
    if verdict == checking.NOT_A_TOKEN:
        return CommandError(inspecting.NOT_A_TOKEN, returncode=NOT_A_TOKEN)
    # What was expected and differs is said with both values; everything else has its sentence by its word.
    told = {each.word: each.in_words(gettext) for each in sentences if each.word.endswith("_differs")}
    why = told.get(verdict) or gettext(VERDICTS.get(verdict, verdict))
    return CommandError(f"The token is not good: {why}.", returncode=NOT_GOOD)


def _read(options: Mapping[str, Any]) -> str:
    if options["source"] != "-":
        msg = "A token on the command line stays in the shell's history. Pipe it in, or use --file PATH."
        raise CommandError(msg)
    if options["file"] is not None:
        return _read_file(options["file"])
    if sys.stdin.isatty():
        return getpass.getpass("Token: ").strip()
    return sys.stdin.read(_LONGEST).strip()


def _read_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST).strip()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise CommandError(msg) from error


def _read_only(text: TokenText) -> dict[str, Any]:
    """Return what a token says of itself, where no database answers.

    Raises:
        CommandError: it says nothing.
    """
    try:
        reading = inspecting.read(text)[0]
    except TokenMalformed as error:
        raise CommandError(error.message, returncode=NOT_A_TOKEN) from error
    return {"provider": reading.provider.name, **_said(reading.seen)}


def _facts(found: Checked, *, at: datetime) -> dict[str, Any]:
    """Return what is known, as JSON. The token itself is no part of it."""
    facts: dict[str, Any] = {"kind": found.kind}
    if found.report is not None:
        facts |= _reported(found.report, at=at)
    if found.held is not None:
        facts |= _held(found.held)
    facts["sentences"] = _sentences(found.sentences)
    return facts | ({"errors": [_error(*each) for each in found.errors]} if found.errors else {})


def _reported(report: Report, *, at: datetime) -> dict[str, Any]:
    made = report.certificate
    return {
        "provider": report.provider.name,
        **_said(report.seen),
        "applications": [application.slug for application in report.applications],
        "certificate": None if made is None else _certificate(made),
        "unopened": list(report.unopened),
        "record": None if report.token is None else _row(report.token, at=at),
    }


def _held(known: Held) -> dict[str, Any]:
    """Return what is known of a credential of ours that is no provider's token."""
    application = known.application
    return {
        "application": None if application is None else application.slug,
        "public_id": known.public_id,
        "subject": known.subject,
        "issued_at": instant(known.issued_at),
        "expires_at": instant(known.expires_at),
    }


def _error(provider: Provider, error: VendorError) -> dict[str, str]:
    return {
        "provider": provider.name,
        "code": error.code,
        "meaning": gettext(error.meaning),
        "cure": gettext(error.cure),
    }


def _sentences(told: Iterable[Sentence]) -> list[str]:
    return [sentence.in_words(gettext) for sentence in told]


def _said(seen: Inspection) -> dict[str, Any]:
    return {
        "format": seen.format,
        "public_id": seen.public_id,
        "subject": seen.subject,
        "resource": seen.resource,
        "privileges": sorted(seen.privileges),
        "issued_at": instant(seen.issued_at),
        "expires_at": instant(seen.expires_at),
        "details": [list(pair) for pair in seen.details],
        "problems": [gettext(problem) for problem in seen.problems],
        "notes": [gettext(note) for note in seen.notes],
    }


def _certificate(made: Certificate) -> dict[str, str]:
    return {
        "application": made.application.slug,
        "key_id": made.key_id,
        "fingerprint": made.fingerprint,
        "state": made.state.value,
    }


def _row(token: IssuedToken, *, at: datetime) -> dict[str, Any]:
    return {
        "token_id": str(token.pk),
        "application": token.application.slug,
        "standing": token.standing(at).value,
        "user": None if token.user is None else str(token.user.pk),
        "issued_at": instant(token.issued_at),
        "expires_at": instant(token.expires_at),
        "origin": token.origin,
        "decision": token.decision,
        "temporary": token.temporary,
        "revoked_at": instant(token.revoked_at),
        "reason": token.reason,
    }


def _lines(facts: Mapping[str, Any], *, at: datetime) -> Iterator[str]:
    """Yield what is known, one fact a line; instants also as seen from now."""
    for name, value in facts.items():
        if name == "sentences":
            yield from (f"- {text}" for text in value)
        elif name == "errors":
            yield from (f"{each['provider']} {each['code']}: {each['meaning']}. {each['cure']}" for each in value)
        elif name == "details":
            yield from (f"  {label}: {text}" for label, text in value)
        elif isinstance(value, dict):
            yield f"{name}: " + ", ".join(f"{word} {text}" for word, text in value.items() if text)
        elif isinstance(value, list):
            yield f"{name}: {', '.join(value) or 'none'}"
        elif value and name in {"issued_at", "expires_at"}:
            yield f"{name}: {value}, {away(datetime.fromisoformat(value), at)}"
        else:
            yield f"{name}: {value or 'none'}"
