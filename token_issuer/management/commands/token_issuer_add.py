"""Registering an application with its secret and its first rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser

from token_issuer.conf import conf
from token_issuer.crypto import Secret, digests
from token_issuer.management import sources
from token_issuer.management.base import IssuerCommand, find_application
from token_issuer.management.pairs import HELP as PAIRS
from token_issuer.management.pairs import body_of, seconds_of
from token_issuer.management.people import ALLOW_FORMS, rules_of
from token_issuer.registry import get_provider
from token_issuer.services import allowing, registering
from token_issuer.services.drafts import ApplicationDraft

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.management.sources import Given
    from token_issuer.models import Application, Certificate
    from token_issuer.providers.base import Provider
    from token_issuer.services.drafts import RuleDraft

_COMPARED = ("provider", "public_id", "name", "options", "default_lifetime", "maximum_lifetime", "environment")


class Command(IssuerCommand):
    """Idempotent: a second run adds what is missing, and refuses what differs."""

    help = (
        "Register an application: our registration at a vendor. Run again, it says that the application exists and adds"
        " the rules that are missing; it changes nothing else, and a different secret is refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("provider", help="agora, videosdk, own …")
        parser.add_argument("slug", help="Its name in addresses; front-ends use it.")
        parser.add_argument(
            "--public-id",
            default="",
            help="What a browser may know: App ID, API key …; for our own tokens the slug by default.",
        )
        parser.add_argument("--name", help="Its name for people; the slug by default.")
        parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help=PAIRS)
        parser.add_argument(
            "--allow", action="append", default=[], metavar="WHO:PRIVILEGE", help=f"Add a rule: {ALLOW_FORMS}."
        )
        parser.add_argument("--environment", help="A label, such as sandbox.")
        parser.add_argument("--default-lifetime", metavar="DURATION", help="Seconds, or a text such as 30m or 2h.")
        parser.add_argument("--maximum-lifetime", metavar="DURATION", help="Seconds, or a text such as 30m or 2h.")
        sources.add_arguments(parser)

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Register it, or complete what is there."""
        provider = get_provider(options["provider"])
        wanted = _wanted(options, provider)
        rules = rules_of(options["allow"])
        application = find_application(options["slug"])
        if application is None:
            purpose = provider.first_purpose or "sign"
            # What tokens are made without is asked of nobody.
            secret = sources.given(options, provider, purpose, ask=provider.minting_purpose is not None)
            self._register(options["slug"], wanted, secret=secret, algorithm=options["algorithm"], rules=rules, at=at)
            return
        _refuse_differences(application, wanted)
        _refuse_other_secret(application, sources.given(options, provider, provider.first_purpose or "sign", ask=False))
        added = [rule for rule in rules if allowing.allow(self.caller(), application, rule, at=at)]
        self.say(f"{application.slug} exists; {len(added)} rules added.")

    def _register(
        self,
        slug: str,
        wanted: Mapping[str, Any],
        *,
        secret: Given,
        algorithm: str,
        rules: Sequence[RuleDraft],
        at: datetime,
    ) -> None:
        draft = ApplicationDraft(
            slug=slug,
            **{"name": slug, "public_id": "", **wanted},
            secret=secret.parts,
            reference=secret.reference,
            algorithm=algorithm,
            rules=rules,
        )
        application = registering.register(self.caller(), draft, at=at)
        certificate = application.certificates.first()
        signed = f"its certificate {certificate.fingerprint} is active" if certificate else "it needs no certificate"
        self.say(f"{slug} is registered; {signed}.")
        if not rules and not conf.policy_path_for(slug):
            self.say("Nobody may mint yet: add a rule (--allow everyone:PRIVILEGE, run again) or a site policy.")


def _wanted(options: Mapping[str, Any], provider: Provider) -> dict[str, Any]:
    """Return what the command line says about the application; what it leaves out is absent."""
    said = {
        "provider": provider.name,
        "public_id": options["public_id"] or None,
        "name": options["name"],
        "options": body_of(provider.options_class, options["option"], option="--option") or None,
        "default_lifetime": seconds_of(options["default_lifetime"]),
        "maximum_lifetime": seconds_of(options["maximum_lifetime"]),
        "environment": options["environment"],
    }
    return {name: value for name, value in said.items() if value is not None}


def _refuse_differences(application: Application, wanted: Mapping[str, Any]) -> None:
    different = [name for name in _COMPARED if name in wanted and getattr(application, name) != wanted[name]]
    if different:
        lines = [f"{name}: it is {getattr(application, name)!r}, not {wanted[name]!r}" for name in different]
        msg = f"{application.slug} exists and differs; change it in the admin.\n" + "\n".join(lines)
        raise CommandError(msg)


def _refuse_other_secret(application: Application, given: Given) -> None:
    if not given:
        return
    active = application.certificates.filter(
        active_slot=1, purpose=get_provider(application.provider).first_purpose or "sign"
    ).first()
    if active is not None and _same(active, given):
        return
    why = "has another secret" if active is not None else "has no active certificate"
    msg = f"{application.slug} exists and {why}. Run `token_issuer_rotate {application.slug}` to give it this one."
    raise CommandError(msg)


def _same(active: Certificate, given: Given) -> bool:
    if given.reference or not given.parts:
        return active.reference == given.reference
    return digests.same(active.fingerprint, digests.fingerprint(Secret(**given.parts)))
