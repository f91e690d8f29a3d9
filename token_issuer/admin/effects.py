"""What ending tokens really does, for the pages that ask before: numbers that stop at a limit, and each token's end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext

from token_issuer.services import foretelling
from token_issuer.services.revoking import Ending, ending_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from token_issuer.models import IssuedToken
    from token_issuer.services.callers import Caller
    from token_issuer.services.foretelling import Effect
    from token_issuer.services.selecting import Preview


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One token and what ending it does."""

    token: IssuedToken
    standing: str
    ending: Ending
    effect: Effect | None = None  # None where it has ended, or is not asked for
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happens to some of the tokens, with their number as people read it."""

    kind: str
    count: str
    last_ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A preview in words."""

    live: str
    people: str
    families: str
    login_keys: str  # empty where there are none
    vendor_pairs: str
    effects: Sequence[Told]
    sentences: Sequence[str]
    lines: Sequence[Line]
    as_set: bool
    nothing: bool
    capped: bool


def shown(caller: Caller, preview: Preview, *, at: datetime) -> Shown:
    """Return what a page says of a preview."""
    return Shown(
        live=counted(preview.live, more=preview.capped),
        people=counted(preview.people),
        families=counted(preview.families),
        login_keys=counted(preview.login_keys) if preview.login_keys else "",
        vendor_pairs=counted(preview.vendor_pairs) if preview.vendor_pairs else "",
        effects=told(preview.effects),
        sentences=[gettext(sentence) for sentence in preview.sentences],
        lines=lines(caller, preview.sample, at=at),
        as_set=preview.as_set,
        nothing=not (preview.live or preview.families or preview.login_keys or preview.vendor_pairs),
        capped=preview.capped,
    )


def lines(caller: Caller, tokens: Iterable[IssuedToken], *, at: datetime) -> list[Line]:
    """Return what ending each of these tokens does."""
    rows = [*tokens]
    each = foretelling.effect_of_each(caller, rows, at=at)
    return [
        Line(token=token, standing=token.standing(at).value, ending=ending_of(token, at=at), effect=each.get(token.pk))
        for token in rows
    ]


def of_lines(found: Iterable[Line]) -> Sequence[Told]:
    """Return what ending these tokens does, in sum."""
    return told(foretelling.summed(line.effect for line in found if line.effect is not None))


def told(each: Iterable[Effect]) -> Sequence[Told]:
    """Return effects as pages tell them."""
    return [
        Told(kind=effect.revocation.value, count=counted(effect.count), last_ends_at=effect.last_ends_at)
        for effect in each
    ]


def counted(number: int, *, more: bool = False) -> str:
    """Return a number as people read it."""
    written = number_format(number, force_grouping=True)
    return gettext("more than %s") % written if more else written
