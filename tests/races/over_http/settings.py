"""A site that several worker processes serve, on the database of the test that starts them."""

from __future__ import annotations

import os
from datetime import timedelta

from tests.live_settings import *  # noqa: F403  settings are layered by name, as Django's own are
from tests.live_settings import DATABASES, INSTALLED_APPS, TOKEN_ISSUER

ROOT_URLCONF = "tests.races.over_http.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "tests.races.over_http"]
ALLOWED_HOSTS = ["127.0.0.1"]
# A connection for each thread of a worker, as a busy site has; opening one takes longer than what is tried here.
DATABASES["default"]["CONN_MAX_AGE"] = None
TOKEN_ISSUER["ISSUER"] = "https://issuer.test"
TOKEN_ISSUER["SCOPES"] = {"read": "Read."}
TOKEN_ISSUER["REQUIRE_HTTPS"] = False
TOKEN_ISSUER["SELF_CHECK"] = False
TOKEN_ISSUER["REFRESH_GRACE"] = timedelta(seconds=int(os.environ["REFRESH_GRACE"]))
