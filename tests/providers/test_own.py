"""Access tokens of our own."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

import pytest
from joserfc import jws as joserfc_jws
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from tests.formats.signing import Key, signed
from token_issuer.crypto import Secret, SigningKey, public_jwks, signing_keys
from token_issuer.errors import BadGrant, BadOption, NoActiveCertificate, TokenMalformed
from token_issuer.formats import jws
from token_issuer.providers.base import Grant, MintOrder, Options, RefreshLimits, Revocation
from token_issuer.providers.fields import parse
from token_issuer.providers.own import OwnGrant, OwnOptions, OwnProvider
from token_issuer.providers.own_once import OwnOnceGrant
from token_issuer.providers.scopes import BUILT_IN
from token_issuer.testing import ProviderConformance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ISSUER, CLIENT = "https://issuer.example", "shop"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN_ID = UUID("01920000-0000-7000-8000-000000000001")
SCOPES = {"orders:read": "See your orders", "orders:write": "Change your orders"}
SECRETS = {name: signing_keys.new_secret(name) for name in ("HS256", "ES256", "EdDSA", "RS256")}
OTHERS = {name: signing_keys.new_secret(name) for name in SECRETS}

own = OwnProvider()
each = pytest.mark.parametrize("algorithm", SECRETS)


def key_of(algorithm: str, key_id: str = "cert-1", secrets: Mapping[str, dict[str, str]] = SECRETS) -> SigningKey:
    return signing_keys.signing_key(Secret(**secrets[algorithm]), part="key", algorithm=algorithm, key_id=key_id)


def order(grant: Grant, algorithm: str = "HS256", *, options: Options | None = None, lifetime: int = 3600) -> MintOrder:
    return MintOrder(
        token_id=TOKEN_ID,
        public_id=CLIENT,
        options=options or OwnOptions(),
        issuer=ISSUER,
        grant=grant,
        issued_at=AT,
        expires_at=AT + timedelta(seconds=lifetime),
        key_id="cert-1",
        entropy=bytes(32),
        signing_key=key_of(algorithm),
    )


def minted(scope: str = "orders:read", algorithm: str = "HS256", **given: Any) -> str:
    return own.mint(order(OwnGrant(scope=scope, sub="user-7"), algorithm, **given)).value


def written(header: Mapping[str, object] | None = None, **claims: object) -> str:
    """A token that is well signed, with other members; None leaves a claim out."""
    own_header, own_claims = jws.read(minted())
    told = {name: value for name, value in {**own_claims, **claims}.items() if value is not None}
    secret = SECRETS["HS256"]["key"].encode()
    key = Key(algorithm="HS256", key=secret, public=secret)
    return signed(json.dumps({**own_header, **(header or {})}), json.dumps(told), key=key)


class OwnConformance(ProviderConformance):
    provider = own
    public_id = CLIENT
    subject, other_subject = "user-1", "user-2"
    narrowest: ClassVar[frozenset[str]] = frozenset()
    scopes: ClassVar = SCOPES
    grants: ClassVar[Sequence[Grant]] = (
        OwnGrant(),
        OwnGrant(scope="orders:read"),
        OwnGrant(scope="tokens:issue orders:write orders:read"),
    )


class TestHS256(OwnConformance):
    algorithm = "HS256"
    secret, other_secret = SECRETS["HS256"], OTHERS["HS256"]


class TestES256(OwnConformance):
    algorithm = "ES256"
    secret, other_secret = SECRETS["ES256"], OTHERS["ES256"]

    def test_minting_is_deterministic(self) -> None:
        # ECDSA draws a random number for each signature; what is signed is the same.
        for grant, token in self.minted():
            again = self.provider.mint(self.order(grant)).value
            assert again.rpartition(".")[0] == token.value.rpartition(".")[0]


class TestEdDSA(OwnConformance):
    algorithm = "EdDSA"
    secret, other_secret = SECRETS["EdDSA"], OTHERS["EdDSA"]
    options = OwnOptions(audience="https://api.example")


class TestRS256(OwnConformance):
    algorithm = "RS256"
    secret, other_secret = SECRETS["RS256"], OTHERS["RS256"]


# The token


@each
def test_a_token_says_exactly_this(algorithm: str) -> None:
    header, claims = jws.read(minted("tokens:issue orders:read", algorithm))
    assert header == {"alg": algorithm, "typ": "at+jwt", "kid": "cert-1"}
    assert claims == {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "user-7",
        "client_id": CLIENT,
        "jti": str(TOKEN_ID),
        "iat": int(AT.timestamp()),
        "exp": int(AT.timestamp()) + 3600,
        "scope": "orders:read tokens:issue",
    }


def test_an_empty_scope_is_left_out() -> None:
    assert "scope" not in jws.read(minted(""))[1]


def test_the_audience_is_the_applications() -> None:
    assert jws.read(minted(options=OwnOptions(audience="https://api.example")))[1]["aud"] == "https://api.example"


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated via RFC 9864")
def test_a_stranger_verifies_it_from_the_published_keys(algorithm: str) -> None:
    others = [key_of(name, f"cert-{name}", OTHERS) for name in ("ES256", "EdDSA", "RS256")]
    published: list[Any] = [public_jwks.public_jwk(key) for key in (*others, key_of(algorithm))]
    found = joserfc_jws.deserialize_compact(
        minted(algorithm=algorithm), KeySet.import_key_set({"keys": published}), algorithms=[algorithm]
    )
    rules = JWTClaimsRegistry(
        now=int(AT.timestamp()),
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": ISSUER},
        exp={"essential": True},
    )
    rules.validate(json.loads(found.payload or b""))


def test_an_order_without_a_key_is_not_minted() -> None:
    with pytest.raises(NoActiveCertificate):
        own.mint(replace(order(OwnGrant(sub="user-7")), signing_key=None))


def test_a_grant_of_another_kind_is_not_minted() -> None:
    with pytest.raises(BadGrant, match="must be a grant for an access token of our own"):
        own.mint(order(OwnOnceGrant(sub="user-7")))


def test_it_is_handed_out_as_oauth_clients_read_it() -> None:
    token = own.mint(order(OwnGrant(scope="b a", sub="user-7")))
    assert own.sdk(token, OwnGrant(scope="b a")) == {
        "access_token": token.value,
        "token_type": "Bearer",
        "scope": "a b",
    }
    assert "scope" not in own.sdk(token, OwnGrant())


# Verifying


@each
def test_a_published_key_verifies_as_the_secret_does(algorithm: str) -> None:
    key = key_of(algorithm).verifying_key
    found = own.verify_signed(minted(algorithm=algorithm), keys=[key], expected=None)
    assert (found.valid, found.key_id, found.problems) == (True, "cert-1", ())


def test_only_the_key_that_is_named_is_tried() -> None:
    found = own.verify_signed(minted(), keys=[key_of("HS256", "cert-2")], expected=None)
    assert (found.valid, found.key_id, found.problems) == (False, None, ("unknown_key",))


def test_a_key_of_another_algorithm_does_not_verify() -> None:
    found = own.verify_signed(minted(), keys=[key_of("ES256")], expected=None)
    assert found.problems == ("bad_signature",)


@pytest.mark.parametrize(
    ("expected", "problems"),
    [
        (OwnGrant(scope="orders:read", sub="user-7"), ()),
        (OwnGrant(scope="orders:read", sub="user-8"), ("subject_differs",)),
        (OwnGrant(sub="user-7"), ("privileges_differ",)),
        (OwnGrant(scope="orders:write"), ("subject_differs", "privileges_differ")),
    ],
)
def test_what_was_expected_is_compared(expected: OwnGrant, problems: tuple[str, ...]) -> None:
    assert own.verify_signed(minted(), keys=[key_of("HS256")], expected=expected).problems == problems


def test_a_secret_without_its_algorithm_verifies_nothing() -> None:
    found = own.verify(minted(), secrets=[("cert-1", Secret(**SECRETS["HS256"]))], expected=None)
    assert found.valid is False


@pytest.mark.parametrize("typ", ["JWT", "at+JWT", "application/at+jwt", "rt+jwt", ""])
def test_a_token_of_another_type_is_none(typ: str) -> None:
    token = written({"typ": typ})
    for read in (own.inspect, lambda text: own.verify_signed(text, keys=[], expected=None)):
        with pytest.raises(TokenMalformed, match=r"^The token is no access token: its type is not at\+jwt\.$"):
            read(token)


UNSOUND: list[dict[str, Any]] = [
    {"iss": None},
    {"aud": None},
    {"sub": 7},
    {"client_id": None},
    {"client_id": ""},
    {"jti": "1"},
    {"jti": str(TOKEN_ID).upper().replace("0", "A")},
    {"jti": f"{{{TOKEN_ID}}}"},
    {"iat": 1.5},
    {"exp": "4000000000"},
    {"exp": True},
    {"nbf": "0"},
    {"scope": ""},
    {"scope": " a"},
    {"scope": "a  b"},
    {"scope": "a\nb"},
    {"scope": ["a"]},
    {"scope": "\u00e9"},
]


@pytest.mark.parametrize("claims", UNSOUND)
def test_claims_that_this_site_never_writes_are_refused(claims: dict[str, Any]) -> None:
    token = written(**claims)
    assert own.verify_signed(token, keys=[key_of("HS256")], expected=None).problems == ("claims_refused",)
    assert own.inspect(token).problems == ("A claim is missing, or not what this site writes.",)


def test_inspecting_shows_everything() -> None:
    seen = own.inspect(minted())
    assert (seen.public_id, seen.subject, seen.privileges) == (CLIENT, "user-7", frozenset({"orders:read"}))
    assert ("header alg", "HS256") in seen.details
    assert ("jti", str(TOKEN_ID)) in seen.details


# What is asked for


@pytest.mark.parametrize("scope", ["a a", "b a b"])
def test_nothing_is_named_twice(scope: str) -> None:
    with pytest.raises(BadGrant, match=r"^scope: must not name anything twice$"):
        OwnGrant(scope=scope)


@pytest.mark.parametrize("scope", [" ", " a", "a ", "a  b", "a\tb", "a\n", 'a"b', "a\\b", "é", "a\x7f", "a\u2028b"])
def test_a_scope_is_as_the_standard_spells_it(scope: str) -> None:
    with pytest.raises(BadGrant, match=r"^scope: ") as caught:
        parse(OwnGrant, {"scope": scope})
    assert caught.value.field == "scope"


def test_a_scope_may_have_every_letter_of_the_standard() -> None:
    letters = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\')
    assert OwnGrant(scope=letters).privileges == {letters}


def test_the_order_of_scopes_means_nothing() -> None:
    assert OwnGrant(scope="b a") == OwnGrant(scope="a b")


def test_a_scope_is_bounded() -> None:
    with pytest.raises(BadGrant, match=r"^scope: "):
        OwnGrant(scope="a" * 1025)


def test_narrowing_takes_scopes_away_and_adds_none() -> None:
    grant = OwnGrant(scope="a b c", sub="user-7")
    assert own.narrowed(grant, frozenset({"c", "a", "d"})) == OwnGrant(scope="a c", sub="user-7")


def test_its_words_are_the_sites_scopes_and_our_own() -> None:
    words = own.privileges_for(SCOPES)
    assert words.keys() == SCOPES.keys() | BUILT_IN.keys()
    assert words["orders:read"].label == "See your orders"


# What an administrator enters


def test_pairs_live_30_days_and_14_unused_by_default() -> None:
    assert own.refresh_limits(OwnOptions()) == RefreshLimits(absolute=30 * 86_400, idle=14 * 86_400)


def test_pairs_live_as_the_options_say() -> None:
    options = OwnOptions(refresh_lifetime="12h", refresh_idle="PT1H30M", browser_pairs=True)
    assert own.refresh_limits(options) == RefreshLimits(absolute=43_200, idle=5_400, browsers=True)


@pytest.mark.parametrize(
    ("options", "field", "message"),
    [
        ({"refresh_lifetime": "1d"}, "refresh_idle", "must not be longer than refresh_lifetime"),
        ({"refresh_idle": "1m"}, "refresh_idle", "must be longer than a minute, and a year at most"),
        ({"refresh_lifetime": "367d"}, "refresh_lifetime", "must be longer than a minute, and a year at most"),
        ({"refresh_lifetime": "soon"}, "refresh_lifetime", "must be whole seconds, or a text such as"),
        ({"refresh_lifetime": "0d"}, "refresh_lifetime", "must be 1 to"),
        ({"refresh_lifetime": 60}, "refresh_lifetime", "must be a text"),
        ({"browser_pairs": 1}, "browser_pairs", "must be true or false"),
        ({"audience": ""}, "audience", "must be at least 1 byte"),
        ({"audience": "a b"}, "audience", "must be printable ASCII without blanks"),
        ({"audience": "ä"}, "audience", "must be printable ASCII without blanks"),
        ({"audience": "a" * 256}, "audience", "must be at most 255 bytes"),
    ],
)
def test_options_validate_themselves(options: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(BadOption, match=message) as caught:
        OwnOptions(**options)
    assert caught.value.field == field


@pytest.mark.parametrize("value", ["", "a b", "é", "a\n", "a" * 256])
def test_a_client_id_is_printable(value: str) -> None:
    with pytest.raises(BadOption, match="must be printable ASCII without blanks, at most 255 characters"):
        own.check_public_id(value)


@pytest.mark.parametrize(("purpose", "parts"), [("call", SECRETS["HS256"]), ("sign", {}), ("sign", {"key": "x" * 31})])
def test_a_secret_is_one_key(purpose: str, parts: dict[str, str]) -> None:
    with pytest.raises(BadOption):
        own.check_secret(purpose, parts)


@each
def test_a_generated_secret_passes(algorithm: str) -> None:
    own.check_secret("sign", SECRETS[algorithm])


def test_it_ends_at_once() -> None:
    assert (own.revocation, own.renewable, own.verified_here) == (Revocation.IMMEDIATE, True, True)
