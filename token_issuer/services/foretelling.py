"""What ending a token will really do: here, at a vendor that is told or is not, and how long it is honoured there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from token_issuer.models import Application, Standing
from token_issuer.providers.base import Revocation
from token_issuer.services import outbox
from token_issuer.services.revoking import revocation_of
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import IssuedToken
    from token_issuer.services.callers import Caller

_ORDER: Final = (Revocation.IMMEDIATE, Revocation.PUSHED, Revocation.AT_NEXT_JOIN, Revocation.AT_EXPIRY)


class Told(Protocol):
    """What of a token its ending depends on."""

    @property
    def expires_at(self) -> datetime: ...
    @property
    def subject(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def privileges(self) -> Any: ...  # noqa: ANN401  a list of words


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What ending does to some of the tokens: how many, and the last instant at which a vendor may honour one."""

    revocation: Revocation
    count: int
    last_ends_at: datetime


def effect_of_each(caller: Caller, tokens: Iterable[IssuedToken], *, at: datetime) -> dict[UUID, Effect]:
    """Say of each of these tokens that is live what ending it does. One statement, whatever their number."""
    live = [token for token in tokens if token.standing(at) is Standing.LIVE]
    known = {row.pk: row for row in applications({token.application_id for token in live})}
    found: dict[UUID, Effect] = {}
    for token in live:
        for_all = outbox.is_another(caller, token.user_id)
        ((found[token.pk], _sentence),) = effects_in(known[token.application_id], [token], for_all=for_all, at=at)
    return found


def summed(each: Iterable[Effect]) -> tuple[Effect, ...]:
    """Return one effect of each kind, the soonest first."""
    found: dict[Revocation, Effect] = {}
    for effect in each:
        had = found.get(effect.revocation, replace(effect, count=0))
        last = max(had.last_ends_at, effect.last_ends_at)
        found[effect.revocation] = replace(effect, count=had.count + effect.count, last_ends_at=last)
    return tuple(found[kind] for kind in _ORDER if kind in found)


def applications(ids: Collection[UUID]) -> Any:  # noqa: ANN401  a queryset, annotated
    """Return applications with what ``effects_in`` needs of them, in the order of their slugs."""
    calls = outbox.can_call("pk")
    rows = Application.objects.using(write_alias()).filter(pk__in=[*ids])
    return rows.annotate(can_call=calls).order_by("slug")


def effects_in(
    application: Any,  # noqa: ANN401  annotated
    counted: Iterable[Told],
    *,
    for_all: bool,
    at: datetime,
) -> Iterable[tuple[Effect, str]]:
    """Yield what happens to each token of an application, and what its vendor does where it is told."""
    name, alone = application.provider, revocation_of(application.provider)
    options = outbox.options_of(name, application.options) if application.can_call else None
    for row in counted:
        telling = None
        if options is not None:
            rights, remaining = (row.subject, row.resource, row.privileges), row.expires_at - at
            telling = outbox.telling(name, options, outbox.described(*rights, remaining=remaining, for_all=for_all))
        at_once = alone is Revocation.IMMEDIATE or (telling is not None and telling.kept_out)
        effect = Effect(
            revocation=alone if telling is None else Revocation.PUSHED,
            count=1,
            last_ends_at=at if at_once else row.expires_at,
        )
        yield effect, "" if telling is None else telling.sentence
