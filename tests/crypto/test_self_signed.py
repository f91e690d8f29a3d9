"""Tokens that a server signs with its own API key: what they must say."""

from __future__ import annotations

from typing import Any

import pytest

from token_issuer.crypto import Secret, self_signed
from token_issuer.formats import jwt_hs256

PUBLIC_ID = "ak_" + "7" * 22
SECRET = Secret(secret="tis_" + "x" * 49)
ISSUED = 1_772_366_400
CLAIMS: dict[str, Any] = {
    "apikey": PUBLIC_ID, "permissions": ["tokens:issue"], "iat": ISSUED, "exp": ISSUED + 600,
}  # fmt: skip


def signed(**headers: str) -> str:
    return jwt_hs256.encode(CLAIMS, key=SECRET.part("secret"), headers=headers)


def said(**changes: Any) -> self_signed.SelfSigned:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    found = self_signed.read(jwt_hs256.encode(claims, key="any"))
    assert found is not None
    return found


def problem(at: float = ISSUED, audience: str | None = "https://issuer.example", **changes: Any) -> str:
    return self_signed.problem(said(**changes), audience=audience, at=at)


def test_what_it_says_is_read_without_a_secret() -> None:
    found = self_signed.read(signed())
    assert found is not None
    assert (found.public_id, found.permissions, found.expires_ts, found.life) == (
        PUBLIC_ID, frozenset({"tokens:issue"}), ISSUED + 600, 600,
    )  # fmt: skip


def test_its_own_secret_alone_proves_it() -> None:
    assert self_signed.is_signed_by(signed(), SECRET)
    assert not self_signed.is_signed_by(signed(), Secret(secret="tis_" + "y" * 49))


@pytest.mark.parametrize("typ", ["at+jwt", "jwt", "", "JWS"])
def test_a_token_of_another_type_is_another_kind(typ: str) -> None:
    assert self_signed.read(signed(typ=typ)) is None


def test_a_type_is_not_needed() -> None:
    header, _, rest = jwt_hs256.encode(CLAIMS, key="any").partition(".")
    assert header != "eyJhbGciOiJIUzI1NiJ9"
    assert self_signed.read(f"eyJhbGciOiJIUzI1NiJ9.{rest}") is not None


@pytest.mark.parametrize("apikey", [..., "", "somebody-elses", PUBLIC_ID + "7", PUBLIC_ID.upper(), 7, [PUBLIC_ID]])
def test_a_token_that_names_no_key_of_ours_is_none_of_ours(apikey: Any) -> None:
    claims = {**CLAIMS, "apikey": apikey}
    if apikey is ...:
        del claims["apikey"]
    assert self_signed.read(jwt_hs256.encode(claims, key="any")) is None


@pytest.mark.parametrize("text", ["", "a.b.c", "tio_x", "ak_x.tis_y", "\ud800", "." * 100, "e" * 20_000])
def test_garbage_is_none_of_ours(text: str) -> None:
    assert self_signed.read(text) is None


def test_a_token_as_it_should_be_has_no_problem() -> None:
    assert problem(roomId="extra", version=2) == ""


@pytest.mark.parametrize(
    "permissions", [..., [], "tokens:issue", ["tokens:issue", 1], [""], {"tokens:issue": 1}, None, ["x"] * 101]
)
def test_permissions_are_a_list_of_texts(permissions: Any) -> None:
    assert problem(permissions=permissions) == "claims_refused"


@pytest.mark.parametrize("name", ["iat", "exp"])
@pytest.mark.parametrize("value", [..., None, "1772366400", float(ISSUED), True, -1, 10**30])
def test_dates_are_whole_seconds(name: str, value: Any) -> None:
    assert problem(**{name: value}) == "claims_refused"


def test_a_token_lives_24_hours_at_most() -> None:
    assert problem(exp=ISSUED + 86_400) == ""
    assert problem(exp=ISSUED + 86_401) == "lives_too_long"


def test_a_token_ends_after_it_begins() -> None:
    assert problem(exp=ISSUED) == "lives_too_long"


def test_the_signers_clock_may_be_half_a_minute_off() -> None:
    assert (problem(at=ISSUED - 30), problem(at=ISSUED - 30.1)) == ("", "not_yet_valid")
    assert (problem(at=ISSUED + 629.9), problem(at=ISSUED + 630)) == ("", "expired")


def test_a_token_for_later_is_minded() -> None:
    assert (problem(nbf=ISSUED + 30), problem(nbf=ISSUED + 31)) == ("", "not_yet_valid")


@pytest.mark.parametrize("aud", ["https://issuer.example", ["https://other.example", "https://issuer.example"]])
def test_a_token_for_us_is_taken(aud: Any) -> None:
    assert problem(aud=aud) == ""


@pytest.mark.parametrize("aud", ["https://other.example", ["https://other.example"], [], None, "https://issuer.exampl"])
def test_a_token_for_somebody_else_is_not(aud: Any) -> None:
    assert problem(aud=aud) == "audience_differs"


def test_without_a_name_of_ours_no_named_audience_is_us() -> None:
    assert problem(audience=None) == ""
    assert problem(audience=None, aud="https://issuer.example") == "audience_differs"


def test_what_it_says_does_not_show() -> None:
    assert "permissions" not in repr(said())
