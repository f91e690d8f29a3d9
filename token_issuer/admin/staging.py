"""Staging what a form holds: its own page and the steps of a rotation both do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils import timezone
from django.utils.translation import gettext

from token_issuer.admin.callers import caller_of
from token_issuer.admin.service_forms import CertificateForm, attempted
from token_issuer.services import rotating

if TYPE_CHECKING:
    from django.http import HttpRequest

    from token_issuer.admin.pages import OwnPages
    from token_issuer.models import Application, Certificate


def staged(
    request: HttpRequest, form: CertificateForm, application: Application, *, purpose: str
) -> Certificate | None:
    """Return the certificate that was made of a valid form; None where it was refused, as the form then says."""
    return attempted(
        form,
        lambda: rotating.stage(
            caller_of(request),
            application,
            secret=form.secret,
            reference=form.reference,
            algorithm=form.algorithm,
            purpose=purpose,
            at=timezone.now(),
        ),
    )


def told(admin: OwnPages, request: HttpRequest, certificate: Certificate) -> None:
    """Log that it was staged, and say so."""
    admin.log_addition(request, certificate, [{"added": {}}])
    text = gettext("Certificate %s is staged. It signs nothing until you activate it.")
    messages.success(request, text % certificate.fingerprint)
