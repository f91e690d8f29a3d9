"""The English catalogue: where a translation starts."""

from __future__ import annotations

import re
from gettext import GNUTranslations
from pathlib import Path

import pytest

import token_issuer
from token_issuer.providers.agora.facts import VENDOR

LOCALE = Path(token_issuer.__file__).parent / "locale"
TEXTS = (LOCALE / "en" / "LC_MESSAGES" / "django.po").read_text()


@pytest.mark.parametrize("catalogue", sorted(LOCALE.glob("*/LC_MESSAGES/django.po")), ids=lambda path: path.parts[-3])
def test_catalogue_is_compiled(catalogue):
    with catalogue.with_suffix(".mo").open("rb") as compiled:
        info = GNUTranslations(compiled).info()
    assert info["language"] == catalogue.parts[-3]
    assert "fuzzy" not in catalogue.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "Paste a token or an id",
        "Revoke selected tokens",
        "issued tokens",
        "in %(minutes)s min",
        VENDOR.rotation_steps[0],
    ],
    ids=["template", "admin", "model", "filter", "provider"],
)
def test_every_room_is_in_it(text):
    assert f'msgid "{text}"' in TEXTS


def test_it_names_no_place_on_somebodys_machine():
    assert not re.search(r"^#: /", TEXTS, re.MULTILINE)
