"""Keeping what people paste out of error reports, also where DEBUG would show them everything."""

from __future__ import annotations

import functools
from collections.abc import Callable, ItemsView
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.views.debug import SafeExceptionReporterFilter

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

View = TypeVar("View", bound=Callable[..., "HttpResponse"])


class AlwaysHiding(SafeExceptionReporterFilter):
    """Django's own filter, on in DEBUG too, and without the variables of frames: a form's would hold the secret."""

    def is_active(self, request: HttpRequest | None) -> bool:
        """Whether sensitive values are hidden: always."""
        return True

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: object) -> ItemsView[str, Any]:
        """Return no variables."""
        return dict[str, Any]().items()


def handles_secrets(view: View) -> View:
    """Mark a page to which secrets or tokens are posted: no error report shows what came in."""

    @functools.wraps(view)
    def guarded(self: object, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        # Both are read by django.views.debug.
        request.sensitive_post_parameters = "__ALL__"  # type: ignore[attr-defined]  # documented
        request.exception_reporter_filter = AlwaysHiding()
        return view(self, request, *args, **kwargs)

    return cast("View", guarded)
