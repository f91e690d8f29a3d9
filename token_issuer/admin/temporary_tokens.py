"""The page under an application that makes a temporary token: a form from the grant's fields, and the token, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature, TimestampSigner
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.callers import caller_of
from token_issuer.admin.grant_forms import GrantForm
from token_issuer.conf import conf
from token_issuer.errors import Conflict, FieldError, TokenIssuerError
from token_issuer.ids import uuid7
from token_issuer.models import IssuedToken
from token_issuer.registry import providers
from token_issuer.services import temporary
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from token_issuer.admin.pages import OwnPages
    from token_issuer.models import Application
    from token_issuer.providers.base import Provider
    from token_issuer.services.issuing import Issuance


_SALT: Final = "token_issuer.admin.temporary_tokens"
_OPEN: Final = 86_400  # seconds that a form may lie open: the order of ids is that of rows


class TemporaryForm(GrantForm):
    """What the token shall open, and for how long; who it speaks for is whoever sends the form."""

    slot_help = _("Another device of yours: 0 is your usual self at the vendor.")

    # The id of the token's row, signed: a form that is sent twice makes one token, and no browser chooses its id.
    sending = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, provider: Provider, application: Application, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  as Django's
        super().__init__(
            provider,
            application,
            *args,
            specs=temporary.specs_of(provider),
            limits=temporary.limits_of(application, provider),
            initial={"sending": _signer().sign(str(uuid7()))},
            **kwargs,
        )

    def clean_sending(self) -> UUID | None:
        """Return the id; a form that is not ours, or was left open for too long, is an error of the whole form."""
        try:
            return UUID(_signer().unsign(self.cleaned_data["sending"], max_age=_OPEN))
        except BadSignature:
            self.add_error(None, gettext("This form is no longer good. Open the page again."))
            return None


def _signer() -> TimestampSigner:
    return TimestampSigner(salt=_SALT)


def is_offered(request: HttpRequest, provider: Provider) -> bool:
    """Whether an application of this provider shows the button to this person."""
    return conf.temporary_tokens and not temporary.objection(provider) and temporary.may_make(caller_of(request))


def page(admin: OwnPages, request: HttpRequest, application: Application) -> HttpResponse:
    """Ask what the token shall open; make it and show it in the answer to the POST. The edge checked who may."""
    provider = providers().get(application.provider)
    back = admin.url("change", application.pk)
    if against := _objection(provider):
        messages.error(request, against)
        return redirect(back)
    assert provider is not None  # noqa: S101  an objection above
    form = TemporaryForm(provider, application, request.POST if request.method == "POST" else None)
    made = _made(request, form, application) if form.is_valid() else None
    if made is None:
        title = gettext("Temporary token for %s") % application.name
        context = {"title": title, "object": application, "form": form, "back": back, "provider": provider}
        return admin.page(request, "temporary_form.html", context)
    row = IssuedToken.objects.using(write_alias()).get(pk=made.token_id)
    admin.log_addition(request, row, "Temporary token made.")
    context = {"title": gettext("Temporary token"), "object": application, "made": made, "token": row, "back": back}
    return admin.page(request, "temporary_token.html", context)


def _objection(provider: Provider | None) -> str:
    if provider is None:
        return gettext("The provider of this application is not installed.")
    return temporary.objection(provider) if conf.temporary_tokens else temporary.SWITCHED_OFF


def _made(request: HttpRequest, form: TemporaryForm, application: Application) -> Issuance | None:
    token_id: UUID = form.cleaned_data["sending"]
    try:
        return temporary.make(
            caller_of(request), application.slug, body=form.body(), at=timezone.now(), token_id=token_id
        )
    except Conflict:
        form.add_error(
            None, gettext("This form was sent before. A token is shown once; open the page again for another.")
        )
    except FieldError as error:
        form.add_refusal(error)
    except (TokenIssuerError, ImproperlyConfigured) as error:
        form.add_error(None, str(error))
    return None
