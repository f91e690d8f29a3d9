"""Does the live configuration work?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.management.base import IssuerCommand
from token_issuer.management.words import instant
from token_issuer.services import diagnosing
from token_issuer.services.findings import Severity

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.findings import Diagnosis, Finding

MARKS = {Severity.OK: "✓", Severity.WARNING: "!", Severity.FAILED: "✗"}


class Command(IssuerCommand):
    """Ends with 0 when nothing failed; warnings do not count."""

    help = (
        "Look at the database, the key ring and the settings, and try every enabled application: issue a token for"
        " nobody, inspect, verify and revoke it. The token is never shown; its row says who asked (decision: doctor)."
    )
    requires_system_checks: list[str] = []  # they are part of what is looked at

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument(
            "--quick", action="store_true", help="Mint and write nothing: for a readiness probe, as often as it likes."
        )
        parser.add_argument("--application", default="", metavar="SLUG", help="Try this one only.")
        parser.add_argument("--json", action="store_true", help="Answer in JSON.")

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Look, tell, and end with the exit code that says so, too."""
        if options["quick"] and options["application"]:
            msg = "--quick looks at no application; leave out one of the two."
            raise CommandError(msg)
        found = _diagnosis(self, options, at=at)
        if options["json"]:
            self.say(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
        else:
            self.say(*(line for finding in found.findings for line in _lines(finding)))
        if not found.healthy:
            count = sum(finding.severity is Severity.FAILED for finding in found.findings)
            msg = f"{count} of {len(found.findings)} findings are failures."
            raise CommandError(msg)


def _diagnosis(command: Command, options: dict[str, Any], *, at: datetime) -> Diagnosis:
    if options["quick"]:
        return diagnosing.quick(at=at)
    return diagnosing.full(command.caller(), at=at, slug=options["application"])


def _lines(finding: Finding) -> list[str]:
    where = f"{finding.application}: " if finding.application else ""
    first = f"{MARKS[finding.severity]} {where}{finding.name}: {finding.message}"
    return [first, f"    {finding.hint}"] if finding.hint else [first]


def _as_json(found: Diagnosis) -> dict[str, Any]:
    return {
        "healthy": found.healthy,
        "at": instant(found.at),
        "findings": [
            {
                "name": finding.name,
                "severity": finding.severity.value,
                "application": finding.application,
                "message": finding.message,
                "hint": finding.hint,
            }
            for finding in found.findings
        ],
    }
