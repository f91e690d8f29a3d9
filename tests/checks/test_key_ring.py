"""The key ring, missing or wrong."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from django.core.checks import Error, Warning  # noqa: A004  Django's own names

from tests.checks.conftest import messages
from token_issuer.checks import key_ring
from token_issuer.crypto.keyring import MISSING

if TYPE_CHECKING:
    from pytest_django import Settings


def test_a_missing_ring_is_a_warning_and_under_deploy_an_error(found) -> None:
    assert found(ENCRYPTION_KEYS=[]) == {"W001": [MISSING], "E005": [MISSING]}
    assert isinstance(key_ring.check_encryption_keys_are_there()[0], Warning)
    assert isinstance(key_ring.check_encryption_keys_are_deployed()[0], Error)
    assert (key_ring.check_encryption_keys_are_there.deploy, key_ring.check_encryption_keys_are_deployed.deploy) == (
        False,
        True,
    )


def test_a_project_without_our_settings_gets_the_same_warning(settings: Settings) -> None:
    del settings.TOKEN_ISSUER
    assert messages() == {"W001": [MISSING], "E005": [MISSING]}


def test_every_malformed_entry_is_named(found) -> None:
    (first, second) = found(ENCRYPTION_KEYS=["a", "k1:b"])["E003"]
    assert "Entry 1 of" in first
    assert "Entry 2 of" in second


def test_a_ring_that_is_secret_key_is_refused(found, settings: Settings) -> None:
    settings.SECRET_KEY = "0123456789abcdef" * 2
    entry = "k1:" + base64.b64encode(settings.SECRET_KEY.encode()).decode()
    (message,) = found(ENCRYPTION_KEYS=[entry])["E006"]
    assert "Entry 1 ('k1')" in message
    assert "is SECRET_KEY or made from it" in message
