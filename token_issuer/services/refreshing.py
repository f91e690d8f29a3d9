"""Refreshing a pair: policy is asked again, one statement claims the successor, and only then is it handed over.

The successor is derived from the family's row, so a retry within ``REFRESH_GRACE`` gets the same refresh token, and a
new access token with a row of its own. What a presented generation is worth is the table in ``verdicts``. A refusal by
policy consumes nothing; everything that is refused for the token's own sake looks the same from outside.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import BigIntegerField, Value

from token_issuer import policy
from token_issuer.conf import conf
from token_issuer.crypto import TokenText
from token_issuer.errors import BadGrant, NotAuthenticated, PolicyDenied, Unavailable
from token_issuer.models import Origin, TokenFamily
from token_issuer.policy import Deny
from token_issuer.providers import scopes
from token_issuer.registry import privileges_of
from token_issuer.services import auditing, closing, deciding, families, issuing, presenting, recalling
from token_issuer.services.families import Lineage, Pair
from token_issuer.services.logged import facts
from token_issuer.services.presenting import Presenter, reject
from token_issuer.services.transactions import require_no_transaction, write_alias
from token_issuer.services.verdicts import Verdict, advance, judge

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.policy import Decision
    from token_issuer.providers.base import Grant
    from token_issuer.services.deciding import Question
    from token_issuer.services.issuing import Issuance

logger = logging.getLogger("token_issuer.security")

_TRIES: Final = 2  # of the statement; somebody else may have moved the family between the look and the claim


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """What policy allows this time: never more than the family was made for."""

    question: Question
    decision: Decision
    grant: Grant
    idle: timedelta


class _NothingClaimed(Exception):
    """The statement changed no row: the transaction rolls back, and a new look tells why."""


def refresh(
    text: str | TokenText, *, at: datetime, by: Presenter | None = None, scope: Collection[str] | None = None
) -> Issuance:
    """Return a new access token and the next refresh token, in ``issuance.pair``.

    Args:
        by: who presents it; without one a holder who is nobody in particular, as the site's own code may.
        scope: the privileges to ask for, a subset of those the family was made for; None asks for all of them.

    Raises:
        OpenTransaction: inside a transaction.
        TokenRejected: not ours, ended, reused, or its user, password, key or application is not what it was.
        BadGrant: ``scope`` names more than was granted once.
        PolicyDenied, PolicyUnavailable: policy's refusals, each counted in the audit; nothing is consumed.
        NoActiveCertificate, Unavailable: it cannot be done now; nothing is consumed.
    """
    require_no_transaction()
    by = by or Presenter()
    presented, family = presenting.found(text)
    _require_good(family, by, at=at)
    decided = None
    for _ in range(_TRIES):
        _require_claimable(family, presented.generation, by, at=at)
        try:
            decided = decided or _decided(family, by, scope=scope, at=at)
            return _advanced(decided, family, presented.generation, at=at)
        except _NothingClaimed:
            presenting.look_again(family)
        except NotAuthenticated:
            # The user was deleted while policy was asked or the row was written: the claim is rolled back.
            presenting.look_again(family)
            reject("user_gone", family)
    _require_claimable(family, presented.generation, by, at=at)
    msg = "The refresh token was claimed by others twice in a row."
    raise Unavailable(msg)


def _require_good(family: TokenFamily, by: Presenter, *, at: datetime) -> None:
    """Refuse what the family's row alone cannot tell; close what has ended for good."""
    if word := by.objection(family):
        reject(word, family)
    problem = presenting.objection(family, at=at)
    if problem is None:
        return
    if problem.closes:
        closing.close_family(by.caller(family), family, reason=problem.word, at=at, deliberate=False)
    reject(problem.word, family)


def _require_claimable(family: TokenFamily, generation: int, by: Presenter, *, at: datetime) -> None:
    """Refuse what the family's row tells; close it where the token betrays that somebody else holds it too."""
    verdict = judge(family, generation, at=at, grace=conf.refresh_grace)
    if verdict.is_good:
        return
    if verdict.closes:
        _close_betrayed(family, verdict, by, at=at)
    reject(verdict.value, family)


def _close_betrayed(family: TokenFamily, verdict: Verdict, by: Presenter, *, at: datetime) -> None:
    """Close it in a transaction of its own and before the refusal, which therefore undoes nothing."""
    caller = by.caller(family)
    if closing.close_family(caller, family, reason=verdict.value, kind=verdict.event, at=at, deliberate=False):
        slug = family.application.slug
        logger.warning(
            "a token family of %s was closed: %s",
            slug,
            verdict.value,
            extra=facts(
                "family_betrayed", application=slug, reason=verdict.value, request_id=caller.audited_request_id
            ),
        )


# Asking again


def _decided(family: TokenFamily, by: Presenter, *, scope: Collection[str] | None, at: datetime) -> _Decided:
    """Ask the site's policy and the rules as if it were new; a refusal is counted, and consumes nothing."""
    with auditing.counting_refusals(by.caller(family), family.application, at=at):
        return _asked_again(family, by, scope=scope, at=at)


def _asked_again(family: TokenFamily, by: Presenter, *, scope: Collection[str] | None, at: datetime) -> _Decided:
    question, idle = _question(family, by)
    if family.api_key is not None and scopes.TOKENS_ISSUE not in family.api_key.scopes:
        raise PolicyDenied("scope_missing", f"The key that asked for this has no scope {scopes.TOKENS_ISSUE} any more.")
    question = replace(question, grant=_asked_for(question, scope))
    known = replace(
        deciding.facts_of(question),
        # What a server got for a user is in the user's hands now, unless the server itself presents it.
        server_caller=by.client is not None,
        lifetime=None,  # one that was granted once is shortened below, never refused
    )
    decision = policy.decide(known)
    if not decision.allowed and not isinstance(known.answer, Deny):
        part = policy.narrowed(known)
        if part:
            question = replace(question, grant=question.provider.narrowed(question.grant, part))
            decision = policy.decide(replace(known, privileges=part))
    if not decision.allowed:
        raise PolicyDenied(decision.reason)
    lifetime = min(family.lifetime or decision.lifetime, decision.ceiling, _left(question, family, at=at))
    # Refreshes are not charged: the window of the rule counted the pair.
    decision = replace(decision, lifetime=lifetime, charge=None)
    return _Decided(question=question, decision=decision, grant=_with_subject(question, family), idle=idle)


def _left(question: Question, family: TokenFamily, *, at: datetime) -> int:
    """Return the seconds that an access token may have: what is left of its family, or the least that its kind can."""
    return max(question.provider.lifetimes.minimum, int((family.expires_at - at).total_seconds()))


def _question(family: TokenFamily, by: Presenter) -> tuple[Question, timedelta]:
    """Return what the family was made for, as a question of today, and how long it may rest from now on."""
    question = recalling.question_of(family, by.caller(family))
    limits = question.provider.refresh_limits(question.options)
    if limits is None:
        reject("not_refreshed_any_more", family)
    if family.in_cookie and not limits.browsers:
        reject("no_pairs_for_browsers", family)
    return question, timedelta(seconds=limits.idle)


def _asked_for(question: Question, scope: Collection[str] | None) -> Grant:
    """Return the grant to ask for: what was granted once, or the part of it that ``scope`` names."""
    grant, provider = question.grant, question.provider
    wider = sorted(frozenset(scope or ()) - grant.privileges)
    if wider:
        raise BadGrant("scope", f"asks for more than was granted: {', '.join(wider)}")
    asked = grant.privileges if scope is None else frozenset(scope)
    known = asked & privileges_of(provider).keys()
    if asked and not known:
        raise PolicyDenied("privilege_not_granted")
    return grant if known == grant.privileges else provider.narrowed(grant, known)


def _with_subject(question: Question, family: TokenFamily) -> Grant:
    provider = question.provider
    # The subject of the first token, whatever a rule or an account says today: refreshing changes nobody's name.
    subject = int(family.subject) if provider.subject_kind(question.options) == "integer" else family.subject
    try:
        return provider.with_subject(question.grant, subject)
    except BadGrant as error:
        raise PolicyDenied("subject_not_allowed", f"Your name at the vendor does not fit: {error.reason}.") from error


# Claiming


def _advanced(decided: _Decided, family: TokenFamily, generation: int, *, at: datetime) -> Issuance:
    """Mint, claim the successor and record the token in one transaction."""
    successor = generation + 1
    grace = conf.refresh_grace

    def claim() -> Origin:
        if not advance(family, generation, at=at, idle=decided.idle, grace=grace):
            raise _NothingClaimed
        return _door(family) if grace else Origin.REFRESH

    lineage = Lineage(
        family=family,
        generation=successor,
        # As they were read with the family: a set that was ended since ends this token at its first use.
        epochs=Value(family.epochs, output_field=BigIntegerField()),
        claim=claim,
        pair=Pair(
            refresh_token=families.text_of(family, successor), expires_at=family.expires_at, in_cookie=family.in_cookie
        ),
    )
    question = decided.question
    return issuing.issue_decided(
        question,
        decided.decision,
        decided.grant,
        certificate=issuing.signer_of(question),
        at=at,
        lineage=lineage,
    )


def _door(family: TokenFamily) -> Origin:
    """Whether the statement rotated or was a retry; its own transaction reads its own row, which it holds."""
    replays = TokenFamily.objects.using(write_alias()).values_list("replays", flat=True).get(pk=family.pk)
    return Origin.REFRESH_RETRY if replays else Origin.REFRESH
