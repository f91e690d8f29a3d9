"""Vendor accounts: who a user is at the vendor, and what logs him in there. Numbers are allocated and never change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import searching
from token_issuer.admin.base import EvidenceAdmin
from token_issuer.admin.borrowing import BorrowingAdmin
from token_issuer.admin.callers import caller_of
from token_issuer.admin.choosing import application_choices, chosen_application
from token_issuer.admin.pages import Deed, require
from token_issuer.admin.secrecy import handles_secrets
from token_issuer.admin.vendor_account_forms import AddVendorAccountForm, VendorAccountForm, initial_of
from token_issuer.errors import FieldError, NoActiveCertificate, TokenIssuerError, Unavailable
from token_issuer.models import VendorAccount
from token_issuer.providers.called import Provisioner
from token_issuer.registry import providers
from token_issuer.services import naming, proving, provisioning

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from token_issuer.models import Application
    from token_issuer.services.callers import Caller


@admin.register(VendorAccount)
class VendorAccountAdmin(BorrowingAdmin, EvidenceAdmin):
    """One row a person and application."""

    list_display = ("__str__", "application", "user", "subject", "number", "proved_at", "pending_at", "created_at")
    list_select_related = ("application", "user")
    ordering = ("-id",)
    search_help_text = _("A user's name, or subject:application/text.")
    searches = {"user": searching.by_user, "subject": searching.within_application("subject")}
    raw_id_fields = people = ("user",)
    add_form_template = "admin/token_issuer/vendor_account_form.html"
    change_form_template = "admin/token_issuer/vendor_account_form.html"

    def guess(self, term: str) -> str:
        """A search is for a person."""
        return "user"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever may change names may give one."""
        return self.has_change_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """As the site grants it."""
        return bool(request.user.has_perm("token_issuer.change_vendoraccount"))

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons' pages to Django's own."""
        own = [
            self.own_path("<uuid:row_id>/provision/", self.provision_view, "provision"),
            self.own_path("<uuid:row_id>/forget/", self.forget_view, "forget"),
        ]
        return [*own, *super().get_urls()]

    # Adding

    @handles_secrets
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the application, then for the user and what he is there."""
        require(self.has_add_permission(request))
        application = chosen_application(request)
        if application is None:
            choices = application_choices(request)
            return self.page(request, "choose.html", {"title": gettext("For which application?"), "choices": choices})
        form = AddVendorAccountForm(
            providers().get(application.provider),
            request.POST if request.method == "POST" else None,
            user=self.borrowed(request, "user")["user"],
        )
        account = self._added(request, form, application) if form.is_valid() else None
        if account is None:
            return self.form_page(request, form, {"title": gettext("Add vendor account for %s") % application.name})
        self.log_addition(request, account, [{"added": {}}])
        messages.success(request, gettext("The vendor account %s was added.") % account)
        return redirect(self.url("change", account.pk))

    def _added(
        self, request: HttpRequest, form: AddVendorAccountForm, application: Application
    ) -> VendorAccount | None:
        user = form.cleaned_data["user"]
        if naming.account_of(application, user) is not None:
            form.add_error("user", gettext("This user has an account at this application already."))
            return None
        return self._saved(request, form, application, user)

    # Changing

    @handles_secrets
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an account; save its name, and what proves it."""
        account = self.get_object(request, object_id)
        if account is None:
            raise Http404
        require(self.has_view_or_change_permission(request, account))
        form = self._change_form(request, account)
        if request.method == "POST" and form.is_valid():
            saved = self._saved(request, form, account.application, account.user)
            if saved is not None:
                # The names of the fields, never what was entered.
                changed = [str(form.fields[name].label) for name in form.changed_data]
                self.log_change(request, account, [{"changed": {"fields": changed}}])
                messages.success(request, gettext("The vendor account %s was changed.") % saved)
                return redirect(request.path)
        return self.form_page(request, form, self._facts(request, account), obj=account)

    def _change_form(self, request: HttpRequest, account: VendorAccount) -> VendorAccountForm:
        provider = providers().get(account.application.provider)
        changes = provider is not None and account.user is not None and self.has_change_permission(request, account)
        if request.method == "POST":
            require(changes)
            return VendorAccountForm(provider, request.POST, initial=initial_of(account))
        form = VendorAccountForm(provider, initial=initial_of(account))
        if not changes:
            form.lock()
        return form

    @staticmethod
    def _saved(
        request: HttpRequest,
        form: VendorAccountForm,
        application: Application,
        user: Any,  # noqa: ANN401  the site's own user model
    ) -> VendorAccount | None:
        """Save by the service; None where it refused, which the form then shows."""
        caller, at, subject = caller_of(request), timezone.now(), form.cleaned_data["subject"]
        try:
            if form.entered:
                return proving.prove(caller, application, user, subject=subject, parts=form.entered, at=at)
            if isinstance(form, AddVendorAccountForm):
                subject = naming.chosen(application, user, subject)
            return naming.name(caller, application, user, subject=subject or None, at=at)
        except FieldError as error:
            form.add_refusal(error)
        except TokenIssuerError as error:
            form.add_error(None, error.message)
        except ImproperlyConfigured as error:
            form.add_error(None, str(error))
        return None

    def _facts(self, request: HttpRequest, account: VendorAccount) -> dict[str, Any]:
        return {
            "title": str(account),
            "subtitle": None,
            "object_id": str(account.pk),
            "account": account,
            "may_provision": _makes_users(account) and self.has_change_permission(request, account),
            "obstacle": _obstacle(account),
            "may_forget": _has_proof(account) and self.has_change_permission(request, account),
        }

    # Forgetting

    def forget_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Ask whether; a POST forgets what proves the account's user, who may be gone."""
        require(self.has_change_permission(request))
        account: VendorAccount = self.found(request, row_id)
        deed = Deed(
            title=gettext("Forget what proves %s at the vendor?") % account,
            sentences=[
                _("Its user gets no token here until there is another proof. His name stays his."),
                _("The password at the vendor stays: whoever has a copy of the proof can log in until it is changed."),
            ],
            button=_("Forget the proof"),
            act=lambda caller, reason, at: proving.forget_one(caller, account, reason=reason, at=at),
            done=_("The proof is forgotten."),
            logged="Proof forgotten.",
            asks_reason=True,
        )
        return self.confirmed(request, account, deed, back=self.url("change", account.pk))

    # Provisioning

    def provision_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Confirm, then have the vendor set a new password."""
        require(self.has_change_permission(request))
        account: VendorAccount = self.found(request, row_id)
        if not _makes_users(account):
            raise Http404
        back = self.url("change", account.pk)
        if obstacle := _obstacle(account):
            messages.error(request, obstacle)
            return redirect(back)
        deed = Deed(
            title=gettext("A new password for %s at the vendor?") % account,
            sentences=[
                _("A random password is made and set at the vendor. Nobody sees it; only what proves it is kept."),
                _("If the vendor has no user of this name, he is made."),
                _("If he is there, his password is replaced: whoever uses the old one is out."),
            ],
            button=_("Provision"),
            act=lambda caller, _reason, at: _provision(caller, account, at=at),
            done=_("The vendor has set the new password; its proof is kept."),
            logged="Provisioned.",
        )
        return self.confirmed(request, account, deed, back=back)


def _has_proof(account: VendorAccount) -> bool:
    return account.sealed_secret is not None or account.pending_secret is not None


def _makes_users(account: VendorAccount) -> bool:
    return isinstance(providers().get(account.application.provider), Provisioner)


def _obstacle(account: VendorAccount) -> str:
    """Return why the account cannot be provisioned; empty when it can."""
    if account.user is None:
        return gettext("It cannot be provisioned: its user is gone.")
    try:
        provisioning.certificate_of(account.application)
    except NoActiveCertificate:
        return gettext(
            "It cannot be provisioned: the application has no active certificate of the purpose call, to call the "
            "vendor with. Stage one and activate it."
        )
    return ""


def _provision(caller: Caller, account: VendorAccount, *, at: datetime) -> None:
    try:
        provisioning.provision(caller, account.application, account.user, at=at)
    except ImproperlyConfigured as error:
        raise Unavailable(str(error)) from error
