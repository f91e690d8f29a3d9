"""Calls to Voximplant's Management API: their token, what is sent, and how answers read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.providers.management_key import ACCOUNT_ID, DOMAIN, KEY_ID, NOW, call_order, parsed, parts, private_key
from tests.vectors import by_id, load_vectors
from token_issuer.crypto import Secret, signing_keys
from token_issuer.errors import BadOption, NoActiveCertificate, VendorUnavailable
from token_issuer.formats import jws
from token_issuer.providers.base import Options
from token_issuer.providers.called import Provisioned, VendorRequest, VendorResponse
from token_issuer.providers.fields import parse
from token_issuer.providers.voximplant import VoximplantOptions, VoximplantProvider
from token_issuer.providers.voximplant.management import PROFILES, Profile, authorization
from token_issuer.services.drafts import check_secret

TOKENS = [one for one in load_vectors("voximplant.json")["vectors"] if one["kind"] == "management_jwt"]
PASSWORD = "aB3$" * 8

voximplant = VoximplantProvider()


def test_there_are_three_known_tokens() -> None:
    assert len(TOKENS) == 3


def profile_of(vector: dict[str, Any]) -> Profile:
    given = vector["input"]
    issuer = {"string": "text", "integer": "number"}[given["iss_type"]]
    return Profile(lifetime=given["lifetime_s"], backdate=given["backdate_s"], issuer=issuer)  # type: ignore[arg-type]


def signed_for(vector: dict[str, Any]) -> str:
    given = vector["input"]
    key = parsed().named(given["key_id"])
    return authorization(str(given["account_id"]), key=key, now=given["now"], profile=profile_of(vector))


@pytest.mark.parametrize("vector", by_id(TOKENS))
def test_header_and_claims_are_the_vectors(vector: dict[str, Any]) -> None:
    scheme, token = signed_for(vector).split(" ")
    assert (scheme, jws.read(token)) == ("Bearer", (vector["expected"]["header"], vector["expected"]["payload"]))


@pytest.mark.parametrize("vector", by_id(TOKENS))
def test_what_the_vendors_clients_made_reads_alike(vector: dict[str, Any]) -> None:
    theirs = vector["expected"]["authorization"].removeprefix("Bearer ")
    assert jws.read(theirs) == (vector["expected"]["header"], vector["expected"]["payload"])


@pytest.mark.parametrize("vector", by_id(TOKENS))
def test_the_public_key_verifies_it(vector: dict[str, Any]) -> None:
    token = signed_for(vector).removeprefix("Bearer ")
    assert jws.verify(token, algorithm="RS256", key=parsed().verifying_key.key)


@pytest.mark.parametrize(("name", "vector"), [("python", TOKENS[0]), ("node", TOKENS[1])])
def test_the_profiles_are_the_official_clients(name: str, vector: dict[str, Any]) -> None:
    assert vector["profile"] == f"official-{name}"
    assert PROFILES[name] == profile_of(vector)


@pytest.mark.parametrize(("lifetime", "backdate"), [(3601, 0), (3600, 1), (0, 0), (24, -1)])
def test_no_token_lives_longer_than_an_hour(lifetime: int, backdate: int) -> None:
    with pytest.raises(BadOption, match="must be 1 to 3,600 seconds"):
        Profile(lifetime=lifetime, backdate=backdate, issuer="text")


# What is entered


def test_a_credentials_file_is_taken() -> None:
    check_secret(voximplant, "call", parts())


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("account_id", "12a", "must be a whole number"),
        ("account_id", "0", "must be a whole number"),
        ("account_id", "12\n", "must be a whole number"),
        ("key_id", "with blank", "must be printable ASCII without blanks"),
        ("key_id", "k" * 129, "must be printable ASCII without blanks"),
        ("private_key", "secret words", "must be a private key in PEM"),
        ("private_key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "is not a private key in PEM"),
        ("private_key", "", "is required"),
    ],
)
def test_what_no_credentials_file_has_is_named_and_not_quoted(name: str, text: str, told: str) -> None:
    with pytest.raises(BadOption, match=told) as caught:
        check_secret(voximplant, "call", {**parts(), name: text})
    assert caught.value.field == name
    assert not text or text not in str(caught.value)


def test_a_key_of_another_algorithm_is_refused() -> None:
    other = signing_keys.new_secret("ES256")["key"]
    with pytest.raises(BadOption, match="is not a key for RS256") as caught:
        check_secret(voximplant, "call", {**parts(), "private_key": other})
    assert caught.value.field == "private_key"


def test_there_is_no_secret_to_sign_with() -> None:
    with pytest.raises(BadOption, match="must be call"):
        voximplant.check_secret("sign", parts())
    assert (voximplant.minting_purpose, voximplant.first_purpose) == (None, "call")


# What is sent


def asked(*, subject: str = "user-1", create: bool = True, **options: Any) -> VendorRequest:
    return voximplant.provision_request(call_order(**options), subject=subject, password=PASSWORD, create=create)


def test_a_user_is_made_with_a_form() -> None:
    request = asked()
    assert (request.method, request.url, request.query) == ("POST", "https://api.voximplant.com/platform_api", ())
    assert (request.encoding, request.repeatable) == ("multipart", False)
    assert request.values == {
        "cmd": "AddUser",
        "user_name": "user-1",
        "user_display_name": "user-1",
        "user_password": PASSWORD,
        "application_name": "someapplication",
    }


def test_an_existing_user_gets_the_password() -> None:
    assert asked(create=False, subject="John.Doe").values == {
        "cmd": "SetUserInfo",
        "user_name": "John.Doe",
        "user_password": PASSWORD,
        "application_name": "someapplication",
    }


def test_the_application_may_be_named_by_its_number() -> None:
    values = asked(application_id=7).values
    assert values["application_id"] == 7
    assert "application_name" not in values


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("python", {"iss": ACCOUNT_ID, "iat": NOW - 5, "exp": NOW + 24}),
        ("node", {"iss": int(ACCOUNT_ID), "iat": NOW, "exp": NOW + 64}),
    ],
)
def test_the_call_says_who_calls_in_the_applications_profile(name: str, claims: dict[str, object]) -> None:
    token = asked(api_profile=name).headers["Authorization"].removeprefix("Bearer ")
    assert jws.read(token) == ({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}, claims)


def test_the_address_may_be_a_stand_ins() -> None:
    assert asked(api_url="http://127.0.0.1:8080").url == "http://127.0.0.1:8080/platform_api"


@pytest.mark.parametrize("subject", ["John", "jd", "j.d", "a" * 51])
def test_a_name_that_the_vendor_does_not_make_is_refused_before(subject: str) -> None:
    with pytest.raises(BadOption) as caught:
        asked(subject=subject)
    assert caught.value.field == "subject"


def test_nothing_is_called_without_a_key() -> None:
    order = replace(call_order(), signing_key=None)
    with pytest.raises(NoActiveCertificate):
        voximplant.provision_request(order, subject="user-1", password=PASSWORD, create=True)


def test_options_of_another_provider_are_refused() -> None:
    order = replace(call_order(), options=Options())
    with pytest.raises(BadOption, match="must be Voximplant's"):
        voximplant.provision_request(order, subject="user-1", password=PASSWORD, create=True)


def test_the_defaults_of_the_options_are_the_python_clients() -> None:
    assert parse(VoximplantOptions, {}, error=BadOption) == VoximplantOptions(
        application_id=None, api_profile="python", api_url="https://api.voximplant.com"
    )


def test_nothing_secret_shows() -> None:
    order, request = call_order(), asked()
    shown = f"{order!r} {order} {request!r} {request}"
    assert DOMAIN in shown
    token = request.headers["Authorization"].removeprefix("Bearer ")
    assert not any(text in shown for text in (PASSWORD, token, private_key(), private_key().splitlines()[1]))


# What comes back


def answered(body: object, status: int = 200) -> VendorResponse:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return VendorResponse(status=status, reason="whatever", body=text)


def error(code: object) -> dict[str, object]:
    return {"error": {"msg": f"about {PASSWORD}", "code": code}}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"result": 1, "user_id": 1}, Provisioned.DONE),
        ({"result": 1}, Provisioned.DONE),
        (error(118), Provisioned.EXISTS),
        (error(117), Provisioned.ABSENT),
        (error(393), Provisioned.ABSENT),
    ],
)
def test_what_was_said(body: dict[str, Any], said: Provisioned) -> None:
    assert voximplant.read_provisioned(answered(body)) is said


def test_an_error_says_so_whatever_the_status() -> None:
    assert voximplant.read_provisioned(answered(error(118), 400)) is Provisioned.EXISTS
    with pytest.raises(VendorUnavailable, match="with status 400"):
        voximplant.read_provisioned(answered({"result": 1}, 400))


@pytest.mark.parametrize(
    ("body", "status", "reason", "final", "told"),
    [
        (error(100), 200, "refused", True, r"error 100\): the service account's key was not accepted"),
        (error(104), 403, "refused", True, r"error 104\): the service account needs the role User manager"),
        (error(116), 200, "refused", True, r"error 116\): there is no such application"),
        (error(455), 200, "refused", True, r"error 455\): its clock and this server's differ"),
        (error(9999), 200, "refused", True, r"error 9999\): see its list of errors"),
        (error(2), 200, "failed", False, r"trouble of its own \(error 2\)"),
        (error(4), 500, "failed", False, r"trouble of its own \(error 4\)"),
        (b"<html>", 401, "refused", True, "with status 401"),
        ({"what": "else"}, 403, "refused", True, "with status 403"),
        (b"", 429, "refused", False, "with status 429"),
        (b"<html>", 500, "failed", False, "has trouble of its own"),
        (b"<html>", 503, "failed", False, "has trouble of its own"),
        (b"", 302, "failed", False, "with status 302, which leaves open what it has done"),
        (b"<html>", 408, "failed", False, "with status 408, which leaves open what it has done"),
        (b"", 499, "failed", False, "with status 499, which leaves open what it has done"),
        (error(104), 408, "refused", True, "error 104"),
        (b"<html>", 200, "garbled", False, "is no JSON"),
        ([1], 200, "garbled", False, "is not one to a call"),
        ({}, 200, "garbled", False, "is not one to a call"),
        ({"result": 0}, 200, "garbled", False, "is not one to a call"),
        ({"result": "1"}, 200, "garbled", False, "is not one to a call"),
        ({"error": "words"}, 200, "garbled", False, "is not one to a call"),
        (error("118"), 200, "garbled", False, "is not one to a call"),
        (error(True), 200, "garbled", False, "is not one to a call"),
        ({"result": 1, **error(2)}, 200, "failed", False, "error 2"),
    ],
)
def test_everything_else_is_a_failure_that_says_why(
    body: object, status: int, reason: str, final: bool, told: str
) -> None:
    with pytest.raises(VendorUnavailable, match=told) as caught:
        voximplant.read_provisioned(answered(body, status))
    assert (caught.value.reason, caught.value.final) == (reason, final)
    assert PASSWORD not in str(caught.value)


def test_a_named_key_is_the_same_key() -> None:
    assert parsed().named("theirs").key is parsed().key
    assert repr(parsed().named("theirs")) == "<SigningKey RS256 theirs>"
    assert Secret(**parts()).part("private_key") not in repr(parsed())
