"""How a thing stands: a word with an icon before it, the same wherever it is shown; and the short dates of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from token_issuer.models import CertificateState, PairStanding, Standing
from token_issuer.services.rotating_due import is_due

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString
    from django_stubs_ext import StrOrPromise

    from token_issuer.models import Certificate

STANDING_LABELS: Final = {
    Standing.LIVE: _("live"),
    Standing.EXPIRED: _("expired"),
    Standing.CONSUMED: _("consumed"),
    Standing.REVOKED: _("revoked"),
    PairStanding.LIVE: _("connected"),
    PairStanding.REFUSED: _("refused by the vendor: its user has to connect again"),
    PairStanding.REVOKED: _("ended with the tokens of its user, application or API key: its user has to connect again"),
    PairStanding.EXPIRED: _("expired: its user has to connect again"),
    CertificateState.STAGED: _("staged"),
    CertificateState.ACTIVE: _("active"),
    CertificateState.RETIRING: _("retiring"),
    CertificateState.RETIRED: _("retired"),
    CertificateState.REVOKED: _("revoked"),
}


def state(word: str, label: StrOrPromise) -> SafeString:
    """Return how something stands, to be shown: ``word`` chooses the icon, ``label`` is what is read.

    The icons are in the stylesheet, which knows the words; one that it does not know has a neutral icon. Templates have
    ``includes/state.html`` for the same.
    """
    return format_html(
        '<span class="token-issuer-state token-issuer-state-{}">'
        '<span class="token-issuer-icon" aria-hidden="true"></span>{}</span>',
        word,
        label,
    )


def standing(of: Standing | PairStanding | CertificateState) -> SafeString:
    """Return one of the models' own words, to be shown."""
    return state(of.value, STANDING_LABELS[of])


def of_certificate(certificate: Certificate, *, at: datetime) -> SafeString:
    """Return where a certificate is in its life, and whether it is due for rotation, to be shown."""
    shown = standing(certificate.state)
    if not is_due(certificate, at=at):
        return shown
    return format_html("{} {}", shown, state("due", _("due for rotation")))


def on_or_off(is_off: bool) -> SafeString:
    """Return whether something is switched on, to be shown."""
    return state("off", _("off")) if is_off else state("on", _("on"))


def short(instant: datetime) -> str:
    """Return an instant in few characters."""
    return date_format(timezone.localtime(instant), "Y-m-d H:i")
