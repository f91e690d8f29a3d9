"""Who a primary key stands for, also when he was deleted, and what he holds now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import F

from token_issuer.models import Application, EpochKind, epoch_key
from token_issuer.models.row_counts import counted_to

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet
    from django_stubs_ext import StrOrPromise

    from token_issuer.services.timelines import Sources

MOST_COUNTED: Final = 1000
MOST_LOOKED_AT: Final = 10_000
"""Rows of one kind, his newest, that are looked at to count the good ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user by his primary key; ``user`` is None when he was deleted."""

    pk: object
    principal_key: UUID
    user: Any | None  # the site's own user model

    def __str__(self) -> str:
        return str(self.user if self.user is not None else self.pk)

    @property
    def is_active(self) -> bool:
        """Whether he may sign in."""
        return self.user is not None and bool(getattr(self.user, "is_active", True))

    def named(self) -> dict[str, object]:
        """Return what names him in a table whose index on the principal begins with the application."""
        if self.user is not None:
            return {"user_id": self.pk}
        # Every application beside his key: the unique index behind the two of them serves.
        return {"application_id__in": Application.objects.values("pk"), "principal_key": self.principal_key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How much of one thing somebody has now, counted up to ``MOST_COUNTED``; ``is_capped``: there may be more."""

    model: str
    plural: StrOrPromise
    count: int
    is_capped: bool


def named(text: str) -> Person | None:
    """Return whom a written primary key names; None when it cannot be one. Nobody has to be there."""
    users = get_user_model()
    if "\0" in text:
        return None
    try:
        key = users._meta.pk.clean(text, None)
    except ValidationError:
        return None
    # Not the default manager, which may hide some.
    user = users._base_manager.filter(pk=key).first()
    return Person(pk=key, principal_key=epoch_key(EpochKind.USER, key), user=user)


def has_rows(person: Person, sources: Sources) -> bool:
    """Whether any row that may be seen names him."""
    return any(rows.order_by().exists() for rows in _his(person, sources).values())


def holdings(person: Person, sources: Sources, *, at: datetime) -> list[Holding]:
    """Count what he has that is good now, of what may be seen; nothing is said of what may not."""
    his = _his(person, sources)
    good = {name: rows for name, rows in his.items() if name != "auditevent"}
    if "issuedtoken" in his:
        good["issuedtoken"] = his["issuedtoken"].live(at)  # type: ignore[attr-defined]  # the tokens' own queryset
    if "tokenfamily" in his:
        good["tokenfamily"] = his["tokenfamily"].filter(closed_at=None, idle_expires_at__gt=at, epochs=F("epochs_now"))
    if "onetimekey" in his:
        unused = his["onetimekey"].filter(consumed_at=None, revoked_at=None, expires_at__gt=at)
        good["onetimekey"] = unused.filter(epochs=F("epochs_now"))
    if "vendorpair" in his:
        good["vendorpair"] = his["vendorpair"].filter(refused_at=None, ends_at__gt=at, epochs=F("epochs_now"))
    return [_counted(rows, of=his[name]) for name, rows in good.items()]


def _counted(rows: QuerySet[Any], *, of: QuerySet[Any]) -> Holding:
    """Count the good ones of his newest rows: what is good is new, and a page does not look through the rest."""
    before = of.order_by("-pk").values_list("pk", flat=True)[MOST_LOOKED_AT : MOST_LOOKED_AT + 1].first()
    if before is not None:
        rows = rows.filter(pk__gt=before)
    count = counted_to(rows, MOST_COUNTED)
    return Holding(
        model=str(rows.model._meta.model_name),
        plural=rows.model._meta.verbose_name_plural,
        count=count,
        is_capped=before is not None or count == MOST_COUNTED,
    )


def _his(person: Person, sources: Sources) -> dict[str, QuerySet[Any]]:
    """Return his rows of each table that may be seen; those that a deleted user took along are not asked for."""
    by_key: dict[str, object] = {"principal_key": person.principal_key}
    there = [(sources.tokens, by_key), (sources.families, by_key), (sources.login_keys, person.named())]
    if person.user is not None:
        by_user: dict[str, object] = {"user_id": person.pk}
        there += [(sources.pairs, by_user), (sources.accounts, by_user), (sources.events, by_user)]
    return {str(rows.model._meta.model_name): rows.filter(**named) for rows, named in there if rows is not None}
