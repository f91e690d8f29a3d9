"""Whether the secret before is still used while an API key has two: when may it be ended?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import ApiKeySecret

Verdict = Literal["in_use", "unused_since", "never_used"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two secrets that work. ``old`` was used after the new one was made (``in_use``), before that, or never."""

    old: ApiKeySecret
    new: ApiKeySecret

    @property
    def verdict(self) -> Verdict:
        """What is known: a use is noted once a minute, so one within a minute of the change may be missing."""
        if self.old.last_used_at is None:
            return "never_used"
        return "in_use" if self.old.last_used_at >= self.new.created_at else "unused_since"


def overlap(secrets: Iterable[ApiKeySecret], *, at: datetime) -> Overlap | None:
    """Return the two of a key's secrets, newest first, that work at this instant; None where there is one or none."""
    live = [secret for secret in secrets if secret.is_live(at)]
    return Overlap(old=live[1], new=live[0]) if len(live) > 1 else None
