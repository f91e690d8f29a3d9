"""Agora's grants and orders, made with one certificate."""

from __future__ import annotations

from typing import Any

from tests.formats.agora_values import APP_ID
from tests.providers.orders import order
from token_issuer.crypto import Secret
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.agora.grant import AgoraGrant, AgoraOptions
from token_issuer.providers.base import Grant, MintedToken, MintOrder, Options

CERTIFICATE = "5CFd2fd1755d40ecb72977518be15d3b"
OTHER = "0" * 32
CHANNEL = "room-42"

agora = AgoraProvider()


def granted(subject: int | str = 16, **values: Any) -> AgoraGrant:
    grant = agora.with_subject(AgoraGrant(**{"channel": CHANNEL, **values}), subject)
    assert isinstance(grant, AgoraGrant)
    return grant


def ordered(grant: Grant, *, options: Options | None = None, **values: Any) -> MintOrder:
    found = options or AgoraOptions()
    return order(grant, public_id=APP_ID, parts={"certificate": CERTIFICATE}, options=found, **values)


def minted(grant: Grant, **values: Any) -> MintedToken:
    return agora.mint(ordered(grant, **values))


LEGACY = AgoraOptions(token_version="006")
ACCOUNTS = AgoraOptions(subject="account")
SECRETS = [("k0", Secret(certificate=OTHER)), ("k1", Secret(certificate=CERTIFICATE))]
