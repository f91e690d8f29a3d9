"""What settings name is imported and looked at."""

from __future__ import annotations

import pytest


def takes_one(ask: object) -> None:
    """A policy, or a function of groups."""


def takes_none() -> None:
    """Neither."""


async def waits(ask: object) -> None:
    """Neither."""


class Authentication:
    def authenticate(self, request: object) -> None:
        """As the API calls it."""


HERE = __name__


@pytest.mark.parametrize(
    "values",
    [
        {"POLICIES": {"*": f"{HERE}.takes_one", "rooms": f"{HERE}.takes_one"}},
        {"POLICIES": {"*": "builtins.min"}},  # a signature that Python does not know
        {"GROUPS_OF_USER": f"{HERE}.takes_one"},
        {"APPLICATIONS_OF_STAFF": f"{HERE}.takes_one"},
        {"AUTHENTICATION_CLASSES": [f"{HERE}.Authentication"]},
    ],
)
def test_what_fits_gives_no_message(found, values: dict[str, object]) -> None:
    assert found(**values) == {}


@pytest.mark.parametrize(
    ("number", "name", "make"),
    [
        ("E008", "POLICIES", lambda path: {"rooms": path}),
        ("E009", "AUTHENTICATION_CLASSES", lambda path: [path]),
        ("E020", "GROUPS_OF_USER", lambda path: path),
        ("E027", "APPLICATIONS_OF_STAFF", lambda path: path),
    ],
)
def test_a_path_that_leads_nowhere(found, number: str, name: str, make) -> None:
    result = found(**{name: make("no_such_package.f")})
    assert result.pop(number)[0].startswith(f"TOKEN_ISSUER[\"{name}\"]: 'no_such_package.f' cannot be imported")
    assert result == {}


@pytest.mark.parametrize(
    ("number", "name", "make"),
    [
        ("E008", "POLICIES", lambda path: {"rooms": path}),
        ("E020", "GROUPS_OF_USER", lambda path: path),
        ("E027", "APPLICATIONS_OF_STAFF", lambda path: path),
    ],
)
@pytest.mark.parametrize(
    ("function", "message"), [("takes_none", "must take one argument."), ("waits", "must not be asynchronous.")]
)
def test_a_function_that_cannot_be_called(found, number: str, name: str, make, function: str, message: str) -> None:
    path = f"{HERE}.{function}"
    assert found(**{name: make(path)}) == {number: [f'TOKEN_ISSUER["{name}"]: {path!r} {message}']}


def test_a_policy_is_for_a_slug(found) -> None:
    result = found(POLICIES={"my rooms": f"{HERE}.takes_one"})
    assert result == {"E008": ['TOKEN_ISSUER["POLICIES"]: \'my rooms\' is neither an application\'s slug nor "*".']}


@pytest.mark.parametrize("name", ["takes_one", "test_a_policy_is_for_a_slug"])
def test_what_is_no_authentication_class(found, name: str) -> None:
    (message,) = found(AUTHENTICATION_CLASSES=[f"{HERE}.{name}"])["E009"]
    assert message.endswith("is no authentication class.")


def test_nobody_could_call(found) -> None:
    result = found(AUTHENTICATION_CLASSES=[])
    assert result == {"E009": ['TOKEN_ISSUER["AUTHENTICATION_CLASSES"] is empty, so nobody could call.']}
