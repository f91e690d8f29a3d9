"""An API key's life: created, changed, rotated, revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.factories import AT, ApiKeySecretFactory, IssuedTokenFactory, UserFactory, api_key
from token_issuer import signals
from token_issuer.crypto import digests, opaque
from token_issuer.errors import BadOption, Conflict
from token_issuer.ids import uuid7
from token_issuer.models import (
    ApiKey,
    ApiKeySecret,
    AuditEvent,
    AuditKind,
    EpochKind,
    IssuedToken,
    Principal,
    RevocationEpoch,
    epoch_key,
)
from token_issuer.services import api_keys
from token_issuer.services.api_key_drafts import LONGEST_PURPOSE, MOST_NETWORKS, ApiKeyDraft, ApiKeyTerms
from token_issuer.services.opening import opened_api_key_secret

LATER = AT + timedelta(hours=1)
DAY = 86_400


@pytest.fixture
def key(rooms):
    return api_key(application=rooms)[0]


def create(person, rooms, **values):
    return api_keys.create(person, rooms, ApiKeyDraft(**{"purpose": "nightly import"} | values), at=AT)


def event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


def working(key, at=LATER) -> list[str]:
    return [row.fingerprint for row in api_keys.working(key, at=at)]


# Creating


def test_a_new_key_is_stored_with_the_digest_of_its_secret(person, rooms):
    key, text = create(person, rooms, scopes=["tokens:issue"])
    row = key.secrets.get()
    assert opaque.passes(opaque.API_KEY_SECRET, text)
    assert (row.digest, row.fingerprint) == (digests.digest(text), digests.token_fingerprint(text))
    assert text.reveal() not in str([*ApiKey.objects.values(), *ApiKeySecret.objects.values()])


def test_a_new_key_says_what_was_drafted(person, rooms):
    other = UserFactory()
    draft = {"owner": other, "acts_as": other, "networks": ["10.0.0.0/8"], "expires_at": LATER}
    create(person, rooms, scopes=["tokens:revoke", "tokens:issue", "tokens:issue"], **draft)
    key = ApiKey.objects.get()
    assert (key.purpose, key.scopes, key.networks) == (
        "nightly import", ["tokens:issue", "tokens:revoke"], ["10.0.0.0/8"],
    )  # fmt: skip
    assert (key.owner, key.acts_as, key.acts_as_key) == (other, other, epoch_key(EpochKind.USER, other.pk))
    assert (key.application, key.expires_at, key.created_by, key.created_at) == (rooms, LATER, person.user, AT)


def test_a_public_id_is_no_secret_and_never_twice_the_same(person, rooms):
    ids = {create(person, rooms)[0].public_id for _ in range(3)}
    assert [len(public_id) for public_id in ids] == [25, 25, 25]


def test_creating_is_audited(person, rooms):
    key, _text = create(person, rooms, scopes=["tokens:issue"])
    found = event()
    assert (found.kind, found.user, found.application) == (AuditKind.API_KEY_CREATED, person.user, rooms)
    assert found.detail == {
        "api_key": key.public_id,
        "fingerprint": key.secrets.get().fingerprint,
        "scopes": ["tokens:issue"],
    }


def test_a_secret_is_sealed_only_where_the_key_may_sign(person, rooms):
    plain, _ = create(person, rooms)
    signing, text = create(person, rooms, may_sign=True)
    assert (plain.secrets.get().sealed_secret, signing.may_sign) == (None, True)
    row = signing.secrets.get()
    assert text.reveal().encode() not in bytes(row.sealed_secret or b"")
    with opened_api_key_secret(row) as secret:
        assert secret.part("secret") == text.reveal()


def test_the_sites_own_scopes_are_known(person, rooms, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "SCOPES": {"reports:read": "Read reports"}}
    key, _text = create(person, rooms, scopes=["reports:read"])
    assert key.scopes == ["reports:read"]


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({"purpose": " "}, "purpose", "must be 1 to 200 characters on one line"),
        ({"purpose": "x" * (LONGEST_PURPOSE + 1)}, "purpose", "must be 1 to 200 characters on one line"),
        ({"purpose": "a\nb"}, "purpose", "must be 1 to 200 characters on one line"),
        (
            {"scopes": ["tokens:own"]},
            "scopes",
            "there is no tokens:own; there are tokens:introspect, tokens:issue, tokens:revoke",
        ),
        (
            {"networks": ["10.0.0.1/8"]},
            "networks",
            "'10.0.0.1/8' is no network such as 10.0.0.0/8; host bits must be zero",
        ),
        ({"networks": ["::ffff:10.0.0.0/104"]}, "networks", "'::ffff:10.0.0.0/104' must be written as an IPv4 network"),
        ({"networks": ["10.0.0.1"] * (MOST_NETWORKS + 1)}, "networks", "must be 50 at most"),
        ({"expires_at": AT}, "expires_at", "must be in the future"),
    ],
)
def test_what_does_not_fit_is_named(person, rooms, values, field, message):
    with pytest.raises(BadOption) as error:
        create(person, rooms, **values)
    assert dict(error.value.fields) == {field: [message]}
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("role", ["owner", "acts_as"])
def test_an_inactive_user_is_refused(person, rooms, role):
    with pytest.raises(BadOption) as error:
        create(person, rooms, **{role: UserFactory(is_active=False)})
    assert dict(error.value.fields) == {role: ["is not active"]}


def test_everything_that_is_wrong_is_named_at_once(person, rooms):
    with pytest.raises(BadOption) as error:
        create(person, rooms, purpose="", scopes=["nothing"], networks=["here"], acts_as=UserFactory(is_active=False))
    assert [*error.value.fields] == ["purpose", "scopes", "networks", "acts_as"]


@pytest.mark.django_db(transaction=True)
def test_a_user_who_was_deleted_meanwhile_is_a_conflict(person, rooms):
    gone = UserFactory()
    type(gone).objects.filter(pk=gone.pk).delete()
    with pytest.raises(Conflict, match="A user that this key names was deleted at the same moment"):
        create(person, rooms, acts_as=gone)


def test_whoever_asks_twice_makes_one_key(person, rooms):
    row_id = uuid7()
    draft = ApiKeyDraft(purpose="nightly import")
    assert api_keys.create(person, rooms, draft, at=AT, row_id=row_id)[0].pk == row_id
    with pytest.raises(Conflict, match="or the key was created already"):
        api_keys.create(person, rooms, draft, at=AT, row_id=row_id)
    assert (ApiKey.objects.count(), ApiKeySecret.objects.count()) == (1, 1)


# Changing


def test_what_may_change_is_changed_and_audited(person, key):
    owner = UserFactory()
    terms = ApiKeyTerms(
        purpose="weekly", owner=owner, scopes=["tokens:revoke"], networks=["2001:db8::/32"], expires_at=LATER
    )
    api_keys.change(person, key, terms, at=AT)
    row = ApiKey.objects.get()
    assert (row.purpose, row.owner, row.scopes, row.networks, row.expires_at) == (
        "weekly", owner, ["tokens:revoke"], ["2001:db8::/32"], LATER,
    )  # fmt: skip
    assert (event().kind, event().detail) == (
        AuditKind.API_KEY_CHANGED, {"api_key": key.public_id, "scopes": ["tokens:revoke"]},
    )  # fmt: skip
    assert (key.purpose, key.expires_at) == ("weekly", LATER)


def test_a_change_is_checked(person, key):
    with pytest.raises(BadOption) as error:
        api_keys.change(person, key, ApiKeyTerms(purpose="weekly", scopes=["nothing"]), at=AT)
    assert error.value.field == "scopes"


@pytest.mark.parametrize("ended", [{"revoked_at": AT}, {"expires_at": AT}])
def test_a_key_that_has_ended_is_not_brought_back(person, rooms, ended):
    key, _text = api_key(application=rooms, **ended)
    with pytest.raises(Conflict, match=r"The API key has ended; create a new one\."):
        api_keys.change(person, key, ApiKeyTerms(purpose="weekly", expires_at=LATER), at=AT)
    assert not AuditEvent.objects.exists()


# Rotating


def test_both_secrets_work_during_the_overlap(person, key):
    (old,) = working(key, AT)
    new = digests.token_fingerprint(api_keys.rotate(person, key, overlap=DAY, at=AT))
    assert working(key, AT + timedelta(seconds=DAY - 1)) == [new, old]
    assert working(key, AT + timedelta(seconds=DAY)) == [new]


def test_without_an_overlap_the_old_one_ends_at_once(person, key):
    new = digests.token_fingerprint(api_keys.rotate(person, key, overlap=0, at=AT))
    assert working(key, AT) == [new]


def test_rotating_is_audited(person, key):
    new = digests.token_fingerprint(api_keys.rotate(person, key, overlap=DAY, at=AT))
    assert (event().kind, event().detail) == (
        AuditKind.API_KEY_ROTATED, {"api_key": key.public_id, "fingerprint": new, "overlap": DAY},
    )  # fmt: skip


def test_a_third_secret_waits_for_the_end_of_the_first(person, key):
    api_keys.rotate(person, key, overlap=DAY, at=AT)
    before = working(key)
    with pytest.raises(Conflict) as error:
        api_keys.rotate(person, key, overlap=DAY, at=LATER)
    assert str(error.value) == "Two secrets work until 2026-03-02 12:00 UTC. Wait, or end both with an overlap of 0."
    assert working(key) == before
    api_keys.rotate(person, key, overlap=DAY, at=AT + timedelta(days=1))


def test_an_overlap_of_0_ends_both(person, key):
    api_keys.rotate(person, key, overlap=DAY, at=AT)
    new = digests.token_fingerprint(api_keys.rotate(person, key, overlap=0, at=LATER))
    assert working(key) == [new]


def test_a_secret_that_somebody_replaced_meanwhile_is_not_replaced_again(person, key):
    (seen,) = working(key, AT)
    new = digests.token_fingerprint(api_keys.rotate(person, key, overlap=0, at=AT, seen=seen))
    with pytest.raises(Conflict, match=r"The API key got another secret in the meantime; look at it again\."):
        api_keys.rotate(person, key, overlap=0, at=AT, seen=seen)
    assert working(key) == [new]


@pytest.mark.parametrize("overlap", [-1, 30 * DAY + 1])
def test_an_overlap_is_at_most_30_days(person, key, overlap):
    with pytest.raises(BadOption) as error:
        api_keys.rotate(person, key, overlap=overlap, at=AT)
    assert str(error.value) == "overlap: must be 0 to 2,592,000 seconds"


@pytest.mark.parametrize("ended", [{"revoked_at": AT}, {"expires_at": AT}])
def test_a_key_that_has_ended_gets_no_secret(person, rooms, ended):
    key, _text = api_key(application=rooms, **ended)
    with pytest.raises(Conflict, match=r"The API key has ended; create a new one\."):
        api_keys.rotate(person, key, overlap=0, at=AT)
    assert ApiKeySecret.objects.count() == 1


def test_a_clock_that_is_behind_ends_the_old_secret_when_it_began(person, key):
    api_keys.rotate(person, key, overlap=1, at=AT - timedelta(minutes=1))
    assert len(working(key, AT)) == 1


def test_a_rotated_secret_is_sealed_where_the_key_may_sign(person, rooms):
    key, _text = api_key(application=rooms, may_sign=True)
    text = api_keys.rotate(person, key, overlap=0, at=AT)
    with opened_api_key_secret(api_keys.working(key, at=AT)[0]) as secret:
        assert secret.part("secret") == text.reveal()


# Revoking


def test_a_revoked_key_has_no_working_secret(person, key):
    assert api_keys.revoke(person, key, reason="leaked", at=AT)
    row = ApiKey.objects.get()
    assert (row.revoked_at, row.reason, working(row, AT)) == (AT, "leaked", [])


def test_revoking_a_key_ends_what_it_issued(person, key):
    token = IssuedTokenFactory(api_key=key)
    other = IssuedTokenFactory()
    api_keys.revoke(person, key, reason="leaked", at=AT)
    assert [row.pk for row in IssuedToken.objects.live(AT)] == [other.pk]
    own = IssuedTokenFactory(api_key=key, principal=Principal.API_KEY, principal_key=key.pk, user=None)
    assert {token.pk, own.pk} & {row.pk for row in IssuedToken.objects.live(AT)} == set()


def test_revoking_is_audited_once(person, key):
    IssuedTokenFactory(api_key=key, issued_at=AT)
    api_keys.revoke(person, key, reason="leaked", at=AT)
    assert not api_keys.revoke(person, key, reason="again", at=LATER)
    assert (AuditEvent.objects.get().kind, event().detail) == (
        AuditKind.API_KEY_REVOKED, {"api_key": key.public_id, "reason": "leaked", "live": 1},
    )  # fmt: skip
    assert (RevocationEpoch.objects.get().epoch, ApiKey.objects.get().reason) == (1, "leaked")


def test_a_revocation_is_signalled_once(person, key):
    heard = []

    def hear(**kwargs):
        heard.append({name: kwargs[name] for name in ("kind", "key", "reason", "revoked_by", "revocation", "at")})

    signals.token_revoked.connect(hear)
    api_keys.revoke(person, key, reason="leaked", at=AT)
    api_keys.revoke(person, key, reason="leaked", at=AT)
    signals.token_revoked.disconnect(hear)
    assert heard == [
        {"kind": "api_key", "key": key.public_id, "reason": "leaked", "revoked_by": person.user, "revocation": None}
        | {"at": AT}
    ]


def test_a_revocation_is_logged(person, key, caplog):
    caplog.set_level("INFO", logger="token_issuer.security")
    api_keys.revoke(person, key, reason="leaked", at=AT)
    assert [(record.event, record.reason) for record in caplog.records] == [("api_key_revoked", "leaked")]


def test_a_revoked_secret_does_not_work(rooms):
    row = ApiKeySecretFactory(api_key__application=rooms, revoked_at=AT)
    assert working(row.api_key) == []
