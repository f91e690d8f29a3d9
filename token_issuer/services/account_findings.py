"""Do an application's users have what logs them in at the vendor?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Count, Q

from token_issuer.errors import NotFound
from token_issuer.models import VendorAccount
from token_issuer.providers.called import AccountProver
from token_issuer.registry import get_provider
from token_issuer.services.findings import Finding, ok, warning
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application

LONG: Final = timedelta(minutes=5)  # setting a password takes seconds
_MOST_NAMED: Final = 5


def look(application: Application, *, at: datetime) -> Iterator[Finding]:
    """Yield how many accounts have a proof, and a warning where one is pending for long; nothing without proofs."""
    try:
        provider = get_provider(application.provider)
    except NotFound:
        return  # the probe says so
    if not isinstance(provider, AccountProver):
        return
    rows = VendorAccount.objects.using(write_alias()).filter(application=application)
    yield _counted(application, rows.aggregate(proved=Count("sealed_secret"), all=Count("pk")))
    stuck = Q(pending_secret__isnull=False, pending_at__lte=at - LONG)
    names = list(rows.filter(stuck).order_by("pending_at").values_list("subject", flat=True)[: _MOST_NAMED + 1])
    if names:
        more = " and more" if len(names) > _MOST_NAMED else ""
        message = (
            f"A password may or may not have been set at the vendor: {', '.join(map(str, names[:_MOST_NAMED]))}{more}."
        )
        hint = f"Run `token_issuer_account {application.slug} USER --provision` for each of them."
        yield warning("accounts", message, hint=hint, application=application.slug)


def _counted(application: Application, counts: dict[str, int]) -> Finding:
    without = counts["all"] - counts["proved"]
    message = f"Accounts with a proof: {counts['proved']}; without, which get no token: {without}."
    return ok("accounts", message, application=application.slug)
