"""Issuing a token to a user from the command line, under the same policy as everywhere; or a temporary one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext

from token_issuer.errors import PolicyDenied
from token_issuer.management.base import IssuerCommand, application_of
from token_issuer.management.pairs import HELP as PAIRS
from token_issuer.management.pairs import body_of, seconds_of
from token_issuer.management.people import user_of
from token_issuer.management.words import instant
from token_issuer.models import Rule
from token_issuer.registry import get_provider
from token_issuer.services import explaining, issuing, temporary
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from token_issuer.policy import Step
    from token_issuer.services.callers import Caller
    from token_issuer.services.explaining import Explanation
    from token_issuer.services.issuing import Issuance


class Command(IssuerCommand):
    """Prints the token as JSON, or with --explain why it would be granted or refused."""

    help = "Issue a token to a user, recorded like every other one, and print the answer as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="The application.")
        parser.add_argument("--user", required=True, help="A user name or primary key.")
        parser.add_argument("--grant", action="append", default=[], metavar="KEY=VALUE", help=PAIRS)
        parser.add_argument("--lifetime", metavar="DURATION", help="Seconds, or a text such as 30m or 2h.")
        parser.add_argument("--slot", type=int, help="Which of the user's devices; 0 by default.")
        parser.add_argument(
            "--temporary",
            action="store_true",
            help="Make one for a test, without asking policy: the user needs the permission"
            f" {temporary.PERMISSION}. An hour unless --lifetime says otherwise, a day at most.",
        )
        parser.add_argument(
            "--explain", action="store_true", help="Mint nothing; tell how each rule answers. Ends with 1 when refused."
        )

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Issue, or explain."""
        application = application_of(options["slug"])
        grant_class = get_provider(application.provider).grant_class
        body = body_of(grant_class, options["grant"], option="--grant")
        extra = {"lifetime": seconds_of(options["lifetime"]), "slot": options["slot"]}
        body |= {name: value for name, value in extra.items() if value is not None}
        caller = self.caller(user_of(options["user"]))
        if options["temporary"]:
            if options["explain"]:
                msg = "Policy is not asked for a temporary token: there is nothing to explain."
                raise CommandError(msg)
            self._make_temporary(caller, application.slug, body, at=at)
        elif options["explain"]:
            self._explain(explaining.explain(caller, application.slug, body=body, at=at))
        else:
            self._issue(caller, application.slug, body, at=at)

    def _make_temporary(self, caller: Caller, slug: str, body: dict[str, object], *, at: datetime) -> None:
        made = temporary.make(caller, slug, body=body, at=at)
        self._show({**_answer(made, at=at), "temporary": True})

    def _issue(self, caller: Caller, slug: str, body: dict[str, object], *, at: datetime) -> None:
        try:
            issuance = issuing.issue(caller, slug, body=body, at=at)
        except PolicyDenied as error:
            msg = f"{error.message} Run it again with --explain to see how each rule answers."
            raise CommandError(msg) from error
        assert issuance is not None  # noqa: S101  only on_commit answers None
        self._show(_answer(issuance, at=at))

    def _show(self, answer: dict[str, object]) -> None:
        self.say(json.dumps(answer, indent=2, ensure_ascii=False))

    def _explain(self, explanation: Explanation) -> None:
        self.say(*_steps(explanation.steps))
        if not explanation.allowed:
            msg = f"It would be refused: {explanation.reason}."
            raise CommandError(msg)
        left = "" if explanation.left is None else f" {explanation.left} more are left in this window."
        self.say(
            f"It would be granted by {explanation.source} for {explanation.lifetime} s,"
            f" at most {explanation.maximum} s.{left}"
        )


def _steps(steps: Iterable[Step]) -> list[str]:
    asked = list(steps)
    ids = [step.source.removeprefix("rule:") for step in asked if step.source.startswith("rule:")]
    rules = {f"rule:{rule.pk}": str(rule) for rule in Rule.objects.using(write_alias()).filter(pk__in=ids)}
    lines = [
        f"{step.source}: {step.reason or 'allows'}" + (f"  ({rules[step.source]})" if step.source in rules else "")
        for step in asked
    ]
    return lines or ["No rule names this user, and no site policy answered."]


def _answer(issuance: Issuance, *, at: datetime) -> dict[str, object]:
    """The answer that the API gives, under the same names."""
    grant, renew_at = issuance.grant, issuance.renew_at
    return {
        "token": issuance.token.reveal(),
        "format": issuance.format,
        "token_id": str(issuance.token_id),
        "application": issuance.application.slug,
        "provider": issuance.provider.name,
        "public_id": issuance.application.public_id,
        "subject": grant.subject,
        "resource": grant.resource,
        "privileges": sorted(grant.privileges),
        "slot": issuance.slot,
        "issued_at": instant(issuance.issued_at),
        "expires_at": instant(issuance.expires_at),
        "expires_in": issuance.expires_in,
        "renew_at": instant(renew_at),
        "renew_in": None if renew_at is None else int((renew_at - issuance.issued_at).total_seconds()),
        "server_time": instant(at),
        "one_time": issuance.one_time,
        "revocation": issuance.provider.revocation.value,
        "sdk": issuance.sdk,
        "notices": [gettext(notice) for notice in issuance.notices],
    }
