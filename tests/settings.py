"""The example project's settings, made quick and repeatable. ``DATABASE_URL`` chooses the engine."""

from __future__ import annotations

import os

from example_project.settings import *  # noqa: F403  settings are layered by name, as Django's own are
from example_project.settings import BASE_DIR, DATABASES, env

DEBUG = False
SECRET_KEY = "for-tests-" + "0" * 54
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

# One name a process, so that two runs at once do not meet; SQLite in a file, so that threads can race on it.
_NAME = env.str("TEST_DATABASE_NAME", default=f"test_token_issuer_{os.getpid()}")
_IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
DATABASES["default"]["TEST"] = {"NAME": str(BASE_DIR / "var" / f"{_NAME}.sqlite3") if _IS_SQLITE else _NAME}
if _IS_SQLITE:  # as the servers of the tests: what a machine that loses power would lose is no matter here
    DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous = OFF"

# A test that wants a site policy, an issuer or a scope names it.
TOKEN_ISSUER = {
    # Two keys: the first seals, both open. Never used outside the tests.
    "ENCRYPTION_KEYS": [
        "test2:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
        "test1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ],
    # DEBUG is off here, but the tests want every minted token read again.
    "SELF_CHECK": True,
}
