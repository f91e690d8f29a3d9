"""Exchanging an application's secret: as planned, or because it leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext

from token_issuer.management import sources
from token_issuer.management.base import IssuerCommand, application_of
from token_issuer.management.words import away, instant, steps
from token_issuer.models import Certificate, CertificateState
from token_issuer.registry import get_provider
from token_issuer.services import rotating
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application
    from token_issuer.providers.base import Provider

NEWEST = ""  # the value of an option that is given without a key id


class Command(IssuerCommand):
    """staged → active → retiring → retired, one step a run; or revoked and replaced in one step."""

    help = (
        "Rotate an application's secret: stage the new one (this command), do the vendor's steps (it prints them),"
        " activate it (--activate), and when the old tokens have run out retire the old one (--retire). With --leaked"
        " the old secret and every token made with it end at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("slug", help="The application.")
        parser.add_argument(
            "--purpose", help="What the secret is for; by default what tokens are made with: sign or call."
        )
        step = parser.add_mutually_exclusive_group()
        step.add_argument(
            "--stage", action="store_true", help="Store the new secret, to be activated later: the default."
        )
        step.add_argument(
            "--activate",
            nargs="?",
            const=NEWEST,
            metavar="KEYID",
            help="Let the staged certificate sign from now on; if none is staged, stage the new secret first.",
        )
        step.add_argument("--retire", metavar="KEYID", help="Stop honouring a certificate that was replaced.")
        step.add_argument(
            "--leaked",
            nargs="?",
            const=NEWEST,
            metavar="KEYID",
            help="Revoke this certificate (or the active one) and all its tokens; a new secret replaces an active one.",
        )
        parser.add_argument("--reason", default="leaked", help="For the audit, with --leaked.")
        sources.add_arguments(parser)

    def work(self, options: dict[str, Any], *, at: datetime) -> None:
        """Take one step."""
        application = application_of(options["slug"])
        rotation = _Rotation(self, application, options, at=at)
        if options["retire"] is not None:
            rotation.retire(options["retire"])
        elif options["leaked"] is not None:
            rotation.end_leaked(options["leaked"])
        elif options["activate"] is not None:
            rotation.activate(options["activate"])
        else:
            rotation.stage()


class _Rotation:
    """One run for one application and purpose."""

    def __init__(self, command: Command, application: Application, options: dict[str, Any], *, at: datetime) -> None:
        self.say = command.say
        self.caller = command.caller()
        self.application = application
        self.provider: Provider = get_provider(application.provider)
        usual = self.provider.first_purpose or "sign"
        self.purpose: str = options["purpose"] or usual
        self.options = options
        self.at = at
        self._named_here = application.slug + (f" --purpose {self.purpose}" if self.purpose != usual else "")

    def stage(self) -> Certificate:
        given = sources.given(self.options, self.provider, self.purpose)
        staged = rotating.stage(
            self.caller,
            self.application,
            secret=given.parts,
            reference=given.reference,
            purpose=self.purpose,
            algorithm=self.options["algorithm"],
            at=self.at,
        )
        self.say(f"Staged {_named(staged)}. It does not sign yet.", *self._vendor_steps(leaked=False))
        self.say(f"Then: token_issuer_rotate {self._named_here} --activate {staged.key_id}")
        return staged

    def activate(self, name: str) -> None:
        before = self._one(CertificateState.ACTIVE)
        certificate = self._staged(name)
        rotating.activate(self.caller, certificate, at=self.at)
        self.say(f"{_named(certificate)} signs from now on.")
        if before is not None:
            self.say(f"{_named(before)} is still honoured. {self._last_token(before)}")
            self.say(f"Then: token_issuer_rotate {self._named_here} --retire {before.key_id}")

    def retire(self, name: str) -> None:
        certificate = self._find(name)
        rotating.retire(self.caller, certificate, at=self.at)
        self.say(f"{_named(certificate)} is retired: tokens made with it are refused here.")

    def end_leaked(self, name: str) -> None:
        certificate = self._find(name) if name else self._one(CertificateState.ACTIVE)
        if certificate is None:
            msg = f"{self.application.slug} has no active certificate; name the leaked one: --leaked KEYID."
            raise CommandError(msg)
        reason = self.options["reason"]
        if certificate.state is CertificateState.ACTIVE:
            given = sources.given(self.options, self.provider, self.purpose)
            fresh = rotating.replace(
                self.caller,
                certificate,
                secret=given.parts,
                reference=given.reference,
                algorithm=self.options["algorithm"],
                reason=reason,
                at=self.at,
            )
            self.say(f"{_named(fresh)} signs from now on.")
        else:
            rotating.revoke(self.caller, certificate, reason=reason, at=self.at)
        self.say(f"{_named(certificate)} is revoked, with every token made with it.")
        self.say(gettext(self.provider.vendor.revocation_sentence), *self._vendor_steps(leaked=True))

    def _staged(self, name: str) -> Certificate:
        """Return the certificate to activate: the one named, the one staged, or a new one."""
        if name:
            return self._find(name)
        if not sources.given(self.options, self.provider, self.purpose, ask=False):
            staged = self._one(CertificateState.STAGED)
            if staged is not None:
                return staged
        return self.stage()

    def _one(self, state: CertificateState) -> Certificate | None:
        found = [row for row in self._rows() if row.state is state]
        if len(found) > 1:
            names = ", ".join(row.key_id for row in found)
            msg = f"{len(found)} certificates are {state.value}; name one: --activate KEYID, with one of {names}."
            raise CommandError(msg)
        return found[0] if found else None

    def _find(self, name: str) -> Certificate:
        rows = self._rows()
        found = [row for row in rows if name in {row.key_id, row.fingerprint}]
        if len(found) != 1:
            names = "\n".join(f"  {_named(row)}, {row.state.value}" for row in rows)
            msg = f"{self.application.slug} has no certificate {name!r}. There are:\n{names or '  none'}"
            raise CommandError(msg)
        return found[0]

    def _rows(self) -> list[Certificate]:
        rows = Certificate.objects.using(write_alias()).filter(application=self.application, purpose=self.purpose)
        return list(rows.select_related("application"))

    def _vendor_steps(self, *, leaked: bool) -> list[str]:
        vendor = self.provider.vendor
        return steps(vendor, vendor.leak_steps if leaked else vendor.rotation_steps)

    def _last_token(self, certificate: Certificate) -> str:
        last = certificate.tokens.filter(expires_at__gt=self.at).order_by("-expires_at").first()
        if last is None:
            return "No token made with it is live: it can be retired now."
        return f"The last token made with it ends at {instant(last.expires_at)}, {away(last.expires_at, self.at)}."


def _named(certificate: Certificate) -> str:
    return f"{certificate.key_id} (fingerprint {certificate.fingerprint})"
