"""A secret is tried before it is saved: a token is made and checked, and nothing is written."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import (
    AGORA_CERTIFICATE,
    AT,
    PUBLIC_IDS,
    SECRETS,
    VIDEOSDK_SECRET,
    VOCALSTACK_KEY,
)
from tests.providers import management_key
from token_issuer.crypto import signing_keys
from token_issuer.crypto.references import ReferenceBroken
from token_issuer.errors import BadOption, VendorUnavailable
from token_issuer.models import Application, AuditEvent, Certificate, IssuedToken, Origin
from token_issuer.providers.base import Verification
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.services import trying
from token_issuer.services.callers import Caller
from token_issuer.services.probing import ProbeFailed
from token_issuer.services.rotating import Material

NOBODY = Caller(user=AnonymousUser(), origin=Origin.ADMIN)


def unsaved(provider, **columns):
    return Application(provider=provider, slug="new", public_id=PUBLIC_IDS.get(provider, "new"), **columns)


def try_secret(provider, *, ask=False, **material):
    return trying.try_secret(NOBODY, unsaved(provider), Material(**material), at=AT, ask=ask)


@pytest.fixture(autouse=True)
def nothing_is_written(db):
    yield
    assert [model.objects.count() for model in (Application, Certificate, IssuedToken, AuditEvent)] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("provider", "secret", "expected"),
    [
        ("videosdk", {"secret": VIDEOSDK_SECRET}, "videosdk-jwt"),
        ("agora", {"certificate": AGORA_CERTIFICATE}, "agora-007"),
        ("own", SECRETS["own"], "own-jwt"),
    ],
)
def test_token_for_nobody_is_made_and_verified(provider, secret, expected, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}
    tried = try_secret(provider, secret=secret)
    assert (tried.outcome, tried.format) == ("minted", expected)
    assert tried.seen.subject in {"doctor:0", str(2**31 - 1)}


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_key_is_tried_with_its_algorithm(algorithm, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}
    tried = try_secret("own", secret=signing_keys.new_secret(algorithm), algorithm=algorithm)
    assert tried.outcome == "minted"


def test_site_without_an_issuer_is_told_so(settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": None}
    with pytest.raises(ProbeFailed, match="ISSUER"):
        try_secret("own", secret=SECRETS["own"])


def test_options_are_used(settings):
    application = unsaved("agora", options={"token_version": "006"})
    material = Material(secret={"certificate": AGORA_CERTIFICATE})
    assert trying.try_secret(NOBODY, application, material, at=AT).format == "agora-006"


@pytest.mark.parametrize(
    ("application", "material", "field"),
    [
        (unsaved("videosdk"), {"secret": {"secret": "short"}}, "secret"),
        (unsaved("videosdk"), {}, "secret"),
        (unsaved("videosdk", options={"colour": "red"}), {"secret": {"secret": VIDEOSDK_SECRET}}, "colour"),
        (Application(provider="agora", public_id="no"), {"secret": {"certificate": AGORA_CERTIFICATE}}, "public_id"),
        (unsaved("own"), {"secret": SECRETS["own"], "algorithm": "none"}, "algorithm"),
    ],
)
def test_what_does_not_fit_is_named(application, material, field):
    with pytest.raises(BadOption) as error:
        trying.try_secret(NOBODY, application, Material(**material), at=AT)
    assert field in error.value.fields


def test_reference_is_followed(monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", VIDEOSDK_SECRET)
    assert try_secret("videosdk", reference="env:ROOMS_SECRET").outcome == "minted"
    with pytest.raises(ReferenceBroken):
        try_secret("videosdk", reference="env:NOT_SET_ANYWHERE")


def test_there_is_nothing_to_try_where_keys_are_made_here():
    assert try_secret("own").outcome == "made_here"


def test_what_only_calls_is_looked_at():
    assert try_secret("videosdk", purpose="call", secret={"secret": VIDEOSDK_SECRET}, ask=True).outcome == "fits"
    assert try_secret("voximplant", purpose="call", secret=management_key.parts()).outcome == "fits"
    with pytest.raises(BadOption):
        try_secret("voximplant", purpose="call", secret={**management_key.parts(), "private_key": "no key"})


def test_vendor_is_asked_only_when_somebody_says_so(vocalstack):
    application = unsaved("vocalstack", options={"api_url": vocalstack.url})
    material = Material(purpose="call", secret={"api_key": VOCALSTACK_KEY})
    assert trying.try_secret(NOBODY, application, material, at=AT).outcome == "fits"
    assert vocalstack.orders == []
    assert trying.try_secret(NOBODY, application, material, at=AT, ask=True).outcome == "asked"
    assert len(vocalstack.orders) == 1


def test_vendor_that_refuses_is_a_failure(vocalstack):
    application = unsaved("vocalstack", options={"api_url": vocalstack.url})
    material = Material(purpose="call", secret={"api_key": "another-key-of-somebody-else"})
    with pytest.raises(VendorUnavailable) as error:
        trying.try_secret(NOBODY, application, material, at=AT, ask=True)
    assert error.value.reason == "refused"


class Forgetful(VideoSDKProvider):
    def verify(self, token, *, secrets, expected):
        return Verification(valid=False, key_id=None, problems=("bad_signature",))


def test_token_that_is_not_accepted_is_a_failure(monkeypatch):
    monkeypatch.setattr("token_issuer.services.trying.get_provider", lambda name: Forgetful())
    with pytest.raises(ProbeFailed, match="verify: The token is not accepted: bad_signature"):
        try_secret("videosdk", secret={"secret": VIDEOSDK_SECRET})
