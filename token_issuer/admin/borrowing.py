"""Fields for rows of other tables, as Django makes them: never a list of all the people there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from token_issuer.admin.pages import OwnPages

if TYPE_CHECKING:
    from django import forms
    from django.http import HttpRequest


class BorrowingAdmin(OwnPages):
    """``people`` are columns that refer to users. Put them into ``raw_id_fields`` as well."""

    people: ClassVar[tuple[str, ...]]

    def get_autocomplete_fields(self, request: HttpRequest) -> list[str]:
        """Search for people where the site's admin can; elsewhere their ids are typed."""
        return [name for name in self.people if self._is_searchable(request, name)]

    def _is_searchable(self, request: HttpRequest, name: str) -> bool:
        known = self.admin_site._registry.get(self.model._meta.get_field(name).related_model)
        return known is not None and bool(known.search_fields) and known.has_view_permission(request)

    def borrowed(self, request: HttpRequest, *names: str) -> dict[str, forms.Field]:
        """Return the fields of these columns."""
        made = {name: self.formfield_for_dbfield(self.model._meta.get_field(name), request) for name in names}
        return cast("dict[str, forms.Field]", made)
