"""Uses the installed distribution where no checkout is near: its files, its migrations, a first token."""

from __future__ import annotations

import io
import json
import os
import sys
from importlib.metadata import distribution
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

FOLDER = Path(__file__).resolve().parent
STATIC = [f"token_issuer/{name}" for name in ("admin.css", "copy.js", "try.js", "token-issuer.js", "token-issuer.d.ts")]


def configure() -> None:
    """A site of this one file, with a key ring as the command prints it."""
    settings.configure(
        SECRET_KEY="wheel-" + "0" * 58,
        ALLOWED_HOSTS=["testserver"],
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "rest_framework",
            "token_issuer",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        STATIC_URL="static/",
        TOKEN_ISSUER={},
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": FOLDER / "wheel.sqlite3",
                "OPTIONS": {"transaction_mode": "IMMEDIATE"},
            }
        },
        USE_TZ=True,
    )
    django.setup()
    from django.contrib import admin  # noqa: PLC0415  after the settings
    from django.urls import include, path  # noqa: PLC0415  after the settings

    settings.ROOT_URLCONF = (path("issuer/", include("token_issuer.urls")), path("admin/", admin.site.urls))


def require_files() -> None:
    """Refuse an installation without what only a build can forget."""
    import token_issuer  # noqa: PLC0415  after the settings

    package = Path(token_issuer.__file__).parent
    if Path(sys.prefix) not in package.parents:
        sys.exit(f"token_issuer comes from {package}, not from this environment")
    if distribution("django-token-issuer").version != token_issuer.__version__:
        sys.exit("the distribution and the package disagree about their version")
    kinds = (
        "py.typed",
        "migrations/0001_*.py",
        "templates/**/*.html",
        "static/token_issuer/**/*",
        "locale/*/LC_MESSAGES/*.mo",
    )
    absent = [kind for kind in kinds if not any(package.glob(kind))]
    if absent:
        sys.exit(f"the installed package has no {', '.join(absent)}")


def said(command: str, *arguments: str) -> str:
    """Run a command and return what it printed."""
    printed = io.StringIO()
    call_command(command, *arguments, stdout=printed, stderr=io.StringIO())
    return printed.getvalue()


def set_up() -> None:
    """Follow the quickstart: a key ring, the tables, an application that everybody may use."""
    settings.TOKEN_ISSUER["ENCRYPTION_KEYS"] = said("token_issuer_init").strip().partition("=")[2]
    call_command("check", fail_level="WARNING")
    call_command("migrate", verbosity=0)
    os.environ["VIDEOSDK_SECRET"] = "wheel" * 13
    where = ["--public-id", "0f5d3a1e-wheel", "--secret-from-env", "VIDEOSDK_SECRET"]
    said("token_issuer_add", "videosdk", "classes", *where, "--allow", "everyone:allow_join")


def mint_over_http() -> str:
    """Get a token as a page would get it, with a session and its CSRF token."""
    from django.contrib.auth import get_user_model  # noqa: PLC0415  after the settings
    from django.contrib.staticfiles import finders  # noqa: PLC0415  after the settings
    from django.test import Client  # noqa: PLC0415  after the settings

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(get_user_model().objects.create_superuser("root"))
    listing = browser.get("/issuer/applications/", secure=True).json()
    answer = browser.post(
        "/issuer/applications/classes/tokens/",
        {"roomId": "class-1"},
        content_type="application/json",
        headers={"X-CSRFToken": listing["csrf_token"], "Referer": "https://testserver/"},
        secure=True,
    )
    if answer.status_code != 201:
        sys.exit(f"no token: {answer.status_code} {answer.content.decode()}")
    page = browser.get("/admin/token_issuer/issuedtoken/", secure=True).content.decode()
    if "Paste a token or an id" not in page or not all(map(finders.find, STATIC)):
        sys.exit("templates or static files are missing")
    return str(answer.json()["token"])


def require_sound(token: str) -> None:
    """Let the other commands judge what was minted."""
    (FOLDER / "token.txt").write_text(token)
    verdict = json.loads(said("token_issuer_inspect", "--json", "--file", str(FOLDER / "token.txt")))
    if not verdict["valid"]:
        sys.exit(f"the token that was minted is {verdict}")
    said("token_issuer_doctor")


if __name__ == "__main__":
    configure()
    require_files()
    set_up()
    require_sound(mint_over_http())
    print("The wheel works:", distribution("django-token-issuer").version)
