"""Rules: who may mint what. They are plain rows, so Django's own pages save them, in one transaction with the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from token_issuer.admin.callers import caller_of
from token_issuer.admin.choosing import application_choices, chosen_application
from token_issuer.admin.makers import MakerColumn
from token_issuer.admin.pages import OwnPages, require
from token_issuer.admin.rule_form import RuleForm
from token_issuer.admin.rule_sentences import told
from token_issuer.models import AuditKind, Rule
from token_issuer.services import auditing
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from uuid import UUID

    from django import forms
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

_PEOPLE = ("users", "groups")


@admin.register(Rule)
class RuleAdmin(MakerColumn, OwnPages):
    """One sentence of policy a row."""

    form = RuleForm
    list_display = ("sentence", "priority", "application", "maker_label")
    list_select_related = ("application", "created_by")
    search_fields = ("application__slug", "application__name", "resource_pattern")
    show_full_result_count = False
    raw_id_fields = ("users", "groups")
    change_form_template = "admin/token_issuer/rule_form.html"
    change_list_template = "admin/token_issuer/rule_list.html"
    readonly_fields = ("application", "created_at", "maker_label")
    fieldsets = (
        (None, {"fields": ("application", "privileges", "priority")}),
        (_("Who"), {"fields": ("everyone", "users", "groups")}),
        (_("Where, and as whom"), {"fields": ("resource_pattern", "wildcards", "subject_pattern", "allow_username")}),
        (_("How long and how often"), {"fields": ("maximum_lifetime", "limit", "window")}),
        (_("Made"), {"fields": ("created_at", "maker_label")}),
    )

    def all_rows(self, request: HttpRequest) -> QuerySet[Rule]:
        """Count the people, who may be thousands; fetch the groups, who are few."""
        people = Rule.users.through.objects.filter(rule_id=OuterRef("pk")).order_by()
        count = people.values("rule_id").annotate(people=Count("pk")).values_list("people")  # type: ignore[misc]  # made here
        rows: QuerySet[Rule] = super().all_rows(request)
        return rows.annotate(user_count=Coalesce(Subquery(count), 0)).prefetch_related("groups")

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Search for people where the site's admin can; elsewhere their ids are typed."""
        return [name for name in _PEOPLE if self._is_searchable(request, name)]

    def _is_searchable(self, request: HttpRequest, name: str) -> bool:
        known = self.admin_site._registry.get(Rule._meta.get_field(name).related_model)  # type: ignore[arg-type]  # a class
        return known is not None and bool(known.search_fields) and known.has_view_permission(request)

    # The list, in words

    @admin.display(description=_("rule"))
    def sentence(self, rule: Rule) -> SafeString:
        """All that it says, in words."""
        said = told(rule)
        notes = format_html_join("", ' <span class="quiet">{}</span>', ((note,) for note in said.notes))
        return said.sentence + notes

    def get_urls(self) -> list[URLPattern]:
        """Add the way to "Why, or why not?", which is asked of one application."""
        return [self.own_path("explain/", self.explain_view, "explain"), *super().get_urls()]

    def explain_view(self, request: HttpRequest) -> HttpResponse:
        """Lead to the application's page of that name; ask for the application where the address names none."""
        require(self.has_view_permission(request))
        application = chosen_application(request)
        if application is not None:
            return redirect(self._explain_url(application.pk))
        choices = application_choices(request)
        asked = {"title": gettext("Why, or why not?"), "question": gettext("For which application?")}
        return self.page(request, "choose.html", {**asked, "choices": choices})

    def _explain_url(self, application_id: UUID) -> str:
        name = "admin:token_issuer_application_explain"
        return reverse(name, args=[application_id], current_app=self.admin_site.name)

    # Changing

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the application first: its provider's privileges are the choices."""
        application = chosen_application(request)
        if application is None and self.has_add_permission(request):
            choices = application_choices(request)
            return self.page(request, "choose.html", {"title": gettext("For which application?"), "choices": choices})
        title = gettext("Add rule for %s") % application.name if application else ""
        return super().add_view(request, form_url, {**(extra_context or {}), "title": title})

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a rule's form below the sentence that it makes."""
        rule = self.get_object(request, object_id) if self.has_view_permission(request) else None
        more = {"told": told(rule), "explain_url": self._explain_url(rule.application_id)} if rule is not None else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **more})

    def get_fieldsets(self, request: HttpRequest, obj: Rule | None = None) -> Any:  # noqa: ANN401  as Django's
        """Leave out what a new rule does not have yet."""
        if obj is not None:
            return self.fieldsets
        first, *middle, _made = self.fieldsets
        return [(None, {"fields": first[1]["fields"][1:]}), *middle]

    def get_form(
        self,
        request: HttpRequest,
        obj: Rule | None = None,
        change: bool = False,
        **kwargs: Any,  # noqa: ANN401  as Django's
    ) -> type[forms.ModelForm[Rule]]:
        """Bind the form to the application that the rule is for."""
        form = super().get_form(request, obj, change=change, **kwargs)
        application = obj.application if obj else chosen_application(request)
        return type(form.__name__, (form,), {"application": application})

    def save_model(self, request: HttpRequest, obj: Rule, form: Any, change: bool) -> None:  # noqa: ANN401  as Django's
        """Remember who made it."""
        if not change:
            obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: ANN401  as Django's
        """Save people and groups, then write the event: in the transaction that Django has opened."""
        super().save_related(request, form, formsets, change)
        self._audit(request, form.instance, "changed" if change else "added")

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        """Write the event with the deletion."""
        self._audit(request, obj, "removed")
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        """Write an event for each, or for none: Django's own page for an action opens no transaction."""
        with transaction.atomic(using=write_alias()):
            for rule in queryset:
                self._audit(request, rule, "removed")
            super().delete_queryset(request, queryset)

    def get_deleted_objects(
        self,
        objs: Any,  # noqa: ANN401  as Django's
        request: HttpRequest,
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name the rules only: their used-up windows may be thousands of rows that say nothing."""
        shown = [str(rule) for rule in objs]
        lacking = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return shown, {str(self.opts.verbose_name_plural): len(shown)}, lacking, []

    @staticmethod
    def _audit(request: HttpRequest, rule: Rule, what: str) -> None:
        auditing.record(
            AuditKind.RULE_CHANGED,
            caller_of(request),
            at=timezone.now(),
            application=rule.application,
            detail={"rule": str(rule.pk), "what": what},
        )
