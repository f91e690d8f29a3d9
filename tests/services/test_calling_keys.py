"""A vendor that is called with a private key: the provider gets it parsed, under the certificate's id."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.factories import AT, VOCALSTACK_KEY, ApplicationFactory, CertificateFactory, RuleFactory
from tests.providers.management_key import private_key
from token_issuer.errors import BadOption
from token_issuer.providers.base import MintOrder, SecretField
from token_issuer.providers.vocalstack import VocalStackProvider
from token_issuer.services import issuing, rotating

if TYPE_CHECKING:
    from collections.abc import Mapping

    from token_issuer.providers.called import VendorRequest


class SigningProvider(VocalStackProvider):
    """It says in a header what it could sign with."""

    name = "signing"
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "call": (
            *VocalStackProvider.secret_fields["call"],
            SecretField(name="private_key", label="Key", algorithm="RS256"),
        )
    }

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:
        super().check_secret(purpose, {"api_key": parts["api_key"]})

    def request(self, order: MintOrder) -> VendorRequest:
        asked = super().request(order)
        key = order.signer()
        return replace(asked, headers={**asked.headers, "X-Key": f"{key.algorithm} {key.key_id}"})


@pytest.fixture
def signing(db, settings, speech):
    provider = f"{__name__}.{SigningProvider.__name__}"
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "PROVIDERS": {"add": [provider]}}
    application = ApplicationFactory(slug="signing", provider="signing", options=speech.options)
    return RuleFactory(application=application, privileges=["readonly"]).application


def test_the_key_comes_parsed(person, signing, vocalstack):
    parts = {"api_key": VOCALSTACK_KEY, "private_key": private_key()}
    certificate = CertificateFactory(application=signing, purpose="call", active=True, secret=parts)
    issuing.issue(person, "signing", body={}, at=AT)
    assert vocalstack.orders[-1].headers["x-key"] == f"RS256 {certificate.key_id}"


def test_what_is_no_key_is_not_staged(person, signing):
    parts = {"api_key": VOCALSTACK_KEY, "private_key": "no key"}
    with pytest.raises(BadOption, match="is not a private key in PEM") as caught:
        rotating.stage(person, signing, secret=parts, purpose="call", at=AT)
    assert caught.value.field == "private_key"
