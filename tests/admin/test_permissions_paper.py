"""docs/admin.md lists the permissions that there are, and those that pages ask for."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_permission_codename

from tests.papers import read, rows

ROOT = Path(__file__).resolve().parents[2]


def listed():
    section = read("docs/admin.md").partition("## Permissions")[2].partition("\n## ")[0]
    return {row[0] for row in rows(section)} - {"permission"}


def existing():
    models = apps.get_app_config("token_issuer").get_models()
    return {codename for model in models for codename in codenames(model._meta)}


def codenames(options):
    own = [codename for codename, _name in options.permissions]
    return [*own, *(get_permission_codename(action, options) for action in options.default_permissions)]


def test_every_permission_of_the_paper_exists():
    assert listed() <= existing()


def test_every_permission_of_ours_is_in_the_paper():
    models = [model for model in admin.site._registry if model._meta.app_label == "token_issuer"]
    ours = {codename for model in models for codename, _name in model._meta.permissions}
    assert ours | {f"view_{model._meta.model_name}" for model in models} <= listed()


def test_every_permission_that_the_admin_names_is_in_the_paper():
    source = "".join(path.read_text() for path in (ROOT / "token_issuer" / "admin").glob("*.py"))
    named = set(re.findall(r"token_issuer\.([a-z]+_[a-z_]+)\"", source)) & existing()
    assert named
    assert named <= listed()


def test_every_picture_is_there_light_and_dark():
    named = set(re.findall(r"screenshots/([a-z-]+\.png)", read("docs/admin.md")))
    kept = {path.name for path in (ROOT / "docs" / "screenshots").glob("*.png")}
    assert named == kept
    assert {name for name in named if name.endswith("-light.png")} == {
        name.replace("-dark", "-light") for name in named if name.endswith("-dark.png")
    }
