"""The tests' settings for a process of its own, on the very database of the test that starts it."""

from __future__ import annotations

import os

from tests.settings import *  # noqa: F403  settings are layered by name, as Django's own are
from tests.settings import DATABASES

DATABASES["default"]["NAME"] = os.environ["LIVE_DATABASE_NAME"]
# A test that calls the process over HTTP says so as a proxy that ends TLS would.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
