"""Families in the database, and what settings mean for them. Run by ``migrate`` and ``check --database``."""

from __future__ import annotations

from django.core.checks import Error
from django.utils import timezone

from token_issuer.checks.numbered import Problems, check, is_dict
from token_issuer.conf import conf
from token_issuer.crypto import keyring
from token_issuer.errors import TokenIssuerError
from token_issuer.models import Application
from token_issuer.services import refresh_keys
from token_issuer.services.deciding import configuration_of
from token_issuer.services.transactions import write_alias


@check(
    Error,
    "token_issuer.E022",
    hint="Let the application's refresh tokens rest for longer, or make REFRESH_GRACE shorter.",
    database=True,
)
def check_idle_limits_outlast_the_grace() -> Problems:
    if not is_dict():
        return
    grace = conf.refresh_grace.total_seconds()
    for application in Application.objects.using(write_alias()).filter(disabled_at__isnull=True):
        try:
            provider, options = configuration_of(application)
            limits = provider.refresh_limits(options)
        except TokenIssuerError:
            continue  # the doctor says what is wrong with it
        if limits is not None and limits.idle <= grace:
            yield (
                f"Refresh tokens of the application {application.slug!r} end after {limits.idle} s of rest, "
                f"and REFRESH_GRACE answers used ones for {grace:g} s."
            )


@check(
    Error,
    "token_issuer.E023",
    hint="Put the entry back until they are over, or close them: `manage.py token_issuer_reseal --close-families`.",
    database=True,
)
def check_open_families_have_their_key() -> Problems:
    if not is_dict() or keyring.reading_of_settings().ring is None:
        return  # E003 and W001 say so
    if problem := refresh_keys.trouble(at=timezone.now()):
        yield f"Of the open token families, {problem}."
