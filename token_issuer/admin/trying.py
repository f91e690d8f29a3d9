"""The button that tries a secret before anything is saved. Its answer never holds what was posted, nor the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import option_fields, secret_fields
from token_issuer.admin.callers import caller_of
from token_issuer.admin.log_entries import log_without_values
from token_issuer.admin.service_forms import attempted
from token_issuer.models import Application
from token_issuer.providers.called import CalledProvider
from token_issuer.services import trying
from token_issuer.services.rotating import Material

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages
    from token_issuer.admin.service_forms import CertificateForm
    from token_issuer.providers.base import Provider
    from token_issuer.services.trying import Tried

_OUTCOMES: Final = {
    "minted": _("It works: a token for nobody was made with it, read and verified. It was thrown away."),
    "asked": _("It works: the vendor gave a token for nobody. It was thrown away."),
    "fits": _("Its form is right. Only the vendor can say whether it is good, and was not asked."),
    "made_here": _("There is nothing to test: the key is made here when you save."),
}
_PREFIXES: Final = (secret_fields.PREFIX, option_fields.PREFIX)
_NAMES: Final = ("public_id", secret_fields.REFERENCE, secret_fields.ALGORITHM)


def button(provider: Provider, url: str, *, purpose: str) -> dict[str, Any]:
    """Return what ``includes/try_button.html`` needs; nothing where there is no secret."""
    if not provider.secret_fields.get(purpose):
        return {}
    asks = isinstance(provider, CalledProvider) and purpose == provider.minting_purpose
    return {"try_url": url, "try_asks": asks, "try_mints": purpose == provider.minting_purpose}


def unsaved(provider: Provider, form: Any) -> Application:  # noqa: ANN401  the form of an application to be
    """Return the application as it would be, as far as its form is filled in."""
    cleaned = form.cleaned_data
    slug = cleaned.get("slug") or trying.KEY_ID
    public_id = cleaned.get("public_id") or (slug if provider.verified_here else "")
    return Application(provider=provider.name, slug=slug, public_id=public_id, options=form.options)


def page(
    admin: OwnPages, request: HttpRequest, form: CertificateForm, application: Application, *, purpose: str
) -> HttpResponse:
    """Answer what came of it; nothing is saved. The edge checked who may, and has bound and validated the form."""
    material = Material(purpose=purpose, secret=form.secret, reference=form.reference, algorithm=form.algorithm)
    tried = None
    if not any(_errors(form)):
        tried = attempted(form, lambda: _tried(admin, request, application, material))
    context: dict[str, Any] = {"title": gettext("Test of a secret"), "tried": tried, "wrong": [*_errors(form)]}
    if tried is not None:
        context |= {"told": _OUTCOMES[tried.outcome], "facts": [*_facts(tried)]}
        context["details"] = tried.seen.details if tried.seen is not None else ()
    return admin.page(request, "tried.html", context)


def _tried(admin: OwnPages, request: HttpRequest, application: Application, material: Material) -> Tried:
    ask = "ask" in request.POST
    if ask:  # at the vendor something is made, also where nothing comes back
        row = None if application._state.adding else application
        log_without_values(admin, request, row, "Asked the vendor, to test a secret.")
    return trying.try_secret(caller_of(request), application, material, at=timezone.now(), ask=ask)


def _errors(form: CertificateForm) -> Iterator[tuple[str, str, list[str]]]:
    """Yield what is wrong with what is tried, by label and id; what else the form lacks does not matter yet."""
    for name, texts in form.errors.items():
        if name == "__all__":
            yield "", "", [str(text) for text in texts]
        elif name in _NAMES or name.startswith(_PREFIXES):
            yield str(form.fields[name].label or name), form[name].id_for_label, [str(text) for text in texts]


def _facts(tried: Tried) -> Iterator[tuple[str, object]]:
    if tried.outcome not in {"minted", "asked"}:
        return
    yield gettext("Format"), tried.format
    if tried.seen is not None:
        yield gettext("Public id"), tried.seen.public_id or ""
        yield gettext("Subject"), tried.seen.subject or ""
        yield gettext("Resource"), tried.seen.resource or ""
        yield gettext("Privileges"), ", ".join(sorted(tried.seen.privileges))
    yield gettext("Expires at"), tried.expires_at
