"""Each setting, wrong in one way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.checks.conftest import messages
from token_issuer.conf import EXPECTED

if TYPE_CHECKING:
    from pytest_django import Settings


def test_good_settings_give_no_message(found) -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("number", "name", "value"),
    [
        ("E003", "ENCRYPTION_KEYS", 5),
        ("E004", "REFRESH_GRACE", "10"),
        ("E007", "ISSUER", 5),
        ("E008", "POLICIES", []),
        ("E009", "AUTHENTICATION_CLASSES", "a.b"),
        ("E012", "SCOPES", ["a"]),
        ("E013", "REQUIRE_HTTPS", "yes"),
        ("E014", "REVOCATION_CHECK", "disk"),
        ("E015", "LOGIN_KEY_SESSIONS", 1),
        ("E016", "TRUSTED_PROXIES", ["10.0.0.1/8"]),
        ("E017", "AUDIT_NETWORK", "half"),
        ("E018", "RETENTION", "180"),
        ("E028", "ROTATE_AFTER", "90"),
        ("E019", "TEMPORARY_TOKENS", "yes"),
        ("E020", "GROUPS_OF_USER", 5),
        ("E027", "APPLICATIONS_OF_STAFF", 5),
        ("E021", "SELF_CHECK", "yes"),
    ],
)
def test_a_value_of_the_wrong_kind(found, number: str, name: str, value: object) -> None:
    assert found(**{name: value})[number] == [f'TOKEN_ISSUER["{name}"] {EXPECTED[name]}']


@pytest.mark.parametrize(
    ("number", "name", "value", "message"),
    [
        ("E004", "REFRESH_GRACE", 61, 'TOKEN_ISSUER["REFRESH_GRACE"] must be 0 to 60 seconds.'),
        ("E004", "REFRESH_GRACE", timedelta(seconds=-1), 'TOKEN_ISSUER["REFRESH_GRACE"] must be 0 to 60 seconds.'),
        ("E012", "SCOPES", {"a b": ""}, "TOKEN_ISSUER[\"SCOPES\"]: 'a b' is no scope."),
        ("E028", "ROTATE_AFTER", -1, 'TOKEN_ISSUER["ROTATE_AFTER"] must be 0 or longer.'),
        ("E018", "RETENTION", 0, 'TOKEN_ISSUER["RETENTION"] must be longer than nothing.'),
        (
            "E016",
            "TRUSTED_PROXIES",
            ["::/0"],
            'TOKEN_ISSUER["TRUSTED_PROXIES"]: ::/0 would let every caller choose its own address.',
        ),
        (
            "W002",
            "REQUIRE_HTTPS",
            False,
            'TOKEN_ISSUER["REQUIRE_HTTPS"] is off: tokens and sessions may cross the network in clear.',
        ),
        (
            "W003",
            "TEMPORARY_TOKENS",
            True,
            'TOKEN_ISSUER["TEMPORARY_TOKENS"] is on: people may make test tokens in production.',
        ),
    ],
)
def test_a_value_out_of_range(found, number: str, name: str, value: object, message: str) -> None:
    assert found(**{name: value}) == {number: [message]}


@pytest.mark.parametrize("name", ["REQUIRE_HTTPS", "TEMPORARY_TOKENS"])
def test_debug_may_be_lax(found, settings: Settings, name: str) -> None:
    settings.DEBUG = True
    assert found(**{name: name != "REQUIRE_HTTPS"}) == {}


@pytest.mark.parametrize("value", [0, 60, timedelta(seconds=60)])
def test_the_ends_of_the_grace_are_fine(found, value: object) -> None:
    assert found(REFRESH_GRACE=value) == {}


@pytest.mark.parametrize(
    ("name", "value"), [("SCOPES", {"calls:read": "See calls"}), ("TRUSTED_PROXIES", ["10.0.0.0/8", "::1"])]
)
def test_what_fits_gives_no_message(found, name: str, value: object) -> None:
    assert found(**{name: value}) == {}


@pytest.mark.parametrize("issuer", ["https://a.example", "https://a.example:8443/tenant/1"])
def test_an_issuer_is_an_https_address(found, issuer: str) -> None:
    assert found(ISSUER=issuer) == {}


@pytest.mark.parametrize(
    "issuer",
    [
        "a.example", "http://a.example", "https://", "https://a.example?b", "https://a.example#b", "https://b@a.example",
        "https://a.example/ b", "https://[::1", "ftp://a.example",
    ],
)  # fmt: skip
def test_other_issuers_are_refused(found, issuer: str) -> None:
    assert found(ISSUER=issuer) == {"E007": [f'TOKEN_ISSUER["ISSUER"] {EXPECTED["ISSUER"]}']}


def test_debug_accepts_an_http_issuer(found, settings: Settings) -> None:
    settings.DEBUG = True
    assert found(ISSUER="http://localhost:8000") == {}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("REFRESH_GRASE", "TOKEN_ISSUER has no setting 'REFRESH_GRASE'. Did you mean 'REFRESH_GRACE'?"),
        ("issuer", "TOKEN_ISSUER has no setting 'issuer'. Did you mean 'ISSUER'?"),
        ("COLOUR", "TOKEN_ISSUER has no setting 'COLOUR'."),
    ],
)
def test_an_unknown_name_is_an_error_that_guesses(found, name: str, message: str) -> None:
    assert found(**{name: 1}) == {"E002": [message]}


def test_settings_that_are_no_dict_are_said_once(settings: Settings) -> None:
    settings.TOKEN_ISSUER = "k1:"
    assert messages() == {"E001": ["TOKEN_ISSUER must be a dict."]}
