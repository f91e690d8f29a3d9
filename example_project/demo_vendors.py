"""The demo's vendors that must be asked: who they are here, where they are today, and what to call them with.

They are stand-ins, which ``make demo`` starts and nobody else: ``settings.DEMO_VENDORS`` names the file in which they
tell it (``standins/demo.py``). Without it no vendor is called but one that the site plays itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings

from example_project.pages import connections
from token_issuer.conf import conf
from token_issuer.crypto import Secret
from token_issuer.crypto.digests import fingerprint
from token_issuer.models import Application
from token_issuer.services import editing, registering, rotating
from token_issuer.services.drafts import ApplicationDraft, RuleDraft

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.callers import Caller


SLUGS: Final = {"agora": "rooms", "vocalstack": "transcripts", "voximplant": "phone"}


def _drafts() -> dict[str, ApplicationDraft]:
    """Those that are registered here, by vendor: everybody signed in may have what they give."""
    return {
        "vocalstack": ApplicationDraft(
            provider="vocalstack",
            slug=SLUGS["vocalstack"],
            name="Transcripts",
            public_id="demo",
            rules=[RuleDraft(privileges=["readonly", "readwrite"], everyone=True)],
        ),
        "voximplant": ApplicationDraft(
            provider="voximplant",
            slug=SLUGS["voximplant"],
            name="Phone",
            public_id="phone.demo.voximplant.com",
            rules=[RuleDraft(privileges=["login"], everyone=True)],
        ),
    }


def _connectify() -> ApplicationDraft:
    """The client of a vendor of OAuth 2.0. Nobody stands in for that one: the site's own endpoint is one."""
    return ApplicationDraft(
        provider="oauth-client",
        slug=connections.KEEPER,
        name="Connectify",
        public_id=connections.VENDOR,
        options={"token_url": f"{conf.issuer}/issuer/oauth/token/", "client_authentication": "none"},
        rules=[RuleDraft(privileges=["access"], everyone=True)],
    )


def read() -> Mapping[str, Mapping[str, str]]:
    """Return each vendor's address and keys; none where no stand-in was started."""
    told = settings.DEMO_VENDORS
    found: dict[str, dict[str, str]] = json.loads(Path(told).read_text()) if told else {}
    return found


def connect(caller: Caller, *, at: datetime) -> None:
    """Register what is missing, and tell each application where its vendor is today and with what to call it."""
    own = _connectify()
    _register(caller, own, {}, at=at)
    _configure(caller, Application.objects.get(slug=own.slug), own.options, at=at)
    drafts = _drafts()
    for name, told in read().items():
        keys = {key: value for key, value in told.items() if key != "address"}
        if name in drafts:
            _register(caller, drafts[name], keys, at=at)
        application = Application.objects.get(slug=SLUGS[name])
        _configure(caller, application, {"api_url": told["address"]}, at=at)
        _call_with(caller, application, keys, at=at)


def _register(caller: Caller, draft: ApplicationDraft, keys: Mapping[str, str], *, at: datetime) -> None:
    if not Application.objects.filter(slug=draft.slug).exists():
        registering.register(caller, replace(draft, secret=keys), at=at)


def _configure(caller: Caller, application: Application, options: Mapping[str, object], *, at: datetime) -> None:
    wanted = {**application.options, **options}
    if application.options != wanted:
        kept = {name: getattr(application, name) for name in _KEPT}
        changed = editing.Configuration(**kept, options=wanted, seen_version=application.config_version)
        editing.configure(caller, application, changed, at=at)


_KEPT: Final = ("name", "default_lifetime", "maximum_lifetime", "slots", "environment", "single_login_key")


def _call_with(caller: Caller, application: Application, keys: Mapping[str, str], *, at: datetime) -> None:
    in_use = application.certificates.filter(purpose="call", active_slot=1)
    if not in_use.filter(fingerprint=fingerprint(Secret(**keys))).exists():
        certificate = rotating.stage(caller, application, purpose="call", secret=keys, at=at)
        rotating.activate(caller, certificate, at=at)
