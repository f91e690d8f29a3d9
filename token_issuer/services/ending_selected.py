"""Ending all tokens of a selection: in one go where an epoch says it all, else row by row, newest first.

Each batch is one durable transaction, and what it ended stays ended whatever becomes of the next one: whoever begins
anew, or somebody else at the same moment, ends the rest, and no token is counted twice. Tokens that are made while this
runs are newer than where it began, so it comes to an end; only a set also ends what is being made at this moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from django.db import transaction
from django.db.models import F

from token_issuer.models import Application, AuditKind, IssuedToken, TokenFamily
from token_issuer.services import auditing, forgetting, pushing, revoking
from token_issuer.services.callers import clean
from token_issuer.services.outbox import Outbox
from token_issuer.services.pushing import Patience, Pushed
from token_issuer.services.revoking import LONGEST_REASON
from token_issuer.services.selecting import (
    counted,
    kept_pairs,
    live_tokens,
    login_keys,
    open_families,
    others_end,
    selected,
    vendor_pairs,
)
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models.issued_token import IssuedTokenQuerySet
    from token_issuer.models.token_family import TokenFamilyQuerySet
    from token_issuer.services.callers import Caller
    from token_issuer.services.revoking import SetEnding
    from token_issuer.services.selecting import Preview, Selection

Value = TypeVar("Value")

LARGEST_BATCH: Final = 1000
_CHUNK: Final = 500  # ids in one statement: MariaDB plans longer lists as a join, and locks more rows for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How much ended in this call, and how many tokens are left; no more of them are counted than ``MOST_COUNTED``.

    ``pairs``, ``login_keys`` and ``vendor_pairs`` ended beside them; of a set they are counted just before, up to that.
    ``after`` is where to go on, None when it is done. ``pushes`` is how it stands with telling vendors of those that
    ended now; of ``left_out`` of them they are not told. ``more``: more of a set has ended than was counted.
    """

    ended: int
    left: int
    after: UUID | None
    pushes: Pushed
    left_out: int
    pairs: int = 0
    login_keys: int = 0
    vendor_pairs: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Batch:
    """The next newest tokens and pairs of a selection, and the pairs of these tokens. ``last`` None: it is the end."""

    digests: list[str]
    families: list[UUID]
    applications: list[UUID]
    last: UUID | None
    is_first: bool


def end_selected(
    caller: Caller, selection: Selection, *, reason: str, at: datetime, after: UUID | None = None, batch: int = 1000
) -> Progress:
    """End a selection, or the next batch of it: call it again with the answer's ``after`` until that is None.

    ``at`` and the selection stay the same from call to call. The edge has checked that the caller may.

    Raises:
        OpenTransaction: inside a transaction.
        Unavailable: the database was busy three times in a row; what has ended stays so.
    """
    if selection.is_set:
        beside = _beside_a_set(selection, at=at)
        return _of_set(_end_set(caller, selection, reason=reason, at=at), **beside)
    size = min(max(batch, 1), LARGEST_BATCH)
    found = _next_batch(selection, at=at, after=after, size=size)
    box = Outbox(for_all=others_end(caller, selection))
    done = retrying(lambda: _end(caller, selection, found, box=box, reason=clean(reason, LONGEST_REASON), at=at))
    if any(done.values()):
        _tell(caller, selection, reason=reason, at=at)
    # Only at first: with a vendor that does not answer, every batch would keep the next one waiting.
    told = pushing.push_first(box.ids, caller, at=at, patience=Patience()) if found.is_first else Pushed()
    told.waiting = len(box.ids) - told.pushed - told.failed
    left = 0 if found.last is None else counted(_below(selection, at=at, after=found.last))
    return Progress(
        ended=done["live"],
        left=left,
        after=found.last,
        pushes=told,
        left_out=box.left_out,
        pairs=done["pairs"],
        login_keys=done["login_keys"],
        vendor_pairs=done["vendor_pairs"],
    )


def last_end(selection: Selection, seen: Preview, *, at: datetime) -> datetime:
    """Return until when a vendor that was told may honour one of these, also where the preview did not count all."""
    last = max((effect.last_ends_at for effect in seen.effects), default=at)
    if not seen.capped or last <= at:
        return last
    return max(last, revoking.latest_end(selected(selection), at=at) or last)


def _beside_a_set(selection: Selection, *, at: datetime) -> dict[str, int]:
    """Count what is no token and ends with a set, before nothing of it can be told from what ended earlier."""
    return {
        "pairs": counted(open_families(selection, at=at)),
        "login_keys": counted(login_keys(selection, at=at)),
        "vendor_pairs": kept_pairs(selection),
    }


def _of_set(ending: SetEnding, **beside: int) -> Progress:
    return Progress(
        ended=ending.live,
        more=ending.more,
        left=0,
        after=None,
        pushes=ending.pushes,
        left_out=ending.left_out,
        **beside,
    )


def _end_set(caller: Caller, selection: Selection, *, reason: str, at: datetime) -> SetEnding:
    if selection.resource is not None and selection.application is not None:
        return revoking.revoke_resource(caller, selection.application, selection.resource, reason=reason, at=at)
    if selection.application is not None:
        return revoking.revoke_application(caller, selection.application, reason=reason, at=at)
    if selection.certificate is not None:
        return revoking.revoke_certificate(caller, selection.certificate, reason=reason, at=at)
    if selection.api_key is not None:
        return revoking.revoke_issued_by(caller, selection.api_key, reason=reason, at=at)
    assert selection.principal_key is not None  # noqa: S101  the last thing that a set can be named by
    name = _name_of(selection.principal_key)
    return revoking.revoke_principal(caller, selection.principal_key, of=name, reason=reason, at=at)


def _name_of(principal_key: UUID) -> str:
    """Return the primary key of the user, and of one who was deleted, what is left of it."""
    found = _tokens().filter(principal_key=principal_key).order_by("-pk").values_list("user_id", flat=True).first()
    return str(principal_key if found is None else found)


def _below(selection: Selection, *, at: datetime, after: UUID | None) -> IssuedTokenQuerySet:
    rows = live_tokens(selection, at=at)
    return rows if after is None else rows.filter(pk__lt=after)


def _next_batch(selection: Selection, *, at: datetime, after: UUID | None, size: int) -> _Batch:
    pairs = open_families(selection, at=at).order_by("-pk")
    pair_ids = [*(pairs if after is None else pairs.filter(pk__lt=after)).values_list("pk", flat=True)[:size]]
    rows = _below(selection, at=at, after=after).order_by("-pk")
    found = [*rows.values_list("pk", "digest", "family_id", "application_id")[:size]]
    # Ids of both are in the order of their making, so the newest of both together are a page.
    newest = sorted([*pair_ids, *(row[0] for row in found)], reverse=True)[:size]
    last = newest[-1] if len(newest) == size else None
    found = [row for row in found if last is None or row[0] >= last]
    pair_ids = [pk for pk in pair_ids if last is None or pk >= last]
    return _Batch(
        digests=sorted({row[1] for row in found}),
        families=sorted({*pair_ids, *(row[2] for row in found)} - {None}),
        applications=[*{row[3] for row in found}],
        last=last,
        is_first=after is None,
    )


def _end(
    caller: Caller, selection: Selection, found: _Batch, *, box: Outbox, reason: str, at: datetime
) -> dict[str, int]:
    """End a batch in one transaction; return how much of each kind ended now, as the audit keeps it."""
    who = {"revoked_at": at, "revoked_by_id": caller.user_id, "reason": reason}
    done = dict.fromkeys(("live", "pairs", "login_keys", "vendor_pairs"), 0)
    with durable():
        transaction.on_commit(forgetting.distrust, using=write_alias())
        if found.is_first:  # they are few and short-lived; before the rest, so that none is redeemed meanwhile
            done["login_keys"] = login_keys(selection, at=at).update(revoked_at=at, reason=reason)
            done["vendor_pairs"] = vendor_pairs(selection).delete()[0]
        # Before their tokens, in the order in which refreshing takes both: nothing new is made of them from here on.
        for ids in _chunks(found.families):
            done["pairs"] += _families().filter(pk__in=ids, closed_at=None).update(closed_at=at, reason=reason)
            # What is older of the same pairs is selected as well, and would not be found live in a later batch.
            done["live"] += _members(selection, ids, at=at).update(**who)
        for digests in _chunks(found.digests):
            # Formats without a random part can give two rows one text: the text is what leaked, so both end.
            done["live"] += _touchable(selection).filter(digest__in=digests, revoked_at=None).update(**who)
        if any(done.values()):
            box.write(_tokens().filter(pk__in=_ended_ids(selection, found, at=at)), at=at)
            auditing.record(
                AuditKind.SET_REVOKED,
                caller,
                at=at,
                application=_application_of(selection, found),
                detail={"kind": "selection", "of": selection.sentence, "reason": reason, **_told(done), **box.noted},
            )
    return done


def _told(done: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in done.items() if number or name == "live"}


def _members(selection: Selection, families: list[UUID], *, at: datetime) -> IssuedTokenQuerySet:
    """Return the selected tokens of these pairs that were good until their pair was closed."""
    rows = selected(selection).with_epochs_now().filter(family__in=families, epochs=F("epochs_now"))
    return rows.filter(revoked_at=None, consumed_at=None, expires_at__gt=at)


def _touchable(selection: Selection) -> IssuedTokenQuerySet:
    return _tokens() if selection.within is None else _tokens().filter(application__in=selection.within)


def _ended_ids(selection: Selection, found: _Batch, *, at: datetime) -> set[UUID]:
    """Return the tokens that are ended now, by themselves or with their pair. Two questions, an index for each."""
    ids: set[UUID] = set()
    for digests in _chunks(found.digests):
        ids.update(_touchable(selection).filter(digest__in=digests, revoked_at=at).values_list("pk", flat=True))
    for families in _chunks(found.families):
        ids.update(_tokens().filter(family__in=families, expires_at__gt=at).values_list("pk", flat=True))
    return ids


def _application_of(selection: Selection, found: _Batch) -> Application | None:
    """Return the one application that all of it is of, so that its own staff see the event; None of several."""
    if selection.application is not None or len(found.applications) != 1:
        return selection.application
    return Application.objects.using(write_alias()).get(pk=found.applications[0])


def _tell(caller: Caller, selection: Selection, *, reason: str, at: datetime) -> None:
    revoking.log(caller, "set_revoked", application=selection.application, reason=reason, token_id="")
    revoking.send(caller, "selection", selection.sentence, reason=reason, at=at, revocation=None)


def _tokens() -> IssuedTokenQuerySet:
    return IssuedToken.objects.using(write_alias())


def _families() -> TokenFamilyQuerySet:
    return TokenFamily.objects.using(write_alias())


def _chunks(values: list[Value]) -> Iterator[list[Value]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
