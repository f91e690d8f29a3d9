"""Charging a rule's limit: one conditional UPDATE whose row count is the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.db.models import F

from token_issuer.models import RuleWindow
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from uuid import UUID

    from token_issuer.policy import Charge


def starts_at(window: int, at: datetime) -> datetime:
    """Return the start of the fixed, aligned window of ``window`` seconds that holds this instant."""
    return datetime.fromtimestamp(int(at.timestamp()) // window * window, tz=UTC)


def seconds_left(window: int, at: datetime) -> int:
    """Whole seconds until the next window, at least 1."""
    return window - int(at.timestamp()) % window


def charge(order: Charge, principal_key: UUID, *, at: datetime) -> bool:
    """Take one unit; False when the row is missing or used up."""
    rows = RuleWindow.objects.using(write_alias()).filter(
        rule_id=order.rule_id,
        principal_key=principal_key,
        starts_at=starts_at(order.window, at),
        used__lt=order.limit,
    )
    return rows.update(used=F("used") + 1) == 1


def give_back(order: Charge, principal_key: UUID, *, at: datetime) -> None:
    """Give back one unit that was taken at this instant; nothing where its window is gone."""
    rows = RuleWindow.objects.using(write_alias()).filter(
        rule_id=order.rule_id, principal_key=principal_key, starts_at=starts_at(order.window, at), used__gt=0
    )
    rows.update(used=F("used") - 1)


def ensure(order: Charge, principal_key: UUID, *, at: datetime) -> None:
    """Create the window's row if nobody has. Outside the minting transaction: inside, MariaDB deadlocks."""
    row = RuleWindow(rule_id=order.rule_id, principal_key=principal_key, starts_at=starts_at(order.window, at))
    RuleWindow.objects.using(write_alias()).bulk_create([row], ignore_conflicts=True)


def used(order: Charge, principal_key: UUID, *, at: datetime) -> int:
    """How much of the window is used. For people to read: deciding is ``charge``'s business."""
    rows = RuleWindow.objects.using(write_alias()).filter(
        rule_id=order.rule_id, principal_key=principal_key, starts_at=starts_at(order.window, at)
    )
    return rows.values_list("used", flat=True).first() or 0
