"""Applications: added on one page with certificate and rule, edited, switched off and on. Never deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.http import Http404
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin import rotation_wizard, temporary_tokens, trying
from token_issuer.admin.application_forms import KEPT, AddApplicationForm, EditApplicationForm
from token_issuer.admin.application_tools import ToolPages
from token_issuer.admin.callers import caller_of
from token_issuer.admin.choosing import Choice
from token_issuer.admin.deciders import deciders_of
from token_issuer.admin.ending_links import end_tokens_url
from token_issuer.admin.makers import MakerColumn, named
from token_issuer.admin.pages import Deed, require
from token_issuer.admin.secrecy import handles_secrets
from token_issuer.admin.service_forms import attempted
from token_issuer.admin.standings import of_certificate, on_or_off
from token_issuer.admin.tenancy import is_restricted
from token_issuer.errors import FieldError, TokenIssuerError
from token_issuer.models import ApiKey, Application, Certificate, Rule
from token_issuer.registry import providers
from token_issuer.services import editing, registering, switching, temporary

if TYPE_CHECKING:
    from django import forms
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from token_issuer.providers.base import Provider

MOST_CERTIFICATES = 20  # on an application's page, newest first; the certificates' own list has all


@admin.register(Application)
class ApplicationAdmin(MakerColumn, ToolPages):
    """Our registrations at vendors."""

    list_display = ("name", "slug", "provider_label", "environment", "public_id", "state_label", "maker_label")
    list_select_related = ("created_by",)
    search_fields = ("name", "slug", "public_id")
    show_full_result_count = False
    tenant_path = "pk"
    add_form_template = "admin/token_issuer/application_form.html"
    change_form_template = "admin/token_issuer/application_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Not for those who may see some applications only: nobody could say whose a new one is."""
        return super().has_add_permission(request) and not is_restricted(request)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """No: the audit refers to it. It is switched off instead."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add the buttons' pages to Django's own."""
        return [
            self.own_path("<uuid:row_id>/disable/", self.disable_view, "disable"),
            self.own_path("<uuid:row_id>/enable/", self.enable_view, "enable"),
            self.own_path("add/try/", self.try_view, "try"),
            self.own_path("<uuid:row_id>/rotate/<slug:purpose>/", self.rotate_view, "rotate"),
            self.own_path("<uuid:row_id>/temporary/", self.temporary_view, "temporary"),
            *super().get_urls(),
        ]

    @admin.display(description=_("provider"), ordering="provider")
    def provider_label(self, application: Application) -> str:
        """The provider's own name, or that it is missing."""
        known = providers().get(application.provider)
        return gettext(known.label) if known else gettext("%s (not installed)") % application.provider

    @admin.display(description=_("state"))
    def state_label(self, application: Application) -> str:
        """Whether it may be asked for tokens."""
        return on_or_off(application.is_disabled)

    # Adding

    @handles_secrets
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the provider, then for everything else on one page."""
        require(self.has_add_permission(request))
        provider = providers().get(request.GET.get("provider", ""))
        if provider is None:
            return self._provider_page(request)
        posted = request.POST if request.method == "POST" else None
        if posted is not None and "other_provider" in posted:
            return self._switched(request, provider)
        form = AddApplicationForm(provider, posted, groups=self._groups_field(request))
        application = self._registered(request, form) if form.is_valid() else None
        if application is None:
            return self._add_page(request, form, provider)
        self.log_addition(request, application, [{"added": {}}])
        messages.success(request, gettext("%s is ready: its first certificate is active.") % application.name)
        return redirect(self.url("change", application.pk))

    def _add_page(self, request: HttpRequest, form: AddApplicationForm, provider: Provider) -> HttpResponse:
        title = gettext("Add %(provider)s application") % {"provider": gettext(provider.label)}
        named = {"title": title, "provider": provider, "form_url": f"?provider={provider.name}"}
        others = [(name, gettext(known.label)) for name, known in providers().items() if name != provider.name]
        url, purpose = f"{self.url('try')}?provider={provider.name}", provider.first_purpose or "sign"
        button = trying.button(provider, url, purpose=purpose)
        return self.form_page(request, form, {**named, "other_providers": others, **button})

    def _switched(self, request: HttpRequest, provider: Provider) -> HttpResponse:
        """Show the form of the provider that was chosen, with what was filled in and is not this one's own."""
        provider = providers().get(request.POST.get("provider", ""), provider)
        kept = {name: request.POST.get(name, "") for name in KEPT}
        form = AddApplicationForm(
            provider, initial={name: text for name, text in kept.items() if text}, groups=self._groups_field(request)
        )
        return self._add_page(request, form, provider)

    @handles_secrets
    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Try the secret in a form that nobody has saved."""
        require(self.has_add_permission(request))
        provider = providers().get(request.GET.get("provider", ""))
        if provider is None or request.method != "POST":
            return redirect(f"{self.url('add')}?{request.GET.urlencode()}")
        form = AddApplicationForm(provider, request.POST, groups=self._groups_field(request))
        form.full_clean()
        application, purpose = trying.unsaved(provider, form), provider.first_purpose or "sign"
        return trying.page(self, request, form, application, purpose=purpose)

    def _provider_page(self, request: HttpRequest) -> HttpResponse:
        choices = [
            Choice(url=f"?provider={name}", label=gettext(known.label), text=known.vendor.console_url)
            for name, known in providers().items()
        ]
        return self.page(request, "choose.html", {"title": gettext("Which provider?"), "choices": choices})

    def _groups_field(self, request: HttpRequest) -> forms.Field:
        """The field that a rule's own page has: never a list of all groups there are."""
        rules = self.admin_site.get_model_admin(Rule)
        field = cast("forms.Field", rules.formfield_for_dbfield(Rule._meta.get_field("groups"), request))
        field.required = False
        return field

    @staticmethod
    def _registered(request: HttpRequest, form: AddApplicationForm) -> Application | None:
        return attempted(form, lambda: registering.register(caller_of(request), form.draft(), at=timezone.now()))

    # Editing

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an application with its certificates; save what may change."""
        application = self.get_object(request, object_id)
        if application is None:
            raise Http404
        require(self.has_view_or_change_permission(request, application))
        provider = providers().get(application.provider)
        if provider is None:
            messages.error(request, gettext("The provider of this application is not installed."))
            return redirect(self.url("changelist"))
        form = self._edit_form(request, application, provider)
        if request.method == "POST" and form.is_valid() and self._configured(request, form, application):
            changed = [str(form.fields[name].label) for name in form.changed_data]
            self.log_change(request, application, [{"changed": {"fields": changed}}])
            messages.success(request, gettext("%s was changed.") % application.name)
            return redirect(request.path)
        return self.form_page(request, form, self._facts(request, application, provider), obj=application)

    def _edit_form(self, request: HttpRequest, application: Application, provider: Provider) -> EditApplicationForm:
        may_change = self.has_change_permission(request, application)
        posted = request.POST if request.method == "POST" else None
        require(may_change or posted is None)
        form = EditApplicationForm(provider, application, posted)
        if is_restricted(request) or not self._certificates().has_rotate_permission(request):
            form.lock_addresses()
        if not may_change:
            form.lock()
        return form

    @staticmethod
    def _configured(request: HttpRequest, form: EditApplicationForm, application: Application) -> bool:
        try:
            editing.configure(caller_of(request), application, form.configuration(), at=timezone.now())
        except FieldError as error:
            form.add_refusal(error)
        except TokenIssuerError as error:
            form.add_error(None, error.message)
        return not form.errors

    def _facts(self, request: HttpRequest, application: Application, provider: Provider) -> dict[str, Any]:
        certificates = self.admin_site.get_model_admin(Certificate)
        rules = self.admin_site.get_model_admin(Rule)
        keys = self.admin_site.get_model_admin(ApiKey)
        rules_url = reverse("admin:token_issuer_rule_changelist", current_app=self.admin_site.name)
        keys_url = reverse("admin:token_issuer_apikey_changelist", current_app=self.admin_site.name)
        may_see_certificates = certificates.has_view_permission(request)
        return {
            "title": application.name,
            "subtitle": None,
            "object_id": str(application.pk),
            "application": application,
            "provider": provider,
            "public_id_label": gettext(provider.public_id_field.label),
            "state": on_or_off(application.is_disabled),
            "maker": named(application.created_by),
            "certificates": _with_state(application.certificates.all()) if may_see_certificates else None,
            "end_tokens_url": end_tokens_url(self.admin_site, request, application=application.slug),
            "may_try": temporary_tokens.is_offered(request, provider),
            "may_stage": certificates.has_add_permission(request),
            "purposes": [*provider.secret_fields],
            "may_explain": self.may_explain(request),
            "may_diagnose": self.may_diagnose(request),
            "deciders": deciders_of(request, self.admin_site, application)
            if rules.has_view_permission(request)
            else None,
            "rules_url": f"{rules_url}?application__id__exact={application.pk}"
            if rules.has_view_permission(request)
            else "",
            "keys_url": f"{keys_url}?application__id__exact={application.pk}"
            if keys.has_view_permission(request)
            else "",
        }

    # Rotating

    @handles_secrets
    def rotate_view(self, request: HttpRequest, row_id: UUID, purpose: str) -> HttpResponse:
        """Go through a planned rotation."""
        require(self._certificates().has_rotate_permission(request))
        application = self.found(request, row_id)
        provider = providers().get(application.provider)
        if provider is None or purpose not in provider.secret_fields:
            raise Http404
        sees = self.has_view_permission(request, application)
        back = self.url("change", application.pk) if sees else self._certificates().url("changelist")
        return rotation_wizard.page(self, request, application, provider, purpose, back=back)

    def _certificates(self) -> Any:  # noqa: ANN401  their admin
        return self.admin_site.get_model_admin(Certificate)

    # Trying

    @handles_secrets
    def temporary_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Make a temporary token and show it once."""
        application = self.found(request, row_id)
        require(self.has_view_permission(request, application) and temporary.may_make(caller_of(request)))
        return temporary_tokens.page(self, request, application)

    # Switching

    def disable_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Confirm, then switch off."""
        application = self.found(request, row_id)
        require(self.has_change_permission(request, application))
        deed = Deed(
            title=gettext("Switch off %s?") % application.name,
            sentences=[
                _("Nobody gets a token from it any more, and this site verifies none of its tokens."),
                _("The vendor goes on honouring tokens that are out. To end those, revoke them or the certificate."),
            ],
            button=_("Switch off"),
            act=lambda caller, _reason, at: switching.disable(caller, application, at=at),
            done=_("The application is off."),
            logged="Switched off.",
        )
        return self.confirmed(request, application, deed, back=self.url("change", application.pk))

    def enable_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Confirm, then switch on."""
        application = self.found(request, row_id)
        require(self.has_change_permission(request, application))
        deed = Deed(
            title=gettext("Switch on %s?") % application.name,
            sentences=[_("Rules and site policies decide again, and tokens that have not run out are good again.")],
            button=_("Switch on"),
            act=lambda caller, _reason, at: switching.enable(caller, application, at=at),
            done=_("The application is on."),
            logged="Switched on.",
        )
        return self.confirmed(request, application, deed, back=self.url("change", application.pk))


def _with_state(certificates: QuerySet[Certificate]) -> list[tuple[Certificate, str]]:
    at = timezone.now()
    return [(certificate, of_certificate(certificate, at=at)) for certificate in certificates[:MOST_CERTIFICATES]]
