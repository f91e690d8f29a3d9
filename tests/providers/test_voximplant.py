from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.providers.orders import AT, order
from tests.vectors import by_id, load_vectors
from token_issuer.crypto import Secret
from token_issuer.errors import BadGrant, BadOption, FieldError, NoActiveCertificate, TokenMalformed
from token_issuer.providers.base import MintedToken, Revocation
from token_issuer.providers.fields import parse
from token_issuer.providers.voximplant import VoximplantGrant, VoximplantOptions, VoximplantProvider
from token_issuer.providers.voximplant.names import full_name, hashed_part, parse_full_name

VECTORS = load_vectors("voximplant.json")
ONE_TIME = [vector for vector in VECTORS["vectors"] if vector["kind"] == "one_time_key_hash"]
DOMAIN = "someapplication.accountname.voximplant.com"
HA1 = "4e89e865d6dd680d0e499ed685e83cef"
KEY = "abcdef0123456789"

voximplant = VoximplantProvider()


def granted(subject: int | str = "user1", *, login_key: str = KEY) -> VoximplantGrant:
    grant = voximplant.with_subject(VoximplantGrant(login_key=login_key), subject)
    assert isinstance(grant, VoximplantGrant)
    return grant


def minted(grant: VoximplantGrant, *, ha1: str = HA1, domain: str = DOMAIN, lifetime: int = 300) -> MintedToken:
    asked = order(grant, public_id=domain, parts={}, proof={"ha1": ha1}, lifetime=lifetime)
    return voximplant.mint(asked)


# Known answers


@pytest.mark.parametrize("vector", by_id(ONE_TIME))
def test_the_token_is_the_vectors_hash(vector: dict[str, Any]) -> None:
    given, expected = vector["input"], vector["expected"]
    user = hashed_part(given["username"])
    proof = voximplant.account_proof(user, {"password": given["password"]})
    made = minted(granted(user, login_key=given["login_key"]), ha1=proof["ha1"])
    assert (user, proof, made.value) == (expected["hash_user"], {"ha1": expected["ha1"]}, expected["hash"])


@pytest.mark.parametrize("case", VECTORS["username_cases"], ids=lambda case: case["username"])
def test_full_names_are_judged_as_the_vectors_do(case: dict[str, Any]) -> None:
    if not case["valid"]:
        with pytest.raises(BadOption):
            parse_full_name(case["username"])
        return
    found = parse_full_name(case["username"])
    assert (found.user, found.application, found.account) == (case["user"], case["application"], case["account"])
    assert str(found) == case["username"]


# Names


@pytest.mark.parametrize("domain", [DOMAIN, "my-app.my-account.n1.voximplant.com", "A1.b2.voximplant.com"])
def test_domains_of_applications_are_taken(domain: str) -> None:
    voximplant.check_public_id(domain)
    assert str(full_name("user1", domain)) == f"user1@{domain}"


@pytest.mark.parametrize(
    "domain",
    [
        "",
        "app",
        "voximplant.com",
        "app.voximplant.com",
        "app.account.example.com",
        "app.account.voximplant.com.example.com",
        "user1@app.account.voximplant.com",
        "app.account.voximplant.com\n",
        "app.account.other.voximplant.com",
        "äpp.account.voximplant.com",
        f"{'a' * 81}.account.voximplant.com",
    ],
)
def test_other_domains_are_refused(domain: str) -> None:
    with pytest.raises(BadOption, match="must look like myapp") as caught:
        voximplant.check_public_id(domain)
    assert caught.value.field == "public_id"


@pytest.mark.parametrize("user", ["user1", "User1", "john.doe_01-x", "a", "1", "a" * 50])
def test_user_names_in_use_are_taken(user: str) -> None:
    voximplant.check_account(user)
    assert granted(user).subject == user


@pytest.mark.parametrize("user", ["", "-a", ".a", "a b", "a:1", "a@b", f"user1@{DOMAIN}", "ä", "a" * 51, "a\n"])
def test_other_user_names_are_refused(user: str) -> None:
    with pytest.raises(BadOption, match="must be the name before the @") as caught:
        voximplant.check_account(user)
    assert caught.value.field == "subject"
    with pytest.raises(BadGrant) as refused:
        granted(user)
    assert refused.value.field == "username"


# What a caller asks for


@pytest.mark.parametrize("key", ["k:1|2", KEY, "0123456789abcdef0123456789abcdef", "~", "!" * 256])
def test_login_keys_are_taken_as_they_are(key: str) -> None:
    grant = parse(VoximplantGrant, {"login_key": key})
    assert (grant.login_key, grant.subject, grant.resource) == (key, None, "")
    assert grant.privileges == {"login"}


@pytest.mark.parametrize("key", ["", " ", "a b", "k\n", "k\0", "\x7f", "schlüssel", "a" * 257, 1, None, ["k"]])
def test_what_is_no_login_key_is_refused_by_name(key: object) -> None:
    with pytest.raises(BadGrant) as caught:
        parse(VoximplantGrant, {"login_key": key})
    assert list(caught.value.fields) == ["login_key"]


@pytest.mark.parametrize("name", ["username", "user", "password", "ha1", "lifetime", "slot"])
def test_nobody_can_name_the_user(name: str) -> None:
    with pytest.raises(FieldError) as caught:
        parse(VoximplantGrant, {"login_key": KEY, name: "user1"})
    assert list(caught.value.fields) == [name]


def test_a_grant_spends_its_key_for_five_minutes() -> None:
    spent = voximplant.spends(granted())
    assert spent is not None
    assert (spent.name, spent.text, spent.lifetime) == ("login_key", KEY, 300)


# The token


def test_it_ends_with_the_key() -> None:
    made = minted(granted())
    assert made.expires_at == AT + timedelta(seconds=300)
    assert voximplant.revocation is Revocation.AT_EXPIRY
    assert not voximplant.renewable


@pytest.mark.parametrize("lifetime", [0, 299, 301, 600])
def test_no_other_lifetime_is_minted(lifetime: int) -> None:
    with pytest.raises(BadGrant, match="must be 300 to 300 seconds"):
        minted(granted(), lifetime=lifetime)


def test_nobody_gets_a_hash() -> None:
    with pytest.raises(BadGrant, match="must be filled in before a token is made"):
        minted(VoximplantGrant(login_key=KEY))


def test_an_account_without_a_proof_gets_none() -> None:
    with pytest.raises(NoActiveCertificate):
        voximplant.mint(order(granted(), public_id=DOMAIN, parts={}, lifetime=300))


def test_the_sdk_takes_the_full_name_and_the_hash() -> None:
    made = minted(granted())
    assert voximplant.sdk(made, granted()) == {"username": f"user1@{DOMAIN}", "hash": made.value}


def test_32_hex_digits_are_not_claimed() -> None:
    made = minted(granted())
    with pytest.raises(TokenMalformed, match="says nothing"):
        voximplant.inspect(made.value)
    with pytest.raises(TokenMalformed, match="says nothing"):
        voximplant.verify(made.value, secrets=[("k", Secret(ha1=HA1))], expected=granted())


# What is kept of an account


@pytest.mark.parametrize("password", ["", " x", "x ", "x\n", "a\tb", "\0", "ä" * 128, "\ud800"])
def test_what_is_no_password_is_refused_and_not_quoted(password: str) -> None:
    with pytest.raises(BadOption, match="must be printable") as caught:
        voximplant.account_proof("user1", {"password": password})
    assert caught.value.field == "password"
    assert len(password) < 2 or password not in str(caught.value)


def test_a_proof_is_bound_to_its_user() -> None:
    proofs = [voximplant.account_proof(user, {"password": "secret"}) for user in ("user1", "User1", "user2")]
    assert len({proof["ha1"] for proof in proofs}) == 3
    assert [list(proof) for proof in proofs] == [["ha1"]] * 3
    with pytest.raises(BadOption, match="before the @"):
        voximplant.account_proof(f"user1@{DOMAIN}", {"password": "secret"})


def test_nothing_secret_shows() -> None:
    grant, made = granted(), minted(granted())
    asked = order(grant, public_id=DOMAIN, parts={}, proof={"ha1": HA1}, lifetime=300)
    shown = f"{grant!r} {made!r} {asked!r} {voximplant.spends(grant)!r} {grant} {made} {asked}"
    assert not any(text in shown for text in (KEY, HA1, made.value))


# Options


def test_a_stand_in_may_be_called_on_this_machine_only() -> None:
    assert VoximplantOptions(api_url="http://127.0.0.1:80").api_url == "http://127.0.0.1:80"
    with pytest.raises(BadOption, match="must begin with https") as caught:
        VoximplantOptions(api_url="http://api.voximplant.com")
    assert caught.value.field == "api_url"
