"""What every list of ours shares: evidence is read-only, lists are bounded, and only indexes are searched."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.paginator import Paginator
from django.forms.widgets import Script
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from token_issuer.admin import tenancy
from token_issuer.admin.keyset import FilteredRows, KeysetChangeList
from token_issuer.admin.searching import could_be_a_token, matching
from token_issuer.models.row_counts import counted_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    AnyModelAdmin = admin.ModelAdmin[Any]
    AnyPaginator = Paginator[Any]
else:
    AnyModelAdmin, AnyPaginator = admin.ModelAdmin, Paginator

LINKED = "application__id__exact"  # the lists of rules and of API keys, from an application's page
LONGEST_LIST = 2000  # rows of a list with page numbers; a COUNT of millions would take seconds on every click


class CappedPaginator(AnyPaginator):
    """Counts no further than ``LONGEST_LIST``."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, at most ``LONGEST_LIST``."""
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # a change list pages through nothing else
        return counted_to(rows, LONGEST_LIST)

    @property
    def is_capped(self) -> bool:
        """Whether there are probably more rows than are listed."""
        return self.count == LONGEST_LIST


class _EveryAlias(frozenset[str]):
    """Contains every database, also one that the site adds later."""

    def __contains__(self, alias: object) -> bool:
        return True


def outside_transactions(pattern: URLPattern) -> URLPattern:
    """Keep ATOMIC_REQUESTS of every database off a page: services commit before they answer."""
    pattern.callback._non_atomic_requests = _EveryAlias()  # type: ignore[attr-defined]  # Django's decorator sets it too
    return pattern


class StyledAdmin(AnyModelAdmin):
    """Outside ATOMIC_REQUESTS, and with our few rules of style from a file: a strict CSP allows no others.

    Django's own pages that save open a transaction of their own.
    """

    tenant_path: ClassVar[str] = "application_id"  # the column that says whose a row is
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # a COUNT for every choice of every filter

    class Media:
        css = {"all": ("token_issuer/admin.css",)}
        js = (Script("token_issuer/names.js", type="module"),)

    def all_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows as this admin reads them, whoever asks; what a subclass overrides."""
        return super().get_queryset(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the applications that this person may see: lists, pages and actions have no others."""
        return tenancy.limited(request, self.all_rows(request), self.tenant_path)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Take no column from an address but the one that our links name, and what filters read.

        Django would take every column of the row: what no page shows could be guessed piece by piece.

        Raises:
            IncorrectLookupParameters: the address has something else in it.
        """
        if not self.list_filter and lookup != LINKED:
            raise IncorrectLookupParameters
        return super().lookup_allowed(lookup, value, request)

    def get_urls(self) -> list[URLPattern]:
        """Return Django's own pages."""
        return [outside_transactions(pattern) for pattern in super().get_urls()]


class ReadOnlyAdmin(StyledAdmin):
    """Rows that nobody adds, changes or deletes here, whatever permissions he has."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """No."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """No."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """No."""
        return False


class SearchedAdmin(StyledAdmin):
    """A list whose search box finds what one indexed column names."""

    search_fields = ("pk",)  # shows the box; ``searches`` says what it does
    searches: Mapping[str, Callable[[Any, str], Any]]

    def guess(self, term: str) -> str:
        """Return the key in ``searches`` for a term without one."""
        raise NotImplementedError

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that one indexed column names."""
        term = search_term.strip()
        return (matching(queryset, term, searches=self.searches, guess=self.guess) if term else queryset), False


class EvidenceAdmin(SearchedAdmin, ReadOnlyAdmin):
    """A table that grows for ever: newest first, page by page, searched and filtered through its indexes only."""

    list_per_page = 50
    sortable_by = ()
    change_list_template = "admin/token_issuer/evidence_list.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ANN401  as Django's
        """Page by id."""
        return KeysetChangeList

    def filtered(self, request: HttpRequest) -> QuerySet[Any]:
        """Return all rows that the address's search and filters leave, in no order; no page of them is read.

        Raises:
            IncorrectLookupParameters: the address has something else in it.
        """
        whole = FilteredRows(
            request, self.model, self.list_display, (), self.get_list_filter(request), None, self.search_fields,
            self.list_select_related, self.list_per_page, 0, (), self, (), None,
        )  # fmt: skip
        rows: QuerySet[Any] = whole.queryset.order_by()
        return rows

    def response_action(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        *args: Any,  # noqa: ANN401  as Django's
        **kwargs: Any,  # noqa: ANN401
    ) -> HttpResponse | None:
        """Act on rows that were ticked on a page: never on all that there are."""
        posted = request.POST.copy()
        posted.pop("select_across", None)
        posted.setlist(ACTION_CHECKBOX_NAME, [str(row_id) for row_id in _ids(posted.getlist(ACTION_CHECKBOX_NAME))])
        request.POST = posted  # type: ignore[assignment]  # a copy of it
        return super().response_action(request, queryset, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; a search that could be a token is taken out of the address and never run."""
        if could_be_a_token(request.GET.get(SEARCH_VAR, "")):
            text = _("Tokens are not searched for here: the search line ends up in addresses and logs.")
            messages.warning(request, text)
            return redirect(request.path)
        return super().changelist_view(request, extra_context)


def _ids(texts: list[str]) -> Iterator[UUID]:
    for text in texts:
        with suppress(ValueError):
            yield UUID(text)
