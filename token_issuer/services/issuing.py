"""Issuing one token: policy, mint, record, and only then hand it over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, overload

from token_issuer import signals
from token_issuer.crypto import TokenText
from token_issuer.errors import (
    ApplicationDisabled,
    BadGrant,
    NoActiveCertificate,
    PolicyDenied,
    SubjectMismatch,
)
from token_issuer.models import IssuedToken
from token_issuer.providers.base import MintedToken, MintOrder
from token_issuer.services import (
    accounts,
    auditing,
    calling,
    deciding,
    families,
    making,
    parents,
    recording,
    spending,
    token_rows,
)
from token_issuer.services.logged import facts
from token_issuer.services.transactions import require_no_transaction

if TYPE_CHECKING:
    from uuid import UUID

    from token_issuer.models import Application, Certificate
    from token_issuer.policy import Decision
    from token_issuer.providers.base import Grant, Provider
    from token_issuer.providers.drop_ins import Claimed
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question
    from token_issuer.services.families import Lineage, Pair

logger = logging.getLogger("token_issuer.issue")

_RENEW_AHEAD = timedelta(seconds=30)

VENDOR_IS_ASKED: Final = (
    "token_issuer was called inside an open transaction, but this token comes from a vendor, who cannot be asked to"
    " forget it. Call it outside transaction.atomic (with ATOMIC_REQUESTS, mark the view"
    " @transaction.non_atomic_requests)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """A token that was issued and recorded. ``token.reveal()`` is the only way to its text."""

    token: TokenText
    token_id: UUID
    application: Application
    provider: Provider
    grant: Grant
    format: str
    slot: int
    issued_at: datetime
    expires_at: datetime
    decision: str
    sdk: dict[str, object] = field(repr=False)
    notices: tuple[str, ...] = ()
    pair: Pair | None = None

    @property
    def expires_in(self) -> int:
        """Whole seconds of life."""
        return int((self.expires_at - self.issued_at).total_seconds())

    @property
    def one_time(self) -> bool:
        """Whether the token works once, so that nobody may be given it a second time."""
        return self.provider.is_one_time(self.grant)

    @property
    def renew_at(self) -> datetime | None:
        """When a client should ask for the next one: 30 s or a tenth of the life before the end, the later of both.

        None where the vendor checks a token only once.
        """
        if not self.provider.renewable:
            return None
        return self.expires_at - min(_RENEW_AHEAD, (self.expires_at - self.issued_at) / 10)


@overload
def issue(
    caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime, on_commit: None = None
) -> Issuance: ...
@overload
def issue(
    caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime, on_commit: Callable[[Issuance], object]
) -> None: ...
def issue(
    caller: Caller,
    slug: str,
    *,
    body: Mapping[str, object],
    at: datetime,
    on_commit: Callable[[Issuance], object] | None = None,
) -> Issuance | None:
    """Issue one token to the caller, durably recorded before it is returned.

    With ``on_commit`` it may be called inside a host's transaction: it then returns None, and the callback gets the
    token after the host's commit; if the host rolls back, nobody gets one and nothing is charged.

    Raises:
        OpenTransaction: inside a transaction without ``on_commit``.
        NotAuthenticated, NotFound, ApplicationDisabled, BadGrant: see ``deciding.understand``.
        PolicyDenied, PolicyUnavailable, RateLimited: policy's refusals, each counted in the audit.
        NoActiveCertificate: there is nothing to sign with.
        TokenRejected: the access token that the caller came with ended meanwhile.
    """
    if on_commit is None:
        require_no_transaction()
    question = understood(caller, slug, body=body, at=at)
    issuance = issue_understood(question, at=at, on_commit=on_commit)
    return None if on_commit is not None else issuance


def understood(
    caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime, read: deciding.Reader | None = None
) -> Question:
    """Return what ``deciding.understand`` does; an application that is switched off is counted as a refusal."""
    try:
        return deciding.understand(caller, slug, body, read=read)
    except ApplicationDisabled as error:
        application = deciding.find_application(caller, slug)[0]
        auditing.refused(caller, application, error, reason=error.code, at=at)
        raise


def issue_understood(
    question: Question,
    *,
    at: datetime,
    claimed: Claimed | None = None,
    on_commit: Callable[[Issuance], object] | None = None,
) -> Issuance:
    """Do what ``issue`` does, with a question. ``claimed`` is whom the caller will speak for, where that is settled.

    Raises:
        SubjectMismatch: the caller is somebody else.
    """
    with auditing.counting_refusals(question.caller, question.application, at=at):
        return _issued(question, at=at, claimed=claimed, on_commit=on_commit)


def _issued(
    question: Question,
    *,
    at: datetime,
    claimed: Claimed | None,
    on_commit: Callable[[Issuance], object] | None,
) -> Issuance:
    decision = deciding.decide(question)
    if not decision.allowed:
        raise PolicyDenied(decision.reason)
    certificate = signer_of(question)
    grant = with_subject(question, decision, claimed=claimed)
    lineage = families.begun(question, grant, at=at, parent=parents.judged_again(question.caller, at=at))
    return issue_decided(
        question, decision, grant, certificate=certificate, at=at, on_commit=on_commit, lineage=lineage
    )


def issue_decided(
    question: Question,
    decision: Decision,
    grant: Grant,
    *,
    certificate: Certificate | None,
    at: datetime,
    on_commit: Callable[[Issuance], object] | None = None,
    lineage: Lineage | None = None,
) -> Issuance:
    """Mint and record what was decided already, with a subject in the grant. Asks nobody; ``issue`` is the way in.

    ``lineage`` says what the token comes from, or which family begins with it.

    Raises:
        RateLimited: the decision's window is used up.
    """
    started = time.perf_counter()
    order = making.ordered(question, grant, certificate, issued_at=at, lifetime=decision.lifetime)
    if making.is_had_from_vendor(question.provider, grant):
        return _had_from_vendor(
            question, decision, order, certificate=certificate, lineage=lineage, on_commit=on_commit, started=started
        )
    minted = making.minted(question, order, certificate)
    issuance = _issuance(question, decision, order=order, minted=minted, lineage=lineage)
    epochs = token_rows.epochs_of(question, certificate, grant, lineage=lineage)
    row = token_rows.row_of(question, certificate, issuance, epochs=epochs, lineage=lineage)
    recording.record(
        recording.Entry(
            row=row,
            charge=decision.charge,
            family=lineage.newborn if lineage else None,
            claim=lineage.claim if lineage else None,
            spend=spending.spending(question, grant, at=at),
        ),
        at=at,
        then=lambda: _handed_over(issuance, row, caller=question.caller, on_commit=on_commit, started=started),
    )
    return issuance


def _had_from_vendor(
    question: Question,
    decision: Decision,
    order: MintOrder,
    *,
    certificate: Certificate | None,
    lineage: Lineage | None,
    on_commit: Callable[[Issuance], object] | None,
    started: float,
) -> Issuance:
    """Charge and commit, have the token from the vendor, record it; what was charged is given back where that fails.

    No transaction is open while the vendor takes his time, so the epochs are read before: what ended meanwhile counts.
    """
    require_no_transaction(VENDOR_IS_ASKED)
    at = order.issued_at
    made_under = token_rows.epochs_of(question, certificate, order.grant, lineage=lineage)
    epochs = calling.epochs_before(question.application, made_under)
    reserved = recording.Reservation(
        charge=decision.charge,
        claim=lineage.claim if lineage else None,
        principal_key=question.caller.principal_key,
    )
    recording.reserve(reserved, at=at)
    with calling.giving_back(question, reserved, at=at):
        minted = making.had_from_vendor(question, order, certificate, longest=decision.lifetime)
        issuance = _issuance(question, decision, order=order, minted=minted, lineage=lineage)
        row = token_rows.row_of(question, certificate, issuance, epochs=epochs, lineage=lineage)
        recording.record(
            recording.Entry(row=row, family=lineage.newborn if lineage else None),
            at=at,
            then=lambda: calling.require_standing(row, at=at),
        )
    # Committed already, so whoever asked to be called back is called now.
    _handed_over(issuance, row, caller=question.caller, on_commit=on_commit, started=started)
    return issuance


def signer_of(question: Question) -> Certificate | None:
    """Return the certificate that signs; None for a format that nothing signs.

    Raises:
        NoActiveCertificate: the format wants one, and there is none.
    """
    purpose = question.provider.minting_purpose
    if question.certificate is None and purpose is not None:
        raise NoActiveCertificate(purpose)
    return question.certificate


def with_subject(question: Question, decision: Decision, *, claimed: Claimed | None = None) -> Grant:
    """Return the grant with who it speaks for.

    Raises:
        PolicyDenied: the vendor has no place for this name.
        SubjectMismatch: somebody else was ``claimed``.
    """
    subject = accounts.subject_of(question, decision)
    # A number and its digits are two users at Agora.
    if claimed is not None and (type(claimed.subject), claimed.subject) != (type(subject), subject):
        raise SubjectMismatch(claimed.field, subject)
    try:
        return question.provider.with_subject(question.grant, subject)
    except BadGrant as error:
        # Nothing the caller sent: his name at the vendor does not fit, which only an administrator can change.
        raise PolicyDenied("subject_not_allowed", f"Your name at the vendor does not fit: {error.reason}.") from error


def _issuance(
    question: Question, decision: Decision, *, order: MintOrder, minted: MintedToken, lineage: Lineage | None
) -> Issuance:
    return Issuance(
        token=TokenText(minted.value),
        token_id=order.token_id,
        application=question.application,
        provider=question.provider,
        grant=order.grant,
        format=minted.format,
        slot=question.slot,
        issued_at=order.issued_at,
        expires_at=minted.expires_at or order.expires_at,
        decision=decision.source,
        sdk=question.provider.sdk(minted, order.grant),
        notices=question.provider.notices(order.grant, question.options),
        pair=lineage.pair if lineage else None,
    )


def _handed_over(
    issuance: Issuance,
    row: IssuedToken,
    *,
    caller: Caller,
    on_commit: Callable[[Issuance], object] | None,
    started: float,
) -> None:
    # The instance holds the SQL expression it was inserted with; whoever wants the number reads the row.
    row.__dict__.pop("epochs", None)
    logger.info(
        "issued",
        extra=facts(
            "issued",
            application=issuance.application.slug,
            provider=issuance.provider.name,
            decision=issuance.decision,
            token_id=str(issuance.token_id),
            request_id=caller.audited_request_id,
            ms=round((time.perf_counter() - started) * 1000, 1),
        ),
    )
    signals.token_issued.send_robust(
        sender=IssuedToken,
        token=row,
        application=issuance.application,
        user=caller.person,
        origin=str(row.origin),
        at=issuance.issued_at,
    )
    if on_commit is not None:
        on_commit(issuance)
