"""What a token is, who made it, and whether it is good."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from tests.factories import AT, VIDEOSDK_KEY, VIDEOSDK_SECRET, ApplicationFactory, CertificateFactory, RuleFactory
from token_issuer.errors import TokenMalformed
from token_issuer.models import IssuedToken
from token_issuer.services import inspecting, issuing, revoking, rotating, switching, verifying

LATER = AT + timedelta(minutes=1)


@pytest.fixture
def text(person, rooms):
    return issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT).token.reveal()


def made_elsewhere(secret: str = VIDEOSDK_SECRET, key: str = VIDEOSDK_KEY, version: int = 2) -> str:
    """A token as somebody with our secret makes one, without us."""
    iat = int(AT.timestamp())
    claims = {"apikey": key, "permissions": ["allow_join"], "version": version, "roles": ["rtc"], "roomId": "a"}
    return jwt.encode({**claims, "participantId": "x", "iat": iat, "exp": iat + 600}, secret, algorithm="HS256")


def test_a_good_token(text, rooms):
    report = inspecting.inspect(text, at=AT)
    assert (report.valid, report.verdict, report.problems, report.unopened) == (True, "", (), ())
    assert (report.provider.name, report.applications) == ("videosdk", (rooms,))
    assert report.certificate == rooms.certificates.get()
    assert report.token == IssuedToken.objects.get()
    assert (report.seen.resource, [*report.seen.privileges]) == ("a", ["allow_join"])


@pytest.mark.parametrize("version", ["007", "006"])
def test_both_of_agoras_formats(person, calls, version):
    calls.options = {"token_version": version}
    calls.save()
    text = issuing.issue(person, "calls", body={"channel": "a"}, at=AT).token.reveal()
    report = inspecting.inspect(text, at=AT)
    assert (report.verdict, report.seen.format) == ("", f"agora-{version}")


def test_an_unrecorded_006_cannot_be_checked(person, calls):
    calls.options = {"token_version": "006"}
    calls.save()
    text = issuing.issue(person, "calls", body={"channel": "a"}, at=AT).token.reveal()
    IssuedToken.objects.all().delete()
    assert inspecting.inspect(text, at=AT).verdict == "expected_needed"


def test_it_says_that_it_has_expired(text):
    assert inspecting.inspect(text, at=AT + timedelta(minutes=10)).verdict == "expired"


def test_it_says_that_it_was_revoked(text, person):
    revoking.revoke_any(person, IssuedToken.objects.get().pk, reason="test", at=AT)
    assert inspecting.inspect(text, at=AT).verdict == "revoked"


def test_it_says_that_its_user_is_gone(text, user):
    user.is_active = False
    user.save()
    assert inspecting.inspect(text, at=AT).verdict == "principal_gone"


def test_it_says_that_its_application_is_off(text, person, rooms):
    switching.disable(person, rooms, at=AT)
    assert inspecting.inspect(text, at=AT).verdict == "application_or_certificate_off"


def test_a_retired_certificate_is_still_recognised(text, person, rooms):
    old = rooms.certificates.get()
    rotating.activate(person, rotating.stage(person, rooms, secret={"secret": "9" * 64}, at=AT), at=AT)
    rotating.retire(person, old, at=AT)
    report = inspecting.inspect(text, at=AT)
    assert (report.certificate, report.verdict) == (old, "application_or_certificate_off")


def test_a_token_made_with_our_secret_but_not_by_us(rooms):
    report = inspecting.inspect(made_elsewhere(), at=AT)
    assert (report.certificate, report.token, report.verdict) == (rooms.certificates.get(), None, "not_recorded")
    assert inspecting.inspect(made_elsewhere(), at=AT + timedelta(minutes=10)).verdict == "expired"


def test_a_token_made_with_another_secret(rooms):
    report = inspecting.inspect(made_elsewhere(secret="z" * 64), at=AT)
    assert (report.certificate, report.verdict) == (None, "bad_signature")


def test_a_token_of_another_account(rooms):
    report = inspecting.inspect(made_elsewhere(key="somebody-else"), at=AT)
    assert (report.applications, report.verdict) == ((), "unknown_application")


@pytest.mark.parametrize("wrong", ["", "x" * (verifying.LONGEST_TOKEN + 1)])
def test_what_cannot_be_a_token_is_malformed(wrong):
    with pytest.raises(TokenMalformed):
        inspecting.read(wrong)


def test_a_certificate_for_something_else_is_not_asked(rooms):
    CertificateFactory(application=rooms, purpose="call", active=True, secret={"secret": "z" * 64})
    assert inspecting.inspect(made_elsewhere(secret="z" * 64), at=AT).certificate is None


def test_another_applications_certificate_is_not_asked(rooms):
    other = ApplicationFactory(slug="other", public_id="other-account")
    CertificateFactory(application=other, active=True, secret={"secret": "z" * 64})
    assert inspecting.inspect(made_elsewhere(secret="z" * 64), at=AT).certificate is None


def test_another_vendors_application_of_the_same_id_is_not_meant(rooms):
    ApplicationFactory(slug="calls", provider="agora", public_id=VIDEOSDK_KEY)
    assert inspecting.inspect(made_elsewhere(), at=AT).applications == (rooms,)


def test_a_certificate_that_does_not_open_does_not_hide_the_others(rooms):
    good = rooms.certificates.get()
    CertificateFactory(application=rooms, sealed_secret=b"garbage")
    report = inspecting.inspect(made_elsewhere(), at=AT)
    assert (report.certificate, len(report.unopened)) == (good, 1)


def test_a_token_that_names_no_account_is_tried_on_every_application(rooms):
    claims = {"permissions": ["allow_join"], "iat": int(AT.timestamp()), "exp": int(AT.timestamp()) + 600}
    report = inspecting.inspect(jwt.encode(claims, VIDEOSDK_SECRET, algorithm="HS256"), at=AT)
    assert (report.seen.public_id, report.certificate) == (None, rooms.certificates.get())
    assert report.verdict == "claims_refused"


def test_the_public_id_is_compared_exactly(rooms):
    assert inspecting.inspect(made_elsewhere(key=f"{VIDEOSDK_KEY} "), at=AT).applications == ()


def test_what_the_provider_finds_wrong_is_the_verdict(rooms):
    report = inspecting.inspect(made_elsewhere(version=1), at=AT)
    assert report.certificate is not None
    assert report.verdict == report.problems[0] == "claims_refused"


def test_a_certificate_that_does_not_open_is_told(rooms):
    rooms.certificates.update(sealed_secret=None, reference="env:NOWHERE")
    report = inspecting.inspect(made_elsewhere(), at=AT)
    assert report.verdict == "untried"
    assert report.unopened == (
        f"{rooms.certificates.get().fingerprint} could not be tried: "
        "The secret 'env:NOWHERE' is not set in the environment of this process.",
    )


def test_a_certificate_that_does_not_open_does_not_hide_the_right_one(rooms, text):
    CertificateFactory(application=rooms, sealed_secret=None, reference="env:NOWHERE")
    assert inspecting.inspect(text, at=AT).verdict == ""


def test_of_applications_that_share_a_secret_the_recorded_one_is_named(text, rooms):
    RuleFactory(application=ApplicationFactory(slug="twin", ready=True))
    report = inspecting.inspect(text, at=AT)
    assert [each.slug for each in report.applications] == ["rooms", "twin"]
    assert report.certificate == rooms.certificates.get()


@pytest.mark.parametrize("text", ["", "hello", "x" * 16_385, "007garbage", "a.b.c", "\ud800"])
def test_what_is_no_token(db, text):
    with pytest.raises(TokenMalformed, match="not a token of any provider here"):
        inspecting.inspect(text, at=AT)


def test_reading_needs_no_database(text):
    (reading,) = inspecting.read(text)
    assert (reading.provider.name, reading.seen.resource) == ("videosdk", "a")
