"""The suite that providers inherit: our own pass it, a third party's does, and each kind of mistake fails it."""

from __future__ import annotations

import base64
import importlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import jsonschema
import pytest

from tests import doors
from tests.doors import DoorGrant, DoorProvider, Escort
from token_issuer.errors import BadOption
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.agora.grant import AgoraGrant, AgoraOptions
from token_issuer.providers.base import (
    Grant,
    Inspection,
    MintedToken,
    MintOrder,
    Options,
    Privilege,
    RefreshLimits,
    Verification,
)
from token_issuer.providers.fields import grant_field, json_schema
from token_issuer.providers.videosdk import VideoSDKGrant, VideoSDKProvider
from token_issuer.registry import get_provider, problems, providers
from token_issuer.testing import ProviderConformance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_django.fixtures import Settings


class TestAgora(ProviderConformance):
    provider = AgoraProvider()
    public_id = "970CA35de60c44645bbae8a215061b33"
    secret: ClassVar = {"certificate": "5CFd2fd1755d40ecb72977518be15d3b"}
    other_secret: ClassVar = {"certificate": "0" * 32}
    subject: ClassVar[int | str] = 16
    other_subject: ClassVar[int | str] = 32
    narrowest = frozenset({"subscriber"})
    grants: ClassVar[Sequence[Grant]] = (
        AgoraGrant(channel="room-42"),
        AgoraGrant(channel="room-42", role="publisher"),
        AgoraGrant(channel="room-42", also_rtm=True, chat=True),
    )
    wild_grants: ClassVar[Sequence[Grant]] = (AgoraGrant(channel=""), AgoraGrant(channel="room-*"))


class TestAgoraAccounts(TestAgora):
    options = AgoraOptions(subject="account")
    subject, other_subject = "user-1", "user-2:1"


class TestAgora006(TestAgora):
    options = AgoraOptions(token_version="006")
    grants = (AgoraGrant(channel="room-42"), AgoraGrant(channel="room-42", role="publisher"))
    wild_grants = ()


class TestVideoSDK(ProviderConformance):
    provider = VideoSDKProvider()
    public_id = "a1b2c3d4-0001-4000-8000-000000000001"
    secret: ClassVar = {"secret": "f0e1d2c3" * 8}
    other_secret: ClassVar = {"secret": "0" * 64}
    subject, other_subject = "user-1", "Zoë"
    narrowest = frozenset({"allow_join"})
    grants = (
        VideoSDKGrant(roomId="room-1"),
        VideoSDKGrant(roomId="room-1", permissions=frozenset({"ask_join"})),
        VideoSDKGrant(roomId="room-1", permissions=frozenset({"allow_join", "allow_mod"})),
        VideoSDKGrant(roomId="room-1", roles=frozenset({"rtc", "crawler"})),
    )
    wild_grants = (VideoSDKGrant(),)


class TestDoors(ProviderConformance):
    provider = DoorProvider()
    public_id = "building-1"
    secret: ClassVar = {"secret": "open sesame, please"}
    other_secret: ClassVar = {"secret": "open barley, please"}
    subject, other_subject = "user-1", "user-2"
    narrowest = frozenset({"out"})
    grants = (DoorGrant(door="front"), DoorGrant(door="front", way="in", escort=Escort(name="Ann")))
    wild_grants = (DoorGrant(door=""),)


@pytest.mark.parametrize("name", providers())
def test_schemas_are_valid(name: str) -> None:
    for cls in (get_provider(name).grant_class, get_provider(name).options_class):
        jsonschema.Draft202012Validator.check_schema(json_schema(cls))


# A file dropped into a package


@pytest.fixture
def dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> str:
    """A package with one file in it, named in PROVIDERS; the path of its module."""
    (tmp_path / "__init__.py").touch()
    (tmp_path / "locks.py").write_text(Path(doors.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path.parent)
    added = {"add": [f"{tmp_path.name}.locks.DoorProvider"]}
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": added}
    return f"{tmp_path.name}.locks"


def test_a_dropped_in_file_is_found_and_described(dropped: str) -> None:
    assert {"agora", "doors", "own"} < providers().keys()
    assert problems() == ()
    assert list(json_schema(get_provider("doors").grant_class)["properties"]) == ["door", "way", "escort"]


def conformance_tests() -> list[str]:
    return [name for name in dir(ProviderConformance) if name.startswith("test_")]


@pytest.mark.parametrize("test", conformance_tests())
def test_a_dropped_in_file_conforms(dropped: str, test: str) -> None:
    made = importlib.import_module(dropped)
    grants = {"grants": (made.DoorGrant(door="front"),), "wild_grants": (made.DoorGrant(door=""),)}
    suite = type("Suite", (TestDoors,), {"provider": get_provider("doors"), **grants})
    getattr(suite(), test)()


# Mistakes that it must find


class Wrong(DoorProvider):
    """A provider with one mistake; the subclasses make it."""


class Nameless(Wrong):
    name = "!"


class Wordless(Wrong):
    privileges: ClassVar = {**DoorProvider.privileges, "in": Privilege(label="")}


class Helpless(Wrong):
    vendor = replace(DoorProvider.vendor, leak_steps=())


class Talkative(Wrong):
    def check_secret(self, purpose: str, parts: Any) -> None:
        if parts["secret"] not in {"open sesame, please", "open barley, please"}:
            raise BadOption("secret", f"is not {parts['secret']}")


class Generous(Wrong):
    privileges: ClassVar = {"out": Privilege(label="Out", implies=frozenset({"in"})), "in": Privilege(label="In")}


class Blind(Wrong):
    def wildcards(self, grant: Grant) -> frozenset[str]:
        return frozenset()


class Anonymous(Wrong):
    def mint(self, order: MintOrder) -> MintedToken:
        return super().mint(replace(order, grant=self.with_subject(order.grant, order.grant.subject or "nobody")))


class Deaf(Wrong):
    def mint(self, order: MintOrder) -> MintedToken:
        return super().mint(replace(order, public_id="another"))


class Moody(Wrong):
    moods: ClassVar[list[int]] = []

    def mint(self, order: MintOrder) -> MintedToken:
        self.moods.append(1)
        return super().mint(replace(order, public_id=order.public_id + "!" * len(self.moods)))


class Credulous(Wrong):
    def verify(self, token: str, **kwargs: Any) -> Verification:
        self.inspect(token)
        return Verification(valid=True, key_id="ours")


class Gullible(Wrong):
    def inspect(self, token: str) -> Inspection:
        return super().inspect(token.strip())

    def verify(self, token: str, *, secrets: Any, expected: Grant | None) -> Verification:
        return super().verify(token.strip(), secrets=secrets, expected=expected)


class Shallow(Wrong):
    """It signs less than it says."""

    @staticmethod
    def _tag(body: str, key: str) -> str:
        return DoorProvider._tag(body[:20], key)

    def verify(self, token: str, *, secrets: Any, expected: Grant | None) -> Verification:
        return super().verify(token, secrets=secrets, expected=None)


class Careless(Wrong):
    def verify(self, token: str, *, secrets: Any, expected: Grant | None) -> Verification:
        return super().verify(token, secrets=secrets, expected=None)


class Timeless(Wrong):
    lifetimes = replace(DoorProvider.lifetimes, minimum=2)

    def mint(self, order: MintOrder) -> MintedToken:
        return DoorProvider().mint(order)


class Crashing(Wrong):
    def inspect(self, token: str) -> Inspection:
        base64.b64decode(token.split(".")[1], validate=True)
        return super().inspect(token)


class Unserialised(Wrong):
    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {"key": minted.value, "at": object()}


class Leaking(Wrong):
    def inspect(self, token: str) -> Inspection:
        return replace(super().inspect(token), details=(("token", token),))


class Wordy(Wrong):
    def notices(self, *args: Any) -> Any:
        return "a text is not a tuple of texts"


class Forgetful(Wrong):
    def recalled(self, **row: Any) -> Grant | None:
        return DoorGrant(door="another", person="user-1")


class Keeping(Wrong):
    """It is refreshed with all that it had."""

    def refresh_limits(self, options: Options) -> RefreshLimits | None:
        return RefreshLimits(absolute=60, idle=60)

    def narrowed(self, grant: Grant, privileges: frozenset[str]) -> Grant:
        return replace(grant, person=None)  # type: ignore[call-arg]  # a door's


MISTAKES: dict[type[Wrong], str] = {
    Nameless: "test_registry_accepts_it",
    Wordless: "test_everything_a_person_reads_has_words",
    Helpless: "test_vendor_facts_are_told",
    Talkative: "test_a_refused_secret_is_not_quoted",
    Keeping: "test_narrowing_takes_words_away_and_nothing_else",
    Generous: "test_defaults_are_narrowest",
    Blind: "test_wildcards_are_reported",
    Anonymous: "test_a_grant_without_a_subject_is_not_minted",
    Deaf: "test_minted_tokens_say_what_was_ordered",
    Moody: "test_minting_is_deterministic",
    Credulous: "test_another_secret_is_refused",
    Gullible: "test_tampered_tokens_are_refused",
    Shallow: "test_tampered_tokens_are_refused",
    Careless: "test_a_token_of_somebody_else_is_refused",
    Timeless: "test_lifetimes_are_kept",
    Crashing: "test_garbage_is_malformed_or_opaque_and_nothing_else",
    Unserialised: "test_sdk_is_json_with_the_token",
    Leaking: "test_nothing_secret_is_shown",
    Wordy: "test_notices_are_sentences",
    Forgetful: "test_a_recalled_grant_is_the_one_that_was_minted",
}


@pytest.mark.parametrize("cls", MISTAKES, ids=lambda cls: cls.__name__)
def test_a_mistake_is_found(cls: type[Wrong]) -> None:
    suite = type("Suite", (TestDoors,), {"provider": cls()})
    with pytest.raises((AssertionError, TypeError)):
        getattr(suite(), MISTAKES[cls])()


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseGrant(DoorGrant):
    """It takes anything."""

    def __post_init__(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenGrant(DoorGrant):
    """It lets callers say who they are."""

    person: str | None = grant_field(default=None, label="Person")


@pytest.mark.parametrize(
    ("grant_class", "test"),
    [(LooseGrant, "test_a_grant_validates_itself"), (OpenGrant, "test_the_subject_is_not_in_the_request")],
)
def test_a_mistake_in_a_grant_is_found(grant_class: type[DoorGrant], test: str) -> None:
    provider = type("Mistaken", (DoorProvider,), {"grant_class": grant_class})
    grants = {"grants": (grant_class(door="front"),), "wild_grants": ()}
    suite = type("Suite", (TestDoors,), {"provider": provider(), **grants})
    with pytest.raises(AssertionError):
        getattr(suite(), test)()
