"""Rotating the key ring: resumable, idempotent, beside writers."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from tests.factories import AT, CertificateFactory, VendorAccountFactory, VendorPairFactory, api_key
from token_issuer.crypto import TokenText
from token_issuer.ids import uuid7
from token_issuer.models import ApiKeySecret, Certificate, VendorAccount, VendorPair
from token_issuer.registry import get_provider
from token_issuer.services import resealing
from token_issuer.services.opening import (
    opened_api_key_secret,
    opened_pair_text,
    opened_proof,
    opened_secret,
    seal_proof,
)


def sealed() -> bytes:
    return bytes(Certificate.objects.earliest("pk").sealed_secret or b"")


@pytest.fixture
def old_key(settings):
    """Five certificates sealed while the second key of the ring was the first."""
    first, second = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]
    original = settings.TOKEN_ISSUER
    settings.TOKEN_ISSUER = {**original, "ENCRYPTION_KEYS": [second, first]}
    for _ in range(5):
        CertificateFactory()
    settings.TOKEN_ISSUER = original
    return second.partition(":")[0]


def test_every_row_moves_to_the_first_key(db, old_key):
    assert resealing.survey().rows == {old_key: 5}
    done = resealing.reseal(batch_size=2)
    assert (done.resealed, done.current, done.raced, set(resealing.survey().rows)) == (5, 0, 0, {"test2"})


def test_the_secrets_are_the_same(db, old_key):
    provider = get_provider("videosdk")
    certificate = Certificate.objects.earliest("pk")
    with opened_secret(certificate, provider) as before:
        resealing.reseal()
        certificate.refresh_from_db()
        with opened_secret(certificate, provider) as after:
            assert before == after


def test_a_second_run_has_nothing_to_do(db, old_key):
    resealing.reseal()
    done = resealing.reseal()
    assert (done.resealed, done.current) == (0, 5)


def test_an_interrupted_run_goes_on(db, old_key):
    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resealing.reseal(batch_size=2, progress=interrupt)
    assert resealing.survey().rows == {old_key: 3, "test2": 2}
    assert resealing.reseal(batch_size=2).resealed == 3


def test_a_row_that_somebody_changed_meanwhile_is_left_alone(db, old_key):
    """The compare-and-set fails: what was written in between is kept."""
    stale = [*Certificate.objects.order_by("pk")]
    resealing.reseal()
    written = sealed()
    done = resealing.Resealing()
    resealing._one(resealing.PLACES[0], stale[0], done)
    assert (done.raced, sealed()) == (1, written)


def test_the_secrets_of_signing_api_keys_move_too(db, settings):
    first, second = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]
    _key, text = api_key(may_sign=True)
    CertificateFactory()
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": [second, first]}
    assert resealing.reseal(batch_size=1).resealed == resealing.survey().rows["test1"] == 2
    with opened_api_key_secret(ApiKeySecret.objects.get()) as secret:
        assert secret.part("secret") == text


@pytest.fixture
def two_of_each(db):
    """An account with a current proof and a pending one, and a pair."""
    row_id = uuid7()
    account = VendorAccountFactory(
        id=row_id,
        subject="ada",
        sealed_secret=seal_proof({"ha1": "current"}, row=row_id),
        proved_at=AT,
        pending_secret=seal_proof({"ha1": "next"}, row=row_id),
        pending_at=AT,
    )
    return account, VendorPairFactory(access="a", refresh="r")


@pytest.fixture
def rotated(settings):
    """What was the second key of the ring becomes the first."""
    first, second = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ENCRYPTION_KEYS": [second, first]}


def test_proofs_and_pairs_move_too(two_of_each, rotated):
    assert resealing.survey().rows == {"test2": 4}
    assert resealing.reseal(batch_size=1).resealed == 4
    assert resealing.survey().rows == {"test1": 4}
    account, pair = VendorAccount.objects.get(), VendorPair.objects.get()
    texts = [opened_pair_text(pair, "sealed_access"), opened_pair_text(pair, "sealed_refresh")]
    assert texts == [TokenText("a"), TokenText("r")]
    with opened_proof(account) as proof:
        assert proof.part("ha1") == "current"


def test_a_pending_proof_opens_once_it_is_the_current_one(two_of_each, rotated):
    resealing.reseal()
    VendorAccount.objects.update(sealed_secret=F("pending_secret"))
    with opened_proof(VendorAccount.objects.get()) as proof:
        assert proof.part("ha1") == "next"


@pytest.mark.parametrize("place", resealing.PLACES[2:], ids=lambda place: f"{place.table}.{place.column}")
def test_what_is_replaced_meanwhile_is_kept(two_of_each, rotated, place):
    stale = place.rows().get()
    place.rows().update(**{place.column: b"written by somebody else"})
    done = resealing.Resealing()
    resealing._one(place, stale, done)
    assert (done.raced, bytes(getattr(place.rows().get(), place.column))) == (1, b"written by somebody else")


def test_a_run_that_was_interrupted_between_columns_goes_on(two_of_each, rotated):
    def interrupt(done):
        if done.resealed == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resealing.reseal(batch_size=1, progress=interrupt)
    assert resealing.survey().rows == {"test2": 1, "test1": 3}
    assert resealing.reseal().resealed == 1
    with opened_proof(VendorAccount.objects.get()) as proof:
        assert proof.part("ha1") == "current"


def test_a_ring_entry_that_one_of_them_names_is_missed(two_of_each, settings):
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": settings.TOKEN_ISSUER["ENCRYPTION_KEYS"][1:]}
    assert resealing.survey().absent == {"test2": 4}


def test_an_account_without_a_proof_has_nothing_sealed(db):
    VendorAccountFactory()
    VendorPairFactory(refresh=None)
    assert resealing.survey().rows == {"test2": 1}


def test_an_api_key_that_signs_nothing_has_nothing_sealed(db):
    api_key()
    assert resealing.reseal() == resealing.Resealing()


def test_references_have_nothing_sealed(db, monkeypatch):
    CertificateFactory(sealed_secret=None, reference="env:NAME")
    assert resealing.reseal() == resealing.Resealing()


def test_a_row_that_does_not_open_is_named_and_the_others_are_resealed(db, old_key):
    broken = Certificate.objects.earliest("pk")
    Certificate.objects.filter(pk=broken.pk).update(sealed_secret=bytes(broken.sealed_secret or b"")[:-4] + b"AAAA")
    done = resealing.reseal(batch_size=2)
    ((row_id, why),) = done.failed
    assert (done.resealed, row_id, done.seen) == (4, broken.pk, 5)
    assert "cannot be opened with the key 'test1'" in why


def test_without_a_ring_nothing_is_tried(db, old_key, settings):
    settings.TOKEN_ISSUER = {}
    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        resealing.reseal()


def test_a_survey_tells_what_waits_and_what_is_lost(db, old_key, settings):
    CertificateFactory()
    assert resealing.survey().waiting == 5
    first, _ = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": [first]}
    Certificate.objects.filter(pk=Certificate.objects.latest("pk").pk).update(sealed_secret=b"garbage")
    found = resealing.survey()
    assert (found.waiting, found.absent, found.broken) == (0, {old_key: 5}, 1)
    assert found.trouble == "5 name the key 'test1', which is not in the ring, 1 are no sealed values"


def test_a_survey_leaves_references_out(db):
    CertificateFactory(sealed_secret=None, reference="env:NAME")
    assert resealing.survey(Certificate.objects.all()).broken == 0


def test_a_survey_of_some_rows_counts_those(db, old_key):
    assert resealing.survey(Certificate.objects.active()).rows == {}
