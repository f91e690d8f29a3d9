"""Asking a vendor for a token: no transaction is open meanwhile, and a failure leaves one row that says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from token_issuer import transport
from token_issuer.errors import NoActiveCertificate, PolicyDenied, VendorUnavailable
from token_issuer.models import Application, IssuedToken
from token_issuer.services import auditing, recording
from token_issuer.services.logged import facts
from token_issuer.services.opening import opened_secret, signing_key
from token_issuer.services.transactions import reading, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Certificate
    from token_issuer.providers.base import MintedToken, MintOrder
    from token_issuer.providers.called import VendorRequest, VendorResponse
    from token_issuer.services.deciding import Question

logger = logging.getLogger("token_issuer.vendor")

Answer = TypeVar("Answer")


def asked(
    request: VendorRequest,
    read: Callable[[VendorResponse], Answer],
    *,
    application: Application,
    request_id: str = "",
    deadline: float = transport.DEADLINE,
) -> Answer:
    """Send a request and return what ``read`` makes of the answer, which is logged with the milliseconds it took.

    Raises:
        VendorUnavailable: there was no answer, or ``read`` found nothing in it; with ``ms``. The audit logs it.
    """
    started = time.perf_counter()
    try:
        answer = read(transport.send(request, deadline=deadline))
    except VendorUnavailable as error:
        error.ms = _since(started)
        raise
    logger.info(
        "%s answered %s",
        application.provider,
        application.slug,
        extra=facts(
            "vendor_called",
            application=application.slug,
            provider=application.provider,
            request_id=request_id,
            ms=_since(started),
        ),
    )
    return answer


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 1)


def called(question: Question, order: MintOrder, certificate: Certificate | None) -> MintedToken:
    """Return the token that the vendor gives for this order.

    Raises:
        NoActiveCertificate: there is nothing to call with.
        VendorUnavailable: the vendor did not answer, or not with a token.
    """
    provider: Any = question.provider
    if certificate is None:
        raise NoActiveCertificate(provider.minting_purpose)
    with opened_secret(certificate, provider) as secret:
        whole = replace(order, secret=secret, signing_key=signing_key(certificate, provider, secret))
        made: MintedToken = asked(
            provider.request(whole),
            lambda response: provider.read(whole, response),
            application=question.application,
            request_id=question.caller.audited_request_id,
        )
    return made


def epochs_before(application: Application, expression: Any) -> int:  # noqa: ANN401  a query expression
    """Return the sum of the epochs now. What is ended while the vendor is asked then ends the token too."""
    rows = Application.objects.using(write_alias()).filter(pk=application.pk).annotate(sum=expression)
    return int(reading(lambda: rows.values_list("sum", flat=True).get()))


@contextmanager
def giving_back(question: Question, reserved: recording.Reservation, *, at: datetime) -> Iterator[None]:
    """Give back what was charged where the block fails; what the vendor did wrong is one event."""
    try:
        yield
    except Exception as error:
        recording.release(reserved, at=at)
        if isinstance(error, VendorUnavailable):
            auditing.vendor_failed(question.caller, question.application, error, at=at)
        raise


def require_standing(row: IssuedToken, *, at: datetime) -> None:
    """Raise PolicyDenied("ended_meanwhile") for a token whose set was ended while the vendor was asked."""
    if not IssuedToken.objects.using(write_alias()).live(at).filter(pk=row.pk).exists():
        raise PolicyDenied("ended_meanwhile", "It was ended while the vendor was asked.")
