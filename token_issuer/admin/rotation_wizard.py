"""A planned rotation, one step after the other. Which step it is follows from the certificates; nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import staging, trying
from token_issuer.admin.callers import caller_of
from token_issuer.admin.service_forms import CertificateForm
from token_issuer.admin.standings import state
from token_issuer.admin.tenancy import is_restricted
from token_issuer.errors import TokenIssuerError
from token_issuer.services import rotating, rotations

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

    from token_issuer.admin.pages import OwnPages
    from token_issuer.models import Application
    from token_issuer.providers.base import Provider, RotationMoment, VendorFacts
    from token_issuer.services.rotations import Rotation

STEPS: Final[dict[RotationMoment, Any]] = {
    "stage": _("Stage a new certificate"),
    "activate": _("Activate it: it is used from now on"),
    "wait": _("Wait until the tokens of the old one have ended"),
    "retire": _("Retire the old one: this site honours it no more"),
}


class StepForm(forms.Form):
    """A button that names the certificate its page was about: the state may have moved on since."""

    certificate = forms.CharField(widget=forms.HiddenInput)


class SureForm(StepForm):
    """Retiring one that is still in use."""

    sure = forms.BooleanField(label=_("End these tokens here all the same"))


def page(
    admin: OwnPages, request: HttpRequest, application: Application, provider: Provider, purpose: str, *, back: str
) -> HttpResponse:
    """Show how far the rotation is; a POST does the step that the page showed. The edge checked who may."""
    at = timezone.now()
    rotation = rotations.rotation_of(application, provider, purpose, at=at)
    posted = request.POST if request.method == "POST" else None
    if posted is not None and ("certificate" in posted) is (rotation.step == "stage"):
        messages.warning(request, gettext("Somebody else went on meanwhile: this is how far it is now."))
        return redirect(request.path)
    form = _form(rotation, provider, purpose, posted, may_refer=not is_restricted(request))
    if form.is_valid() and _done(admin, request, application, rotation, form, purpose=purpose, at=at):
        return redirect(request.path)
    # They are about what an application begins with; another secret is only exchanged.
    vendor = provider.vendor if purpose == provider.first_purpose else None
    context = {
        "title": gettext("Rotate %(application)s (%(purpose)s)")
        % {"application": application.name, "purpose": purpose},
        "object": application,
        "application": application,
        "rotation": rotation,
        "use": rotation.use,
        "names_people": request.user.has_perm("token_issuer.view_issuedtoken"),
        "progress": [_progress(moment, rotation.step, vendor) for moment in STEPS],
        "form": form,
        "at": at,
        "back": back,
        **(_button(admin, application, provider, purpose=purpose) if rotation.step == "stage" else {}),
    }
    return admin.page(request, "rotation.html", context)


def _button(admin: OwnPages, application: Application, provider: Provider, *, purpose: str) -> dict[str, Any]:
    url = reverse("admin:token_issuer_certificate_try", current_app=admin.admin_site.name)
    return trying.button(provider, f"{url}?application={application.pk}&purpose={purpose}", purpose=purpose)


def _form(rotation: Rotation, provider: Provider, purpose: str, posted: Any, *, may_refer: bool) -> forms.Form:  # noqa: ANN401  a QueryDict
    if rotation.step == "stage":
        return CertificateForm(provider, posted, purpose=purpose, may_refer=may_refer)
    about = rotation.staged if rotation.step == "activate" else rotation.retiring
    kind = SureForm if rotation.step == "wait" else StepForm
    return kind(posted, initial={"certificate": about.pk if about else ""})


def _progress(moment: RotationMoment, now: RotationMoment, vendor: VendorFacts | None) -> dict[str, Any]:
    order = [*STEPS]
    done = order.index(moment) < order.index(now)
    return {
        "label": STEPS[moment],
        "current": moment == now,
        "state": _state("done" if done else "current" if moment == now else "later"),
        "vendor_steps": [gettext(step) for step in vendor.steps_at(moment)] if vendor else [],
    }


def _state(word: str) -> SafeString:
    return state(word, {"done": _("done"), "current": _("now"), "later": _("later")}[word])


def _done(
    admin: OwnPages,
    request: HttpRequest,
    application: Application,
    rotation: Rotation,
    form: Any,  # noqa: ANN401  one of three
    *,
    purpose: str,
    at: datetime,
) -> bool:
    """Whether the step was done; what was wrong stands in the form."""
    if isinstance(form, CertificateForm):
        certificate = staging.staged(request, form, application, purpose=purpose)
        if certificate is not None:
            staging.told(admin, request, certificate)
        return certificate is not None
    about = rotation.staged if rotation.step == "activate" else rotation.retiring
    if about is None or str(about.pk) != form.cleaned_data["certificate"]:
        form.add_error(None, gettext("Somebody else went on meanwhile: look at it again."))
        return False
    act, told, logged = (
        (rotating.activate, gettext("%s is active now."), "Activated.")
        if rotation.step == "activate"
        else (rotating.retire, gettext("%s is retired: the rotation is complete."), "Retired.")
    )
    try:
        act(caller_of(request), about, at=at)
    except TokenIssuerError as error:
        form.add_error(None, error.message)
        return False
    admin.log_change(request, about, logged)
    messages.success(request, told % about.fingerprint)
    return True
