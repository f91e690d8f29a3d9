"""Resealing: told line by line, counted, and killed in the middle."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import AT, ApplicationFactory, CertificateFactory, TokenFamilyFactory
from token_issuer.crypto import vault
from token_issuer.ids import uuid7
from token_issuer.models import Certificate, TokenFamily, VendorAccount
from token_issuer.registry import get_provider
from token_issuer.services import resealing
from token_issuer.services.opening import opened_proof, opened_secret, seal_proof, seal_secret

ROWS = 400


@pytest.fixture
def old_key(settings):
    """Seal under the ring's second key while this is entered; returns its id."""
    first, second = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]
    ring = settings.TOKEN_ISSUER

    def seal(number: int) -> None:
        settings.TOKEN_ISSUER = {**ring, "ENCRYPTION_KEYS": [second, first]}
        application = ApplicationFactory()
        rows = [_row(application, index) for index in range(number)]
        Certificate.objects.bulk_create(rows)
        settings.TOKEN_ISSUER = ring

    return seal


def _row(application, index: int) -> Certificate:
    row_id = uuid7()
    secret = seal_secret({"secret": f"secret-{index}"}, row=row_id)
    return Certificate(id=row_id, application=application, key_id=str(row_id), sealed_secret=secret, fingerprint="f")


def test_it_tells_how_far_it_is(run, db, old_key):
    old_key(5)
    done = run("token_issuer_reseal", "--batch-size=2")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "2 rows seen, 2 resealed",
            "4 rows seen, 4 resealed",
            "5 rows seen, 5 resealed",
            "Done: 5 resealed, 0 were under the first key already.",
        ],
    )


def test_check_counts_and_changes_nothing(run, db, old_key):
    old_key(2)
    CertificateFactory()
    done = run("token_issuer_reseal", "--check")
    assert (done.code, done.out.splitlines(), done.err) == (
        1,
        ["test1: 2 rows, an old key", "test2: 1 rows, the first key"],
        "2 rows wait to be resealed; run it without --check.",
    )
    assert resealing.survey().waiting == 2


def test_check_is_content_when_all_is_done(run, db, old_key):
    old_key(2)
    run("token_issuer_reseal")
    done = run("token_issuer_reseal", "--check")
    assert (done.code, done.out.splitlines()[-1]) == (0, "Every stored secret is under the first key, test2.")


def test_check_finds_a_key_that_is_not_in_the_ring(run, db, old_key, settings):
    old_key(2)
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": settings.TOKEN_ISSUER["ENCRYPTION_KEYS"][:1]}
    done = run("token_issuer_reseal", "--check")
    assert (done.code, done.out, done.err) == (
        1,
        "test1: 2 rows, not in the ring\n",
        "Of the stored secrets, 2 name the key 'test1', which is not in the ring.",
    )


def test_rows_that_do_not_open_are_named_at_the_end(run, db, old_key, settings):
    old_key(1)
    settings.TOKEN_ISSUER = {"ENCRYPTION_KEYS": settings.TOKEN_ISSUER["ENCRYPTION_KEYS"][:1]}
    done = run("token_issuer_reseal")
    assert (done.code, done.err.splitlines()[0]) == (1, "1 rows do not open and are as they were:")
    assert done.err.splitlines()[1].startswith(f"{Certificate.objects.get().pk}: ")


def test_a_row_that_was_changed_meanwhile_wants_another_run(run, db, old_key, monkeypatch):
    old_key(1)
    reseal = vault.reseal

    def beside_a_writer(*arguments, **place):
        fresh = reseal(*arguments, **place)
        Certificate.objects.update(sealed_secret=b"written by somebody else")
        return fresh

    monkeypatch.setattr(vault, "reseal", beside_a_writer)
    done = run("token_issuer_reseal")
    assert (done.code, done.err) == (1, "1 rows were changed meanwhile; run it again.")


def test_without_a_ring_it_says_so(run, db, settings):
    settings.TOKEN_ISSUER = {}
    for arguments in ([], ["--check"]):
        assert "token_issuer_init" in run("token_issuer_reseal", *arguments).err


def test_a_batch_has_a_row(run, db):
    assert run("token_issuer_reseal", "--batch-size=0").err == "--batch-size must be at least 1."


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_it_loses_nothing_and_goes_on(old_key, live_process):
    old_key(ROWS)
    with live_process("token_issuer_reseal", "--batch-size=1") as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(signal.SIGKILL)
    waiting = resealing.survey().waiting
    assert (running.returncode, 0 < waiting < ROWS) == (-signal.SIGKILL, True)

    with live_process("token_issuer_reseal") as again:
        told, _ = again.communicate(timeout=120)
    assert (again.returncode, resealing.survey().waiting) == (0, 0)
    assert f"Done: {waiting} resealed, {ROWS - waiting} were under the first key already." in told
    provider = get_provider("videosdk")
    for index, row in enumerate(Certificate.objects.order_by("pk")):
        with opened_secret(row, provider) as secret:
            assert secret.part("secret") == f"secret-{index}"


@pytest.mark.django_db(transaction=True)
def test_killed_among_vendor_accounts_it_goes_on(settings, live_process):
    first, second = settings.TOKEN_ISSUER["ENCRYPTION_KEYS"]
    ring, application = settings.TOKEN_ISSUER, ApplicationFactory()
    settings.TOKEN_ISSUER = {**ring, "ENCRYPTION_KEYS": [second, first]}
    rows = [_account(application, index) for index in range(ROWS // 2)]
    VendorAccount.objects.bulk_create(rows)
    settings.TOKEN_ISSUER = ring
    with live_process("token_issuer_reseal", "--batch-size=1") as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(signal.SIGKILL)
    assert 0 < resealing.survey().waiting < ROWS
    with live_process("token_issuer_reseal") as again:
        again.communicate(timeout=120)
    assert (again.returncode, resealing.survey().waiting) == (0, 0)
    for index, row in enumerate(VendorAccount.objects.order_by("pk")):
        with opened_proof(row) as proof:
            assert proof.part("ha1") == f"proof-{index}"


def _account(application, index: int) -> VendorAccount:
    row_id = uuid7()
    sealed = [seal_proof({"ha1": f"{kind}-{index}"}, row=row_id) for kind in ("proof", "next")]
    columns = dict(zip(("sealed_secret", "pending_secret"), sealed, strict=True))
    return VendorAccount(
        id=row_id, application=application, principal_key=row_id, subject=f"user-{index}", pending_at=AT, **columns
    )


# Refresh tokens, which are never re-encrypted


@pytest.fixture
def open_family(db):
    def open_family(**columns):
        later = timezone.now() + timedelta(days=3)
        return TokenFamilyFactory(idle_expires_at=later, expires_at=later, **columns)

    return open_family


def test_a_check_names_the_families_under_an_old_key(run, open_family):
    family = open_family(mac_key_id="test1")
    done = run("token_issuer_reseal", "--check")
    assert done.code == 1
    assert f"test1: 1 open token families, until {family.expires_at:%Y-%m-%d %H:%M} UTC\n" in done.out
    assert "Refresh tokens keep the key that they were born under" in done.err


def test_a_check_is_content_with_families_under_the_first_key(run, open_family):
    open_family(mac_key_id="test2")
    assert run("token_issuer_reseal", "--check").code == 0


def test_families_without_a_key_can_be_closed(run, open_family):
    kept, lost = open_family(mac_key_id="test1"), open_family(mac_key_id="gone")
    assert "gone: 1 open token families" in run("token_issuer_reseal", "--check").out
    done = run("token_issuer_reseal", "--close-families")
    assert (done.code, done.out) == (0, "1 token families closed.\n")
    assert [row.closed_at is None for row in (TokenFamily.objects.get(pk=row.pk) for row in (kept, lost))] == [
        True,
        False,
    ]
