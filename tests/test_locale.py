"""The catalogues: English, where a translation starts, and German, which is complete."""

from __future__ import annotations

import re
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override

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
        "Paste a token or an id, or name what leaked",
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


def entries(language):
    """The texts of a catalogue as gettext reads them, but for its header: text or (text, number) to translation."""
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as compiled:
        known: dict[Any, str] = GNUTranslations(compiled)._catalog  # type: ignore[attr-defined]  # no other way to list them
    return {text: said for text, said in known.items() if text}


def written(language):
    """Each entry of a catalogue's text, as it is written."""
    return (LOCALE / language / "LC_MESSAGES" / "django.po").read_text().split("\n\n")[1:]


def texts(language):
    return [re.findall(r'^msgid(?:_plural)? "(.*)"$', entry, re.MULTILINE) for entry in written(language)]


def test_german_has_every_text():
    assert texts("de") == texts("en")
    lacking = [entry for entry in written("de") if re.search(r'^msgstr(\[\d\])? ""$(?!\n")', entry, re.MULTILINE)]
    assert lacking == []


PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%s|\{\w+(?:\.\w+)?\}")


def test_german_fills_in_what_english_fills_in():
    for text, said in entries("de").items():
        if isinstance(text, tuple):
            continue  # gettext's own check reads these, and one may be said in a word
        source = text
        assert sorted(PLACEHOLDER.findall(said)) == sorted(PLACEHOLDER.findall(source)), text


def test_words_that_are_not_for_people_stay():
    """What one types, or reads elsewhere in the same letters."""
    words = re.compile(r"\b(?:env:NAME|user:|id:|room:|\d{3,}|SDK|IP|allow_\w+|ask_join|end_session|expires_in)")
    for text, said in entries("de").items():
        source = text if isinstance(text, str) else text[0]
        assert sorted(words.findall(said)) == sorted(words.findall(source)), text


@pytest.mark.django_db
def test_an_administrator_reads_german(client, admin_user):
    client.force_login(admin_user)
    with override("de"):
        said = client.get("/admin/token_issuer/issuedtoken/").content.decode()
    assert "Token oder Kennung einfügen, oder nennen, was bekannt geworden ist" in said
    assert "Paste a token" not in said
