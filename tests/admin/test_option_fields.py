"""Form fields from field specs, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from django import forms

from token_issuer.admin.option_fields import option_data, option_fields
from token_issuer.providers.base import Options
from token_issuer.providers.fields import dump, option_field, parse, specs


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A group."""

    name: str = option_field(min_bytes=1)
    floor: int | None = option_field(default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything(Options):
    """One field of each type."""

    title: str = option_field(label="Title", help="<Plain> text", min_bytes=1, max_bytes=9)
    count: int = option_field(default=3, minimum=1, maximum=5)
    maybe: int | None = option_field(default=None)
    switch: bool = option_field(default=True)
    unsure: bool | None = option_field(default=None)
    one: Literal["a", "b"] = option_field(default="b")
    none: Literal["a", "b"] | None = option_field(default=None)
    some: frozenset[Literal["x", "y"]] = option_field(default=frozenset({"y"}))
    words: tuple[str, ...] = option_field(default=("p", "q"))
    numbers: tuple[int, ...] = option_field(default=())
    place: Place = option_field(default=Place(name="Hall"))
    spare: Place | None = option_field(default=None)
    places: tuple[Place, ...] = option_field(default=())
    person: str | None = option_field(default=None, filled_by="subject")


SPECS = specs(Everything)


def form_of(data=None, posted=None):
    return type("Form", (forms.Form,), option_fields(SPECS, data))(posted)


def sent_back(form):
    """What a browser would send for the form as it came."""
    values = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in values.items() if value is not None and value is not False}


def test_every_field_has_its_form_field():
    kinds = {name.removeprefix("option-"): type(field).__name__ for name, field in option_fields(SPECS).items()}
    assert kinds == {
        "title": "CharField",
        "count": "IntegerField",
        "maybe": "IntegerField",
        "switch": "BooleanField",
        "unsure": "NullBooleanField",
        "one": "ChoiceField",
        "none": "ChoiceField",
        "some": "MultipleChoiceField",
        "words": "CharField",
        "numbers": "CharField",
        "place.name": "CharField",
        "place.floor": "IntegerField",
        "spare": "JSONField",
        "places": "JSONField",
    }


def test_labels_and_limits_are_shown_as_text():
    fields = option_fields(SPECS)
    assert (fields["option-title"].label, fields["option-title"].help_text) == (
        "Title",
        "&lt;Plain&gt; text At most 9 bytes.",
    )
    assert fields["option-count"].label == "Count"
    assert 'min="1" max="5"' in str(form_of()["option-count"])


def test_defaults_come_back_as_they_are():
    form = form_of(posted={**sent_back(form_of()), "option-title": "Tower"})
    assert form.is_valid(), form.errors
    read = parse(Everything, option_data(SPECS, form.cleaned_data))
    assert read == Everything(title="Tower")


def test_stored_data_comes_back_as_it_is():
    stored = Everything(
        title="T",
        maybe=0,
        switch=False,
        unsure=True,
        none="a",
        some=frozenset(),
        words=(),
        numbers=(-1, 2),
        place=Place(name="Attic", floor=9),
        spare=Place(name="Cellar"),
        places=(Place(name="Yard"),),
    )
    form = form_of(data=dump(stored))
    again = form_of(posted=sent_back(form))
    assert again.is_valid(), again.errors
    assert parse(Everything, option_data(SPECS, again.cleaned_data)) == stored


def test_wrong_line_is_left_to_the_provider():
    form = form_of(posted={**sent_back(form_of()), "option-title": "T", "option-numbers": "1\nmany"})
    assert form.is_valid()
    with pytest.raises(Exception, match="must be a whole number"):
        parse(Everything, option_data(SPECS, form.cleaned_data))
