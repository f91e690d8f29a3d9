"""The way from what leaked to what ended it: one box, one page for any selection, one for a person's whole access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_issuer.admin import ending_access, finding, revoking_where
from token_issuer.admin.ending_links import may_end_access
from token_issuer.admin.pages import OwnPages, require
from token_issuer.admin.secrecy import handles_secrets

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


class LeakPath(OwnPages):
    """Pages of the issued tokens' admin."""

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whether this person may end tokens; seeing them is another permission."""
        return bool(request.user.has_perm("token_issuer.revoke_issuedtoken"))

    def get_urls(self) -> list[URLPattern]:
        """Add them to the others."""
        return [
            self.own_path("find/", self.find_view, "find"),
            self.own_path("revoke-where/", self.revoke_where_view, "revoke_where"),
            self.own_path("person/<str:key>/end/", self.person_end_view, "person_end"),
            *super().get_urls(),
        ]

    @handles_secrets
    def find_view(self, request: HttpRequest) -> HttpResponse:
        """Lead from whatever is known to its page. A token that was pasted goes nowhere else."""
        require(self.has_view_permission(request))
        return finding.page(self, request)

    def revoke_where_view(self, request: HttpRequest) -> HttpResponse:
        """Show what ending a selection of tokens would do; a POST does it."""
        require(self.has_view_permission(request) and self.has_revoke_permission(request))
        return revoking_where.page(self, request)

    def person_end_view(self, request: HttpRequest, key: str) -> HttpResponse:
        """Show all that a person has; a POST ends it."""
        require(may_end_access(self, request))
        return ending_access.page(self, request, key)
