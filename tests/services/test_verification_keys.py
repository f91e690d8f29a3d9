"""What a process knows of keys, and how rarely it asks."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests.factories import ApplicationFactory, CertificateFactory
from tests.statements import counted
from token_issuer.crypto import Secret, VerifyingKey, public_jwks, signing_keys, vault
from token_issuer.errors import Unavailable
from token_issuer.models import Certificate
from token_issuer.services.verification_keys import RELOAD_SECONDS, VerificationKeys, keys


class Known:
    """A key that is known, without a certificate."""

    def __init__(self, key_id: str) -> None:
        self.key = VerifyingKey("HS256", key_id, bytes(range(32)))


class Source:
    """Where keys come from, with a clock that is moved by hand; counts how often it was asked."""

    def __init__(self, *key_ids: str) -> None:
        self.key_ids = list(key_ids)
        self.asked = 0
        self.now = 1000.0
        self.error: Exception | None = None
        self.keys = VerificationKeys(self, clock=lambda: self.now)

    def __call__(self):
        self.asked += 1
        if self.error:
            raise self.error
        return {key_id: Known(key_id) for key_id in self.key_ids}


@pytest.fixture
def source():
    return Source("a")


def test_a_known_key_is_asked_for_once(source):
    first = source.keys.find("a")
    source.now += 3600
    assert source.keys.find("a") is first
    assert source.asked == 1


@pytest.mark.parametrize("key_id", ["b", "", "../a", "' OR 1=1 --", None, 7, ["a"]])
def test_an_unknown_key_is_none(source, key_id):
    assert source.keys.find(key_id) is None


def test_a_flood_of_unknown_keys_asks_once_a_second(source):
    for number in range(1000):
        source.keys.find(f"made up {number}")
    assert source.asked == 1
    source.now += RELOAD_SECONDS
    source.keys.find("made up")
    assert source.asked == 2


def test_a_new_key_is_found_a_second_later(source):
    source.keys.find("b")
    source.key_ids.append("b")
    assert source.keys.find("b") is None
    source.now += RELOAD_SECONDS
    assert source.keys.find("b").key_id == "b"


def test_a_key_that_was_written_here_is_found_at_once(source):
    source.keys.find("b")
    source.key_ids.append("b")
    source.keys.expect_more()
    assert source.keys.find("b") is not None


def test_a_key_that_is_no_more_is_forgotten_at_the_next_look(source):
    source.keys.find("a")
    source.key_ids.clear()
    source.now += RELOAD_SECONDS
    source.keys.find("b")
    assert source.keys.find("a") is None


def test_an_error_makes_no_key_unknown(source):
    source.keys.find("a")
    source.error, source.now = Unavailable("down"), source.now + RELOAD_SECONDS
    with pytest.raises(Unavailable):
        source.keys.find("b")
    assert source.keys.find("a").key_id == "a"


def test_while_nobody_can_tell_nobody_is_told_no(source):
    """A key that may be good is no bad token: 503, not 401; and the database is not asked again at once."""
    source.error = Unavailable("down")
    for _ in range(3):
        with pytest.raises(Unavailable):
            source.keys.find("a")
    assert source.asked == 1
    source.error, source.now = None, source.now + RELOAD_SECONDS
    assert source.keys.find("a").key_id == "a"


def test_whoever_comes_during_a_look_waits_for_what_it_finds(source):
    started, go_on = threading.Event(), threading.Event()
    inner = source.__call__
    found: list[Any] = []

    def slowly():
        started.set()
        go_on.wait(10)
        return inner()

    slow = VerificationKeys(slowly, clock=lambda: source.now)
    threads = [threading.Thread(target=lambda: found.append(slow.find("a"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    started.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert ([key.key_id for key in found], source.asked) == (["a"] * 5, 1)


# From the database


@pytest.fixture
def application(db):
    return ApplicationFactory(slug="own", provider="own")


def known(certificate) -> bool:
    keys.forget()
    return keys.find(str(certificate.pk)) is not None


def key_of(certificate) -> VerifyingKey:
    keys.forget()
    found = keys.find(str(certificate.pk))
    assert found is not None
    return found


def test_staged_active_and_retiring_keys_are_known(application):
    """Staged ones, too: they sign as soon as they are activated, and nobody should have to look again."""
    staged, active = (
        CertificateFactory(application=application),
        CertificateFactory(application=application, active=True),
    )
    assert known(staged)
    assert known(active)


@pytest.mark.parametrize("ended", ["retired_at", "revoked_at"])
def test_keys_that_ended_are_not(application, ended):
    certificate = CertificateFactory(application=application, active=True)
    Certificate.objects.update(**{ended: certificate.activated_at})
    assert not known(certificate)


def test_a_vendors_secret_is_no_key(db):
    assert not known(CertificateFactory(active=True))


def test_a_key_is_bound_to_its_certificates_algorithm(application):
    secret = signing_keys.new_secret("ES256")
    certificate = CertificateFactory(application=application, secret=secret, algorithm="ES256")
    assert key_of(certificate).algorithm == "ES256"


def test_a_public_key_is_enough(application):
    """Nothing secret is opened to verify what has a public half."""
    secret = signing_keys.new_secret("EdDSA")
    certificate = CertificateFactory(application=application, secret=secret, algorithm="EdDSA")
    key = signing_keys.signing_key(Secret(**secret), part="key", algorithm="EdDSA", key_id=str(certificate.pk))
    Certificate.objects.update(public_jwk=public_jwks.public_jwk(key), sealed_secret=b"not to be opened")
    assert public_jwks.public_jwk(key_of(certificate)) == public_jwks.public_jwk(key)


def test_a_public_key_of_another_algorithm_does_not_count(application):
    secret = signing_keys.new_secret("HS256")
    certificate = CertificateFactory(application=application, secret=secret, algorithm="HS256")
    other = signing_keys.signing_key(
        Secret(**signing_keys.new_secret("EdDSA")), part="key", algorithm="EdDSA", key_id="x"
    )
    Certificate.objects.update(public_jwk=public_jwks.public_jwk(other))
    assert key_of(certificate).algorithm == "HS256"


def test_one_broken_secret_breaks_one_key(application):
    good, broken = CertificateFactory(application=application), CertificateFactory(application=application)
    Certificate.objects.filter(pk=broken.pk).update(sealed_secret=b"v1.test2.broken.broken")
    assert known(good)
    with pytest.raises(vault.SealBroken):
        keys.find(str(broken.pk))


def test_a_certificate_that_is_written_here_is_expected(application):
    keys.find("unknown")
    certificate = CertificateFactory(application=application)
    with counted(1):
        assert keys.find(str(certificate.pk))


def test_a_database_that_is_down_is_unavailable(application):
    def refuse(*arguments):
        raise OperationalError

    keys.forget()
    with connection.execute_wrapper(refuse), pytest.raises(Unavailable):
        keys.find("a")
    keys.forget()
