"""Our own access tokens: the key that is named, the signature, the claims, and the row that has the last word."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import OperationalError, connection

from tests.factories import AT, ApplicationFactory, CertificateFactory
from tests.services.signing import key_of, new_key, signed_again
from tests.statements import counted
from token_issuer.crypto import SigningKey, digests, signing_keys
from token_issuer.errors import TokenRejected, Unavailable
from token_issuer.ids import uuid7
from token_issuer.models import Application, Certificate, IssuedToken
from token_issuer.services import issuing, revoking, rotating, switching, verifying
from token_issuer.services.verification_keys import keys
from token_issuer.services.verified import Kind

LATER = AT + timedelta(minutes=1)
SCOPE = "reports:read tokens:issue"


@pytest.fixture
def text(person, own):
    return issuing.issue(person, "own", body={"scope": SCOPE}, at=AT).token.reveal()


@pytest.fixture
def certificate(own):
    return Certificate.objects.get(application=own)


def verdict(text, at=LATER, **how) -> str:
    with pytest.raises(TokenRejected, match=r"^The token is not valid\.$") as refusal:
        verifying.verify(text, at=at, **how)
    return refusal.value.verdict


def header(text, **changes) -> str:
    """The text with another header, and the signature it had."""
    first, _, rest = text.partition(".")
    found = json.loads(base64.urlsafe_b64decode(first + "=="))
    encoded = base64.urlsafe_b64encode(json.dumps({**found, **changes}).encode()).decode().rstrip("=")
    return f"{encoded}.{rest}"


# A good one


def test_a_good_token_says_who_and_what(text, user, own):
    row = IssuedToken.objects.get()
    found = verifying.verify(text, at=LATER)
    assert (found.kind, found.token_id, found.user, found.subject) == (Kind.ACCESS, row.pk, user, f"user-{user.pk}")
    assert (found.application_id, found.application_slug, found.audience) == (own.pk, "own", "https://issuer.example")
    assert (found.scopes, found.access, found.one_time) == (frozenset(SCOPE.split()), None, False)
    assert (found.is_server, found.expires_at) == (False, AT + timedelta(hours=1))


def test_scopes_are_asked_for_together(text):
    found = verifying.verify(text, at=LATER)
    assert found.has_scope("reports:read", "tokens:issue")
    assert not found.has_scope("reports:read", "reports:write")


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "EdDSA", "RS256"])
def test_every_algorithm_verifies(own, person, algorithm):
    secret = signing_keys.new_secret(algorithm)
    rotating.activate(person, CertificateFactory(application=own, secret=secret, algorithm=algorithm), at=AT)
    text = issuing.issue(person, "own", body={}, at=AT).token.reveal()
    assert verifying.verify(text, at=LATER).kind is Kind.ACCESS


def test_one_statement_and_another_for_the_first_token_of_a_key(text):
    keys.forget()
    with counted(2):
        verifying.verify(text, at=LATER)
    with counted(1) as seen:
        verifying.verify(text, at=LATER)
    assert "sealed_secret" not in seen[0]


# The key


def test_an_unknown_key_is_refused_without_a_second_look(text, person):
    verifying.verify(text, at=LATER)
    keys.find("unknown")
    with counted(0):
        assert verdict(signed_again(text, new_key("HS256", str(uuid7())))) == "unknown_key"


def test_the_named_key_alone_is_tried(text, own):
    """The token is good under a key that it does not name."""
    other = CertificateFactory(application=own)
    assert verdict(header(text, kid=other.key_id)) == "bad_signature"


def test_another_key_of_the_same_name_opens_nothing(text, certificate):
    assert verdict(signed_again(text, new_key("HS256", certificate.key_id))) == "bad_signature"


@pytest.mark.parametrize("algorithm", ["none", "HS512", "hs256", "RS256"])
def test_the_token_does_not_choose_its_algorithm(text, algorithm):
    with pytest.raises(TokenRejected):
        verifying.verify(header(text, alg=algorithm), at=LATER)


def test_a_public_key_is_no_secret(own, person):
    """RFC 8725 section 2.1: the public half of an ES256 key, used as the secret of HS256."""
    secret = signing_keys.new_secret("ES256")
    certificate = CertificateFactory(application=own, secret=secret, algorithm="ES256")
    rotating.activate(person, certificate, at=AT)
    text = issuing.issue(person, "own", body={}, at=AT).token.reveal()
    public = key_of(certificate).verifying_key.key
    assert not isinstance(public, bytes)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert verdict(signed_again(text, SigningKey("HS256", certificate.key_id, pem))) == "bad_signature"


@pytest.mark.parametrize("change", [{"retiring_at": AT, "retired_at": AT}, {"revoked_at": AT}])
def test_a_known_key_opens_nothing_once_its_certificate_ended(text, change):
    verifying.verify(text, at=LATER)
    Certificate.objects.update(**change)
    with counted(1):
        assert verdict(text) == "application_or_certificate_off"


def test_a_key_that_ended_before_it_was_known_is_unknown(text):
    keys.forget()
    Certificate.objects.update(revoked_at=AT)
    assert verdict(text) == "unknown_key"


def test_a_certificate_that_is_replaced_ends_its_tokens(text, person, certificate):
    verifying.verify(text, at=LATER)
    fresh = signing_keys.new_secret("HS256")
    rotating.replace(person, certificate, secret=fresh, reason="leaked", at=AT)
    assert verdict(text) == "revoked"


# The claims


@pytest.mark.parametrize("typ", ["JWT", "jwt", "AT+JWT", "application/at+jwt", "rt+jwt"])
def test_another_type_is_of_another_kind(text, certificate, typ):
    assert verifying.recognise(signed_again(text, key_of(certificate), typ=typ)) is None
    assert verdict(signed_again(text, key_of(certificate), typ=typ)) == "unknown"


@pytest.mark.parametrize("issuer", ["https://other.example", "https://issuer.example/", "HTTPS://issuer.example", 1])
def test_another_issuers_is_not_ours(text, certificate, issuer):
    forged = signed_again(text, key_of(certificate), lambda claims: claims.update(iss=issuer))
    assert verifying.recognise(forged) is None
    with counted(0):
        assert verdict(forged) == "issuer_differs"


def test_a_site_without_an_issuer_has_no_access_tokens(text, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": None}
    assert verdict(text) == "issuer_differs"


@pytest.mark.parametrize("name", ["aud", "sub", "jti", "iat", "exp", "client_id"])
def test_every_claim_is_needed(text, certificate, name):
    assert verdict(signed_again(text, key_of(certificate), lambda claims: claims.pop(name))) == "claims_refused"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aud", ["https://issuer.example"]), ("aud", 1), ("sub", 1), ("sub", ""), ("jti", 7), ("jti", "x"),
        ("iat", "1772366400"), ("iat", True), ("exp", "1772370000"), ("exp", 1e30), ("exp", 1.5), ("exp", -1),
        ("scope", ["reports:read"]), ("client_id", None),
    ],
)  # fmt: skip
def test_every_claim_is_of_its_type(text, certificate, name, value):
    forged = signed_again(text, key_of(certificate), lambda claims: claims.update({name: value}))
    with counted(0) if keys.find(certificate.key_id) else counted(1):
        assert verdict(forged) == "claims_refused"


@pytest.mark.parametrize("spelling", [str.upper, lambda text: "{" + text + "}", lambda text: text.replace("-", "")])
def test_an_id_has_one_spelling(text, certificate, spelling):
    forged = signed_again(text, key_of(certificate), lambda claims: claims.update(jti=spelling(claims["jti"])))
    assert verdict(forged) == "claims_refused"


def test_deadlines_are_exclusive_and_nothing_is_forgiven(text):
    end = IssuedToken.objects.get().expires_at
    verifying.verify(text, at=end - timedelta(microseconds=1))
    assert verdict(text, at=end) == "expired"


def test_a_token_of_the_future_is_refused(text):
    assert verdict(text, at=AT - timedelta(microseconds=1)) == "not_yet_valid"


def test_a_token_for_somebody_else_opens_nothing_here(person, own):
    Application.objects.update(options={"audience": "https://reports.example"})
    text = issuing.issue(person, "own", body={}, at=AT).token.reveal()
    assert verdict(text) == "audience_differs"
    assert verifying.verify(text, at=LATER, audience="https://reports.example").audience == "https://reports.example"
    assert verifying.verify(text, at=LATER, audience=verifying.ANY_AUDIENCE).audience == "https://reports.example"


# The row


def test_a_token_without_a_row_is_unknown(text):
    IssuedToken.objects.all().delete()
    assert verdict(text) == "unknown"


@pytest.mark.parametrize(
    "change", [{"sub": "user-1000"}, {"scope": "reports:write"}, {"exp": 1772370001}, {"iat": 1772366399}]
)
def test_claims_that_the_row_does_not_say_are_refused(text, certificate, change):
    """Whoever has the signing key, but not the database, makes no token."""
    assert verdict(signed_again(text, key_of(certificate), lambda claims: claims.update(change))) == "claims_differ"


def test_a_row_of_another_certificate_is_another_token(text, own):
    other = CertificateFactory(application=own, active=False)
    assert verdict(signed_again(text, key_of(other))) == "claims_differ"


def test_another_applications_key_signs_for_itself_alone(text, own):
    other = CertificateFactory(application=ApplicationFactory(slug="other", provider="own"), active=True)
    assert verdict(signed_again(text, key_of(other))) == "claims_differ"


def test_a_vendors_row_is_no_access_token(person, own, rooms, certificate):
    """A VideoSDK token's row, named by a text that our own key signed."""
    row = issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT)
    text = issuing.issue(person, "own", body={}, at=AT).token.reveal()
    forged = signed_again(text, key_of(certificate), lambda claims: claims.update(jti=str(row.token_id)))
    assert verdict(forged) == "claims_differ"


def test_it_is_revoked_by_its_id_whatever_its_text(person, own):
    """ES256 has twins: the same token in another spelling, which no list of texts would know."""
    secret = signing_keys.new_secret("ES256")
    rotating.activate(person, CertificateFactory(application=own, secret=secret, algorithm="ES256"), at=AT)
    made = issuing.issue(person, "own", body={}, at=AT)
    text = made.token.reveal()
    twin = signed_again(text, key_of(Certificate.objects.get(active_slot=1)))
    assert digests.digest(twin) != digests.digest(text)
    verifying.verify(twin, at=LATER)
    revoking.revoke_own(person, made.token_id, reason="lost", at=AT)
    assert (verdict(text), verdict(twin)) == ("revoked", "revoked")


def test_it_ends_with_its_user(text, user):
    user.is_active = False
    user.save()
    assert verdict(text) == "principal_gone"


def test_it_ends_with_its_users_password(text, user):
    user.set_password("another")
    user.save()
    assert verdict(text) == "password_changed"


def test_it_ends_with_its_application(text, person, own):
    switching.disable(person, own, at=AT)
    assert verdict(text) == "application_or_certificate_off"


def test_logging_out_everywhere_ends_it(text, person):
    revoking.revoke_mine(person, reason="lost phone", at=AT)
    assert verdict(text) == "revoked"


def test_a_database_that_is_down_lets_nobody_in(text):
    verifying.verify(text, at=LATER)

    def refuse(*arguments):
        raise OperationalError

    with connection.execute_wrapper(refuse), pytest.raises(Unavailable, match=r"^The database does not answer\.$"):
        verifying.verify(text, at=LATER)


# What costs nothing


@pytest.mark.parametrize(
    "garbage",
    ["eyJ", "eyJ.eyJ.x", "a.b.c", "{}", "eyJhbGciOiJub25lIn0.e30.", "ey" * 9000, "tio_" + "x" * 49, "tio_", "é" * 20],
)
def test_garbage_costs_no_statement(db, garbage):
    with counted(0 if garbage.startswith(("tio_", "ey" * 9000, "é")) else 1):
        assert verdict(garbage) in {"unknown", "malformed"}


def test_ten_megabytes_are_refused_before_they_are_read(db):
    with counted(0):
        assert verdict("eyJ." * 2_500_000) == "unknown"
