"""What the demo registers: two vendors with fresh secrets, the site's own two kinds of token, and a server's key."""

from __future__ import annotations

import secrets
from typing import Final

from django.contrib.auth.models import Group, User

from token_issuer.services.api_key_drafts import ApiKeyDraft
from token_issuer.services.drafts import ApplicationDraft, RuleDraft

SERVER: Final = "Demo server: scripts/live_with_client.py"


def rooms() -> ApplicationDraft:
    """Agora, for which the site's own function decides: ``example_project/policy.py``."""
    return ApplicationDraft(
        provider="agora",
        slug="rooms",
        name="Rooms",
        public_id=secrets.token_hex(16),
        secret={"certificate": secrets.token_hex(16)},
    )


def classes(people: dict[str, User]) -> ApplicationDraft:
    """VideoSDK, for which rules decide: teachers let people in, students join, both in class rooms only."""
    students = RuleDraft(
        privileges=["allow_join"],
        groups=[_group("students", people["guest"])],
        resource_pattern="class-*",
        limit=20,
        window=3600,
    )
    teachers = RuleDraft(
        privileges=["allow_join", "allow_mod"], groups=[_group("teachers", people["host"])], resource_pattern="class-*"
    )
    return ApplicationDraft(
        provider="videosdk",
        slug="classes",
        name="Classes",
        public_id=secrets.token_hex(16),
        secret={"secret": secrets.token_hex(32)},
        rules=[teachers, students],
    )


def api(people: dict[str, User]) -> ApplicationDraft:
    """The site's own access tokens, in pairs: everybody may read his notes; writers may also add some, and let a
    program ask for further tokens.

    The key is made here, and its public half is published (``/.well-known/jwks.json``).
    """
    return ApplicationDraft(
        provider="own",
        slug="api",
        name="Notes",
        public_id="api",
        options={"browser_pairs": True},
        algorithm="EdDSA",
        rules=[
            RuleDraft(privileges=["notes:read", "notes:write", "tokens:issue"], groups=[_writers(people)]),
            RuleDraft(privileges=["notes:read"], everyone=True),
        ],
    )


def uploads(people: dict[str, User]) -> ApplicationDraft:
    """The site's own short tokens, good once: with one, somebody else's machine may leave a note."""
    return ApplicationDraft(
        provider="own-once",
        slug="uploads",
        name="Uploads",
        public_id="uploads",
        rules=[
            RuleDraft(privileges=["readwrite"], groups=[_writers(people)]),
            RuleDraft(privileges=["readonly"], everyone=True),
        ],
    )


def server(owner: User) -> ApiKeyDraft:
    """A server that asks for people's tokens, ends them and asks about them, and sees how many notes there are."""
    return ApiKeyDraft(
        purpose=SERVER,
        owner=owner,
        scopes=["notes:count", "tokens:introspect", "tokens:issue", "tokens:revoke"],
        may_sign=True,
    )


def _writers(people: dict[str, User]) -> Group:
    return _group("writers", people["host"], people["guest"])


def _group(name: str, *members: User) -> Group:
    group, _ = Group.objects.get_or_create(name=name)
    group.user_set.add(*members)
    return group
