"""A secret's value appears nowhere but where it is asked for by name."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable

import pytest
from django.core.serializers.json import DjangoJSONEncoder

from token_issuer.crypto import Secret, SigningKey, TokenText
from token_issuer.crypto.keyring import RingKey
from token_issuer.crypto.secret import SecretParts

CANARY = "canary-7f3a9c51e0"

MUTE = [
    Secret(certificate=CANARY),
    Secret(certificate=CANARY).parts,
    TokenText(CANARY),
    SigningKey("HS256", "key-1", CANARY.encode()),
    RingKey("k1", CANARY.encode()),
]

WAYS_TO_SHOW: dict[str, Callable[[object], object]] = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "f-string": lambda mute: f"{mute} {mute!r} {mute:>40}",
    "percent": lambda mute: "%s %r" % (mute, mute),  # noqa: UP031  the old spelling is what is tested
    "format": lambda mute: format(mute, "s"),
    "in a container": lambda mute: repr([{"mute": (mute,)}]),
    "pprint": pprint.pformat,
    "json with a fallback": lambda mute: json.dumps({"mute": mute}, default=str),
    "copy": lambda mute: repr(copy.copy(mute)),
    "deepcopy": lambda mute: repr(copy.deepcopy([mute])),
}


@dataclasses.dataclass
class Holder:
    mute: object


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
def test_a_copy_is_the_same_object(mute: object) -> None:
    assert copy.copy(mute) is mute
    assert copy.deepcopy([mute])[0] is mute


def test_what_the_parts_came_from_may_change() -> None:
    values = {"certificate": CANARY}
    parts = SecretParts(values)
    values["certificate"] = "another"
    assert parts["certificate"] == CANARY


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
@pytest.mark.parametrize("show", WAYS_TO_SHOW.values(), ids=WAYS_TO_SHOW)
def test_no_text_shows_the_value(mute: object, show: Callable[[object], object]) -> None:
    assert CANARY not in str(show(mute))


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
@pytest.mark.parametrize(
    "take_apart",
    [
        *(
            lambda mute, protocol=protocol: pickle.dumps(mute, protocol)
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
        lambda mute: mute.__getstate__(),
        json.dumps,
        lambda mute: json.dumps(mute, cls=DjangoJSONEncoder),
        vars,
        bytes,
    ],
)
def test_nothing_takes_it_apart(mute: object, take_apart: Callable[[object], object]) -> None:
    with pytest.raises(TypeError) as caught:
        take_apart(mute)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
def test_asdict_of_a_holder_stays_mute(mute: object) -> None:
    assert CANARY not in repr(dataclasses.asdict(Holder(mute)))


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
def test_no_attribute_holds_the_value(mute: object) -> None:
    slots = [name for kind in type(mute).__mro__ for name in getattr(kind, "__slots__", ())]
    assert all(CANARY not in repr(getattr(mute, name)) for name in slots)


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
def test_logging_shows_nothing(mute: object, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("token_issuer.test").warning("%s %r", mute, mute, extra={"mute": mute})
    assert CANARY not in caplog.text + repr(caplog.records[0].__dict__)


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
def test_local_variables_in_a_traceback_show_nothing(mute: object) -> None:
    try:
        raise_with(mute)
    except ZeroDivisionError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "mute = <" in shown
    assert CANARY not in shown.replace(f'CANARY = "{CANARY}"', "")


def raise_with(mute: object) -> float:
    return 1 / len([mute][1:])


@pytest.mark.parametrize("mute", MUTE, ids=lambda mute: type(mute).__name__)
def test_it_is_immutable(mute: object) -> None:
    with pytest.raises(AttributeError, match="is immutable"):
        mute.parts = {}  # type: ignore[attr-defined]  # the assignment is what must fail
    with pytest.raises(AttributeError, match="is immutable"):
        del mute.parts  # type: ignore[attr-defined]  # as above


def test_parts_are_had_by_name() -> None:
    secret = Secret(api_key="a", secret="s")
    assert (secret.part("api_key"), dict(secret.parts), len(secret.parts)) == ("a", {"api_key": "a", "secret": "s"}, 2)


def test_an_unknown_part_names_those_there_are() -> None:
    with pytest.raises(KeyError, match="no part 'certifcate'; there are: certificate") as caught:
        Secret(certificate=CANARY).part("certifcate")
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert f"'{CANARY}'" not in shown


def test_a_part_that_is_no_text_is_refused_without_its_value() -> None:
    with pytest.raises(TypeError, match="not so: certificate") as caught:
        Secret(certificate=CANARY.encode(), other=CANARY)  # type: ignore[arg-type]  # the mistake under test
    frame = caught.traceback[-1].frame
    assert CANARY not in repr(frame.f_locals)


def test_a_secret_has_parts() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        Secret()


def test_revealing_is_asked_for_by_name() -> None:
    assert TokenText(CANARY).reveal() == CANARY


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (TokenText("a"), TokenText("a"), True),
        (TokenText("a"), TokenText("b"), False),
        (TokenText("a"), "a", False),
        (TokenText("\ud800"), TokenText("\ud800"), True),
        (Secret(a="1", b="2"), Secret(b="2", a="1"), True),
        (Secret(a="1"), Secret(b="1"), False),
        (Secret(a="1"), TokenText("1"), False),
        (Secret(a="1").parts, Secret(a="1").parts, True),
        (Secret(a="1").parts, {"a": "1"}, False),
    ],
)
def test_equality_is_between_the_same_kind(left: object, right: object, equal: bool) -> None:
    assert (left == right) is equal


@pytest.mark.parametrize("mute", MUTE[:3], ids=lambda mute: type(mute).__name__)
def test_there_is_no_hash_of_the_value(mute: object) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(mute)
