from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_issuer.formats import jwt_claims

ISSUER, AUDIENCE, NOW = "https://issuer.example/", "https://api.example", 1_790_000_000
GOOD: dict[str, object] = {
    "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "jti": "j", "iat": NOW - 10, "exp": NOW + 600,
}  # fmt: skip


def problems(at: float = NOW, leeway: int = 0, **changes: Any) -> tuple[str, ...]:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return jwt_claims.problems(claims, issuer=ISSUER, audience=AUDIENCE, at=at, leeway=leeway)


def left_out(name: str) -> dict[str, Any]:
    return {name: ...}


def test_good_claims_have_no_problems():
    assert problems() == ()


@pytest.mark.parametrize("name", GOOD)
def test_every_claim_must_be_there(name):
    assert problems(**left_out(name)) == ("claims_refused",)


@pytest.mark.parametrize("name", ["iss", "sub", "jti"])
@pytest.mark.parametrize("value", [None, "", 7, True, ["x"], {}, [ISSUER]])
def test_names_are_texts(name, value):
    assert problems(**{name: value}) == ("claims_refused",)


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [None, True, "1790000000", 1.79e9, 1e308, 10**30, -1, [NOW], 253_402_300_800])
def test_dates_are_whole_seconds(name, value):
    assert problems(**{name: value}) == ("claims_refused",)


@pytest.mark.parametrize("value", [None, "", [], 7, [""], [7, AUDIENCE], {AUDIENCE: 1}])
def test_an_audience_is_a_text_or_texts(value):
    assert problems(aud=value) == ("claims_refused",)


@pytest.mark.parametrize("value", [AUDIENCE, [AUDIENCE], ["x", AUDIENCE]])
def test_an_audience_with_ours_is_for_us(value):
    assert problems(aud=value) == ()


@pytest.mark.parametrize("value", [AUDIENCE[:-1], AUDIENCE + "/", AUDIENCE.upper(), [AUDIENCE + "x", "x"]])
def test_an_audience_without_ours_differs(value):
    assert problems(aud=value) == ("audience_differs",)


@pytest.mark.parametrize("value", [ISSUER[:-1], ISSUER + "x", ISSUER.upper(), "issuer", " " + ISSUER])
def test_an_issuer_is_compared_whole(value):
    assert problems(iss=value) == ("issuer_differs",)


@pytest.mark.parametrize(
    ("at", "leeway", "expected"),
    [
        (NOW + 599.999_999, 0, ()),
        (NOW + 600, 0, ("expired",)),
        (NOW + 629.999_999, 30, ()),
        (NOW + 630, 30, ("expired",)),
        (NOW - 10, 0, ()),
        (NOW - 10.000_001, 0, ("not_yet_valid",)),
        (NOW - 40, 30, ()),
        (NOW - 40.000_001, 30, ("not_yet_valid",)),
    ],
)
def test_the_clock_decides_to_the_microsecond(at, leeway, expected):
    assert problems(at=at, leeway=leeway) == expected


@pytest.mark.parametrize(("not_before", "expected"), [(NOW, ()), (NOW + 1, ("not_yet_valid",)), (0, ())])
def test_a_token_may_begin_later(not_before, expected):
    assert problems(nbf=not_before) == expected


def test_a_future_issue_is_refused_even_when_it_began_earlier():
    assert problems(iat=NOW + 1, nbf=NOW - 1) == ("not_yet_valid",)


def test_everything_that_is_wrong_is_told():
    assert problems(iss="x", aud="y", exp=NOW) == ("issuer_differs", "audience_differs", "expired")


def test_the_clock_alone():
    assert tuple(jwt_claims.clock_problems({"iat": NOW, "exp": NOW + 1}, at=NOW)) == ()


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(st.dictionaries(st.sampled_from([*GOOD, "nbf"]), json_values))
def test_no_claims_raise(changes):
    assert isinstance(problems(**changes), tuple)


@pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
@pytest.mark.parametrize("value", [None, "1790000000", 1.5, True])
def test_the_clock_alone_wants_dates_too(name, value):
    claims = {"iat": NOW, "exp": NOW + 1, "nbf": NOW, name: value}
    assert tuple(jwt_claims.clock_problems(claims, at=NOW)) == ("claims_refused",)


def test_the_first_and_the_last_second_are_dates():
    claims = {"iat": 0, "exp": 253_402_300_799}
    assert tuple(jwt_claims.clock_problems(claims, at=NOW)) == ()


ACCESS = {**GOOD, "client_id": "shop", "jti": "01920000-0000-7000-8000-000000000001", "scope": "a b"}
HEADER = {"typ": "at+jwt", "kid": "k"}


def test_an_access_token_is_read():
    assert jwt_claims.access_token(HEADER, ACCESS) == jwt_claims.AccessToken(
        key_id="k",
        token_id=UUID("01920000-0000-7000-8000-000000000001"),
        issuer=ISSUER,
        subject="user-1",
        client_id="shop",
        scopes=frozenset({"a", "b"}),
        issued_at=datetime.fromtimestamp(NOW - 10, tz=UTC),
        expires_at=datetime.fromtimestamp(NOW + 600, tz=UTC),
    )


@pytest.mark.parametrize("header", [{**HEADER, "typ": "JWT"}, {"kid": "k"}, {"typ": "at+jwt"}, {**HEADER, "kid": ""}])
def test_an_access_token_is_one_by_its_type_and_names_its_key(header):
    assert jwt_claims.access_token(header, ACCESS) is None
