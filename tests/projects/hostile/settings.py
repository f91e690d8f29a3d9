"""Every REST_FRAMEWORK default is unhelpful, every request is one transaction, every view wants a login."""

from __future__ import annotations

from tests.settings import *  # noqa: F403  settings are layered by name, as Django's own are
from tests.settings import DATABASES, MIDDLEWARE

DATABASES["default"]["ATOMIC_REQUESTS"] = True
# Tests may not open it, so a view that is wrapped in a transaction there fails.
DATABASES["other"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "ATOMIC_REQUESTS": True}
DATABASE_ROUTERS = ["tests.projects.hostile.policies.EverythingElsewhere"]
APPEND_SLASH = False
MIDDLEWARE += ["django.contrib.auth.middleware.LoginRequiredMiddleware"]
LOGIN_URL = "/admin/login/"

_HOSTILE = "tests.projects.hostile.policies"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": [f"{_HOSTILE}.Nobody"],
    "DEFAULT_THROTTLE_CLASSES": [f"{_HOSTILE}.Never"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_RENDERER_CLASSES": [f"{_HOSTILE}.Shouting"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": f"{_HOSTILE}.Refusing",
    "DEFAULT_VERSIONING_CLASS": f"{_HOSTILE}.Unsupported",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 1,
    "EXCEPTION_HANDLER": f"{_HOSTILE}.teapot",
    "UNAUTHENTICATED_USER": f"{_HOSTILE}.Guest",
    "FORMAT_SUFFIX_KWARG": "slug",
    "NON_FIELD_ERRORS_KEY": "oops",
    "DATETIME_FORMAT": "%d/%m/%y",
    "COERCE_DECIMAL_TO_STRING": False,
    "URL_FORMAT_OVERRIDE": "shape",
    "UPLOADED_FILES_USE_URL": False,
    "UNICODE_JSON": False,
    "COMPACT_JSON": False,
}
