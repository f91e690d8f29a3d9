"""Settings of the example project: everything that differs between machines comes from the environment.

``.env`` beside ``manage.py`` is read when it is there. Without any of it the site runs on SQLite in DEBUG.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import environ

from example_project.databases import with_options

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=True)
# A site that serves anybody but its developer sets its own.
SECRET_KEY = env.str("SECRET_KEY", default="only-for-development-" + "0" * 43) if DEBUG else env.str("SECRET_KEY")
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "token_issuer",
    "example_project.rooms",
    "example_project.notes",
    "example_project.pages",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example_project.pages.content_security_policy.strict",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

(BASE_DIR / "var").mkdir(exist_ok=True)
DATABASES: dict[str, dict[str, Any]] = {
    "default": with_options(env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'var' / 'db.sqlite3'}")),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {"default": env.cache("CACHE_URL", default="locmemcache://")}
if CACHES["default"]["BACKEND"].endswith("RedisCache"):
    # A cache that does not answer must not hold up a request.
    CACHES["default"]["BACKEND"] = "django.core.cache.backends.redis.RedisCache"
    CACHES["default"]["OPTIONS"] = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")  # "de" shows the admin in German
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"

CSRF_FAILURE_VIEW = "example_project.pages.views.out_of_date"

LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

# No pages of REST framework's own: the site's policy lets no inline script run.
REST_FRAMEWORK: dict[str, Any] = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}

# Where the demo's vendors tell their addresses and keys (example_project/standins/demo.py); only `make demo` says so.
DEMO_VENDORS = env.str("DEMO_VENDORS", default="")

TOKEN_ISSUER: dict[str, Any] = {
    "ENCRYPTION_KEYS": env.list("TOKEN_ISSUER_ENCRYPTION_KEYS", default=[]),
    "POLICIES": {"rooms": "example_project.policy.rooms"},
    # Whose tokens the site believes: its own. Only a developer's may be without https.
    "ISSUER": env.str("ISSUER", default="http://127.0.0.1:8000" if DEBUG else None),
    "SCOPES": {
        "notes:read": "Read the holder's notes",
        "notes:write": "Write notes for the holder",
        "notes:count": "See how many notes everybody has",
    },
    "LOGIN_KEY_SESSIONS": True,
}
