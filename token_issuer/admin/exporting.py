"""Lists of evidence as a file: what the list's search and filters leave, to download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.contrib.contenttypes.models import ContentType
from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext

from token_issuer.admin.base import EvidenceAdmin
from token_issuer.admin.callers import caller_of
from token_issuer.admin.pages import OwnPages, require
from token_issuer.admin.searching import could_be_a_token
from token_issuer.services import exporting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from django.http import HttpRequest, HttpResponse, HttpResponseBase
    from django.urls import URLPattern


class ExportableAdmin(OwnPages, EvidenceAdmin):
    """A list with a form that downloads it."""

    export_permission: ClassVar[str] = "export_issuedtoken"

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether this person may download; seeing rows is another permission, and wanted as well."""
        may = bool(request.user.has_perm(f"token_issuer.{self.export_permission}"))
        return may and self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the file to Django's own."""
        return [self.own_path("export/", self.export_view, "export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the form to who may use it."""
        more = {"export_url": self._export_url(request)} if self.has_export_permission(request) else {}
        return super().changelist_view(request, {**(extra_context or {}), **more})

    def _export_url(self, request: HttpRequest) -> str:
        asked = request.GET.copy()
        for name in ("p", "all", "e", "after", "before"):  # a page of the list, and not what it holds
            asked.pop(name, None)
        return self.url("export") + (f"?{asked.urlencode()}" if asked else "")

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send the rows that the address's search and filters leave, as the posted format says."""
        require(self.has_export_permission(request))
        writer = exporting.WRITERS.get(request.POST.get("format", "")) if request.method == "POST" else None
        if writer is None or could_be_a_token(request.GET.get(SEARCH_VAR, "")):
            if request.method == "POST":
                messages.error(request, gettext("Choose CSV or JSON lines, and search for no token."))
            return redirect(self.url("changelist"))
        try:
            rows = self.filtered(request)
        except IncorrectLookupParameters:
            messages.error(request, gettext("This address has a filter that is none. Nothing was exported."))
            return redirect(self.url("changelist"))
        at = timezone.now()
        exporting.begun(caller_of(request), self.model, writer, filters=[*request.GET], at=at)
        self._log(request, writer)
        return StreamingHttpResponse(
            _streamed(request, exporting.written(rows, writer, at=at)),
            content_type=writer.content_type,
            headers={
                "Content-Disposition": f'attachment; filename="{self.opts.model_name}-{at:%Y-%m-%d}.{writer.suffix}"',
                "Cache-Control": "no-store",
            },
        )

    def _log(self, request: HttpRequest, writer: exporting.Writer) -> None:
        LogEntry.objects.create(
            user_id=request.user.pk or 0,  # signed in: the admin site has checked that
            content_type=ContentType.objects.get_for_model(self.model),
            action_flag=CHANGE,
            object_repr=str(self.opts.verbose_name_plural),
            change_message=f"Exported as {writer.name}.",
        )


def _streamed(request: HttpRequest, pieces: Iterator[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
    """Return the pieces as the server wants them: given the others, an asynchronous one would collect them all."""
    return _asynchronous(pieces) if isinstance(request, ASGIRequest) else pieces


async def _asynchronous(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(_next)
    while (piece := await following(pieces)) is not None:
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)
