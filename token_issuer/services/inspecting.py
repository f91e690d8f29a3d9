"""What is this token, who made it, and is it good? Asks no vendor, and changes nothing.

For people who hold a token and a question. ``verifying`` decides about access; this tells, also of tokens that are not
ours, were never recorded, or were made with a certificate that is no longer in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from token_issuer.crypto import TokenText, revealed
from token_issuer.errors import TokenMalformed
from token_issuer.models import Application, Certificate
from token_issuer.providers.base import Inspection
from token_issuer.providers.base import gettext_noop as _
from token_issuer.registry import providers
from token_issuer.services import verifying
from token_issuer.services.opening import verification
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import IssuedToken
    from token_issuer.providers.base import Grant, Provider

NOT_A_TOKEN = "This is not a token of any provider here."  # noqa: S105  a sentence
SAYS_NOTHING = _("The text itself says nothing: this site knows it by its digest, and tells what its row says.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One provider's reading of a text; none of it is proved."""

    provider: Provider
    seen: Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is known of a token.

    ``certificate`` is the one it was made with, whatever its state, or None: of a text that says nothing
    (``Provider.opaque``) the one that is recorded, of others the one that proves it. ``problems`` are the provider's
    words for what it finds wrong. ``unopened`` are sentences about certificates that could not be tried, with the cause
    only for who may ask about every application. ``token`` is the audit row. ``verdict`` is empty when the token is
    good, else a word: ``expired``, ``revoked``, ``consumed``, ``principal_gone``, ``password_changed``,
    ``api_key_ended``, ``family_closed``, ``application_or_certificate_off``, ``bad_signature``,
    ``unknown_application``, ``untried``, ``not_recorded``, ``unknown`` (nothing signs it, and it has no row), or the
    first of ``problems``.
    """

    provider: Provider
    seen: Inspection
    applications: tuple[Application, ...]
    certificate: Certificate | None
    problems: tuple[str, ...]
    unopened: tuple[str, ...]
    token: IssuedToken | None
    verdict: str

    @property
    def valid(self) -> bool:
        """Whether it is good: made and recorded here, in time, not ended."""
        return not self.verdict

    @property
    def application(self) -> Application | None:
        """The one application it is of, as far as that is proved, or only one can be meant."""
        if self.token is not None:
            return self.token.application
        if self.certificate is not None:
            return self.certificate.application
        return self.applications[0] if len(self.applications) == 1 else None


def read(text: str | TokenText) -> tuple[Reading, ...]:
    """Return every provider's reading of a text that says something. Needs no database.

    Raises:
        TokenMalformed: no provider knows it.
    """
    found = _readings(text)
    if not found:
        raise TokenMalformed(NOT_A_TOKEN)
    return found


def _readings(text: str | TokenText) -> tuple[Reading, ...]:
    if not 0 < len(revealed(text)) <= verifying.LONGEST_TOKEN:
        return ()
    found = []
    for provider in providers().values():
        try:
            found.append(Reading(provider=provider, seen=provider.inspect(revealed(text))))
        except TokenMalformed:
            continue
    return tuple(found)


def inspect(text: str | TokenText, *, at: datetime, within: frozenset[UUID] | None = None) -> Report:
    """Return what is known of a token; of several readings, the one that most speaks for.

    ``within``: what is asked for the tokens of these alone; any other application's is as unknown as garbage.

    Raises:
        TokenMalformed: no provider knows it.
    """
    wrapped = TokenText(revealed(text))
    del text  # what an error reporter would print of this frame
    # By its id, too: an access token has an equally good twin with another digest.
    token = verifying.find(wrapped, within=within) or verifying.find_named(wrapped, at=at, within=within)
    reports = [
        _report(wrapped, reading, token, at=at, within=within) for reading in _likeliest(_readings(wrapped), token)
    ]
    if within is not None:
        reports = [report for report in reports if report.applications]
    if not reports:
        raise TokenMalformed(NOT_A_TOKEN)
    return max(reports, key=lambda report: (report.certificate is not None, bool(report.applications)))


def _likeliest(readings: tuple[Reading, ...], token: IssuedToken | None) -> tuple[Reading, ...]:
    """Return the readings worth following: two providers may read the same shape, and the row knows whose it is."""
    if token is None:
        return readings
    provider = providers().get(token.application.provider)
    if provider is not None and provider.opaque:
        return (Reading(provider=provider, seen=_as_recorded(token)),)
    return tuple(each for each in readings if each.provider is provider) or readings


def _as_recorded(token: IssuedToken) -> Inspection:
    return Inspection(
        format=token.format,
        public_id=token.application.public_id,
        subject=token.subject,
        resource=token.resource or None,
        privileges=frozenset(token.privileges),
        issued_at=token.issued_at,
        expires_at=token.expires_at,
        notes=(SAYS_NOTHING,),
    )


def _report(
    text: TokenText, reading: Reading, token: IssuedToken | None, *, at: datetime, within: frozenset[UUID] | None
) -> Report:
    applications = _applications(reading, within=within)
    expected = _expected(reading.provider, token)
    maker = _Search(text, reading.provider, expected=expected, is_frank=within is None)
    if reading.provider.opaque:
        maker.believe(token)
    elif reading.provider.minting_purpose != "sign":
        maker.verify_unsigned()
    else:
        maker.search(_certificates(applications, token))
    return Report(
        provider=reading.provider,
        seen=reading.seen,
        applications=applications,
        certificate=maker.certificate,
        problems=maker.problems,
        unopened=tuple(maker.unopened),
        token=token,
        verdict=_verdict(maker, reading.seen, token, applications=applications, at=at),
    )


def _applications(reading: Reading, *, within: frozenset[UUID] | None) -> tuple[Application, ...]:
    rows = Application.objects.using(write_alias()).filter(provider=reading.provider.name).order_by("slug")
    if within is not None:
        rows = rows.filter(pk__in=within)
    public_id = reading.seen.public_id
    if public_id is None:
        return tuple(rows)
    # PostgreSQL refuses a NUL in a parameter; no application's id has one, nor anything else that is not printed.
    if not public_id.isprintable():
        return ()
    # MariaDB compares loosely.
    return tuple(row for row in rows.filter(public_id=public_id) if row.public_id == public_id)


def _expected(provider: Provider, token: IssuedToken | None) -> Grant | None:
    """Return what the row says the token is for; some formats cannot be checked without it."""
    if token is None or token.application.provider != provider.name:
        return None
    return provider.recalled(subject=token.subject, resource=token.resource, privileges=frozenset(token.privileges))


def _certificates(applications: tuple[Application, ...], token: IssuedToken | None) -> list[Certificate]:
    """Return every certificate that may have made it; the recorded one first, as applications may share a secret."""
    rows = Certificate.objects.using(write_alias()).filter(application__in=applications, purpose="sign")
    recorded = None if token is None else token.certificate_id
    return sorted(rows.select_related("application").order_by("-pk"), key=lambda row: row.pk != recorded)


class _Search:
    """Finds out who made a token. ``is_proved``: as far as it can be, which for a text that says nothing is its row.

    ``is_frank``: it may say why a certificate could not be tried, which names the server's files and settings.
    """

    def __init__(self, text: TokenText, provider: Provider, *, expected: Grant | None, is_frank: bool) -> None:
        self.text = text
        self.provider = provider
        self.expected = expected
        self.is_frank = is_frank
        self.certificate: Certificate | None = None
        self.is_proved = False
        self.problems: tuple[str, ...] = ()
        self.unopened: list[str] = []

    def search(self, certificates: Iterable[Certificate]) -> None:
        """Try certificates until one made it."""
        for certificate in certificates:
            if self._tries(certificate):
                return

    def believe(self, token: IssuedToken | None) -> None:
        """Take the row's word: nothing else knows such a text."""
        self.certificate = None if token is None else token.certificate
        self.is_proved = True

    def verify_unsigned(self) -> None:
        """Check a text that nothing signs."""
        answer = self.provider.verify(revealed(self.text), secrets=[], expected=self.expected)
        self.problems = answer.problems
        self.is_proved = answer.valid

    def _tries(self, certificate: Certificate) -> bool:
        try:
            answer = verification(self.text, certificate, self.provider, expected=self.expected)
        except ImproperlyConfigured as error:
            why = f": {error}" if self.is_frank else ""
            self.unopened.append(f"{certificate.fingerprint} could not be tried{why}")
            return False
        self.problems = answer.problems
        if answer.key_id is None:
            return False
        self.certificate = certificate
        self.is_proved = True
        return True


def _verdict(
    maker: _Search,
    seen: Inspection,
    token: IssuedToken | None,
    *,
    applications: tuple[Application, ...],
    at: datetime,
) -> str:
    if not applications:
        return "unknown_application"
    if not maker.is_proved and maker.unopened:
        return "untried"
    if not maker.is_proved or maker.problems:
        return next(iter(maker.problems), "bad_signature")
    if token is not None:
        return verifying.objection(token, at=at)
    if seen.expires_at is not None and at >= seen.expires_at:
        return "expired"
    return "unknown" if maker.certificate is None else "not_recorded"
