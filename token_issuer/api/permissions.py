"""What a credential of ours may do in a site's own views. Neither class needs a user: a server may be nobody."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from rest_framework.permissions import SAFE_METHODS, BasePermission

from token_issuer.api.challenges import InsufficientScope
from token_issuer.services.verified import Verified

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView


class HasScope(BasePermission):
    """The credential has every scope that the view's ``required_scopes`` names, or those of ``HasScope.of("a", "b")``.

    A session has no scopes: combine as ``HasScope | IsAuthenticated`` where people may come without a token.
    """

    scopes: ClassVar[frozenset[str] | None] = None

    @classmethod
    def of(cls, *scopes: str) -> type[HasScope]:
        """Return a permission class that wants all of these."""
        return type("HasScope", (cls,), {"scopes": frozenset(scopes), "__doc__": f"Has {', '.join(sorted(scopes))}."})

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether it has them.

        Raises:
            InsufficientScope: it does not, and no other class could still allow it.
            ImproperlyConfigured: nothing says which scopes are wanted.
        """
        wanted = self._wanted(view)
        credential: object = request.auth
        if not isinstance(credential, Verified):
            return False
        if credential.has_scope(*wanted):
            return True
        # A challenge cannot be answered from within ``A | B``, where B may say yes.
        if type(self) in getattr(view, "permission_classes", ()):
            raise InsufficientScope(wanted)
        return False

    def _wanted(self, view: APIView) -> frozenset[str]:
        wanted: Any = getattr(view, "required_scopes", None) if self.scopes is None else self.scopes
        # A text is a collection too: of its letters.
        if isinstance(wanted, str) or not isinstance(wanted, Collection):
            name = type(view).__name__
            msg = f'{name} has no required_scopes. Write required_scopes = ["…"], or use HasScope.of("…").'
            raise ImproperlyConfigured(msg)
        return frozenset(wanted)


class WithinAccess(BasePermission):
    """A ``readonly`` short token reads: GET, HEAD and OPTIONS. Everybody else is none of this class's business."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the method fits the token's access."""
        credential: object = request.auth
        readonly = isinstance(credential, Verified) and credential.access == "readonly"
        return not readonly or request.method in SAFE_METHODS
