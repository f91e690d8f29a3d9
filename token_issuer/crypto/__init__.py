"""How a secret is kept: sealed at rest, mute in memory, found by digest, recognised by fingerprint.

The rest of the package imports from here; the modules below are its inside, except where ``vault`` and the others
are used by name (``vault.open(…)``), which is how a text search finds every opening.
"""

from __future__ import annotations

from token_issuer.crypto import (
    digests,
    generating,
    keyring,
    opaque,
    public_jwks,
    references,
    refresh_texts,
    self_signed,
    signed_texts,
    signing_keys,
    stamps,
    vault,
)
from token_issuer.crypto.references import ReferenceBroken
from token_issuer.crypto.refresh_texts import Presented
from token_issuer.crypto.secret import Secret, SecretParts, TokenText, revealed
from token_issuer.crypto.signed_texts import SignedText
from token_issuer.crypto.signing_keys import SigningKey, VerifyingKey
from token_issuer.crypto.vault import SealBroken

__all__ = [
    "Presented",
    "ReferenceBroken",
    "SealBroken",
    "Secret",
    "SecretParts",
    "SignedText",
    "SigningKey",
    "TokenText",
    "VerifyingKey",
    "digests",
    "generating",
    "keyring",
    "opaque",
    "public_jwks",
    "references",
    "refresh_texts",
    "revealed",
    "self_signed",
    "signed_texts",
    "signing_keys",
    "stamps",
    "vault",
]
