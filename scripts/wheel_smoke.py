"""Uses the installed distribution where no checkout is near: its files, its migrations, a first token."""

from __future__ import annotations

import sys
from importlib.metadata import distribution
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

FOLDER = Path(__file__).resolve().parent


def configure() -> None:
    settings.configure(
        SECRET_KEY="wheel-" + "0" * 58,
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "rest_framework",
            "token_issuer",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "wheel.sqlite3"}},
        USE_TZ=True,
    )
    django.setup()


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


if __name__ == "__main__":
    configure()
    require_files()
    call_command("check")
    call_command("migrate", verbosity=0)
    print("The wheel works:", distribution("django-token-issuer").version)
