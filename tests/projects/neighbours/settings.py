"""The site's own REST framework settings are what a site would write; knox keeps its tokens in a table.

simplejwt's tokens are as like to ours as they can be: the key of the tests' certificates, and our issuer.
"""

from __future__ import annotations

from tests.settings import *  # noqa: F403  settings are layered by name, as Django's own are
from tests.settings import INSTALLED_APPS, TOKEN_ISSUER

INSTALLED_APPS = [*INSTALLED_APPS, "knox"]
TOKEN_ISSUER["ISSUER"] = "https://issuer.example"
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
SIMPLE_JWT = {
    "SIGNING_KEY": "5a4b3c2d1e0f69788796a5b4c3d2e1f05a4b3c2d1e0f69788796a5b4c3d2e1f0",
    "ISSUER": "https://issuer.example",
}
