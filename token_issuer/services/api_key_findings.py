"""API keys that somebody should look at: nobody answers for them any more, or they live for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import Q

from token_issuer.models import ApiKey
from token_issuer.services.findings import Finding, ok, warning
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

OLD: Final = timedelta(days=365)
_MOST_NAMED = 10

_HINTS: Final = {
    "acts as a user who is gone or not active, so it is refused": "Revoke it; a server's key of its own replaces it.",
    "has no active owner": "Name somebody in the admin who knows what it is for, or revoke it.",
    "never expires and is older than a year": "Give it an end in the admin, and rotate its secret.",
}


def look(*, at: datetime, slug: str = "") -> Iterator[Finding]:
    """Yield a warning for each thing that is the matter with some key (of one application, if named), else all is well.

    Keys that have ended are nobody's concern.
    """
    rows = ApiKey.objects.using(write_alias()).filter(revoked_at__isnull=True)
    rows = rows.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at)).order_by("pk")
    if slug:
        rows = rows.filter(application__slug=slug)
    found: dict[str, list[str]] = {}
    count = 0
    for key in rows.select_related("owner", "created_by", "acts_as"):
        count += 1
        for problem in _problems(key, at=at):
            found.setdefault(problem, []).append(key.public_id)
    for problem, names in found.items():
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        yield warning("API keys", f"{', '.join(names[:_MOST_NAMED])}{more}: {problem}.", hint=_HINTS[problem])
    if count and not found:
        yield ok("API keys", f"Somebody answers for each of them ({count}).")


def _problems(key: ApiKey, *, at: datetime) -> Iterator[str]:
    refused, ownerless, endless = _HINTS
    if key.acts_as_key is not None and (key.acts_as is None or not key.acts_as.is_active):
        yield refused
    # Whoever made it answers for it until somebody is named.
    answerable = key.owner or key.created_by
    if answerable is None or not answerable.is_active:
        yield ownerless
    if key.expires_at is None and at - key.created_at > OLD:
        yield endless
