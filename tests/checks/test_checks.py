"""All checks together: numbered once, listed in the docs, bound to `manage.py check`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as project
from django.core.checks import Error
from django.core.checks.registry import registry
from django.core.management import CommandError, call_command

from token_issuer.checks import CHECKS, Check

if TYPE_CHECKING:
    from pytest_django import Settings

DOCS = Path(project.BASE_DIR) / "docs" / "checks.md"


def test_every_number_is_used_once() -> None:
    numbers = [check.number for check in CHECKS]
    assert sorted(numbers) == sorted(set(numbers))


def test_a_number_tells_the_severity() -> None:
    assert all(check.number.startswith("token_issuer." + check.severity.__name__[0]) for check in CHECKS)


def test_the_docs_list_them_all() -> None:
    listed = re.findall(
        r"^\| `(token_issuer\.[EW]\d{3})` \| (always|deploy|database) \|", DOCS.read_text("utf-8"), re.MULTILINE
    )
    assert listed == sorted((check.number, when(check)) for check in CHECKS)


def when(check: Check) -> str:
    return "deploy" if check.deploy else "database" if check.database else "always"


def test_every_check_is_bound() -> None:
    assert {check for check in CHECKS if not check.deploy} <= set(registry.registered_checks)
    assert {check for check in CHECKS if check.deploy} <= set(registry.deployment_checks)


def test_the_command_fails_on_an_error(settings: Settings) -> None:
    settings.TOKEN_ISSUER = {"REFRESH_GRASE": 5}
    with pytest.raises(CommandError, match=r"token_issuer\.E002"):
        call_command("check", tags=["token_issuer"])


def test_the_command_passes_without_a_key_ring_but_not_under_deploy(settings: Settings, capsys) -> None:
    settings.TOKEN_ISSUER = {}
    call_command("check", tags=["token_issuer"])
    assert "token_issuer.W001" in capsys.readouterr().err
    with pytest.raises(CommandError, match=r"token_issuer\.E005"):
        call_command("check", tags=["token_issuer"], deploy=True)


def test_the_command_is_content_with_the_tests_own_settings(capsys) -> None:
    call_command("check", tags=["token_issuer"])
    assert capsys.readouterr().err == ""


def test_no_message_holds_a_key(settings: Settings) -> None:
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": ["canary-5d1c", "k1:canary-5d1c", "canary+5d1c="]}
    messages = [message for check in CHECKS for message in check()]
    assert any(isinstance(message, Error) for message in messages)
    assert not any("5d1c" in str(message) for message in messages)
