"""pyproject.toml says what is needed, requirements/ which of it the tests run on; both must agree."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from django.apps import apps

import token_issuer

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def canonical(requirement: str) -> str:
    """The normalized name of a requirement (PEP 503), without its extras and its version."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]).lower()


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return {canonical(line): line.partition("==")[2] for line in lines if "==" in line}


@pytest.mark.parametrize("name", ["base", "test", "lint", "indirect", "dev"])
def test_pins_are_what_is_installed(name):
    assert {package: version(package) for package in pins(name)} == pins(name)


@pytest.mark.parametrize("name", ["test", "lint", "dev"])
def test_group_is_pinned(name):
    group = [entry for entry in PROJECT["dependency-groups"][name] if isinstance(entry, str)]
    assert {canonical(entry) for entry in group} <= pins(name).keys()


def test_dependencies_are_pinned():
    assert {canonical(entry) for entry in PROJECT["project"]["dependencies"]} <= pins("base").keys()


@pytest.mark.parametrize("name", ["base", "test", "lint", "dev"])
def test_requirements_name_no_address(name):
    assert "://" not in (ROOT / "requirements" / f"{name}.txt").read_text()


def test_version_is_semantic():
    assert re.fullmatch(r"\d+\.\d+\.\d+", token_issuer.__version__)


def test_package_says_that_it_is_typed():
    assert (Path(token_issuer.__file__).parent / "py.typed").exists()


def test_primary_key_type_does_not_depend_on_the_site():
    assert apps.get_app_config("token_issuer").default_auto_field == "django.db.models.BigAutoField"


@pytest.mark.parametrize("folder", ["peers", "e2e"])
def test_locked_npm_packages_name_no_registry(folder):
    locked = json.loads((ROOT / "tests" / folder / "package-lock.json").read_text())
    packages = {name: package for name, package in locked["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package or "integrity" not in package] == []
