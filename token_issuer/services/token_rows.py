"""The audit row of a token that is about to be handed over, and the epochs it is made under."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from token_issuer.crypto import digests
from token_issuer.models import EpochKind, IssuedToken, epoch_key, epochs_now
from token_issuer.models.revocation_epoch import EVERYTHING_KEY
from token_issuer.services import deciding, families

if TYPE_CHECKING:
    from uuid import UUID

    from token_issuer.models import Application, Certificate
    from token_issuer.providers.base import Grant
    from token_issuer.services.deciding import Question
    from token_issuer.services.families import Lineage
    from token_issuer.services.issuing import Issuance


def epochs_of(
    question: Question,
    certificate: Certificate | None,
    grant: Grant,
    *,
    lineage: Lineage | None,
) -> Any:  # noqa: ANN401  an expression
    """Return the sum of the epochs that end this token when one of them is raised, as an expression for its INSERT."""
    caller, application = question.caller, question.application
    own_keys = [certificate.pk] if certificate is not None else []
    if lineage is not None and lineage.epochs is not None:
        # What it comes from may have been ended a moment ago: its epochs count, never newer ones.
        return lineage.epochs + epochs_now(own_keys)
    # Read in the row's own INSERT: a set that is ended while the INSERT is open ends this token too.
    sets = [caller.principal_key, application.pk, _resource_key(application, grant), EVERYTHING_KEY]
    sets += [caller.api_key.pk] if caller.api_key is not None else []
    # A server's own key is its principal too, and counts once.
    return epochs_now({*sets, *own_keys})


def _resource_key(application: Application, grant: Grant) -> UUID:
    return epoch_key(EpochKind.RESOURCE, application.pk, grant.resource)


def row_of(
    question: Question,
    certificate: Certificate | None,
    issuance: Issuance,
    *,
    epochs: Any,  # noqa: ANN401  an expression or a number
    lineage: Lineage | None,
) -> IssuedToken:
    """Return the row, not written yet."""
    caller, application, grant = question.caller, question.application, issuance.grant
    return IssuedToken(
        id=issuance.token_id,
        application=application,
        certificate=certificate,
        api_key=caller.api_key,
        family=lineage.family if lineage else None,
        generation=lineage.generation if lineage else None,
        principal=caller.principal,
        principal_key=caller.principal_key,
        user_id=caller.user_id,
        subject=grant.subject or "",
        resource=grant.resource,
        resource_key=_resource_key(application, grant),
        privileges=sorted(grant.privileges),
        slot=question.slot,
        format=issuance.format,
        digest=digests.digest(issuance.token),
        fingerprint=digests.token_fingerprint(issuance.token),
        issued_at=issuance.issued_at,
        expires_at=issuance.expires_at,
        epochs=epochs,
        one_time=issuance.one_time,
        temporary=question.temporary,
        password_stamp=families.stamp_of(caller) if question.provider.verified_here else "",
        origin=caller.origin,
        decision=issuance.decision[: deciding.LONGEST_NAME],
        request_id=caller.audited_request_id,
        **caller.circumstances,
    )
