"""How far a planned rotation is: read off the certificates, so nothing is stored and nobody can lose the thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from token_issuer.models import Certificate
from token_issuer.services import using
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application
    from token_issuer.providers.base import Provider, RotationMoment
    from token_issuer.services.using import Use


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Where the certificates of one purpose are. ``step`` is what is to be done now.

    ``use`` is of the retiring one, and ``latest`` is when the longest lifetime of the provider has passed since it
    stopped signing: the application's own limit binds no other server, and may have been longer before. None where
    no token is made with such a certificate.
    """

    step: RotationMoment
    active: Certificate | None = None
    staged: Certificate | None = None
    retiring: Certificate | None = None
    use: Use | None = None
    latest: datetime | None = None

    @property
    def until(self) -> datetime | None:
        """When the last token that is known here ends; None when there is none any more."""
        return None if self.use is None else self.use.last_ends_at


def rotation_of(application: Application, provider: Provider, purpose: str, *, at: datetime) -> Rotation:
    """Return how far the rotation of an application's certificates of one purpose is.

    One that retires is finished first: the oldest, and before another is activated.
    """
    rows = Certificate.objects.using(write_alias()).filter(application=application, purpose=purpose)
    active = rows.active().first()
    staged = rows.filter(activated_at__isnull=True, revoked_at__isnull=True).first()
    retiring = rows.verifying().filter(retiring_at__isnull=False).order_by("retiring_at", "pk").first()
    if retiring is None:
        return Rotation(step="activate" if staged else "stage", active=active, staged=staged)
    use = using.use_of(retiring, at=at)
    step: RotationMoment = "wait" if use.live else "retire"
    return Rotation(
        step=step,
        active=active,
        staged=staged,
        retiring=retiring,
        use=use,
        latest=_latest(retiring, provider, use, at=at) if purpose == provider.minting_purpose else None,
    )


def _latest(retiring: Certificate, provider: Provider, use: Use, *, at: datetime) -> datetime:
    latest = (retiring.retiring_at or at) + timedelta(seconds=provider.lifetimes.maximum)
    return max(latest, use.last_ends_at or latest)
