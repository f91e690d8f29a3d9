"""Providers that a site adds: broken, or in want of a module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from token_issuer.conf import EXPECTED
from token_issuer.providers.base import Grant, Lifetimes, Privilege, Provider, Revocation, VendorFacts

HERE = __name__


def test_providers_of_the_wrong_kind(found) -> None:
    result = found(PROVIDERS=[])
    assert EXPECTED["PROVIDERS"] in result.pop("E010")[0]
    assert result == {}


def test_an_added_provider_that_is_none(found) -> None:
    assert found(PROVIDERS={"add": [f"{HERE}.NoProvider"]}) == {"E010": [f"{HERE}.NoProvider: is not a provider class"]}


class NoProvider:
    """Nothing of the kind."""


class Needy(Provider):
    """A provider as a third party writes it, with a module that it needs."""

    name = "needy"
    label = "Needy"
    vendor = VendorFacts(
        name="Needy", console_url="https://needy.example", rotation_steps=(), leak_steps=(), revocation_sentence=""
    )
    grant_class = Grant
    privileges: ClassVar[Mapping[str, Privilege]] = {}
    lifetimes = Lifetimes(minimum=1, default=60, maximum=60, source="this test")
    revocation = Revocation.AT_EXPIRY
    renewable = False
    requires: ClassVar[Mapping[str, str]] = {"json": "never", "no_such_module": "needed"}

    with_subject = mint = inspect = verify = sdk = None  # type: ignore[assignment]  # nothing here calls them


def test_an_added_provider_needs_its_modules(found) -> None:
    result = found(PROVIDERS={"add": [f"{HERE}.Needy"]})
    assert result == {"E011": ["The provider 'needy' needs 'no_such_module', which the extra 'needed' installs."]}


def test_our_own_providers_need_nothing_until_they_are_used(found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Needy, "__module__", "token_issuer.providers.needy")
    assert found(PROVIDERS={"add": [f"{HERE}.Needy"]}) == {}
