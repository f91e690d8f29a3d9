"""How things stand that end by the clock, by use or by decision. Derived, never stored."""

from __future__ import annotations

import enum


class Standing(enum.Enum):
    """Whether it is good, and how it ended if not."""

    LIVE = "live"
    EXPIRED = "expired"
    CONSUMED = "consumed"
    REVOKED = "revoked"
