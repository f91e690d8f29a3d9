"""Nobody says who a token is for: every spelling of it, at every level of every body, is an unknown field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.refusals import assert_refused
from tests.doors import DoorGrant
from tests.factories import ApplicationFactory, RuleFactory
from token_issuer.errors import BadGrant
from token_issuer.providers import fields
from token_issuer.providers.fields import FieldSpec
from token_issuer.registry import providers

SPELLINGS = (
    "uid", "account", "participantId", "participant_id", "user", "user_id", "userId", "username", "sub", "subject",
    "person", "identity", "on_behalf_of", "owner", "app.owner", "is_staff", "secret", "certificate", "public_id",
    "token_id", "issued_at", "expires_at", "expires_in", "exp", "iat", "jti", "privileges", "resource", "provider",
    "application", "salt", "entropy", "__class__", "__init__", "self", "csrfmiddlewaretoken", "",
)  # fmt: skip

# A body that each application takes, so that the added field is its only fault.
BODIES: dict[str, dict[str, Any]] = {
    "agora": {"channel": "room-1"},
    "videosdk": {"roomId": "room-1"},
    "own": {"scope": "tokens:issue"},
    "own-once": {"access": "readonly"},
    "doors": {"door": "front", "escort": {"name": "Ada"}},
    "vocalstack": {"access": "readonly"},
    "voximplant": {"login_key": "0123456789abcdef"},
    "oauth-client": {"device": "phone"},
}
SLUGS = {
    "agora": "calls", "videosdk": "rooms", "own": "own", "own-once": "once", "doors": "doors", "vocalstack": "speech",
    "voximplant": "phone", "oauth-client": "connectify",
}  # fmt: skip
# What is then asked of the vendor, or kept of his, is not there: it is no fault of the body.
MISSING = {
    "vocalstack": (503, "no_active_certificate", None),
    "voximplant": (403, "policy_denied", "no_vendor_account"),
    "oauth-client": (403, "policy_denied", "not_connected"),
}
CLASSES = {**{name: provider.grant_class for name, provider in providers().items()}, "doors": DoorGrant}


def levels(specs: tuple[FieldSpec, ...], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Yield every level of a body: where it is, and which names may be sent there."""
    yield path, {spec.name for spec in specs if spec.filled_by is None}
    for spec in specs:
        if spec.type == "nested":
            yield from levels(spec.children, (*path, spec.name))


def server_filled(specs: tuple[FieldSpec, ...]) -> set[str]:
    found = {spec.name for spec in specs if spec.filled_by}
    return found.union(*(server_filled(spec.children) for spec in specs))


def cases() -> Iterator[tuple[str, tuple[str, ...], str]]:
    for name, cls in CLASSES.items():
        specs = fields.specs(cls)
        for path, known in levels(specs):
            reserved = fields.RESERVED_NAMES if not path else set()
            for word in sorted(server_filled(specs) | set(SPELLINGS) - known - (reserved - {"on_behalf_of"})):
                yield name, path, word


def with_field(body: dict[str, Any], path: tuple[str, ...], word: str, value: object) -> dict[str, Any]:
    if not path:
        return {**body, word: value}
    return {**body, path[0]: with_field(body[path[0]], path[1:], word, value)}


@pytest.fixture
def every_application(rooms, calls, own, once, doors):
    """One application of each provider, for everyone signed in; those of vendors who are asked have no secret."""
    options = {"token_url": "https://auth.example.com/token"}
    names = {"voximplant": "app.account.voximplant.com"}
    for provider, word in {"vocalstack": "readonly", "voximplant": "login", "oauth-client": "access"}.items():
        application = ApplicationFactory(
            slug=SLUGS[provider],
            provider=provider,
            public_id=names.get(provider, "public"),
            options=options if provider == "oauth-client" else {},
        )
        RuleFactory(application=application, privileges=[word])


def test_there_is_something_to_inject():
    assert {(name, path) for name, path, _ in cases()} == {
        ("agora", ()),
        ("videosdk", ()),
        ("own", ()),
        ("own-once", ()),
        ("doors", ()),
        ("doors", ("escort",)),
        ("vocalstack", ()),
        ("voximplant", ()),
        ("oauth-client", ()),
    }
    assert {word for name, _, word in cases() if name == "agora"} >= {"uid", "account"}
    assert ("doors", ("escort",), "badge") in set(cases())


@pytest.mark.parametrize(("name", "path", "word"), [*cases()])
def test_the_field_is_unknown_to_the_grant(name, path, word):
    for value in (7, "7", None, {"id": 7}):
        with pytest.raises(BadGrant, match="unknown field") as refused:
            fields.parse(CLASSES[name], with_field(BODIES[name], path, word, value))
        assert refused.value.field == ".".join((*path, word)) or not word


@pytest.mark.parametrize(("name", "path"), sorted({(name, path) for name, path, _ in cases()}))
def test_the_field_is_unknown_over_http(browser, every_application, name, path):
    for word in (word for found, where, word in cases() if (found, where) == (name, path)):
        body = with_field(BODIES[name], path, word, 7)
        response = browser.post(f"applications/{SLUGS[name]}/tokens/", body)
        assert_refused(response, 400, "invalid_request")
        ((field, (message,)),) = response.json()["fields"].items()
        assert message.startswith("unknown field")
        assert not word or field == ".".join((*path, word))
        explained = browser.post(f"applications/{SLUGS[name]}/tokens/explain/", body)
        assert explained.json()["fields"] == response.json()["fields"]


def test_the_bodies_are_good_without_it(browser, every_application):
    for name, body in BODIES.items():
        answer = browser.post(f"applications/{SLUGS[name]}/tokens/", body)
        told = answer.json()
        assert (answer.status_code, told.get("error"), told.get("reason")) == MISSING.get(name, (201, None, None))


@pytest.mark.parametrize("word", ["uid", "user", "subject", "participantId", "roomId", "lifetime"])
def test_nothing_is_read_from_the_address(browser, rooms, word):
    response = browser.post(f"applications/rooms/tokens/?{word}=7", {"roomId": "room-1"})
    assert_refused(response, 400, "invalid_request", f"{word}: unknown parameter", fields={word: ["unknown parameter"]})


@pytest.mark.parametrize("header", ["X-User", "X-User-Id", "X-Forwarded-User", "Remote-User", "X-Remote-User"])
def test_nothing_is_read_from_a_header(browser, rooms, user, header):
    response = browser.post("applications/rooms/tokens/", {"roomId": "room-1"}, **{header: "admin"})
    assert response.json()["subject"] == f"user-{user.pk}"
