"""Telling whether a request would be granted, and why. Charges nothing, mints nothing, is not audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from token_issuer.errors import NoActiveCertificate
from token_issuer.services import deciding, keeping, making, spending, windows

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.policy import Decision, Step
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What would happen. ``steps`` is every voice that was asked; show it only to those who may see rules.

    ``maximum`` is the longest life in seconds that would be granted, 0 when refused; ``left`` is what remains of the
    deciding rule's window, None without a limit.
    """

    allowed: bool
    reason: str
    lifetime: int
    maximum: int
    left: int | None
    source: str
    steps: tuple[Step, ...]


def explain(caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime) -> Explanation:
    """Return what issuing the same body would answer.

    Raises:
        NotAuthenticated, NotFound, ApplicationDisabled, BadGrant, PolicyUnavailable: as issuing does.
    """
    question = deciding.understand(caller, slug, body)
    decision = deciding.decide(question)
    left = None
    allowed, reason = decision.allowed, decision.reason
    if decision.charge is not None:
        left = max(0, decision.charge.limit - windows.used(decision.charge, caller.principal_key, at=at))
        if left == 0:
            allowed, reason = False, "rate_limited"
    if allowed:
        reason = _missing(question, decision, at=at)
        allowed = not reason
    return Explanation(
        allowed=allowed,
        reason=reason,
        lifetime=decision.lifetime,
        maximum=decision.ceiling if decision.allowed else 0,
        left=left,
        source=decision.source,
        steps=decision.steps,
    )


def _missing(question: Question, decision: Decision, *, at: datetime) -> str:
    """Return what issuing would not find beyond policy's word; empty when all is there. Nothing is used up.

    Raises:
        BadGrant: the vendor's challenge in the grant was answered already.
    """
    if question.certificate is None and question.provider.minting_purpose is not None:
        return NoActiveCertificate.code
    if making.lacks_proof(question):
        return making.NO_ACCOUNT
    device = making.device_of(question.provider, question.grant)
    if device is not None:
        return keeping.objection(question, device=device, lifetime=decision.lifetime, at=at)
    spending.require_unanswered(question)
    return ""
