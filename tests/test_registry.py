from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests import doors
from tests.doors import DoorGrant, DoorProvider
from token_issuer import registry
from token_issuer.errors import NotFound
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.base import (
    Grant,
    Lifetimes,
    MintedToken,
    MintOrder,
    Options,
    Privilege,
    RefreshLimits,
    SecretField,
)
from token_issuer.registry import get_provider, problems, providers

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

BUILT_IN = ["agora", "oauth-client", "own", "own-once", "videosdk", "vocalstack", "voximplant"]


@pytest.fixture
def configure(settings: Settings):
    """Set PROVIDERS for one test; the registry searches again."""

    def configure(**changes: list[str]) -> None:
        settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": changes}

    return configure


def here(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def messages() -> list[str]:
    return [problem.message for problem in problems()]


def test_the_vendors_files_are_found() -> None:
    assert list(providers()) == BUILT_IN


def test_our_own_providers_have_no_problems() -> None:
    assert problems() == ()


def test_providers_are_made_once() -> None:
    assert get_provider("agora") is get_provider("agora")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match=rf"^There is no provider 'agorra'; known: {', '.join(BUILT_IN)}.$"):
        get_provider("agorra")


def test_settings_add_a_provider(configure) -> None:
    configure(add=[here(DoorProvider)])
    assert isinstance(get_provider("doors"), DoorProvider)


def test_settings_remove_by_name(configure) -> None:
    configure(remove=["agora"])
    assert list(providers()) == [name for name in BUILT_IN if name != "agora"]
    assert problems() == ()


class OtherAgora(DoorProvider):
    name = "agora"


def test_settings_remove_by_path_makes_room_for_another(configure) -> None:
    configure(add=[here(OtherAgora)], remove=[here(AgoraProvider)])
    assert isinstance(get_provider("agora"), OtherAgora)


def test_a_repeated_name_is_reported_and_the_first_one_stays(configure) -> None:
    configure(add=[here(OtherAgora)])
    assert isinstance(get_provider("agora"), AgoraProvider)
    assert messages() == [
        "the name 'agora' is taken by token_issuer.providers.agora.AgoraProvider; to replace that one, "
        'name its path in TOKEN_ISSUER["PROVIDERS"]["remove"]'
    ]


def test_one_class_found_twice_is_one_provider(configure) -> None:
    configure(add=[here(DoorProvider), here(DoorProvider)])
    assert problems() == ()


def test_a_removal_of_nothing_is_reported(configure) -> None:
    configure(remove=["agorra"])
    assert messages() == ["'agorra' is no provider that was found"]


def test_a_missing_module_is_reported(configure) -> None:
    configure(add=["nowhere.Provider"])
    assert messages() == ["cannot be imported: ModuleNotFoundError: No module named 'nowhere'"]


def test_what_is_no_provider_is_reported(configure) -> None:
    configure(add=["tests.doors.DoorGrant"])
    assert messages() == ["is not a provider class"]


def test_a_malformed_setting_is_one_problem_for_the_checks(settings: Settings) -> None:
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": ["tests.doors.DoorProvider"]}
    assert [problem.source for problem in problems()] == ['TOKEN_ISSUER["PROVIDERS"]']


def test_a_malformed_setting_stops_its_user(settings: Settings) -> None:
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": ["tests.doors.DoorProvider"]}
    with pytest.raises(ImproperlyConfigured, match="PROVIDERS"):
        providers()


class Unnamed(DoorProvider):
    name = "Doors!"


class Unfinished(DoorProvider):
    name = "unfinished"

    @abstractmethod
    def mint(self, order: MintOrder) -> MintedToken: ...


class Unlabelled(DoorProvider):
    name = "unlabelled"
    label = ""


class Untold(DoorProvider):
    name = "untold"
    renewable = None  # type: ignore[assignment]  # the point


class Unlimited(DoorProvider):
    name = "unlimited"
    lifetimes = replace(DoorProvider.lifetimes, default=601)


class Timeless(DoorProvider):
    name = "timeless"
    lifetimes = Lifetimes(minimum=0, default=1, maximum=1, source="")


class Unworded(DoorProvider):
    name = "unworded"
    privileges: ClassVar = {"in": Privilege(label="In", implies=frozenset({"up", "down"}))}


class Misworded(DoorProvider):
    name = "misworded"
    privileges: ClassVar = {"in": "In"}  # type: ignore[dict-item]  # the point


class TwoKeys(DoorProvider):
    name = "twokeys"
    secret_fields: ClassVar = {"sign": (SecretField(name="key", label="A"), SecretField(name="key", label="B"))}


class Ungranted(DoorProvider):
    name = "ungranted"
    grant_class = dict  # type: ignore[assignment]  # the point


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatGrant(Grant):
    weight: float = 1.0


class Floating(DoorProvider):
    name = "floating"
    grant_class = FloatGrant  # type: ignore[assignment]  # the point


class Unnarrowed(DoorProvider):
    name = "unnarrowed"

    def refresh_limits(self, options: Options) -> RefreshLimits | None:
        return None


class Optionless(DoorProvider):
    name = "optionless"
    options_class = dict  # type: ignore[assignment]  # the point


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Optionless, "options_class must be a subclass of Options"),
        (Unnamed, "name must be 2 to 32 of a-z, 0-9, _ and -, beginning with a letter"),
        (Unfinished, "does not define mint"),
        (Unlabelled, "label must not be empty"),
        (Untold, "renewable must be a bool"),
        (Unlimited, "lifetimes must satisfy 1 <= minimum <= default <= maximum"),
        (Timeless, "lifetimes must satisfy 1 <= minimum <= default <= maximum"),
        (Unworded, "privileges['in'] implies unknown words: down, up"),
        (Misworded, "privileges['in'] must be a Privilege"),
        (TwoKeys, "secret_fields['sign'] names a part twice"),
        (Unnarrowed, "its tokens are refreshed, so it must define narrowed"),
        (Ungranted, "grant_class must be a subclass of Grant"),
        (
            Floating,
            "grant_class: FloatGrant.weight: <class 'float'> is not a field type; use str, int, bool, a Literal of "
            "texts, a dataclass, frozenset[Literal[...]] or tuple[X, ...], each optionally | None.",
        ),
    ],
)
def test_an_invalid_provider_is_left_out_and_reported(configure, cls: type, message: str) -> None:
    configure(add=[here(cls)])
    assert messages() == [message]
    assert list(providers()) == BUILT_IN


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that nobody has imported yet: its name is the test's."""
    (tmp_path / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path.parent)
    return tmp_path


def test_a_dropped_in_file_is_a_provider(configure, package: Path) -> None:
    (package / "door.py").write_text(Path(doors.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    configure(add=[f"{package.name}.door.DoorProvider"])
    assert get_provider("doors").grant_class.__module__ == f"{package.name}.door"


def test_an_entry_point_names_a_module(configure, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "entry.py").write_text(Path(doors.__file__).read_text(encoding="utf-8"), encoding="utf-8")
    entry = EntryPoint(name="doors", value=f"{package.name}.entry", group=registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == entry.group else [])
    configure()
    assert get_provider("doors").label == "Doors"


def test_a_broken_entry_point_does_not_stop_the_others(configure, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint(name="doors", value="nowhere:Provider", group=registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    configure()
    assert list(providers()) == BUILT_IN
    assert [problem.source for problem in problems()] == ["entry point doors = nowhere:Provider"]


def test_the_base_of_some_providers_is_none_itself(configure, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "from token_issuer.providers.base import Provider\n\nclass Ours(Provider):\n    pass\n"
    (package / "family.py").write_text(text, encoding="utf-8")
    entry = EntryPoint(name="family", value=f"{package.name}.family", group=registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    configure()
    assert problems() == ()


def test_what_a_module_only_imports_is_not_its_own(configure, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (package / "borrowing.py").write_text("from tests.doors import DoorProvider\n", encoding="utf-8")
    entry = EntryPoint(name="borrowing", value=f"{package.name}.borrowing", group=registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    configure()
    assert list(providers()) == BUILT_IN


def test_an_unfinished_provider_of_a_module_is_reported(
    configure, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from token_issuer.providers.base import Provider\n\nclass Ours(Provider):\n    name = 'ours'\n"
    (package / "unfinished.py").write_text(text, encoding="utf-8")
    entry = EntryPoint(name="unfinished", value=f"{package.name}.unfinished", group=registry.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    configure()
    assert messages()[0].startswith("does not define ")


def test_a_grant_is_read_by_the_class_that_was_found(configure) -> None:
    configure(add=[here(DoorProvider)])
    assert get_provider("doors").grant_class is DoorGrant
