"""Fields for rows of other tables, as Django makes them: never a list of all the people there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib.admin.widgets import AdminSplitDateTime
from django.core.exceptions import ValidationError
from django.forms import ModelChoiceField
from django.utils.translation import gettext

from token_issuer.admin.pages import OwnPages

if TYPE_CHECKING:
    from django import forms
    from django.db.models import ForeignKey, Model, QuerySet
    from django.http import HttpRequest

    ModelChoices = ModelChoiceField[Model]
else:
    ModelChoices = ModelChoiceField


class PersonField(ModelChoices):
    """A choice that forgets what can be no key: the search field would look that up while it shows the error."""

    def prepare_value(self, value: Any) -> Any:  # noqa: ANN401  as Django's
        """Return what stands in the field."""
        prepared = super().prepare_value(value)
        return prepared if prepared in self.empty_values or self._is_key(prepared) else None

    @property
    def _model(self) -> type[Model]:
        return cast("QuerySet[Model]", self.queryset).model

    def _is_key(self, value: object) -> bool:
        if "\0" in str(value):
            return False  # no database has it in a text
        try:
            self._model._meta.pk.clean(value, None)
        except ValidationError:
            return False
        return True


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
        made = {name: self._borrowed(request, name) for name in names}
        return cast("dict[str, forms.Field]", made)

    def _borrowed(self, request: HttpRequest, name: str) -> forms.Field | None:
        column = self.model._meta.get_field(name)
        if name not in self.people:
            return _named(self.formfield_for_dbfield(column, request))
        return self.formfield_for_dbfield(cast("ForeignKey[Any, Any]", column), request, form_class=PersonField)


def _named(field: forms.Field | None) -> forms.Field | None:
    """Give Django's two boxes for an instant names of their own: their field's label belongs to neither."""
    if field is not None and isinstance(field.widget, AdminSplitDateTime):
        for box, name in zip(field.widget.widgets, (gettext("Date"), gettext("Time")), strict=True):
            box.attrs["aria-label"] = f"{field.label}: {name}"
    return field
