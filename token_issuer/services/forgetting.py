"""What the cache mode is told when something ends: after the commit. In the other mode nothing is done here.

One token that ended gets a tombstone, which every process sees at its next question. The members of a set that ended
are not listed: other processes believe in them for as long as ``remembering.BELIEVED`` says, and this one, which ended
them, asks the database meanwhile.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from token_issuer.services.remembering import is_on, memory

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


def tombstone(token_id: UUID, expires_at: datetime, *, at: datetime) -> None:
    """Let every process forget one token that was revoked or consumed, for the rest of its life."""
    seconds = math.ceil((expires_at - at).total_seconds())
    if is_on():
        memory.distrust()  # the cache may be down: here it is refused all the same
        if seconds > 0:
            memory.bury(token_id, seconds=seconds)


def distrust() -> None:
    """Let this process ask the database for a moment: a set of tokens ended, or a user, key or application did."""
    if is_on():
        memory.distrust()
