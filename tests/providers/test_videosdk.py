from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.providers.orders import AT, order
from tests.vectors import by_id, load_vectors
from token_issuer.crypto import Secret
from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import jwt_hs256
from token_issuer.providers.base import Grant, MintedToken, Revocation
from token_issuer.providers.fields import parse, parse_duration
from token_issuer.providers.videosdk import VideoSDKGrant, VideoSDKProvider
from token_issuer.providers.videosdk.claims import build_claims, check_claims, claim_problems

VECTORS = load_vectors("videosdk.json")
API_KEY = "a1b2c3d4-0001-4000-8000-000000000001"
SECRET = "f0e1d2c3b4a5968778695a4b3c2d1e0f" * 2
SECRETS = [("k0", Secret(secret="0" * 64)), ("k1", Secret(secret=SECRET))]
ROOM = "abcd-efgh-ijkl"

videosdk = VideoSDKProvider()


def granted(subject: int | str = "user-42", **values: Any) -> VideoSDKGrant:
    grant = videosdk.with_subject(VideoSDKGrant(**{"roomId": ROOM, **values}), subject)
    assert isinstance(grant, VideoSDKGrant)
    return grant


def minted(grant: Grant, **values: Any) -> MintedToken:
    return videosdk.mint(order(grant, public_id=API_KEY, parts={"secret": SECRET}, **values))


def claims_of(token: str) -> dict[str, object]:
    return jwt_hs256.read(token)[1]


# Known answers


def issued(vector: dict[str, Any]) -> dict[str, object]:
    """What we would claim for the same inputs: our own maker of claims, the vector's wishes."""
    given, expected = vector["input"], vector["expected"]["payload"]
    wishes = given.get("claims", expected)
    lifetime = parse_duration(given.get("expires_in") or given["builder"].get("expires_in", "24h"))
    return build_claims(
        apikey=wishes["apikey"],
        permissions=wishes["permissions"],
        roles=wishes.get("roles", ()),
        participant_id=wishes.get("participantId"),
        room_id=wishes.get("roomId"),
        issued_ts=given["now"],
        expires_ts=given["now"] + lifetime,
    )


@pytest.mark.parametrize("vector", by_id(VECTORS["vectors"]))
def test_claims_are_the_vectors(vector: dict[str, Any]) -> None:
    assert issued(vector) == vector["expected"]["payload"]


@pytest.mark.parametrize(
    "vector", by_id([vector for vector in VECTORS["vectors"] if vector["profile"] == "official-server-sdk"])
)
def test_the_text_is_that_of_the_vendors_own_package(vector: dict[str, Any]) -> None:
    assert jwt_hs256.encode(issued(vector), key=vector["input"]["secret"]) == vector["expected"]["compact"]


@pytest.mark.parametrize("vector", by_id(VECTORS["vectors"]))
def test_vectors_are_verified(vector: dict[str, Any]) -> None:
    given = vector["input"]
    found = videosdk.verify(
        vector["expected"]["compact"], secrets=[("k", Secret(secret=given["secret"]))], expected=None
    )
    assert (found.valid, found.key_id) == (True, "k")


@pytest.mark.parametrize("vector", by_id(VECTORS["policy"]))
def test_policy_vectors(vector: dict[str, Any]) -> None:
    assert check_claims(vector["claims"]) == vector["verdict"]


@pytest.mark.parametrize("vector", by_id([case for case in VECTORS["policy"] if case["verdict"] == "reject"]))
def test_refused_claims_are_invalid_whoever_signed(vector: dict[str, Any]) -> None:
    token = jwt_hs256.encode({"permissions": [], **vector["claims"]}, key=SECRET)
    assert videosdk.verify(token, secrets=SECRETS, expected=None).problems == ("claims_refused",)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"apikey": 5}, "apikey must be a text."),
        ({"permissions": "allow_join"}, "permissions must name at least one of allow_join, ask_join, allow_mod, and"),
        ({"permissions": [["allow_join"]]}, "permissions must name at least one of"),
        ({"roles": []}, "roles must name rtc or crawler, and nothing else."),
        ({"roomId": ""}, "roomId must be a text."),
        ({"participantId": 5}, "participantId must be a text."),
        ({"iat": 1.5}, "iat must be whole seconds."),
        ({"exp": True}, "exp is missing or not whole seconds: the token would never end."),
        ({"version": 2.0}, "roles, participantId and roomId need version, the number 2."),
    ],
)
def test_claim_problems(changes: dict[str, object], sentence: str) -> None:
    claims = {**build_claims(apikey="k", permissions=["ask_join"], room_id="r", issued_ts=1, expires_ts=2), **changes}
    (problem,) = claim_problems(claims)
    assert problem.startswith(sentence)


# Grants


def test_a_grant_may_only_join_by_default() -> None:
    grant = VideoSDKGrant()
    assert grant.privileges == {"allow_join"}
    assert grant.roles == {"rtc"}
    assert (grant.resource, grant.subject) == ("", None)


def test_the_server_role_is_a_privilege_for_servers() -> None:
    grant = VideoSDKGrant(roles=frozenset({"rtc", "crawler"}))
    assert grant.privileges == {"allow_join", "crawler"}
    assert [word for word, privilege in videosdk.privileges.items() if privilege.server_only] == ["crawler"]


def test_joining_at_once_implies_asking() -> None:
    assert videosdk.implied(frozenset({"allow_join"})) == {"allow_join", "ask_join"}
    assert videosdk.implied(frozenset({"allow_mod"})) == {"allow_mod"}


BLANKS = "must be printable characters, without blanks at its ends$"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"roomId": ""}, "roomId: must be at least 1 bytes in UTF-8$"),
        ({"roomId": "x" * 256}, "roomId: must be at most 255 bytes in UTF-8$"),
        ({"roomId": 5}, "roomId: must be a text$"),
        ({"roomId": " x"}, f"roomId: {BLANKS}"),
        ({"roomId": "a\nb"}, f"roomId: {BLANKS}"),
        ({"participantId": "a\u200bb"}, f"participantId: {BLANKS}"),
        ({"participantId": "x "}, f"participantId: {BLANKS}"),
        ({"permissions": frozenset()}, "permissions: must not be empty$"),
        (
            {"permissions": frozenset({"allow_all"})},
            "permissions: each must be one of: allow_join, ask_join, allow_mod",
        ),
        ({"roles": frozenset()}, "roles: must not be empty$"),
        ({"roles": frozenset({"admin"})}, "roles: each must be one of: rtc, crawler$"),
    ],
)
def test_a_grant_refuses(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadGrant, match=f"^{message}"):
        VideoSDKGrant(**values)


@pytest.mark.parametrize("name", ["participantId", "user", "version", "apikey"])
def test_the_servers_claims_are_no_fields_of_a_body(name: str) -> None:
    with pytest.raises(BadGrant, match=f"^{name}: unknown field"):
        parse(VideoSDKGrant, {name: "eve"})


def test_without_a_room_a_grant_opens_all() -> None:
    assert videosdk.wildcards(VideoSDKGrant()) == {"roomId"}
    assert videosdk.wildcards(VideoSDKGrant(roomId=ROOM)) == frozenset()


def test_a_number_is_no_participant() -> None:
    with pytest.raises(BadGrant, match=r"^participantId: must be a text$"):
        granted(16)


# What an administrator enters


@pytest.mark.parametrize("value", ["", "a b", "ключ", "k\n", "k" * 256])
def test_api_keys_refused(value: str) -> None:
    with pytest.raises(BadOption, match=r"^public_id: must be printable ASCII without blanks, at most 255 characters$"):
        videosdk.check_public_id(value)


def test_an_api_key_and_its_secret_are_taken_as_they_are() -> None:
    videosdk.check_public_id(API_KEY)
    videosdk.check_secret("sign", {"secret": SECRET})


@pytest.mark.parametrize(
    "parts", [{}, {"secret": "x" * 31}, {"secret": f"{SECRET}\n"}, {"key": SECRET}, {"secret": SECRET, "key": "x"}]
)
def test_secrets_refused(parts: dict[str, str]) -> None:
    with pytest.raises(BadOption, match=r"^secret: must be printable, at least 32 bytes, no blanks at its ends$"):
        videosdk.check_secret("sign", parts)


def test_a_key_of_another_kind_is_refused_when_it_is_entered_not_when_it_signs() -> None:
    with pytest.raises(BadOption, match=r"^secret: must be a shared secret in valid Unicode, not a PEM or SSH key$"):
        videosdk.check_secret("sign", {"secret": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 somebody"})


def test_a_secret_signs_or_calls_and_nothing_else() -> None:
    videosdk.check_secret("call", {"secret": SECRET})
    with pytest.raises(BadOption, match=r"^purpose: must be sign or call$"):
        videosdk.check_secret("seal", {"secret": SECRET})


# Minting


def test_mint() -> None:
    token = minted(granted(permissions=frozenset({"allow_mod", "allow_join"})))
    expected = next(vector for vector in VECTORS["vectors"] if vector["id"] == "vs-host-room-participant")["expected"]
    assert jwt_hs256.read(token.value) == (expected["header"], expected["payload"])
    assert (token.format, token.key_id, token.public_id) == ("videosdk-jwt", "k1", API_KEY)


def test_a_room_that_is_left_out_is_no_claim() -> None:
    assert "roomId" not in claims_of(minted(granted(roomId=None)).value)


def test_mint_refuses_a_grant_without_a_subject() -> None:
    with pytest.raises(BadGrant, match=r"^participantId: must be filled in before a token is made$"):
        minted(VideoSDKGrant())


def test_mint_refuses_the_grant_of_another_provider() -> None:
    with pytest.raises(BadGrant, match=r"^grant: must be a VideoSDK grant$"):
        minted(Grant())


@pytest.mark.parametrize("lifetime", [-1, 0, 59, 86_401])
def test_mint_refuses_lifetimes(lifetime: int) -> None:
    with pytest.raises(BadGrant, match=r"^lifetime: must be 60 to 86,400 seconds$"):
        minted(granted(), lifetime=lifetime)


def test_times_are_whole_seconds() -> None:
    claims = claims_of(minted(granted(), at=AT + timedelta(microseconds=999_999)).value)
    assert (claims["iat"], claims["exp"]) == (int(AT.timestamp()), int(AT.timestamp()) + 600)


# Reading


def test_inspect() -> None:
    seen = videosdk.inspect(minted(granted(roles=frozenset({"crawler", "rtc"}))).value)
    assert (seen.public_id, seen.subject, seen.resource) == (API_KEY, "user-42", ROOM)
    assert seen.privileges == {"allow_join", "crawler"}
    assert (seen.issued_at, seen.expires_at) == (AT, AT + timedelta(seconds=600))
    assert (seen.problems, seen.notes) == ((), ())
    assert ("roles", "rtc, crawler") in seen.details
    assert ("header alg", "HS256") in seen.details


def test_inspect_notes_what_is_left_out() -> None:
    token = jwt_hs256.encode({"apikey": "k", "permissions": ["ask_join"], "exp": 2}, key=SECRET)
    assert videosdk.inspect(token).notes == (
        "The token opens every room of the account.",
        "The token is good for any participant.",
        "Without roles the token may open the vendor's server API as well.",
    )


def test_inspect_survives_strange_values() -> None:
    claims = {"apikey": 5, "permissions": 5, "roomId": [1], "exp": 10**30, "iat": True}
    seen = videosdk.inspect(jwt_hs256.encode(claims, key=SECRET))
    assert (seen.public_id, seen.resource, seen.privileges) == (None, None, frozenset())
    assert (seen.issued_at, seen.expires_at) == (None, None)
    assert len(seen.problems) == 5


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("garbage", "The token is not three parts of base64url."),
        (jwt_hs256.encode({"iss": "us"}, key=SECRET), "The token is not VideoSDK's: it has neither apikey nor"),
    ],
)
def test_other_texts_are_no_videosdk_tokens(token: str, message: str) -> None:
    with pytest.raises(TokenMalformed, match=f"^{message}"):
        videosdk.inspect(token)


# Verifying


def test_verify_names_the_secret_that_signed() -> None:
    found = videosdk.verify(minted(granted()).value, secrets=SECRETS, expected=granted())
    assert (found.valid, found.key_id, found.problems) == (True, "k1", ())


def test_verify_refuses_the_signature_of_a_stranger() -> None:
    found = videosdk.verify(minted(granted()).value, secrets=SECRETS[:1], expected=None)
    assert (found.valid, found.key_id, found.problems) == (False, None, ("bad_signature",))


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        (granted("eve"), "subject_differs"),
        (granted(roomId="x"), "resource_differs"),
        (granted(roomId=None), "resource_differs"),
        (granted(permissions=frozenset({"ask_join"})), "privileges_differ"),
        (granted(roles=frozenset({"crawler"})), "privileges_differ"),
    ],
)
def test_verify_names_what_differs(expected: VideoSDKGrant, problem: str) -> None:
    found = videosdk.verify(minted(granted()).value, secrets=SECRETS, expected=expected)
    assert (found.valid, found.key_id, found.problems) == (False, "k1", (problem,))


# What the vendor's SDK takes


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        (granted(), {"meetingId": ROOM, "participantId": "user-42"}),
        (granted(roomId=None), {"participantId": "user-42"}),
    ],
)
def test_sdk(grant: VideoSDKGrant, expected: dict[str, object]) -> None:
    token = minted(grant)
    assert videosdk.sdk(token, grant) == {"token": token.value, **expected}
    json.dumps(videosdk.sdk(token, grant))


def test_facts() -> None:
    assert (videosdk.revocation, videosdk.renewable) == (Revocation.AT_NEXT_JOIN, False)
    assert videosdk.lifetimes.default == 600
    assert {error.code for error in videosdk.vendor.errors} >= {"4001", "4002", "4008", "4022", "4023", "4024", "4053"}
