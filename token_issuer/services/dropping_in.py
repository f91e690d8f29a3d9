"""Answering front-ends that were written against a vendor's sample server: our use cases, in the sample's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from token_issuer.errors import BadGrant, FieldError, NotFound, TokenMalformed
from token_issuer.providers import fields
from token_issuer.services import deciding, inspecting, issuing
from token_issuer.services.transactions import require_no_transaction

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application
    from token_issuer.providers.drop_ins import CheckingDropIn, DropIn, IssuingDropIn
    from token_issuer.services.callers import Caller
    from token_issuer.services.issuing import Issuance


def drop_in_of(caller: Caller, slug: str, path: str) -> tuple[Application, DropIn]:
    """Return the application, and what answers at this address of its vendor's sample server.

    Raises:
        NotFound: there is no such application, or its vendor's sample server has no such address.
        Unavailable: the application's provider is not installed.
    """
    application = deciding.find_application(caller, slug)[0]
    provider, _options = deciding.configuration_of(application)
    for drop_in in provider.drop_ins:
        if drop_in.path == path:
            return application, drop_in
    msg = "The sample server of this application's vendor has no such address."
    raise NotFound(msg)


def issue(
    caller: Caller, application: Application, drop_in: IssuingDropIn[Any], *, body: Mapping[str, object], at: datetime
) -> Issuance:
    """Issue what ``body`` asks for, as ``issuing.issue`` does, with its errors.

    Raises:
        SubjectMismatch: the front-end will speak for somebody else.
        BadGrant: names the fields as the front-end knows them.
    """
    require_no_transaction()
    asked = drop_in.asked(fields.parse(drop_in.shape_of(body), body))
    try:
        question = issuing.understood(caller, application.slug, body=asked.body, at=at)
    except FieldError as error:
        raise _in_words_of(drop_in, error) from error
    return issuing.issue_understood(question, at=at, claimed=asked.claimed)


def _in_words_of(drop_in: IssuingDropIn[Any], error: FieldError) -> BadGrant:
    told = {drop_in.names.get(name, name): texts for name, texts in error.fields.items()}
    return BadGrant(drop_in.names.get(error.field, error.field), error.reason, fields=told)


def check(
    caller: Caller, application: Application, drop_in: CheckingDropIn[Any], *, body: Mapping[str, object], at: datetime
) -> dict[str, object]:
    """Return what a token of the caller's own opens, as the sample server answers it. Changes nothing, asks no vendor.

    Unknown, altered, expired, revoked, somebody else's and another application's get one and the same answer.
    """
    presented = drop_in.presented(fields.parse(drop_in.shape_of(body), body))
    try:
        report = inspecting.inspect(presented.token, at=at, within=frozenset({application.pk}))
    except TokenMalformed:
        return drop_in.answer(None)
    token = report.token
    if token is None or not report.valid or token.principal_key != caller.principal_key:
        return drop_in.answer(None)
    if presented.resource is not None and token.resource not in {"", presented.resource}:
        return drop_in.answer(None)
    return drop_in.answer(presented.resource or token.resource)
