"""Sealing and opening what is stored: secrets of applications and API keys, users' proofs, vendors' pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from token_issuer.crypto import Secret, TokenText, references, revealed, signing_keys, vault

if TYPE_CHECKING:
    from uuid import UUID

    from token_issuer.crypto import SigningKey
    from token_issuer.models import ApiKeySecret, Certificate, VendorAccount, VendorPair
    from token_issuer.providers.base import Grant, Provider, Verification

TABLE = "certificate"
API_KEY_TABLE = "api_key_secret"
ACCOUNT_TABLE = "vendor_account"
PAIR_TABLE = "vendor_pair"
FIELD = "sealed_secret"  # in all of them but the pairs, which have two
PairField = Literal["sealed_access", "sealed_refresh"]


def seal_secret(parts: Mapping[str, str], *, row: UUID) -> bytes:
    """Return the parts sealed for one certificate row; they open nowhere else."""
    return vault.seal(Secret(**parts), table=TABLE, field=FIELD, row=row)


def seal_api_key_secret(text: TokenText, *, row: UUID) -> bytes:
    """Return the text sealed for one row of an API key's secrets; it opens nowhere else."""
    return vault.seal(Secret(secret=text.reveal()), table=API_KEY_TABLE, field=FIELD, row=row)


def seal_proof(parts: Mapping[str, str], *, row: UUID) -> bytes:
    """Return what proves a user at the vendor, sealed for his account's row; it opens nowhere else."""
    return vault.seal(Secret(**parts), table=ACCOUNT_TABLE, field=FIELD, row=row)


@contextmanager
def opened_proof(account: VendorAccount) -> Iterator[Secret]:
    """Hand out what proves a user at the vendor, for the length of a block."""
    with vault.open(bytes(account.sealed_secret or b""), table=ACCOUNT_TABLE, field=FIELD, row=account.pk) as secret:
        yield secret


def seal_pair_text(text: TokenText, *, field: PairField, row: UUID) -> bytes:
    """Return one text of a vendor's pair, sealed for this column of its row; it opens nowhere else."""
    return vault.seal(Secret(token=text.reveal()), table=PAIR_TABLE, field=field, row=row)


def opened_pair_text(pair: VendorPair, field: PairField) -> TokenText | None:
    """Return one text of a vendor's pair, mute; None where the vendor gave none."""
    sealed = getattr(pair, field)
    if sealed is None:
        return None
    with vault.open(bytes(sealed), table=PAIR_TABLE, field=field, row=pair.pk) as secret:
        return TokenText(secret.part("token"))


@contextmanager
def opened_api_key_secret(row: ApiKeySecret) -> Iterator[Secret]:
    """Hand out a secret (its part ``secret``) that the key's holder signs with, for the length of a block."""
    with vault.open(bytes(row.sealed_secret or b""), table=API_KEY_TABLE, field=FIELD, row=row.pk) as secret:
        yield secret


@contextmanager
def opened_secret(certificate: Certificate, provider: Provider) -> Iterator[Secret]:
    """Hand out the certificate's secret for the length of a block."""
    if certificate.reference:
        names = tuple(part.name for part in provider.secret_fields[certificate.purpose])
        yield references.resolve(certificate.reference, names)
        return
    with vault.open(bytes(certificate.sealed_secret or b""), table=TABLE, field=FIELD, row=certificate.id) as secret:
        yield secret


def signing_key(certificate: Certificate, provider: Provider, secret: Secret) -> SigningKey | None:
    """Return what the opened secret signs with; None where none of its parts is a key that has to be parsed."""
    if certificate.purpose != "sign":
        return calling_key(provider, secret, purpose=certificate.purpose, key_id=certificate.key_id)
    if not provider.algorithms:
        return None
    return signing_keys.signing_key(
        secret, part=provider.signing_part, algorithm=certificate.algorithm, key_id=certificate.key_id
    )


def calling_key(provider: Provider, secret: Secret, *, purpose: str, key_id: str) -> SigningKey | None:
    """Return the part of a secret that is a key to call the vendor with; None where there is none.

    Raises:
        BadOption: names the part; it is no such key.
    """
    keys = (field for field in provider.secret_fields.get(purpose, ()) if field.algorithm)
    field = next(keys, None)
    if field is None:
        return None
    return signing_keys.signing_key(secret, part=field.name, algorithm=field.algorithm, key_id=key_id)


def verification(
    text: str | TokenText, certificate: Certificate, provider: Provider, *, expected: Grant | None
) -> Verification:
    """Return what the provider finds when it checks a token against one certificate."""
    with opened_secret(certificate, provider) as secret:
        key = signing_key(certificate, provider, secret)
        if key is not None:
            return provider.verify_signed(revealed(text), keys=[key], expected=expected)
        return provider.verify(revealed(text), secrets=[(certificate.key_id, secret)], expected=expected)
