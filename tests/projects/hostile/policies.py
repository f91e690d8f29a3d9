"""The defaults of the hostile site. None of them may ever be asked by a view of ours."""

from __future__ import annotations

from rest_framework.exceptions import NotAcceptable, NotFound
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.versioning import BaseVersioning


class Nobody(BasePermission):
    """Nobody may do anything."""

    def has_permission(self, request, view):
        return False


class Never(BaseThrottle):
    """Every request is one too many."""

    def allow_request(self, request, view):
        return False


class Shouting(BaseRenderer):
    """An answer that no client understands."""

    media_type = "text/shout"
    format = "shout"

    def render(self, data, accepted_media_type=None, renderer_context=None):
        return str(data).upper().encode()


class Refusing(BaseContentNegotiation):
    """No answer is acceptable."""

    def select_parser(self, request, parsers):
        return None

    def select_renderer(self, request, renderers, format_suffix=None):
        raise NotAcceptable


class Unsupported(BaseVersioning):
    """No version is supported."""

    def determine_version(self, request, *args, **kwargs):
        raise NotFound


def teapot(failure, context):
    """Every error looks the same, and none is told."""
    return Response({"oops": "no"}, status=418)


class Guest:
    """Whoever did not sign in passes for somebody."""

    pk = id = 1
    is_authenticated = is_active = is_staff = is_superuser = True
    is_anonymous = False

    def has_perm(self, perm, obj=None):
        return True


class EverythingElsewhere:
    """The second database has no tables of anybody's."""

    def allow_migrate(self, db, app_label, **hints):
        return False if db == "other" else None
