from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import jsonschema
import pytest

from token_issuer.errors import BadGrant, BadOption
from token_issuer.providers.base import Grant, Options
from token_issuer.providers.fields import check, dump, grant_field, json_schema, option_field, parse, specs

Right = Literal["see", "say"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    name: str = grant_field(label="Name", max_bytes=5)
    account: str | None = grant_field(default=None, filled_by="subject")

    def __post_init__(self) -> None:
        if self.name == "root":
            raise BadGrant("name", "is taken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Grant):
    room: str = grant_field(label="Room", help="Where.", min_bytes=1, max_bytes=4, pattern="[a-zé]+")
    role: Right = grant_field(default="see", label="Role")
    count: int | None = grant_field(default=None, label="Count", minimum=1, maximum=9)
    loud: bool = False
    rights: frozenset[Right] = grant_field(default=frozenset({"see"}), label="Rights")
    tags: tuple[str, ...] = grant_field(default=(), label="Tags", max_bytes=3)
    profile: Profile | None = None
    guests: tuple[Profile, ...] = ()
    note: str | None = grant_field(default="-", label="Note")
    uid: int | None = grant_field(default=None, filled_by="subject")

    def __post_init__(self) -> None:
        if self.room == "root":
            raise BadGrant("room", "is closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions(Options):
    limit: int = option_field(default=1, label="Limit", minimum=1)


FULL = {
    "room": "café"[:3],
    "role": "say",
    "count": 9,
    "loud": True,
    "rights": ["say", "see"],
    "tags": ["a", "b"],
    "profile": {"name": "bob"},
    "guests": [{"name": "eve"}],
    "note": None,
}


def problems(**changes: object) -> dict[str, list[str]]:
    with pytest.raises(BadGrant) as caught:
        parse(Sample, {"room": "a", **changes})
    return {name: list(messages) for name, messages in caught.value.fields.items()}


def test_parse_reads_every_field_type() -> None:
    assert parse(Sample, FULL) == Sample(
        room="caf",
        role="say",
        count=9,
        loud=True,
        rights=frozenset({"see", "say"}),
        tags=("a", "b"),
        profile=Profile(name="bob"),
        guests=(Profile(name="eve"),),
        note=None,
    )


def test_parse_uses_defaults() -> None:
    assert parse(Sample, {"room": "a"}) == Sample(room="a")


def test_dump_is_read_back() -> None:
    assert dump(parse(Sample, FULL)) == FULL


def test_dump_leaves_out_what_is_none_or_filled_in() -> None:
    assert dump(Sample(room="a", uid=16)) == {
        "room": "a",
        "role": "see",
        "loud": False,
        "rights": ["see"],
        "tags": [],
        "guests": [],
        "note": "-",
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("count", True, "must be a whole number"),
        ("count", 1.0, "must be a whole number"),
        ("count", "1", "must be a whole number"),
        ("count", float("nan"), "must be a whole number"),
        ("count", 0, "must be at least 1"),
        ("count", 10**18, "must be at most 9"),
        ("loud", 1, "must be true or false"),
        ("loud", None, "must not be null"),
        ("room", 5, "must be a text"),
        ("room", "", "must be at least 1 bytes in UTF-8"),
        ("room", "ééé", "must be at most 4 bytes in UTF-8"),
        ("room", "A", "must match [a-zé]+"),
        ("room", "a\n", "must match [a-zé]+"),
        ("room", "a\0", "must not contain the character NUL"),
        ("room", "\ud800", "must be valid Unicode text"),
        ("role", "shout", "must be one of: see, say"),
        ("role", ["see"], "must be one of: see, say"),
        ("rights", "see", "must be a list"),
        ("rights", ["shout"], "each must be one of: see, say"),
        ("rights", [["see"]], "each must be one of: see, say"),
        ("rights", ["see", "see"], "must not name anything twice"),
        ("tags", "abc", "must be a list"),
        ("profile", "bob", "must be an object"),
        ("uid", 16, "unknown field: the server fills it in"),
        ("user", 16, "unknown field"),
    ],
)
def test_parse_refuses(name: str, value: object, message: str) -> None:
    assert problems(**{name: value}) == {name: [message]}


def test_parse_names_what_is_missing() -> None:
    with pytest.raises(BadGrant, match=r"^room: is required$"):
        parse(Sample, {})


def test_parse_refuses_what_is_not_an_object() -> None:
    with pytest.raises(BadGrant, match=r"^body: must be an object$"):
        parse(Sample, [("room", "a")])


def test_parse_reports_every_failing_field() -> None:
    assert list(problems(room=1, loud=None, tags=["a", 5], extra=1)) == ["room", "loud", "tags.1", "extra"]


def test_rules_of_a_list_hold_for_each_item() -> None:
    assert problems(tags=["abcd"]) == {"tags.0": ["must be at most 3 bytes in UTF-8"]}


@pytest.mark.parametrize(
    ("nested", "expected"),
    [
        ({}, {"profile.name": ["is required"]}),
        ({"name": "bob", "account": "eve"}, {"profile.account": ["unknown field: the server fills it in"]}),
        ({"name": "bob", "x": 1}, {"profile.x": ["unknown field"]}),
        ({"name": "root"}, {"profile.name": ["is taken"]}),
    ],
)
def test_nested_failures_are_dotted(nested: object, expected: object) -> None:
    assert problems(profile=nested) == expected


def test_a_nested_list_names_the_item() -> None:
    assert problems(guests=[{"name": "bob"}, {"name": "root"}]) == {"guests.1.name": ["is taken"]}


def test_the_class_has_the_last_word() -> None:
    with pytest.raises(BadGrant, match=r"^room: is closed$"):
        parse(Sample, {"room": "root"})


def test_options_raise_their_own_error() -> None:
    with pytest.raises(BadOption, match=r"^limit: must be at least 1$"):
        parse(SampleOptions, {"limit": 0}, error=BadOption)


def test_an_unknown_name_is_repeated_short_and_encodable() -> None:
    (name,) = problems(**{"\ud800" + "x" * 100: 1})
    assert name == "\\ud800" + "x" * 63


def test_schema_is_closed_and_valid() -> None:
    schema = json_schema(Sample)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["room"]


def test_schema_hides_what_the_server_fills_in() -> None:
    properties = json_schema(Sample)["properties"]
    assert "uid" not in properties
    assert list(properties["guests"]["items"]["properties"]) == ["name"]


def test_schema_describes_fields() -> None:
    properties = json_schema(Sample)["properties"]
    assert properties["room"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 4,
        "pattern": "^(?:[a-zé]+)$",
        "title": "Room",
        "description": "Where.",
    }
    assert properties["count"]["type"] == ["integer", "null"]
    assert properties["rights"]["default"] == ["see"]


def test_schema_accepts_what_parse_accepts() -> None:
    jsonschema.validate(FULL, json_schema(Sample), jsonschema.Draft202012Validator)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaybeRole:
    role: Right | None = None


def test_a_choice_that_may_be_null_lists_null() -> None:
    schema = json_schema(MaybeRole)["properties"]["role"]
    assert schema == {"type": ["string", "null"], "enum": ["see", "say", None], "default": None}


def test_specs_are_made_once() -> None:
    assert specs(Sample) is specs(Sample)


def test_a_list_has_one_child() -> None:
    (tags,) = [spec for spec in specs(Sample) if spec.name == "tags"]
    assert (tags.type, tags.max_bytes, tags.children[0].type, tags.children[0].max_bytes) == ("list", None, "str", 3)


@pytest.mark.parametrize("name", ["lifetime", "slot", "on_behalf_of", "key_lifetime", "starts_session"])
def test_reserved_names_are_refused_at_class_creation(name: str) -> None:
    with pytest.raises(TypeError, match=f"^Bad: {name} is reserved; choose another field name.$"):
        type("Bad", (Grant,), {"__annotations__": {name: int}, "__qualname__": "Bad"})


def declared(annotation: object, **rules: object) -> type:
    return dataclass(type("Bad", (), {"__annotations__": {"x": annotation}, "x": grant_field(**rules)}))  # type: ignore[arg-type]  # rules are grant_field's


@pytest.mark.parametrize(
    ("annotation", "rules", "message"),
    [
        (float, {}, "Bad.x: <class 'float'> is not a field type; use str"),
        (dict[str, int], {}, "Bad.x: dict.* is not a field type"),
        (int | str, {}, "Bad.x: .* is not a field type"),
        (frozenset[str], {}, "Bad.x: .* is not a field type"),
        (tuple[str, int], {}, "Bad.x: .* is not a field type"),
        (Literal[1, 2], {}, "Bad.x: a Literal may hold texts only."),
        (str, {"minimum": 1}, "Bad.x: minimum does not apply to str."),
        (int, {"max_bytes": 1}, "Bad.x: max_bytes does not apply to int."),
        (tuple[int, ...], {"max_bytes": 1}, r"Bad.x\[\]: max_bytes does not apply to int."),
        (str, {"pattern": "("}, "Bad.x: pattern is no regular expression: missing "),
        (str, {"filled_by": "subject"}, "Bad.x: a field that the server fills in must default to None."),
        ("Nowhere", {}, "Bad: name 'Nowhere' is not defined; field types must be importable at run time."),
    ],
)
def test_an_invalid_declaration_is_named(annotation: object, rules: dict[str, object], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{message}"):
        specs(declared(annotation, **rules))


def test_only_dataclasses_have_specs() -> None:
    with pytest.raises(TypeError, match=r"^int is not a dataclass.$"):
        specs(int)


@dataclass(frozen=True, kw_only=True)
class Plain:
    tags: frozenset[Right] = field(default_factory=frozenset)


def test_a_plain_field_with_a_factory_is_understood() -> None:
    assert specs(Plain)[0].default == frozenset()


def test_check_accepts_what_parse_made() -> None:
    check(parse(Sample, FULL))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": True}, "count: must be a whole number"),
        ({"uid": "16"}, "uid: must be a whole number"),
        ({"profile": 5}, "profile: must be an object"),
        ({"rights": "see"}, "rights: must be a list"),
    ],
)
def test_check_holds_instances_made_in_python_to_their_types(values: dict[str, object], message: str) -> None:
    with pytest.raises(BadGrant, match=f"^{message}$"):
        check(Sample(**{"room": "a", **values}))  # type: ignore[arg-type]  # the point
