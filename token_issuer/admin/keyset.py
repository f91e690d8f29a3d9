"""Pages of a list that grows for ever, by the id where one ends: the last page is as quick as the first.

UUIDv7 ids are in the order of creation, so "older than this id" needs neither an offset nor a count, and rows that are
added meanwhile move nothing: no row is shown twice or left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from token_issuer.models.row_counts import counted_to, estimated_rows

if TYPE_CHECKING:
    from django.contrib.admin.filters import ListFilter
    from django.db.models import QuerySet
    from django.http import HttpRequest

BEFORE: Final = "before"  # pages of rows that are older than this id
AFTER: Final = "after"  # newer
MOST_COUNTED: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The addresses of the other pages; empty where there is none."""

    newest: str = ""
    newer: str = ""
    older: str = ""


class KeysetChangeList(ChangeList):
    """Newest first, a page from an id on. Counts are estimated or capped, and left out where they would be slow."""

    filter_specs: list[ListFilter]

    def get_queryset(self, request: HttpRequest, exclude_parameters: list[str | None] | None = None) -> QuerySet[Any]:
        """Return all rows that search and filters leave; the page's cursor is no filter."""
        for name in (BEFORE, AFTER):
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        # Django would filter by any column, and read the table through to the end.
        if self.get_filters_params().keys() - {getattr(known, "parameter_name", None) for known in self.list_filter}:
            raise IncorrectLookupParameters
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return rows

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """By id, whatever the address asks for: every other order would sort the whole table."""
        return ["-pk"]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        """No column is clicked to sort by it."""
        return {}

    def get_results(self, request: HttpRequest) -> None:
        """Read one page, and one row more to know whether another one follows."""
        self.result_list, self.links = self._page(request)
        self.how_many = self._how_many()
        # What Django's own templates ask for: a list of one page, whose rows are all that can be selected.
        self.result_count, self.full_result_count = len(self.result_list), None
        self.show_full_result_count, self.show_admin_actions = False, True
        self.can_show_all, self.multi_page, self.paginator = False, False, None

    def _page(self, request: HttpRequest) -> tuple[list[Any], Links]:
        before, after = self._cursor(request, BEFORE), self._cursor(request, AFTER)
        if before is None and after is not None:
            return self._upwards(after)
        rows = self.queryset if before is None else self.queryset.filter(pk__lt=before)
        found = [*rows[: self.list_per_page + 1]]
        more, found = len(found) > self.list_per_page, found[: self.list_per_page]
        newest = self.get_query_string() if before is not None else ""
        newer = self._link(AFTER, found[0]) if before is not None and found else ""
        return found, Links(newest=newest, newer=newer, older=self._link(BEFORE, found[-1]) if more else "")

    def _upwards(self, after: UUID) -> tuple[list[Any], Links]:
        found = [*self.queryset.filter(pk__gt=after).order_by("pk")[: self.list_per_page + 1]]
        more, found = len(found) > self.list_per_page, found[self.list_per_page - 1 :: -1] if found else []
        newest = self.get_query_string()
        if not found:
            return found, Links(newest=newest)
        newer = self._link(AFTER, found[0]) if more else ""
        return found, Links(newest=newest, newer=newer, older=self._link(BEFORE, found[-1]))

    def _cursor(self, request: HttpRequest, name: str) -> UUID | None:
        text = request.GET.get(name)
        if text is None:
            return None
        try:
            return UUID(text)
        except ValueError:
            messages.warning(request, _("There is no such page: this is the newest one."))
            return None

    def _link(self, name: str, row: Any) -> str:  # noqa: ANN401  this list's model
        return self.get_query_string({name: str(row.pk)})

    def _how_many(self) -> str:
        """Return the count in words; empty where counting would read what the page did not have to."""
        if any(getattr(spec, "is_slow_to_count", False) for spec in self.filter_specs):
            return ""
        known = counted_to(self.queryset, MOST_COUNTED + 1)
        # Of the whole table only; asked at any size, so that a page takes the same queries at every one.
        whole = not self.queryset.query.where
        estimate = estimated_rows(self.model, using=self.queryset.db) if whole else None
        name = str(self.opts.verbose_name if known == 1 else self.opts.verbose_name_plural)
        if known <= MOST_COUNTED:
            return f"{_grouped(known)} {name}"
        if estimate is None or estimate <= MOST_COUNTED:
            return _("more than %(count)s %(rows)s") % {"count": _grouped(MOST_COUNTED), "rows": name}
        return _("about %(count)s %(rows)s") % {"count": _grouped(_rounded(estimate)), "rows": name}


class FilteredRows(KeysetChangeList):
    """The rows that search and filters leave, without reading a page of them."""

    def get_results(self, request: HttpRequest) -> None:
        """Read nothing."""


def _rounded(estimate: int) -> int:
    """Two digits: the rest would be made up."""
    return int(round(estimate, 2 - len(str(estimate))))


def _grouped(number: int) -> str:
    return str(number_format(number, use_l10n=True, force_grouping=True))
