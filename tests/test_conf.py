"""Settings are typed, read when used, and say what is wrong with them."""

from __future__ import annotations

import inspect
from datetime import timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from token_issuer.conf import EXPECTED, Conf, ProviderChanges, conf

if TYPE_CHECKING:
    from pytest_django import Settings

DEFAULTS: dict[str, object] = {
    "ENCRYPTION_KEYS": (),
    "ISSUER": None,
    "POLICIES": {},
    "AUTHENTICATION_CLASSES": None,
    "PROVIDERS": ProviderChanges(),
    "SCOPES": {},
    "REQUIRE_HTTPS": True,
    "REVOCATION_CHECK": "database",
    "REFRESH_GRACE": timedelta(seconds=10),
    "LOGIN_KEY_SESSIONS": False,
    "TRUSTED_PROXIES": (),
    "AUDIT_NETWORK": "full",
    "RETENTION": timedelta(days=180),
    "ROTATE_AFTER": timedelta(days=90),
    "TEMPORARY_TOKENS": False,
    "GROUPS_OF_USER": None,
    "APPLICATIONS_OF_STAFF": None,
    "SELF_CHECK": False,
}


@pytest.fixture
def given(settings: Settings):
    """Return a function that makes its arguments the whole of TOKEN_ISSUER."""

    def give(**values: object) -> None:
        settings.TOKEN_ISSUER = values

    give()
    return give


def value_of(name: str) -> object:
    return getattr(conf, name.lower())


def groups_of(user: object) -> None:
    """Only looked up, never called."""


def policy_of_rooms(ask: object) -> None:
    """Leave everything to the rules."""


NOT_CALLABLE = "a text"


def test_every_setting_has_a_property_a_default_and_a_sentence() -> None:
    properties = {name for name, kind in inspect.getmembers(Conf) if isinstance(kind, property)} - {"given"}
    assert properties == {name.lower() for name in DEFAULTS}
    assert set(DEFAULTS) == set(EXPECTED)


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_default_is(given, name: str) -> None:
    assert value_of(name) == DEFAULTS[name]


@pytest.mark.parametrize("name", DEFAULTS)
def test_none_stands_for_the_default(given, name: str) -> None:
    given(**{name: None})
    assert value_of(name) == DEFAULTS[name]


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_project_may_have_no_settings_for_us(settings: Settings, name: str) -> None:
    del settings.TOKEN_ISSUER
    assert value_of(name) == DEFAULTS[name]


@pytest.mark.parametrize(
    ("name", "in_debug"), [("REQUIRE_HTTPS", False), ("TEMPORARY_TOKENS", True), ("SELF_CHECK", True)]
)
def test_debug_changes_the_default(given, settings: Settings, name: str, in_debug: bool) -> None:
    settings.DEBUG = True
    assert value_of(name) is in_debug


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ENCRYPTION_KEYS", ["a", "b"], ("a", "b")),
        ("ENCRYPTION_KEYS", "a, b,", ("a", " b")),
        ("ISSUER", "https://tokens.example.com", "https://tokens.example.com"),
        ("POLICIES", {"rooms": "a.b"}, {"rooms": "a.b"}),
        ("AUTHENTICATION_CLASSES", [], ()),
        ("AUTHENTICATION_CLASSES", ["a.b"], ("a.b",)),
        ("PROVIDERS", {"add": ["a.B"]}, ProviderChanges(add=("a.B",))),
        ("PROVIDERS", {"remove": ["agora"]}, ProviderChanges(remove=("agora",))),
        ("SCOPES", {"calls:read": "See calls"}, {"calls:read": "See calls"}),
        ("REQUIRE_HTTPS", False, False),
        ("REVOCATION_CHECK", "cache", "cache"),
        ("REFRESH_GRACE", 0, timedelta(0)),
        ("REFRESH_GRACE", timedelta(seconds=5), timedelta(seconds=5)),
        ("LOGIN_KEY_SESSIONS", True, True),
        ("TRUSTED_PROXIES", ["10.0.0.0/8", "::1"], (ip_network("10.0.0.0/8"), ip_network("::1"))),
        ("AUDIT_NETWORK", "off", "off"),
        ("RETENTION", timedelta(days=1), timedelta(days=1)),
        ("ROTATE_AFTER", 0, timedelta(0)),
        ("TEMPORARY_TOKENS", True, True),
        ("GROUPS_OF_USER", f"{__name__}.groups_of", groups_of),
        ("APPLICATIONS_OF_STAFF", f"{__name__}.groups_of", groups_of),
        ("SELF_CHECK", True, True),
    ],
)
def test_a_value_is_read_when_used(given, name: str, value: object, expected: object) -> None:
    given(**{name: value})
    assert value_of(name) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENCRYPTION_KEYS", 5),
        ("ENCRYPTION_KEYS", [b"k1:"]),
        ("ISSUER", ""),
        ("ISSUER", 5),
        ("POLICIES", ["a.b"]),
        ("POLICIES", {"rooms": policy_of_rooms}),
        ("AUTHENTICATION_CLASSES", "a.b"),
        ("AUTHENTICATION_CLASSES", [int]),
        ("PROVIDERS", ["a.B"]),
        ("PROVIDERS", {"added": ["a.B"]}),
        ("PROVIDERS", {"add": "a.B"}),
        ("PROVIDERS", {"remove": "agora"}),
        ("SCOPES", {"calls": 1}),
        ("REQUIRE_HTTPS", "False"),
        ("REVOCATION_CHECK", "Database"),
        ("REVOCATION_CHECK", []),
        ("REFRESH_GRACE", True),
        ("REFRESH_GRACE", "10"),
        ("LOGIN_KEY_SESSIONS", 1),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
        ("TRUSTED_PROXIES", ["10.0.0.1/8"]),
        ("TRUSTED_PROXIES", ["proxy"]),
        ("AUDIT_NETWORK", "partial"),
        ("RETENTION", 1.5),
        ("ROTATE_AFTER", "90"),
        ("TEMPORARY_TOKENS", "yes"),
        ("GROUPS_OF_USER", groups_of),
        ("APPLICATIONS_OF_STAFF", groups_of),
        ("SELF_CHECK", 0),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_when_used(given, name: str, value: object) -> None:
    given(**{name: value})
    with pytest.raises(ImproperlyConfigured) as caught:
        value_of(name)
    assert str(caught.value) == f'TOKEN_ISSUER["{name}"] {EXPECTED[name]}'


def test_a_key_ring_of_the_wrong_kind_is_shown_nowhere(given) -> None:
    given(ENCRYPTION_KEYS=[b"canary-4b1d"])
    with pytest.raises(ImproperlyConfigured) as caught:
        value_of("ENCRYPTION_KEYS")
    assert "canary-4b1d" not in repr([frame.locals for frame in list(caught.traceback)[1:]])


def test_settings_that_are_no_dict_are_refused(settings: Settings) -> None:
    settings.TOKEN_ISSUER = ["ENCRYPTION_KEYS"]
    with pytest.raises(ImproperlyConfigured, match="TOKEN_ISSUER must be a dict"):
        value_of("ISSUER")


@pytest.mark.parametrize(("slug", "expected"), [("rooms", policy_of_rooms), ("other", groups_of)])
def test_an_applications_own_policy_comes_before_the_one_for_all(given, slug: str, expected: object) -> None:
    given(POLICIES={"rooms": f"{__name__}.policy_of_rooms", "*": f"{__name__}.groups_of"})
    assert conf.policy_for(slug) is expected


def test_without_a_policy_there_is_none(given) -> None:
    given(POLICIES={"rooms": f"{__name__}.policy_of_rooms"})
    assert conf.policy_for("other") is None


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("rooms", "cannot be imported"),
        ("no_such_package.f", "cannot be imported"),
        (f"{__name__}.no_such_name", "cannot be imported"),
        (f"{__name__}.NOT_CALLABLE", "is not callable"),
    ],
)
def test_a_wrong_path_names_itself_and_its_setting(given, path: str, message: str) -> None:
    given(POLICIES={"*": path})
    with pytest.raises(ImproperlyConfigured, match=rf'TOKEN_ISSUER\["POLICIES"\]: .*{path}.* {message}'):
        conf.policy_for("rooms")


def test_a_changed_setting_forgets_what_was_imported(given, monkeypatch: pytest.MonkeyPatch) -> None:
    given(POLICIES={"*": f"{__name__}.policy_of_rooms"})
    conf.policy_for("rooms")
    monkeypatch.setitem(globals(), "policy_of_rooms", groups_of)
    given(POLICIES={"*": f"{__name__}.policy_of_rooms"})
    assert conf.policy_for("rooms") is groups_of


def test_another_setting_forgets_nothing(given, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given(POLICIES={"*": f"{__name__}.policy_of_rooms"})
    before = conf.policy_for("rooms")
    monkeypatch.setitem(globals(), "policy_of_rooms", groups_of)
    settings.USE_TZ = True
    assert conf.policy_for("rooms") is before
