"""The tests' settings with another user model."""

from __future__ import annotations

from tests.settings import *  # noqa: F403  settings are layered by name, as Django's own are
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = ["tests.projects.uuid_user", *INSTALLED_APPS]
AUTH_USER_MODEL = "uuid_user.Person"
