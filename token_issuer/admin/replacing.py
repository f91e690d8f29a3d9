"""A certificate that leaked: one form takes the new secret, and the page then says what is left to do at the vendor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import effects, trying
from token_issuer.admin.callers import caller_of
from token_issuer.admin.pages import ReasonForm
from token_issuer.admin.service_forms import CertificateForm, attempted
from token_issuer.admin.tenancy import is_restricted
from token_issuer.models import Certificate, CertificateState
from token_issuer.registry import providers
from token_issuer.services import rotating
from token_issuer.services.selecting import Selection, preview

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages
    from token_issuer.providers.base import Provider
    from token_issuer.services.selecting import Preview

MOST_STAGED = 20  # to choose from, newest first


class ReplaceForm(CertificateForm):
    """What takes a leaked certificate's place, and why."""

    required_css_class = "required"

    def __init__(self, provider: Provider, certificate: Certificate, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(provider, *args, purpose=certificate.purpose, **kwargs)
        self.candidates = {str(row.pk): row for row in _staged(certificate)}
        if self.candidates:
            named = [(key, _("The staged one, %s") % row.fingerprint) for key, row in self.candidates.items()]
            self.fields["staged"] = forms.ChoiceField(
                label=_("Replace it with"), required=False, choices=[("", _("A new secret, as follows")), *named]
            )
        self.fields["reason"] = ReasonForm.base_fields["reason"]
        self.order_fields(["reason", "staged"])

    @property
    def staged(self) -> Certificate | None:
        """The certificate that was staged before, if that is chosen."""
        return self.candidates.get(self.cleaned_data.get("staged", ""))

    def clean(self) -> dict[str, Any]:
        """Refuse a secret beside the staged certificate: nobody could tell which of them is meant."""
        cleaned = super().clean()
        if self.staged and (self.secret or self.reference):
            self.add_error("staged", _("Choose the staged one or give a new secret, not both."))
        return cleaned


def _staged(certificate: Certificate) -> list[Certificate]:
    rows = Certificate.objects.filter(application_id=certificate.application_id, purpose=certificate.purpose)
    return [*rows.filter(activated_at__isnull=True, revoked_at__isnull=True)[:MOST_STAGED]]


def page(admin: OwnPages, request: HttpRequest, certificate: Certificate, *, back: str) -> HttpResponse:
    """Show what replacing ends, do it, and show what is left to do. The edge checked who may."""
    provider = providers().get(certificate.application.provider)
    if provider is None or certificate.state is not CertificateState.ACTIVE:
        return _afterwards(admin, request, certificate, provider, back=back)
    posted = request.POST if request.method == "POST" else None
    form = ReplaceForm(provider, certificate, posted, may_refer=not is_restricted(request))
    at = timezone.now()
    caller, ends = caller_of(request), Selection(certificate=certificate)
    ended = preview(caller, ends, at=at, sample=0)
    fresh = _replaced(request, form, certificate, at=at) if form.is_valid() else None
    if fresh is None:
        context = {"title": gettext("Replace %s now?") % certificate.fingerprint, "object": certificate, "form": form}
        more = {"preview": effects.shown(caller, ended, at=at), "at": at, **_button(admin, certificate, provider)}
        return admin.page(request, "certificate_replace.html", {**context, **more, "back": back})
    admin.log_change(request, certificate, "Replaced: it leaked.")
    admin.log_addition(request, fresh, [{"added": {}}])
    messages.success(request, _done(fresh, ended))
    # The vendor's steps take time: their page has an address that can be opened again.
    return redirect(request.path)


def _button(admin: OwnPages, certificate: Certificate, provider: Provider) -> dict[str, Any]:
    return trying.button(provider, admin.url("try_replacement", certificate.pk), purpose=certificate.purpose)


def _replaced(request: HttpRequest, form: ReplaceForm, certificate: Certificate, *, at: datetime) -> Certificate | None:
    return attempted(
        form,
        lambda: rotating.replace(
            caller_of(request),
            certificate,
            secret=form.secret,
            reference=form.reference,
            algorithm=form.algorithm,
            staged=form.staged,
            reason=form.cleaned_data["reason"],
            at=at,
        ),
    )


def _done(fresh: Certificate, ended: Preview) -> str:
    text = ngettext(
        "%(fingerprint)s is active now. The leaked certificate and its %(count)s live token have ended here.",
        "%(fingerprint)s is active now. The leaked certificate and its %(count)s live tokens have ended here.",
        ended.live,
    )
    return text % {"fingerprint": fresh.fingerprint, "count": effects.counted(ended.live, more=ended.capped)}


def _afterwards(
    admin: OwnPages, request: HttpRequest, certificate: Certificate, provider: Provider | None, *, back: str
) -> HttpResponse:
    rows = Certificate.objects.filter(application_id=certificate.application_id, purpose=certificate.purpose)
    revoked = certificate.state is CertificateState.REVOKED
    title = gettext("%s was revoked") if revoked else gettext("%s does not sign")
    if request.method == "POST":
        messages.error(request, gettext("Nothing was changed: somebody else may have replaced it before you."))
    return admin.page(
        request,
        "certificate_replaced.html",
        {
            "title": title % certificate.fingerprint,
            "object": certificate,
            "revoked": revoked,
            "signs_now": rows.active().first(),
            "steps": [gettext(step) for step in provider.vendor.leak_steps] if provider else [],
            "vendor": provider.vendor if provider else None,
            "may_check": request.user.has_perm("token_issuer.inspect_issuedtoken"),
            "back": back,
        },
    )
