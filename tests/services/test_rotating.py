"""A certificate's life, step by step."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from tests.factories import AT, SECRETS, ApplicationFactory, CertificateFactory, IssuedTokenFactory
from token_issuer import signals
from token_issuer.errors import BadOption, Conflict, TokenRejected
from token_issuer.models import Application, AuditEvent, AuditKind, Certificate, CertificateState, IssuedToken
from token_issuer.registry import get_provider
from token_issuer.services import issuing, revoking, rotating, verifying
from token_issuer.services.opening import opened_secret

NEW = {"secret": "9" * 64}
LATER = AT + timedelta(minutes=1)


@pytest.fixture
def old(rooms):
    return rooms.certificates.get()


def states() -> list[CertificateState]:
    return [row.state for row in Certificate.objects.order_by("id")]


def test_a_staged_certificate_does_not_sign(person, rooms, old):
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    assert (staged.state, states()) == (
        CertificateState.STAGED,
        [CertificateState.ACTIVE, CertificateState.STAGED],
    )


def test_the_secret_is_sealed_and_opens_again(person, rooms):
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    assert NEW["secret"].encode() not in bytes(staged.sealed_secret or b"")
    with opened_secret(staged, get_provider("videosdk")) as secret:
        assert secret.part("secret") == NEW["secret"]


def test_a_reference_is_resolved_when_it_is_used(person, rooms, monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", NEW["secret"])
    staged = rotating.stage(person, rooms, secret={}, reference="env:ROOMS_SECRET", at=AT)
    assert staged.sealed_secret is None
    with opened_secret(staged, get_provider("videosdk")) as secret:
        assert secret.part("secret") == NEW["secret"]


@pytest.mark.parametrize(
    ("secret", "field"), [({}, "secret"), ({"secret": ""}, "secret"), ({**NEW, "pin": "1"}, "pin")]
)
def test_a_secret_that_does_not_fit_is_named_not_quoted(person, rooms, secret, field):
    with pytest.raises(BadOption) as error:
        rotating.stage(person, rooms, secret=secret, at=AT)
    assert error.value.field == field
    assert "999" not in str(error.value)


def test_activating_retires_the_one_before(person, rooms, old):
    rotating.activate(person, rotating.stage(person, rooms, secret=NEW, at=AT), at=LATER)
    assert states() == [CertificateState.RETIRING, CertificateState.ACTIVE]
    assert Application.objects.get().config_version == 2


def test_activating_twice_is_a_conflict(person, rooms, old):
    with pytest.raises(Conflict, match="not in a state that allows this"):
        rotating.activate(person, old, at=LATER)
    assert states() == [CertificateState.ACTIVE]


def test_a_failed_activation_retires_nothing(person, rooms, old):
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    rotating.revoke(person, staged, reason="leaked early", at=AT)
    with pytest.raises(Conflict):
        rotating.activate(person, staged, at=LATER)
    assert states() == [CertificateState.ACTIVE, CertificateState.REVOKED]


@pytest.mark.django_db(transaction=True)
def test_the_database_never_has_two_active(rooms):
    with pytest.raises(IntegrityError), transaction.atomic():
        CertificateFactory(application=rooms, active=True)


def test_retiring_comes_before_retired(person, rooms, old):
    with pytest.raises(Conflict):
        rotating.retire(person, old, at=LATER)
    rotating.activate(person, rotating.stage(person, rooms, secret=NEW, at=AT), at=AT)
    rotating.retire(person, old, at=LATER)
    assert states() == [CertificateState.RETIRED, CertificateState.ACTIVE]


def test_a_revoked_certificate_takes_its_tokens_along(person, rooms, old):
    text = issuing.issue(person, "rooms", body={"roomId": "a"}, at=AT).token.reveal()
    rotating.revoke(person, old, reason="leak", at=LATER)
    with pytest.raises(TokenRejected):
        verifying.verify(text, at=LATER)
    assert Certificate.objects.get().reason == "leak"


@pytest.mark.parametrize("replaced", [True, False])
def test_the_audit_says_how_many_live_tokens_ended_with_it(person, old, monkeypatch, replaced):
    monkeypatch.setattr(revoking, "MOST_COUNTED", 2)
    IssuedTokenFactory(certificate=old, issued_at=AT)
    IssuedTokenFactory(certificate=old, issued_at=AT, revoked_at=AT)
    if replaced:
        rotating.replace(person, old, secret=NEW, reason="leak", at=AT)
    else:
        IssuedTokenFactory.create_batch(2, certificate=old, issued_at=AT)
        rotating.revoke(person, old, reason="leak", at=AT)
    detail = AuditEvent.objects.get(kind=AuditKind.CERTIFICATE_REVOKED).detail
    assert detail["live"] == (1 if replaced else 2)


def test_revoking_twice_is_a_conflict(person, old):
    rotating.revoke(person, old, reason="leak", at=LATER)
    with pytest.raises(Conflict):
        rotating.revoke(person, old, reason="leak", at=LATER)


def test_replacing_is_one_step(person, rooms, old):
    fresh = rotating.replace(person, old, secret=NEW, reason="leak", at=LATER)
    assert states() == [CertificateState.REVOKED, CertificateState.ACTIVE]
    issuing.issue(person, "rooms", body={"roomId": "a"}, at=LATER)
    assert fresh.tokens.count() == 1


def test_replacing_a_retiring_one_leaves_one_active(person, rooms, old):
    rotating.activate(person, rotating.stage(person, rooms, secret=NEW, at=AT), at=AT)
    rotating.replace(person, old, secret={"secret": "8" * 64}, reason="leak", at=LATER)
    assert states() == [CertificateState.REVOKED, CertificateState.RETIRING, CertificateState.ACTIVE]


def test_replacing_with_a_bad_secret_changes_nothing(person, old):
    with pytest.raises(BadOption):
        rotating.replace(person, old, secret={"secret": ""}, reason="leak", at=LATER)
    assert states() == [CertificateState.ACTIVE]


def test_every_step_is_in_the_audit_without_the_secret(person, rooms, old):
    fresh = rotating.replace(person, old, secret=NEW, reason="leak", at=LATER)
    events = [*AuditEvent.objects.order_by("id")]
    assert [event.kind for event in events] == ["certificate_revoked", "certificate_staged", "certificate_activated"]
    assert events[-1].detail == {"fingerprint": fresh.fingerprint, "purpose": "sign"}


def test_the_audit_names_the_application_of_every_step(person, rooms, old):
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    rotating.activate(person, staged, at=AT)
    rotating.retire(person, old, at=LATER)
    events = AuditEvent.objects.order_by("id").values_list("kind", "application", "detail__fingerprint")
    assert [*events] == [
        ("certificate_staged", rooms.pk, staged.fingerprint),
        ("certificate_activated", rooms.pk, staged.fingerprint),
        ("certificate_retired", rooms.pk, old.fingerprint),
    ]


def test_a_certificate_knows_when_it_was_staged_and_what_it_is_now(person, rooms):
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    rotating.activate(person, staged, at=LATER)
    assert (staged.created_at, staged.state) == (AT, CertificateState.ACTIVE)


def test_a_certificate_is_staged_for_its_purpose(person, rooms):
    fresh = rotating.new_certificate(person, rooms, rotating.Material(purpose="call", secret=NEW), at=AT)
    assert fresh.purpose == "call"


@pytest.mark.parametrize("change", [rotating.retire, lambda *given, at: rotating.activate(*given, at=at)])
def test_what_is_retired_or_revoked_is_left_alone(person, rooms, old, change):
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    rotating.activate(person, staged, at=AT)
    rotating.retire(person, old, at=AT)
    with pytest.raises(Conflict):
        change(person, old, at=LATER)
    assert Certificate.objects.get(pk=old.pk).retired_at == AT


def test_a_revoked_one_does_not_retire(person, rooms, old):
    rotating.activate(person, rotating.stage(person, rooms, secret=NEW, at=AT), at=AT)
    rotating.revoke(person, old, reason="leak", at=AT)
    with pytest.raises(Conflict):
        rotating.retire(person, old, at=LATER)


def test_other_applications_go_on_as_they_are(person, rooms, old):
    other = CertificateFactory(active=True, secret=NEW)
    fresh = rotating.stage(person, rooms, secret=NEW, at=AT)
    rotating.activate(person, fresh, at=AT)
    rotating.replace(person, fresh, secret={"secret": "8" * 64}, reason="leak", at=LATER)
    other.refresh_from_db()
    assert (other.state, other.application.config_version) == (CertificateState.ACTIVE, 1)


def test_the_same_secret_may_serve_another_purpose(person, rooms, old):
    CertificateFactory(application=rooms, purpose="call", secret=NEW)
    assert rotating.stage(person, rooms, secret=NEW, at=AT).state is CertificateState.STAGED


def test_replacing_leaves_a_staged_one_staged(person, rooms, old):
    rotating.stage(person, rooms, secret=NEW, at=AT)
    rotating.replace(person, old, secret={"secret": "8" * 64}, reason="leak", at=LATER)
    assert states() == [CertificateState.REVOKED, CertificateState.STAGED, CertificateState.ACTIVE]


@pytest.mark.parametrize(
    "change",
    [
        lambda who, old: rotating.revoke(who, old, reason="leak", at=LATER),
        lambda who, old: rotating.replace(who, old, secret=NEW, reason="leak", at=LATER),
    ],
)
def test_whoever_caches_the_configuration_sees_that_it_changed(person, old, change):
    change(person, old)
    assert Application.objects.get().config_version == 2


def test_receivers_are_told_which_whose_by_whom_and_when(person, user, rooms, old):
    heard = []

    def receiver(**kwargs):
        heard.append(tuple(kwargs[name] for name in ("certificate", "application", "change", "changed_by", "at")))

    signals.certificate_changed.connect(receiver)
    fresh = rotating.replace(person, old, secret=NEW, reason="leak", at=LATER)
    signals.certificate_changed.disconnect(receiver)
    assert heard == [(old, rooms, "revoked", user, LATER), (fresh, rooms, "activated", user, LATER)]


def test_receivers_hear_of_every_step(person, rooms, old):
    heard = []

    def receiver(**kwargs):
        heard.append(kwargs["change"])

    signals.certificate_changed.connect(receiver)
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    rotating.activate(person, staged, at=AT)
    rotating.retire(person, old, at=LATER)
    rotating.revoke(person, staged, reason="leak", at=LATER)
    signals.certificate_changed.disconnect(receiver)
    assert heard == ["staged", "activated", "retired", "revoked"]


def test_another_purpose_is_another_life(person, rooms, old):
    other = CertificateFactory(application=rooms, purpose="call")
    rotating.activate(person, other, at=LATER)
    assert states() == [CertificateState.ACTIVE, CertificateState.ACTIVE]


def test_only_one_of_two_staged_ones_is_activated_after_the_other(person, db):
    application = ApplicationFactory()
    first, second = CertificateFactory(application=application), CertificateFactory(application=application)
    rotating.activate(person, first, at=AT)
    rotating.activate(person, second, at=LATER)
    assert states() == [CertificateState.RETIRING, CertificateState.ACTIVE]


def test_a_leaked_secret_never_comes_back(person, rooms, old):
    rotating.replace(person, old, secret=NEW, reason="leak", at=AT)
    with pytest.raises(BadOption, match=r"secret: is the secret of a certificate .* already \(revoked\)") as error:
        rotating.stage(person, rooms, secret=SECRETS["videosdk"], at=LATER)
    assert SECRETS["videosdk"]["secret"] not in str(error.value)


def test_replacing_a_secret_with_itself_changes_nothing(person, old):
    with pytest.raises(BadOption, match="already"):
        rotating.replace(person, old, secret=SECRETS["videosdk"], reason="leak", at=LATER)
    assert states() == [CertificateState.ACTIVE]


def test_the_secret_in_use_is_not_staged_again(person, rooms, old):
    with pytest.raises(BadOption, match=r"\(active\)"):
        rotating.stage(person, rooms, secret=SECRETS["videosdk"], at=LATER)


def test_a_staged_secret_is_not_staged_again(person, rooms):
    rotating.stage(person, rooms, secret=NEW, at=AT)
    with pytest.raises(BadOption, match=r"\(staged\)"):
        rotating.stage(person, rooms, secret=NEW, at=LATER)


def test_a_retired_secret_may_return(person, rooms, old):
    rotating.activate(person, rotating.stage(person, rooms, secret=NEW, at=AT), at=AT)
    rotating.retire(person, old, at=LATER)
    assert rotating.stage(person, rooms, secret=SECRETS["videosdk"], at=LATER).state is CertificateState.STAGED


def test_what_a_reference_leads_to_must_fit_the_provider(person, rooms, monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", "short")
    with pytest.raises(BadOption, match="at least 32 bytes"):
        rotating.stage(person, rooms, secret={}, reference="env:ROOMS_SECRET", at=AT)
    assert states() == [CertificateState.ACTIVE]


def test_a_staged_certificate_may_take_the_place_of_a_leaked_one(person, rooms, old):
    staged = rotating.stage(person, rooms, secret=NEW, at=AT)
    assert rotating.replace(person, old, secret={}, staged=staged, reason="leak", at=LATER) == staged
    assert states() == [CertificateState.REVOKED, CertificateState.ACTIVE]


def test_only_a_staged_certificate_of_its_own_kind_takes_its_place(person, rooms, old):
    others = [CertificateFactory(application=rooms, purpose="call"), CertificateFactory(), old]
    for other in others:
        with pytest.raises(Conflict):
            rotating.replace(person, old, secret={}, staged=other, reason="leak", at=LATER)
    assert states()[0] is CertificateState.ACTIVE


def test_a_leaked_secret_may_be_replaced_by_a_reference(person, rooms, old, monkeypatch):
    monkeypatch.setenv("ROOMS_SECRET", NEW["secret"])
    fresh = rotating.replace(person, old, secret={}, reference="env:ROOMS_SECRET", reason="leak", at=LATER)
    assert (fresh.reference, fresh.sealed_secret) == ("env:ROOMS_SECRET", None)
    assert states() == [CertificateState.REVOKED, CertificateState.ACTIVE]


class Dead(Exception):
    """What ends a process."""


def dying_at(number):
    """Let the write with this number fail; return who counts them."""
    seen = []

    def watch(execute, sql, *rest):
        if sql.startswith(("INSERT", "UPDATE")):
            seen.append(sql)
            if len(seen) == number:
                raise Dead
        return execute(sql, *rest)

    return seen, connection.execute_wrapper(watch)


def test_replacing_that_dies_at_any_write_changes_nothing(person, rooms, old):
    token = IssuedTokenFactory(certificate=old, expires_at=LATER + timedelta(days=1))
    for number in range(1, 50):
        seen, watching = dying_at(number)
        with watching, suppress(Dead):
            rotating.replace(person, old, secret=NEW, reason="leak", at=LATER)
        if len(seen) < number:
            break
        assert states() == [CertificateState.ACTIVE]
        assert IssuedToken.objects.live(LATER).get() == token
        assert not AuditEvent.objects.filter(kind=AuditKind.CERTIFICATE_REVOKED).exists()
        old.refresh_from_db()
    assert len(seen) > 5
    assert states() == [CertificateState.REVOKED, CertificateState.ACTIVE]
    assert not IssuedToken.objects.live(LATER).exists()


def test_a_staged_secret_that_leaked_meanwhile_is_not_activated(person, rooms, old):
    first, second = rotating.stage(person, rooms, secret=NEW, at=AT), {"secret": "8" * 64}
    rotating.activate(person, first, at=AT)
    rotating.retire(person, old, at=AT)
    staged = rotating.stage(person, rooms, secret=SECRETS["videosdk"], at=LATER)
    rotating.revoke(person, old, reason="it leaked after all", at=LATER)
    with pytest.raises(Conflict, match="was revoked"):
        rotating.activate(person, staged, at=LATER)
    with pytest.raises(Conflict, match="was revoked"):
        rotating.replace(person, first, secret={}, staged=staged, reason="leaked", at=LATER)
    first.refresh_from_db()
    assert first.state is CertificateState.ACTIVE
    rotating.activate(person, rotating.stage(person, rooms, secret=second, at=LATER), at=LATER)
