"""Our own tokens' keys are made here: nobody pastes one, and the public half is published before it signs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import AT, ApplicationFactory, UserFactory, caller
from token_issuer.crypto import signing_keys
from token_issuer.errors import BadOption
from token_issuer.models import Application, CertificateState
from token_issuer.registry import get_provider
from token_issuer.services import registering, rotating
from token_issuer.services.drafts import ApplicationDraft
from token_issuer.services.opening import opened_secret

pytestmark = pytest.mark.django_db

PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


@pytest.fixture
def person():
    return caller(UserFactory())


def draft(**given: Any) -> ApplicationDraft:
    return ApplicationDraft(**{"provider": "own", "slug": "api", "name": "API", "public_id": "", **given})


def test_a_key_is_made_when_none_is_pasted(person):
    certificate = registering.register(person, draft(), at=AT).certificates.get()
    assert (certificate.state, certificate.algorithm) == (CertificateState.ACTIVE, "HS256")
    with opened_secret(certificate, get_provider("own")) as secret:
        assert len(secret.part("key")) >= 32
    assert certificate.public_jwk is None


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_the_public_half_is_kept_beside_and_holds_nothing_private(person, algorithm):
    certificate = registering.register(person, draft(algorithm=algorithm), at=AT).certificates.get()
    published: Any = certificate.public_jwk
    assert published["alg"] == algorithm
    assert published["kid"] == certificate.key_id == str(certificate.pk)
    assert not PRIVATE & published.keys()


def test_two_keys_differ(person):
    api = registering.register(person, draft(), at=AT)
    rotating.stage(person, api, secret={}, at=AT)
    assert len({row.fingerprint for row in api.certificates.all()}) == 2


def test_a_staged_one_has_the_algorithm_of_the_one_that_signs(person):
    api = registering.register(person, draft(algorithm="EdDSA"), at=AT)
    assert rotating.stage(person, api, secret={}, at=AT).algorithm == "EdDSA"


def test_a_staged_one_may_change_the_algorithm(person):
    api = registering.register(person, draft(), at=AT)
    staged = rotating.stage(person, api, secret={}, algorithm="ES256", at=AT)
    published: Any = staged.public_jwk
    assert (staged.state, published["alg"]) == (CertificateState.STAGED, "ES256")


def test_a_replaced_one_keeps_its_algorithm(person):
    leaked = registering.register(person, draft(algorithm="ES256"), at=AT).certificates.get()
    assert rotating.replace(person, leaked, secret={}, reason="leak", at=AT).algorithm == "ES256"


def test_an_unknown_algorithm_is_refused(person):
    with pytest.raises(BadOption, match="algorithm: must be one of: HS256, ES256, EdDSA, RS256"):
        registering.register(person, draft(algorithm="none"), at=AT)
    assert not Application.objects.exists()


def test_an_algorithm_is_no_choice_where_the_format_has_one(person):
    with pytest.raises(BadOption, match="algorithm: is fixed for this provider"):
        rotating.stage(person, ApplicationFactory(), secret={"secret": "9" * 64}, algorithm="HS256", at=AT)


def test_a_pasted_key_of_another_kind_is_refused(person):
    rsa = signing_keys.new_secret("RS256")
    with pytest.raises(BadOption, match="key: is not a key for ES256"):
        registering.register(person, draft(algorithm="ES256", secret=rsa), at=AT)


def test_a_pasted_key_is_kept(person):
    pasted = signing_keys.new_secret("ES256")
    certificate = registering.register(person, draft(algorithm="ES256", secret=pasted), at=AT).certificates.get()
    with opened_secret(certificate, get_provider("own")) as secret:
        assert dict(secret.parts) == pasted


def test_what_nothing_signs_needs_no_certificate(person):
    uploads = registering.register(person, draft(provider="own-once", slug="uploads"), at=AT)
    assert not uploads.certificates.exists()


def test_what_nothing_signs_takes_no_secret(person):
    with pytest.raises(BadOption, match="secret: is not needed"):
        registering.register(person, draft(provider="own-once", secret={"key": "x" * 32}), at=AT)


def test_the_slug_serves_as_public_id(person):
    assert registering.register(person, draft(), at=AT).public_id == "api"
