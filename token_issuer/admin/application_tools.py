"""What can be asked about applications beside their forms: why somebody gets a token, and whether all of it works."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from token_issuer.admin import diagnosing, explaining
from token_issuer.admin.pages import OwnPages, require
from token_issuer.admin.secrecy import handles_secrets
from token_issuer.models import Rule

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


class ToolPages(OwnPages):
    """The pages of ``ApplicationAdmin`` that only tell."""

    def get_urls(self) -> list[URLPattern]:
        """Add these pages to the others."""
        return [
            self.own_path("doctor/", self.doctor_view, "doctor"),
            self.own_path("<uuid:row_id>/explain/", self.explain_view, "explain"),
            *super().get_urls(),
        ]

    @handles_secrets
    def explain_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Tell why somebody would get a token, or would not, for those who may see rules."""
        require(self.may_explain(request))
        return explaining.page(self, request, self.found(request, row_id))

    def doctor_view(self, request: HttpRequest) -> HttpResponse:
        """Tell whether the live configuration works; a POST tries it with tokens for nobody."""
        require(self.may_diagnose(request))
        return diagnosing.page(self, request)

    def may_diagnose(self, request: HttpRequest) -> bool:
        """Whether this person may run the doctor."""
        return bool(request.user.has_perm("token_issuer.diagnose_application"))

    def may_explain(self, request: HttpRequest) -> bool:
        """Whether this person may see what decides."""
        return self.admin_site.get_model_admin(Rule).has_view_permission(request)
