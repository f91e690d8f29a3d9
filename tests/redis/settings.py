"""The tests' settings for a process of its own, in the cache mode: on the test's database and the test's Redis."""

from __future__ import annotations

import os

from tests.live_settings import *  # noqa: F403  settings are layered by name, as Django's own are
from tests.live_settings import TOKEN_ISSUER

TOKEN_ISSUER |= {
    "ISSUER": "https://issuer.example",
    "SCOPES": {"reports:read": "Read reports"},
    "REVOCATION_CHECK": "cache",
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": os.environ["LIVE_REDIS"],
        "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25},
    }
}
