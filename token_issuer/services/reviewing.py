"""What of an application somebody should look at now and then: a secret that signs for long, rules that nobody uses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from token_issuer.models import IssuedToken, Rule
from token_issuer.services import rotating_due
from token_issuer.services.findings import Finding, warning
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application

UNUSED: Final = timedelta(days=90)  # for a rule by which nobody got a token
_MOST_NAMED = 5


def look(application: Application, *, at: datetime) -> Iterator[Finding]:
    """Yield a warning for each certificate that is due for rotation, and one for all rules that did nothing lately.

    A rule did something when it decided for a token of the last 90 days, unless that was purged.
    """
    yield from _old_certificates(application, at=at)
    yield from _unused_rules(application, at=at)


def _old_certificates(application: Application, *, at: datetime) -> Iterator[Finding]:
    for certificate in rotating_due.due(at=at, within=[application.pk]):
        days = (at - (certificate.activated_at or at)).days
        message = f"The certificate {certificate.fingerprint} has been in use for {days} days: it is due for rotation."
        hint = f"Rotate it when it suits you: `token_issuer_rotate {application.slug}`, or the admin."
        yield warning("certificate", message, hint=hint, application=application.slug)


def _unused_rules(application: Application, *, at: datetime) -> Iterator[Finding]:
    since = at - UNUSED
    rules = Rule.objects.using(write_alias()).filter(application=application, created_at__lt=since).order_by("pk")
    tokens = IssuedToken.objects.using(write_alias()).filter(application=application, issued_at__gte=since)
    # Each is one look that ends at the first token found; only a rule that did nothing is searched for in vain.
    unused = [str(rule.pk) for rule in rules if not tokens.filter(decision=f"rule:{rule.pk}").exists()]
    if unused:
        more = f" and {len(unused) - _MOST_NAMED} more" if len(unused) > _MOST_NAMED else ""
        message = f"Nobody got a token by these rules for 90 days: {', '.join(unused[:_MOST_NAMED])}{more}."
        hint = "Remove in the admin what nobody needs."
        yield warning("rules", message, hint=hint, application=application.slug)
