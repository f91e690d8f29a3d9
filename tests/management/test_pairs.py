"""``key=value`` arguments become the body that an API caller would send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from django.core.management import CommandError

from token_issuer.management.pairs import body_of, seconds_of
from token_issuer.providers.base import Grant
from token_issuer.providers.fields import grant_field, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(Grant):
    """A group."""

    name: str = grant_field(default="")
    size: int = grant_field(default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer(Grant):
    """Every type of field."""

    room: str = grant_field(default="")
    size: int | None = grant_field(default=5)
    loud: bool = grant_field(default=False)
    kind: Literal["a", "b"] = grant_field(default="a")
    words: frozenset[Literal["x", "y"]] = grant_field(default=frozenset())
    sizes: tuple[int, ...] = grant_field(default=())
    inner: Inner = grant_field(default=Inner())


def body(*pairs: str) -> dict[str, object]:
    return body_of(Outer, pairs, option="--grant")


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("room=a=b", {"room": "a=b"}),
        ("room=", {"room": ""}),
        ("room=null", {"room": "null"}),
        ("size=-7", {"size": -7}),
        ("size=null", {"size": None}),
        ("loud=true", {"loud": True}),
        ("loud=false", {"loud": False}),
        ("kind=b", {"kind": "b"}),
        ("words=x,y", {"words": ["x", "y"]}),
        ("words=", {"words": []}),
        ("sizes=1,2", {"sizes": [1, 2]}),
        ("inner.size=3", {"inner": {"size": 3}}),
    ],
)
def test_a_value_becomes_what_its_field_takes(pair, value):
    assert body(pair) == value
    parse(Outer, body(pair))


@pytest.mark.parametrize("pair", ["size=many", "size=٣", "loud=yes", "bogus=1", "bogus.deep=1", "room.deep=1"])
def test_what_does_not_fit_stays_for_the_field_to_refuse(pair):
    name, _, text = pair.partition("=")
    place = body(pair)
    assert place in ({name: text}, {name.partition(".")[0]: {"deep": text}})


def test_two_members_of_a_group_come_together():
    assert body("inner.name=a", "inner.size=1") == {"inner": {"name": "a", "size": 1}}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["room"], "--grant takes key=value."),
        (["=x"], "--grant takes key=value."),
        (["room=a", "room=b"], "--grant room is given twice."),
        (["inner=a", "inner.size=1"], "--grant inner is given both as a value and as a group."),
    ],
)
def test_what_is_no_pair_is_refused(pairs, message):
    with pytest.raises(CommandError) as error:
        body(*pairs)
    assert str(error.value) == message


@pytest.mark.parametrize(("text", "seconds"), [(None, None), ("90", 90), ("30m", 1800), ("2h", 7200)])
def test_a_duration(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "-5", "0", "forever", "٣"])
def test_what_is_no_duration(text):
    with pytest.raises(CommandError, match="A lifetime must be"):
        seconds_of(text)
