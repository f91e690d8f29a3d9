"""Renewing a vendor's pair: once for all workers and processes, whoever comes first.

A vendor's refresh token may work once, so two who ask with the same one may end it. Whoever renews takes a lease by one
conditional UPDATE, asks outside any transaction, and stores the answer by compare-and-set on the row's ``version``. The
others hand out what they have while it lives, or wait for the version to move; nobody holds a lock meanwhile. Leases go
by the clock that all workers share (``clocks.shared_now``), tokens by the request's ``at``: however long a site's
policy took before, a lease is as long as it is. A worker that dies leaves a lease that runs out: the next one asks
again with the refresh token that is stored, which is one of this package's own ``oauth/token`` still answers, with the
same successor, within its grace (10 s by default).
"""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from token_issuer import transport
from token_issuer.errors import BadOption, NoActiveCertificate, PolicyDenied, Unavailable, VendorUnavailable
from token_issuer.models import AuditKind, Certificate, PairStanding
from token_issuer.providers.called import PairRefused
from token_issuer.services import auditing, calling, clocks, pair_rows
from token_issuer.services.callers import clean
from token_issuer.services.logged import facts
from token_issuer.services.opening import opened_secret, signing_key
from token_issuer.services.transactions import durable, reading, retrying, write_alias

if TYPE_CHECKING:
    from token_issuer.models import VendorPair
    from token_issuer.providers.base import MintOrder
    from token_issuer.providers.called import PairTexts
    from token_issuer.services.deciding import Question

logger = logging.getLogger("token_issuer.vendor")

DEADLINE: Final = transport.DEADLINE - 1
"""Seconds for the call that renews."""
LEASE: Final = timedelta(seconds=2 * DEADLINE)
"""How long one worker may renew alone: his call, and as long again for what is around it; less than the 10 s for which
this package's own ``oauth/token`` answers the same refresh token again."""
COOL_DOWN: Final = timedelta(seconds=3)
"""How long nobody asks a vendor again that has just failed; all who come meanwhile share that failure."""
LONGEST_WAIT: Final = LEASE + timedelta(seconds=1)
"""How long somebody without a living token waits for another's renewal."""
_PAUSE: Final = 0.05  # seconds between two looks; grows
_LONGEST_PAUSE: Final = 0.5

_LONGEST_REASON: Final = 200

UNCONFIGURED: Final = "unconfigured"
"""The reason in the event where the vendor could not even be asked."""
_MISCONFIGURED: Final = (NoActiveCertificate, BadOption, ImproperlyConfigured)


def renewed(question: Question, order: MintOrder, row: VendorPair, *, at: datetime, forced: bool = False) -> VendorPair:
    """Return the pair's row with an access token that is good for a while: renewed by us, or by somebody else just now.

    Where the vendor gives nothing, refuses, or cannot be asked, the old one is returned while it lives; not when it
    is ``forced`` (a manual refresh), which renews also what is fresh.

    Raises:
        PolicyDenied: the vendor refuses the pair, or it ended or went meanwhile (``connect_again``, ``not_connected``).
        VendorUnavailable, NoActiveCertificate, Unavailable: see ``keeping.handed_out``.
    """
    renewal = _Renewal(question, order, row, at=at, forced=forced)
    while renewal.waited < LONGEST_WAIT:
        found = renewal.settled() or renewal.tried()
        if found is not None:
            return found
        renewal.row = pair_rows.read_again(renewal.row)
    msg = "Somebody else is renewing this connection; try again."
    raise Unavailable(msg)


class _Renewal:
    """One caller's wish for a good access token. ``row`` is what was read last.

    ``now`` is his instant, moving on; ``clock`` is what leases go by.
    """

    def __init__(self, question: Question, order: MintOrder, row: VendorPair, *, at: datetime, forced: bool) -> None:
        self.question, self.order, self.row = question, order, row
        self._at, self._began_at = at, reading(clocks.shared_now)
        self._begun, self._pause = time.monotonic(), _PAUSE
        self._unwanted = row.version if forced else 0  # versions count from one

    @property
    def waited(self) -> timedelta:
        """How long this takes already."""
        return timedelta(seconds=time.monotonic() - self._begun)

    @property
    def now(self) -> datetime:
        """The instant that it is for the caller."""
        return self._at + self.waited

    @property
    def clock(self) -> datetime:
        """The instant that it is for all workers."""
        return self._began_at + self.waited

    def settled(self) -> VendorPair | None:
        """Return the row where nothing is to be done about it; None where somebody has to renew it, or does.

        Raises:
            PolicyDenied: it is of no use any more, or cannot be renewed and has expired (``connect_again``).
            VendorUnavailable: its vendor has just failed, and it has expired.
        """
        row, now = self.row, self.now
        if row.standing(now) is PairStanding.REFUSED and self._old():
            return row
        pair_rows.require_live(row, at=now)
        if self._unwanted and row.version != self._unwanted:
            return row
        if not self._unwanted and row.is_fresh(now):
            return row
        if not pair_rows.is_renewable(row, at=now):
            return self._old() or self._refuse(pair_rows.CONNECT_AGAIN)
        if not self._is_leased():
            return None
        return self._old() or (self._fail() if row.reason else None)

    def tried(self) -> VendorPair | None:
        """Renew it where nobody does, or wait a little; None where the row must be read again to know."""
        if self._is_leased():
            time.sleep(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
            return None
        return self._renewed_alone() if self._claimed() else None

    def _is_leased(self) -> bool:
        return self.row.leased_until is not None and self.row.leased_until > self.clock

    def _old(self) -> VendorPair | None:
        """Return the row where its old access token will do."""
        return self.row if not self._unwanted and self.row.access_expires_at > self.now else None

    def _refuse(self, reason: str) -> NoReturn:
        raise PolicyDenied(reason, "This connection cannot be renewed: connect again.")

    def _fail(self) -> NoReturn:
        msg = "The vendor was asked a moment ago, and gave nothing."
        raise VendorUnavailable(msg, reason=self.row.reason)

    def _claimed(self) -> bool:
        """Take the lease: one conditional UPDATE, whose row count is the answer."""
        now = self.clock
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
        rows = pair_rows.as_of(self.row, version=self.row.version).filter(free, refused_at__isnull=True)
        if not retrying(lambda: rows.update(leased_until=now + LEASE, reason="")):
            return False
        self.row.leased_until = now + LEASE
        return True

    def _renewed_alone(self) -> VendorPair | None:
        try:
            return _stored(self.row, _asked(self.question, self.order, self.row), at=self.now)
        except PairRefused as error:
            _mark_refused(self.question, self.row, error, at=self.now)
            return None
        except VendorUnavailable as error:
            _let_go(self.row, until=self.clock + COOL_DOWN, reason=error.reason)
            if self._old() is None:
                raise
            return self._counted(error)
        except _MISCONFIGURED as error:
            _let_go(self.row)
            if self._old() is None:
                raise
            sentence = f"nothing was sent, because the application is not set up correctly ({type(error).__name__})."
            return self._counted(VendorUnavailable(sentence, reason=UNCONFIGURED))
        except Exception:
            _let_go(self.row)
            raise

    def _counted(self, error: VendorUnavailable) -> VendorPair:
        """Return the old one, and say why it is still that: nobody learns it otherwise until it has expired."""
        auditing.vendor_failed(self.question.caller, self.question.application, error, at=self.now)
        return self.row


def _let_go(row: VendorPair, *, until: datetime | None = None, reason: str = "") -> None:
    """Give the lease back, or leave it with the reason for which nobody asks before then. Only one's own."""
    own = pair_rows.as_of(row, version=row.version).filter(leased_until=row.leased_until)
    retrying(lambda: own.update(leased_until=until, reason=reason))


def _asked(question: Question, order: MintOrder, row: VendorPair) -> PairTexts:
    provider: Any = question.provider
    certificates = Certificate.objects.using(write_alias()).active()
    certificate = certificates.filter(application=question.application, purpose="call").first()
    old = pair_rows.opened(row)
    with nullcontext() if certificate is None else opened_secret(certificate, provider) as secret:
        key = None if certificate is None or secret is None else signing_key(certificate, provider, secret)
        whole = replace(order, secret=secret, signing_key=key)
        renewed: PairTexts = calling.asked(
            provider.renewal_request(whole, old),
            lambda response: provider.renewed(whole, old, response),
            application=question.application,
            request_id=question.caller.audited_request_id,
            deadline=DEADLINE,
        )
    return renewed


def _stored(row: VendorPair, pair: PairTexts, *, at: datetime) -> VendorPair | None:
    """Write the new pair over the one that was read; None where somebody else has written meanwhile.

    A refusal that somebody whose lease came later was given is taken back: the vendor has just said otherwise.
    """
    fresh = {
        **pair_rows.columns_of(pair, row=row.pk, at=at),
        "renewed_at": at,
        "refused_at": None,
        "leased_until": None,
        "reason": "",
        "version": row.version + 1,
    }
    if not retrying(lambda: pair_rows.as_of(row, version=row.version).update(**fresh)):
        return None
    for name, value in fresh.items():
        setattr(row, name, value)
    return row


def _mark_refused(question: Question, row: VendorPair, error: PairRefused, *, at: datetime) -> None:
    """Write the vendor's no down, once; not where the pair has moved on, which is good then."""
    reason = clean(error.message, _LONGEST_REASON)

    def work() -> bool:
        with durable():
            if (
                not pair_rows.as_of(row, version=row.version)
                .filter(refused_at__isnull=True)
                .update(refused_at=at, reason=reason, leased_until=None)
            ):
                return False
            auditing.record(
                AuditKind.PAIR_REFUSED,
                question.caller,
                at=at,
                application=question.application,
                detail={"device": row.device, "reason": reason},
            )
            return True

    if retrying(work):
        logger.warning(
            "%s renews a pair of %s no more",
            question.provider.name,
            question.application.slug,
            extra=facts(
                "pair_refused",
                application=question.application.slug,
                provider=question.provider.name,
                reason=error.reason,
                request_id=question.caller.audited_request_id,
            ),
        )
