"""Telling whether a request would be granted, and why. Charges nothing, mints nothing, is not audited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from token_issuer import policy
from token_issuer.errors import NoActiveCertificate, PolicyDenied, PolicyUnavailable
from token_issuer.services import deciding, issuing, keeping, making, spending, windows
from token_issuer.services.rules import rules_for

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.policy import Allow, Decision, Deny, Facts, Step
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A decision step by step. ``answer`` is what the site's function ``answered_by`` said, ``failure`` why it did not.

    ``barrier`` is why nobody need be asked: the privilege is for servers only. ``answers`` is what each rule
    that names the person would say, by its id, also where it is not asked: its objection, empty when it allows.
    """

    question: Question
    answer: Allow | Deny | None
    answered_by: str
    failure: str
    barrier: str
    answers: Mapping[str, str]
    explanation: Explanation


def explain(caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime) -> Explanation:
    """Return what issuing the same body would answer.

    Raises:
        NotAuthenticated, NotFound, ApplicationDisabled, BadGrant, PolicyUnavailable: as issuing does.
    """
    question = deciding.understand(caller, slug, body)
    return _explained(question, deciding.decide(question), at=at)


def walk(caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime) -> Walk:
    """Return the same with the answer of everybody who has a say, for those who may see rules.

    Raises:
        NotAuthenticated, NotFound, ApplicationDisabled, BadGrant: as issuing does.
        PolicyUnavailable: the site could not say which groups somebody is in.
    """
    question = deciding.understand(caller, slug, body)
    try:
        answer, answered_by = deciding.site_answer(question)
        failure = ""
    except PolicyUnavailable as error:
        answer, answered_by, failure = None, "", error.message
    facts = deciding.facts_after(question, answer, answered_by)
    decision = _unavailable() if failure else policy.decide(facts)
    return Walk(
        question=question,
        answer=answer,
        answered_by=answered_by,
        failure=failure,
        barrier=_barrier(facts),
        answers=_answers(question, facts),
        explanation=_explained(question, decision, at=at),
    )


def _unavailable() -> Decision:
    return policy.Decision(allowed=False, reason=PolicyUnavailable.code)


def _barrier(facts: Facts) -> str:
    unasked = policy.decide(replace(facts, answer=None, rules=()))
    return "" if unasked.reason == policy.NO_RULE else unasked.reason


def _answers(question: Question, facts: Facts) -> dict[str, str]:
    # Where the site's function has answered, nobody has looked for the rules yet.
    rules = facts.rules or rules_for(question.caller.user, question.application, question.provider)
    return {rule.id: policy.answer_of(facts, rule) for rule in rules}


def _explained(question: Question, decision: Decision, *, at: datetime) -> Explanation:
    reason = _missing(question, decision, at=at) if decision.allowed else decision.reason
    left = None
    if decision.charge is not None:
        used = windows.used(decision.charge, question.caller.principal_key, at=at)
        left = max(0, decision.charge.limit - used)
        # As in issuing, which charges when nothing else is in the way.
        reason = reason or ("" if left else "rate_limited")
    return Explanation(
        allowed=not reason,
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
    return _unnamed(question, decision)


def _unnamed(question: Question, decision: Decision) -> str:
    """Return why nobody can be named in the token; a number that is not allocated yet will do."""
    account = question.account
    if question.provider.subject_kind(question.options) == "integer" and (account is None or account.number is None):
        return ""
    try:
        issuing.with_subject(question, decision)
    except PolicyDenied as error:
        return error.reason
    return ""
