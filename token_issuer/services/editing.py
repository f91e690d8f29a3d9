"""Changing what an application is set to. Its provider, public id, slug and secrets are other use cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F

from token_issuer.errors import Conflict
from token_issuer.models import Application, AuditKind
from token_issuer.registry import get_provider
from token_issuer.services import auditing
from token_issuer.services.drafts import check_configuration
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.callers import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that can be changed, as it is to be. ``seen_version`` is the ``config_version`` that the editor looked at."""

    name: str
    options: Mapping[str, object]
    default_lifetime: int | None
    maximum_lifetime: int | None
    slots: int
    environment: str
    single_login_key: bool
    seen_version: int


def configure(caller: Caller, application: Application, wanted: Configuration, *, at: datetime) -> None:
    """Set the application to ``wanted``.

    Raises:
        BadOption: a value does not fit the provider; ``fields`` names each.
        Conflict: somebody else changed the application since the editor looked.
        NotFound: its provider is not installed any more.
    """
    check_configuration(
        get_provider(application.provider),
        options=wanted.options,
        default_lifetime=wanted.default_lifetime,
        maximum_lifetime=wanted.maximum_lifetime,
    )

    def work() -> None:
        with durable():
            rows = Application.objects.using(write_alias()).filter(
                pk=application.pk, config_version=wanted.seen_version
            )
            changed = rows.update(
                name=wanted.name,
                options=dict(wanted.options),
                default_lifetime=wanted.default_lifetime,
                maximum_lifetime=wanted.maximum_lifetime,
                slots=wanted.slots,
                environment=wanted.environment,
                single_login_key=wanted.single_login_key,
                config_version=F("config_version") + 1,
            )
            if not changed:
                msg = "The application was changed by somebody else in the meantime; look at it again."
                raise Conflict(msg)
            auditing.record(AuditKind.APPLICATION_CHANGED, caller, at=at, application=application)

    retrying(work)
