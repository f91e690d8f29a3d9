"""The keys that verify our own tokens: read from the database once in a process, and kept.

Whether a certificate may still verify is not decided here: the one SELECT of ``verifying`` joins its row, so a key that
was revoked a moment ago opens nothing although it is still known. What is decided here is what a flood of made-up key
ids costs: one SELECT a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from django.db.models.signals import post_save

from token_issuer.crypto import VerifyingKey, public_jwks
from token_issuer.errors import Unavailable
from token_issuer.models import Certificate
from token_issuer.registry import providers
from token_issuer.services.opening import opened_secret, signing_key
from token_issuer.services.transactions import reading, write_alias

if TYPE_CHECKING:
    from token_issuer.providers.base import Provider

RELOAD_SECONDS: Final = 1.0


class KnownKey:
    """A certificate whose key is parsed when it is first asked for, and kept."""

    def __init__(self, certificate: Certificate, provider: Provider) -> None:
        self._certificate = certificate
        self._provider = provider
        self._key: VerifyingKey | None = None

    @property
    def key(self) -> VerifyingKey:
        """The key, bound to the algorithm of its certificate."""
        if self._key is None:
            self._key = _opened(self._certificate, self._provider)
        return self._key


class VerificationKeys:
    """Keys by certificate id. ``clock`` is monotonic seconds."""

    def __init__(
        self, load: Callable[[], Mapping[str, KnownKey]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self.forget()

    def find(self, key_id: object) -> VerifyingKey | None:
        """Return the key that a header names, None for an unknown one. No other key is ever tried.

        Raises:
            Unavailable: it is not known, and the database does not answer.
        """
        if not isinstance(key_id, str):
            return None
        known = self._known.get(key_id) or self._reloaded().get(key_id)
        return known.key if known is not None else None

    def expect_more(self) -> None:
        """Let the next unknown key id look at the database at once: a certificate was written in this process."""
        self._asked_at = float("-inf")

    def forget(self) -> None:
        """Know nothing, as a new process."""
        self._known: Mapping[str, KnownKey] = {}
        self._asked_at = float("-inf")
        self._failed = False

    def _reloaded(self) -> Mapping[str, KnownKey]:
        # Whoever waits here finds what the one before found.
        with self._lock:
            if self._clock() - self._asked_at >= RELOAD_SECONDS:
                # Until the answer is there it counts as failed. What is known stays: no error makes a key unknown.
                self._asked_at, self._failed = self._clock(), True
                self._known = {key_id: self._known.get(key_id, new) for key_id, new in self._load().items()}
                self._failed = False
            elif self._failed:
                msg = "The keys could not be read a moment ago."
                raise Unavailable(msg)
            return self._known


def _load() -> dict[str, KnownKey]:
    here = {
        provider.name: provider for provider in providers().values() if provider.verified_here and provider.algorithms
    }
    rows = (
        Certificate.objects.using(write_alias())
        .filter(purpose="sign", application__provider__in=here, retired_at__isnull=True, revoked_at__isnull=True)
        .select_related("application")
    )
    return {str(row.pk): KnownKey(row, here[row.application.provider]) for row in reading(lambda: list(rows))}


def _opened(certificate: Certificate, provider: Provider) -> VerifyingKey:
    if certificate.public_jwk:
        # Nothing secret is opened to verify.
        key = public_jwks.verifying_key(certificate.public_jwk)
        if key.algorithm == certificate.algorithm:
            return key
    with opened_secret(certificate, provider) as secret:
        private = signing_key(certificate, provider, secret)
    assert private is not None  # noqa: S101  providers whose tokens are verified by a key have algorithms
    return private.verifying_key


keys: Final = VerificationKeys(_load)


def _expect_more(**kwargs: object) -> None:
    keys.expect_more()


post_save.connect(_expect_more, sender=Certificate, dispatch_uid="token_issuer.verification_keys")
