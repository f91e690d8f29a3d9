"""The papers say what the code says."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from pathlib import Path
from unittest import SkipTest

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone

from example_project.settings import TOKEN_ISSUER
from tests.factories import api_key
from tests.papers import CHECKOUT, DOCS, PAPERS, blocks, read, rows
from token_issuer.api.errors import STATUSES
from token_issuer.conf import EXPECTED, conf
from token_issuer.crypto import opaque
from token_issuer.formats import refresh_text
from token_issuer.models import AuditEvent, AuditKind
from token_issuer.providers import fields
from token_issuer.providers.called import PairKeeper
from token_issuer.registry import providers
from token_issuer.services import authenticating


def test_every_setting_is_in_the_table_with_its_default():
    with override_settings(TOKEN_ISSUER={}, DEBUG=False):
        defaults = {name: in_words(getattr(conf, name.lower())) for name in EXPECTED}
    told = {name: default.replace("not DEBUG", "True").replace("DEBUG", "False") for name, default in settings_table()}
    assert told == {**defaults, "AUTHENTICATION_CLASSES": "our own"}


def settings_table() -> list[tuple[str, str]]:
    return [(name, default.strip("`")) for name, default, _ in three_cells("docs/settings.md") if name.isupper()]


def three_cells(paper: str) -> list[list[str]]:
    return [cells for cells in rows(read(paper)) if len(cells) == 3]


def in_words(value: object) -> str:
    if isinstance(value, timedelta):
        return f"{value.days} days" if value.days else f"{value.seconds} s"
    if isinstance(value, bool | str):
        return str(value)
    return "none" if value is None else "empty"


def test_every_option_of_a_provider_is_in_the_table_with_its_default():
    told = {(cells[0], cells[1]): cells[2] for cells in rows(read("docs/settings.md")) if len(cells) == 4}
    del told["provider", "option"]
    assert told == {
        (provider.label, spec.name): str(spec.default)
        for provider in providers().values()
        for spec in fields.specs(provider.options_class)
    }


def test_the_lifetimes_of_every_provider_are_told():
    told = dict(cells for cells in rows(read("docs/settings.md")) if len(cells) == 2)
    for provider in providers().values():
        limits = provider.lifetimes
        assert told[provider.label] == f"{limits.minimum:,}, {limits.default:,}, {limits.maximum:,}"


def test_the_readme_has_a_row_for_every_provider():
    told = {cells[1]: cells[3:] for cells in rows(read("README.md")) if len(cells) == 5}
    assert set(told) - {"provider"} == set(providers())
    for provider in providers().values():
        limits = provider.lifetimes
        vendors = isinstance(provider, PairKeeper) and provider.renews_pairs
        life = "as the vendor says" if vendors else f"{limits.default:,} s, {limits.maximum:,} s"
        assert told[provider.name] == [life, provider.revocation.value]


def test_the_list_of_errors_is_the_one_that_is_answered():
    told = {cells[0]: int(cells[1]) for cells in rows(read("docs/errors.md")) if len(cells) == 4 and cells[1].isdigit()}
    assert told == dict(STATUSES)


@pytest.mark.parametrize("provider", providers().values(), ids=lambda provider: provider.name)
def test_every_error_a_provider_knows_is_in_troubleshooting(provider):
    text = read("docs/troubleshooting.md")
    missing = [error.code for error in provider.vendor.errors if error.code.rpartition(": ")[2] not in text]
    assert missing == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_links_lead_somewhere(paper):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", paper.read_text())
    assert [target for target in targets if not (paper.parent / target).exists()] == []


def test_the_readme_names_every_page():
    assert [page.name for page in DOCS if f"docs/{page.name}" not in read("README.md")] == []


def test_the_rooms_in_the_readme_exist():
    rooms = [f"token_issuer/{name}" for name in ("admin", "management")]
    named = [cells[0] for cells in rows(read("README.md")) if "token_issuer/" in cells[0]]
    paths = [name.partition("`")[0] for name in named]
    assert [path for path in paths + rooms if not (CHECKOUT / path).exists()] == []


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The worked examples and their tests, written where the first line of each says; the folder of the tests."""
    for code in blocks(read("docs/adding-a-provider.md"), "python"):
        path = tmp_path / code.splitlines()[0].removeprefix("# ")
        if path.suffix == ".py":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "mysite" / "tests"
    for name in [name for name in sys.modules if name.partition(".")[0] == "mysite"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["Centrifugo", "Nightingale"])
def test_the_worked_examples_of_providers_conform(examples, name):
    suite = runpy.run_path(str(examples / f"test_{name.lower()}.py"))[f"Test{name}"]()
    checks = [getattr(suite, each) for each in dir(suite) if each.startswith("test_")]
    assert len(checks) > 5
    for check in checks:
        with suppress(SkipTest):  # what does not fit a provider
            check()


@pytest.mark.django_db(transaction=True)
def test_the_lines_that_end_whole_sets_do(settings):
    settings.DEBUG = True
    settings.TOKEN_ISSUER = {**TOKEN_ISSUER, **settings.TOKEN_ISSUER}
    call_command("demo_data", stdout=StringIO())
    for line in re.findall(r"^ +python manage.py (token_issuer_revoke .*)$", read("docs/leak.md"), re.MULTILINE):
        call_command(*shlex.split(line), "--no-input", stdout=StringIO())
    ended = AuditEvent.objects.filter(kind=AuditKind.SET_REVOKED).values_list("detail__kind", flat=True)
    assert sorted(ended) == ["application", "resource", "user"]


def test_own_texts_look_as_a_scanner_is_told():
    patterns = [cells[1].strip("`") for cells in rows(read("docs/security.md")) if len(cells) == 3 and "_[" in cells[1]]
    keys = ("k", "k" * 32)
    refresh = [refresh_text.encode(family=bytes(16), generation=0, key_id=key, mac=bytes(32)) for key in keys]
    texts = [*(opaque.new(prefix).reveal() for prefix in ("tio_", "til_", "tis_")), *refresh]
    matched = {text: [pattern for pattern in patterns if re.fullmatch(pattern, text)] for text in texts}
    assert [len(found) for found in matched.values()] == [1] * 5


@pytest.mark.django_db
def test_the_token_that_a_server_signs_as_told_is_taken(monkeypatch):
    key, secret = api_key(may_sign=True, scopes=["reports:read"])
    monkeypatch.setenv("TOKEN_ISSUER_API_KEY", key.public_id)
    monkeypatch.setenv("TOKEN_ISSUER_API_SECRET", secret)
    said: dict[str, str] = {}
    exec(blocks(read("docs/api-keys.md"), "python")[0], said)
    assert authenticating.self_signed(said["token"], at=timezone.now()).scopes == {"reports:read"}
