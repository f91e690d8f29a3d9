"""What is this token, who made it, and is it good? Asks no vendor, and changes nothing.

For people who hold a token and a question. ``verifying`` decides about access; this tells, also of tokens that are not
ours, were never recorded, or were made with a certificate that is no longer in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured

from token_issuer.errors import TokenMalformed
from token_issuer.models import Application, Certificate
from token_issuer.registry import providers
from token_issuer.services import verifying
from token_issuer.services.opening import verification
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import IssuedToken
    from token_issuer.providers.base import Grant, Inspection, Provider

NOT_A_TOKEN = "This is not a token of any provider here."  # noqa: S105  a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One provider's reading of a text; none of it is proved."""

    provider: Provider
    seen: Inspection


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is known of a token.

    ``certificate`` is the one it was made with, whatever its state, or None. ``problems`` are the provider's words
    for what it finds wrong. ``unopened`` are sentences about certificates that could not be tried. ``token`` is the
    audit row. ``verdict`` is empty when the token is good, else a word: ``expired``, ``revoked``, ``consumed``,
    ``principal_gone``, ``password_changed``, ``api_key_ended``, ``family_closed``,
    ``application_or_certificate_off``, ``bad_signature``, ``unknown_application``, ``untried``, ``not_recorded``,
    or the first of ``problems``.
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


def read(text: str) -> tuple[Reading, ...]:
    """Return every provider's reading of a text. Needs no database.

    Raises:
        TokenMalformed: no provider knows it.
    """
    if not text or len(text) > verifying.LONGEST_TOKEN:
        raise TokenMalformed(NOT_A_TOKEN)
    found = []
    for provider in providers().values():
        try:
            found.append(Reading(provider=provider, seen=provider.inspect(text)))
        except TokenMalformed:
            continue
    if not found:
        raise TokenMalformed(NOT_A_TOKEN)
    return tuple(found)


def inspect(text: str, *, at: datetime) -> Report:
    """Return what is known of a token; of several readings, the one that most speaks for.

    Raises:
        TokenMalformed: no provider knows it.
    """
    readings = read(text)
    token = verifying.find(text)
    if token is not None:
        # Two providers may read the same shape; the row knows whose it is.
        readings = tuple(each for each in readings if each.provider.name == token.application.provider) or readings
    reports = [_report(text, reading, token, at=at) for reading in readings]
    return max(reports, key=lambda report: (report.certificate is not None, bool(report.applications)))


def _report(text: str, reading: Reading, token: IssuedToken | None, *, at: datetime) -> Report:
    applications = _applications(reading)
    maker = _Search(text, reading.provider, expected=_expected(reading.provider, token))
    for certificate in _certificates(applications, token):
        if maker.tries(certificate):
            break
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


def _applications(reading: Reading) -> tuple[Application, ...]:
    rows = Application.objects.using(write_alias()).filter(provider=reading.provider.name).order_by("slug")
    public_id = reading.seen.public_id
    if public_id is None:
        return tuple(rows)
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
    """Tries certificates until one made the token."""

    def __init__(self, text: str, provider: Provider, *, expected: Grant | None) -> None:
        self.text = text
        self.provider = provider
        self.expected = expected
        self.certificate: Certificate | None = None
        self.problems: tuple[str, ...] = ()
        self.unopened: list[str] = []

    def tries(self, certificate: Certificate) -> bool:
        """Whether this certificate made it."""
        try:
            answer = verification(self.text, certificate, self.provider, expected=self.expected)
        except ImproperlyConfigured as error:
            self.unopened.append(f"{certificate.fingerprint} could not be tried: {error}")
            return False
        self.problems = answer.problems
        if answer.key_id is None:
            return False
        self.certificate = certificate
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
    if maker.certificate is None and maker.unopened:
        return "untried"
    if maker.certificate is None or maker.problems:
        return next(iter(maker.problems), "bad_signature")
    if token is not None:
        return verifying.objection(token, at=at)
    if seen.expires_at is not None and at >= seen.expires_at:
        return "expired"
    return "not_recorded"
