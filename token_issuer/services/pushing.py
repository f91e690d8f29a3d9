"""Telling vendors of revocations: what the outbox holds is sent after the commit, at least once.

A row is claimed by one conditional UPDATE that names its sender until when; whoever gets no row leaves it to the other.
No transaction is open while a vendor is called. A process that dies before it sends leaves the row unclaimed, and the
next run sends it once; one that dies while it sends leaves a claim that runs out, and the vendor is told again.

A revocation tells the vendor at once, for as long as its ``Patience`` lasts. The rest, and what failed, is sent by
``push_due(at=timezone.now())``, a plain callable for schedulers and task queues: ``token_issuer_push`` calls it. What
fails is tried until the token ends, unless the vendor's no is final.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.db.models import Exists, F, OuterRef, Q

from token_issuer import transport
from token_issuer.errors import NoActiveCertificate, TokenIssuerError, VendorUnavailable
from token_issuer.models import AuditKind, Certificate, Origin, PushState, VendorPush
from token_issuer.providers.called import CallOrder
from token_issuer.registry import get_provider
from token_issuer.services import auditing, calling, outbox
from token_issuer.services.callers import Caller
from token_issuer.services.logged import facts
from token_issuer.services.opening import opened_secret
from token_issuer.services.transactions import durable, require_no_transaction, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger("token_issuer.vendor")

PATIENCE: Final = 5.0  # seconds that a revocation waits for vendors, all in all; a name lookup that hangs, longer
FIRST: Final = 5  # of a set: so many are told at once, and the rest by the command
LEASE: Final = timedelta(seconds=60)  # how long a claim lasts: longer than any request
BATCH_SIZE: Final = 100

_FIRST_PAUSE: Final = 10  # seconds after the first failure; doubled after each
_LONGEST_PAUSE: Final = 900
_DOUBLED: Final = 7  # times until it is longer than that
_SHORTEST: Final = 0.2  # seconds: with less left, nothing is begun
_LONGEST_REASON: Final = 200
_AWAY: Final = frozenset({"unreachable", "timed_out", "dropped"})  # the vendor, not what it was asked

_INSIDE: Final = "Vendors cannot be told inside an open transaction: it would stay open while one is waited for."


@dataclass(slots=True)
class Pushed:
    """How many pushes were tried: those that arrived, those that will be tried again, and those given up."""

    pushed: int = 0
    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Did:
    """What a vendor did that was told."""

    kept_out: bool
    sentence: str


class _Tried(NamedTuple):
    """A push after a try, and how it stands with it."""

    push: VendorPush
    state: PushState


class Patience:
    """Seconds that somebody waits, shared by all that is done for him meanwhile."""

    def __init__(self, seconds: float = PATIENCE) -> None:
        """Begin to wait."""
        self._until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left, 0 when it is over."""
        return max(self._until - time.monotonic(), 0.0)


class _Clock:
    """The time while something runs that began at an instant."""

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._since = time.monotonic()

    def now(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._since)


def push_first(ids: Iterable[UUID], caller: Caller, *, at: datetime, patience: Patience) -> Pushed:
    """Tell vendors of the first of these at once, right after the commit that wrote them. Never raises.

    What is not told in time waits for the next run.
    """
    done, clock = Pushed(), _Clock(at)
    for push_id in [*ids][:FIRST]:
        if patience.left < _SHORTEST:
            break
        try:
            _count(done, _push(push_id, caller, clock=clock, deadline=min(patience.left, transport.DEADLINE)))
        except Exception as error:  # the token has ended here, whatever became of this
            logger.error(  # noqa: TRY400  its text may hold values
                "a vendor was not told of a revocation: %s", type(error).__name__, extra=facts("push_failed")
            )
            break
    return done


def push_due(
    *,
    at: datetime,
    caller: Caller | None = None,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[Pushed], None] | None = None,
) -> Pushed:
    """Tell vendors of everything that is due at this instant, the longest due first, one after the other.

    An application whose vendor cannot be reached is left for this run, so that it does not keep the others waiting, and
    so is a row that the database refuses to read or to write.

    Raises:
        OpenTransaction: inside a transaction.
        Unavailable: the database was busy three times in a row; what was told stays told.
        DatabaseError: it takes nothing at all, not even that a row is put aside.
    """
    require_no_transaction(_INSIDE)
    by = caller or Caller(user=AnonymousUser(), origin=Origin.COMMAND, user_agent="push_due")
    done, clock = Pushed(), _Clock(at)
    while ids := list(_due(at, unclaimed=clock.now()).values_list("pk", flat=True)[:batch_size]):
        for push_id in ids:
            try:
                tried = _push(push_id, by, clock=clock, deadline=transport.DEADLINE)
            except DatabaseError as error:
                _put_aside(push_id, error, at=clock.now())
                done.waiting += 1
                continue
            _count(done, tried)
            if tried is not None and tried.push.word in _AWAY:
                _leave(tried, at=at, clock=clock)
        if progress is not None:
            progress(done)
    return done


def count_due(*, at: datetime) -> int:
    """Return how many pushes are due at this instant and claimed by nobody."""
    return _due(at, unclaimed=at).count()


def _rows() -> QuerySet[VendorPush]:
    return VendorPush.objects.using(write_alias())


def _due(at: datetime, *, unclaimed: datetime) -> QuerySet[VendorPush]:
    # Two who end the same at one moment write one row each, and one's may name a push that the other wrote instead.
    alone = Q(told_by__isnull=True) | ~Exists(_rows().filter(pk=OuterRef("told_by")).order_by())
    return _rows().filter(_free(unclaimed), alone, next_try_at__lte=at).order_by("next_try_at", "pk")


def _told_by(push: VendorPush) -> QuerySet[VendorPush]:
    return _rows().filter(told_by=push.pk, next_try_at__isnull=False)


def _free(at: datetime) -> Q:
    return Q(claimed_until__isnull=True) | Q(claimed_until__lte=at)


def _count(done: Pushed, tried: _Tried | None) -> None:
    if tried is not None:
        setattr(done, tried.state.value, getattr(done, tried.state.value) + 1)


def _leave(tried: _Tried, *, at: datetime, clock: _Clock) -> None:
    """Postpone what else is due of this application: behind the one that failed, which goes first next time."""
    rows = _rows().filter(_free(clock.now()), next_try_at__lte=at, application=tried.push.application_id)
    again = clock.now() + timedelta(seconds=pause(tried.push.attempts))
    retrying(lambda: rows.update(next_try_at=again))


def _put_aside(push_id: UUID, error: DatabaseError, *, at: datetime) -> None:
    """Postpone a row that the database has trouble with. If it cannot even do that, the trouble is not the row's."""
    why = f"database: It ended with {type(error).__name__}."
    again = at + timedelta(seconds=_LONGEST_PAUSE)
    rows = _rows().filter(pk=push_id, next_try_at__isnull=False)
    retrying(lambda: rows.update(next_try_at=again, claimed_until=None, reason=why))
    # Not the error's text, which may hold values.
    logger.error("a push was put aside: %s", type(error).__name__, extra=facts("push_delayed"))


def _push(push_id: UUID, caller: Caller, *, clock: _Clock, deadline: float) -> _Tried | None:
    """Return how it stands with a push after a try; None when somebody else has it, or it is done."""
    claimed_until = clock.now() + LEASE
    if not _claim(push_id, at=clock.now(), until=claimed_until):
        return None
    push = _rows().select_related("token__application").filter(pk=push_id).first()
    if push is None:  # purged with its token
        return None
    try:
        did = _tell(push, at=clock.now(), deadline=deadline)
    except VendorUnavailable as error:
        return _failed(push, caller, f"{error.reason}: {error.message}", final=error.final, at=clock.now())
    except (TokenIssuerError, ImproperlyConfigured) as error:
        # Nothing to call with, a key ring without the key, no httpx: somebody may put it right while it waits.
        word = getattr(error, "code", "misconfigured")
        return _failed(push, caller, f"{word}: {error}", final=False, at=clock.now())
    except DatabaseError:
        raise
    except Exception as error:  # a stranger's provider: its text may quote what it was given
        why = f"broken: The provider ended with {type(error).__name__}."
        return _failed(push, caller, why, final=False, at=clock.now())
    return _arrived(push, did, at=clock.now())


def _claim(push_id: UUID, *, at: datetime, until: datetime) -> bool:
    """Whether this process is the one that sends it now: one UPDATE, whose row count answers."""
    # Due, too: what somebody else tried and failed with a moment ago has its pause before it.
    rows = _rows().filter(_free(at), pk=push_id, next_try_at__lte=at)
    return retrying(lambda: rows.update(claimed_until=until, attempts=F("attempts") + 1)) == 1


def _tell(push: VendorPush, *, at: datetime, deadline: float) -> _Did:
    application = push.token.application
    told = outbox.told_of(push.token, at=at, for_all=push.for_all)
    if told.remaining <= 0:
        message = "The token expired before its vendor could be told."
        raise VendorUnavailable(message, reason="expired", final=True)
    pusher = outbox.pusher_of(application.provider)
    options = outbox.options_of(application.provider, application.options)
    if pusher is None or options is None or not outbox.tells(application.provider, options, told):
        message = "As the application is set up now, its vendor cannot be told of such a token."
        raise VendorUnavailable(message, reason="not_told", final=True)
    certificates = Certificate.objects.using(write_alias()).active()
    certificate = certificates.filter(application=application, purpose=outbox.PURPOSE).first()
    if certificate is None:
        raise NoActiveCertificate(outbox.PURPOSE)
    with opened_secret(certificate, get_provider(application.provider)) as secret:
        order = CallOrder(
            public_id=application.public_id, options=options, at=at, entropy=os.urandom(32), secret=secret
        )
        request = pusher.push_request(order, told)
        # Before it is asked: what breaks here must not have the vendor told again.
        did = _Did(kept_out=pusher.keeps_out(options, told), sentence=str(pusher.push_sentence(options, told)))
        calling.asked(request, pusher.read_push, application=application, deadline=deadline)
    return did


def _arrived(push: VendorPush, did: _Did, *, at: datetime) -> _Tried:
    # Whoever claimed it after this claim ran out has told the vendor a second time; it is done all the same.
    rows = _rows().filter(Q(pk=push.pk) | Q(told_by=push.pk), next_try_at__isnull=False)
    push.reason = ""
    ended = {"next_try_at": None, "claimed_until": None, "reason": ""}
    retrying(lambda: rows.update(pushed_at=at, kept_out=did.kept_out, sentence=did.sentence, **ended))
    logger.info("pushed", extra=_facts("pushed", push))
    return _Tried(push, PushState.PUSHED)


def _failed(push: VendorPush, caller: Caller, reason: str, *, final: bool, at: datetime) -> _Tried:
    push.reason = reason[:_LONGEST_REASON]
    # Only while the claim is this one: another process may be sending it by now.
    rows = _rows().filter(pk=push.pk, next_try_at__isnull=False, claimed_until=push.claimed_until)
    if not final:
        again = at + timedelta(seconds=pause(push.attempts))
        if retrying(lambda: rows.update(next_try_at=again, claimed_until=None, reason=push.reason)):
            others = {"next_try_at": again, "attempts": push.attempts, "reason": push.reason}
            retrying(lambda: _told_by(push).update(**others))
    elif not retrying(lambda: _give_up(push, rows, caller, at=at)):
        return _Tried(push, PushState.WAITING)
    logger.warning(
        "%s was not told that the token %s is revoked: %s",
        push.token.application.provider,
        push.token_id,
        push.reason,
        extra=_facts("push_failed" if final else "push_delayed", push),
    )
    return _Tried(push, PushState.FAILED if final else PushState.WAITING)


def _give_up(push: VendorPush, rows: QuerySet[VendorPush], caller: Caller, *, at: datetime) -> bool:
    with durable():
        changed = rows.update(failed_at=at, next_try_at=None, claimed_until=None, reason=push.reason)
        if changed:
            _told_by(push).update(failed_at=at, next_try_at=None, attempts=push.attempts, reason=push.reason)
            detail = {"reason": push.word, "why": push.reason, "attempts": push.attempts}
            application = push.token.application
            auditing.record(
                AuditKind.PUSH_FAILED, caller, at=at, application=application, token=push.token, detail=detail
            )
    return bool(changed)


def pause(attempts: int) -> int:
    """Return the seconds until the next try, after so many that failed. They end with the token, or a final no."""
    return min(_FIRST_PAUSE << min(attempts - 1, _DOUBLED), _LONGEST_PAUSE)


def _facts(event: str, push: VendorPush) -> dict[str, object]:
    application = push.token.application
    return facts(
        event,
        application=application.slug,
        provider=application.provider,
        reason=push.word,
        token_id=str(push.token_id),
    )
