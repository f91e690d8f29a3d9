"""Certificates: recognised by fingerprint, never shown; staged, activated, retired and revoked, each confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import replacing, searching, staging, trying
from token_issuer.admin.base import ReadOnlyAdmin, SearchedAdmin
from token_issuer.admin.choosing import certificate_choices, chosen_application
from token_issuer.admin.ending_links import end_tokens_url
from token_issuer.admin.makers import MakerColumn
from token_issuer.admin.pages import Deed, OwnPages, require
from token_issuer.admin.secrecy import handles_secrets
from token_issuer.admin.service_forms import CertificateForm
from token_issuer.admin.standings import of_certificate
from token_issuer.admin.tenancy import is_restricted
from token_issuer.models import Application, Certificate
from token_issuer.registry import providers
from token_issuer.services import rotating
from token_issuer.services.selecting import Selection

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from token_issuer.providers.base import Provider, VendorFacts


@admin.register(Certificate)
class CertificateAdmin(MakerColumn, OwnPages, SearchedAdmin, ReadOnlyAdmin):
    """What signs for our applications."""

    list_display = ("fingerprint", "application", "purpose", "state_label", "created_at", "activated_at", "maker_label")
    rotator_columns = ("actions_label",)  # beside those, for who may rotate
    list_select_related = ("application", "created_by")
    search_help_text = _("Fingerprint, or an application's slug.")
    searches = {"fingerprint": searching.by_text("fingerprint"), "application": searching.of_application}
    show_full_result_count = False
    change_form_template = "admin/token_issuer/certificate_form.html"
    fields = (
        "fingerprint",
        "application",
        "purpose",
        "algorithm",
        "state_label",
        "reference",
        "created_at",
        "maker_label",
        "activated_at",
        "retiring_at",
        "retired_at",
        "revoked_at",
        "reason",
    )
    readonly_fields = fields

    def guess(self, term: str) -> str:
        """What is no fingerprint is an application."""
        return "fingerprint" if searching.kind_of(term) == "fingerprint" else "application"

    def has_rotate_permission(self, request: HttpRequest) -> bool:
        """Whether this person may stage, activate, retire and revoke."""
        return bool(request.user.has_perm("token_issuer.rotate_certificate"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Adding one is staging it."""
        return self.has_rotate_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons' pages to Django's own."""
        return [
            self.own_path("add/try/", self.try_view, "try"),
            self.own_path("<uuid:row_id>/replace/try/", self.try_replacement_view, "try_replacement"),
            self.own_path("<uuid:row_id>/replace/", self.replace_view, "replace"),
            self.own_path("<uuid:row_id>/activate/", self.activate_view, "activate"),
            self.own_path("<uuid:row_id>/retire/", self.retire_view, "retire"),
            self.own_path("<uuid:row_id>/revoke/", self.revoke_view, "revoke"),
            *super().get_urls(),
        ]

    @admin.display(description=_("state"))
    def state_label(self, certificate: Certificate) -> str:
        """Where it is in its life."""
        return of_certificate(certificate, at=timezone.now())

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Show what can be done to whom may do it."""
        return (*self.list_display, *(self.rotator_columns if self.has_rotate_permission(request) else ()))

    @admin.display(description=_("actions"))
    def actions_label(self, certificate: Certificate) -> str:
        """The way out of a leak, where it signs."""
        if not certificate.state.may_sign:
            return ""
        return format_html('<a href="{}">{}</a>', self.url("replace", certificate.pk), _("Replace now, it leaked"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one, with the buttons that its state allows."""
        more = {
            "may_rotate": self.has_rotate_permission(request),
            "end_tokens_url": end_tokens_url(self.admin_site, request, certificate=object_id),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    @handles_secrets
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the application, then for the secret."""
        require(self.has_add_permission(request))
        chosen = self._chosen(request)
        if chosen is None:
            choices = certificate_choices(request)
            return self.page(request, "choose.html", {"title": gettext("For which application?"), "choices": choices})
        application, provider, purpose = chosen
        posted = request.POST if request.method == "POST" else None
        form = CertificateForm(provider, posted, purpose=purpose, may_refer=not is_restricted(request))
        certificate = staging.staged(request, form, application, purpose=purpose) if form.is_valid() else None
        if certificate is None:
            title = gettext("Stage a certificate for %s") % application.name
            # They are about what tokens are made with; another secret is only exchanged.
            steps = _translated(provider.vendor, "rotation_steps") if purpose == provider.minting_purpose else []
            button = trying.button(provider, f"{self.url('try')}?{request.GET.urlencode()}", purpose=purpose)
            context = {"title": title, "steps": steps, **button}
            return self.form_page(request, form, context)
        staging.told(self, request, certificate)
        return redirect(self._home(request, certificate))

    @staticmethod
    def _chosen(request: HttpRequest) -> tuple[Application, Provider, str] | None:
        application = chosen_application(request)
        provider = providers().get(application.provider) if application else None
        if application is None or provider is None:
            return None
        purpose = request.GET.get("purpose") or provider.first_purpose
        if purpose is None or purpose not in provider.secret_fields:
            raise Http404
        return application, provider, purpose

    @handles_secrets
    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Try the secret in a form that nobody has saved."""
        require(self.has_add_permission(request))
        chosen = self._chosen(request)
        if chosen is None or request.method != "POST":
            return redirect(f"{self.url('add')}?{request.GET.urlencode()}")
        application, provider, purpose = chosen
        form = CertificateForm(provider, request.POST, purpose=purpose, may_refer=not is_restricted(request))
        form.full_clean()
        return trying.page(self, request, form, application, purpose=purpose)

    @handles_secrets
    def try_replacement_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Try the secret that is to replace a leaked one."""
        certificate = self._rotatable(request, row_id)
        provider = providers().get(certificate.application.provider)
        if provider is None or request.method != "POST":
            return redirect(self.url("replace", certificate.pk))
        purpose, may_refer = certificate.purpose, not is_restricted(request)
        form = CertificateForm(provider, request.POST, purpose=purpose, may_refer=may_refer)
        form.full_clean()
        return trying.page(self, request, form, certificate.application, purpose=purpose)

    @handles_secrets
    def replace_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Take the secret that replaces a leaked one; afterwards say what is left to do at the vendor."""
        certificate = self._rotatable(request, row_id)
        return replacing.page(self, request, certificate, back=self._home(request, certificate))

    def activate_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Confirm, then let it sign."""
        certificate = self._rotatable(request, row_id)
        deed = Deed(
            title=gettext("Activate %s?") % certificate.fingerprint,
            sentences=[
                _("New tokens are made with it from now on."),
                _("The one that signs now is retiring: its tokens stay good until you retire it."),
            ],
            steps=self._steps(certificate, "rotation_steps"),
            button=_("Activate"),
            act=lambda caller, _reason, at: rotating.activate(caller, certificate, at=at),
            done=_("The certificate signs."),
            logged="Activated.",
        )
        return self.confirmed(request, certificate, deed, back=self._home(request, certificate))

    def retire_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Confirm, then stop honouring it."""
        certificate = self._rotatable(request, row_id)
        deed = Deed(
            title=gettext("Retire %s?") % certificate.fingerprint,
            sentences=[
                _("This site refuses tokens made with it from now on; wait until the longest lifetime has passed."),
            ],
            steps=self._steps(certificate, "rotation_steps"),
            button=_("Retire"),
            act=lambda caller, _reason, at: rotating.retire(caller, certificate, at=at),
            done=_("The certificate is retired."),
            logged="Retired.",
        )
        return self.confirmed(request, certificate, deed, back=self._home(request, certificate))

    def revoke_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Confirm with a reason, then end it and every token made with it."""
        certificate = self._rotatable(request, row_id)
        deed = Deed(
            title=gettext("Revoke %s?") % certificate.fingerprint,
            sentences=[
                _("It and every token made with it end here at once. This cannot be undone."),
                _("If it is the active one, nothing is minted until another is staged and activated."),
                _("Whoever has the secret can still mint at the vendor until you follow the vendor's steps:"),
            ],
            steps=self._steps(certificate, "leak_steps"),
            button=_("Revoke"),
            act=lambda caller, reason, at: rotating.revoke(caller, certificate, reason=reason, at=at),
            done=_("The certificate and its tokens are revoked."),
            logged="Revoked.",
            asks_reason=True,
            ends=Selection(certificate=certificate),
        )
        return self.confirmed(request, certificate, deed, back=self._home(request, certificate))

    def _rotatable(self, request: HttpRequest, row_id: UUID) -> Certificate:
        require(self.has_rotate_permission(request))
        certificate: Certificate = self.found(request, row_id)
        return certificate

    def _home(self, request: HttpRequest, certificate: Certificate) -> str:
        """The application's page, where its certificates stand side by side; for who may not see it, the list."""
        if not self.admin_site.get_model_admin(Application).has_view_permission(request):
            return self.url("changelist")
        name = "admin:token_issuer_application_change"
        return reverse(name, args=[certificate.application_id], current_app=self.admin_site.name)

    @staticmethod
    def _steps(certificate: Certificate, which: str) -> list[str]:
        provider = providers().get(certificate.application.provider)
        return _translated(provider.vendor, which) if provider else []


def _translated(vendor: VendorFacts, which: str) -> list[str]:
    return [gettext(step) for step in getattr(vendor, which)]
