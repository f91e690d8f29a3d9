"""The key ring: there, well made, and nothing to do with SECRET_KEY."""

from __future__ import annotations

from django.core.checks import Error, Warning  # noqa: A004  Django's own names
from django.core.exceptions import ImproperlyConfigured

from token_issuer.checks.numbered import Problems, setting
from token_issuer.crypto import keyring


@setting(Error, "token_issuer.E003", hint="`manage.py token_issuer_init` prints a good entry.")
def check_encryption_keys() -> Problems:
    yield from keyring.reading_of_settings().malformed


@setting(Error, "token_issuer.E006", hint="SECRET_KEY is replaced one day; whatever was sealed with it would be lost.")
def check_encryption_keys_are_independent() -> Problems:
    yield from _reading().derived


# Only a warning: an error would stop `migrate`, and with it the first hour. Under --deploy it is one.
@setting(Warning, "token_issuer.W001", hint="Until then nothing can be sealed, opened or minted.")
def check_encryption_keys_are_there() -> Problems:
    if _reading().missing:
        yield keyring.MISSING


@setting(Error, "token_issuer.E005", hint="Every process needs the same ring.", deploy=True)
def check_encryption_keys_are_deployed() -> Problems:
    if _reading().missing:
        yield keyring.MISSING


def _reading() -> keyring.Reading:
    """Return what the setting says; one that cannot be read at all is E003's to report."""
    try:
        return keyring.reading_of_settings()
    except ImproperlyConfigured as error:
        return keyring.Reading(malformed=(str(error),))
