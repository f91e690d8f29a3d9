"""Providers that a site adds: broken, or in want of a module."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar

import pytest
from django.utils import timezone

from tests.factories import ApplicationFactory
from token_issuer.checks.providers import check_extras_of_applications
from token_issuer.conf import EXPECTED
from token_issuer.models import Application
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


def of_applications() -> list[str]:
    return [str(message.msg) for message in check_extras_of_applications(databases=["default"])]


@pytest.fixture
def needy(db, settings) -> Application:
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": [f"{HERE}.Needy"]}}
    return ApplicationFactory(slug="wants", provider="needy")


def test_an_application_needs_its_providers_modules(needy) -> None:
    ApplicationFactory(slug="rooms")
    ApplicationFactory(provider="gone")
    assert of_applications() == ["The application 'wants' needs 'no_such_module', which the extra 'needed' installs."]


def test_one_that_is_off_needs_nothing(needy) -> None:
    Application.objects.update(disabled_at=timezone.now())
    assert of_applications() == []


def test_what_our_own_called_providers_need_is_here(db) -> None:
    ApplicationFactory(provider="vocalstack")
    assert of_applications() == []


def test_an_application_of_ours_needs_httpx(db, monkeypatch: pytest.MonkeyPatch) -> None:
    ApplicationFactory(slug="speech", provider="vocalstack")
    monkeypatch.setitem(sys.modules, "httpx", None)
    assert of_applications() == ["The application 'speech' needs 'httpx', which the extra 'vendors' installs."]
