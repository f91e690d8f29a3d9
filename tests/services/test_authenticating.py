"""An API key and its secret, and what a server signs with it."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction

from tests.factories import AT, api_key
from tests.statements import counted
from token_issuer.crypto import TokenText, opaque
from token_issuer.errors import TokenRejected
from token_issuer.formats import jwt_hs256
from token_issuer.models import ApiKey, ApiKeySecret, Principal
from token_issuer.services import api_keys, authenticating, switching
from token_issuer.services.verified import Kind

HOME = ipaddress.ip_address("10.1.2.3")
LATER = AT + timedelta(hours=1)


def given(key, text, *, ip=HOME, at=AT) -> ApiKey:
    return authenticating.api_key(key.public_id, TokenText(text), ip=ip, at=at)


def verdict(key, text, **where) -> str:
    with pytest.raises(TokenRejected) as error:
        given(key, text, **where)
    assert str(error.value) == "The token is not valid."
    return error.value.verdict


@pytest.fixture
def pair(rooms):
    return api_key(application=rooms)


# The secret


def test_a_key_with_its_secret_is_known(pair):
    key, text = pair
    assert given(key, text) == key


def test_it_is_known_in_the_form_of_a_header_too(pair):
    key, text = pair
    assert authenticating.presented(TokenText(f"{key.public_id}.{text}"), ip=None, at=AT) == key


def test_both_secrets_of_a_rotation_are_taken(pair, person):
    key, old = pair
    new = api_keys.rotate(person, key, overlap=60, at=AT).reveal()
    assert given(key, old) == given(key, new) == key
    assert verdict(key, old, at=AT + timedelta(seconds=60)) == "secret_ended"


@pytest.mark.parametrize(
    "text", ["", "tis_", "tis_" + "0" * 49, "til_" + "0" * 49, "\ud800", "x" * 20_000, "\0", "tis_" + "ä" * 49]
)
def test_garbage_costs_no_query(pair, text):
    with counted(0):
        assert verdict(pair[0], text) == "malformed"


@pytest.mark.parametrize("public_id", ["", "ak_", "rooms", "ak_" + "0" * 21, "ak_" + "0" * 23, "AK_" + "0" * 22, "\0"])
def test_a_public_id_of_another_shape_costs_no_query(pair, public_id):
    with counted(0), pytest.raises(TokenRejected) as error:
        authenticating.api_key(public_id, TokenText(pair[1]), ip=HOME, at=AT)
    assert error.value.verdict == "malformed"


@pytest.mark.parametrize("text", ["", ".", "ak_0", "tis_0", "ak_.tis_", "a.b.c"])
def test_a_header_of_another_shape_costs_no_query(db, text):
    with counted(0), pytest.raises(TokenRejected):
        authenticating.presented(TokenText(text), ip=HOME, at=AT)


def test_an_unknown_secret_is_refused(pair):
    assert verdict(pair[0], opaque.new(opaque.API_KEY_SECRET).reveal()) == "unknown"


def test_a_secret_opens_its_own_key_only(pair, rooms):
    other, _text = api_key(application=rooms)
    assert verdict(other, pair[1]) == "unknown"


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_a_public_id_is_compared_exactly(pair, change):
    """MariaDB would take another spelling."""
    key, text = pair
    ApiKey.objects.update(public_id="ak_" + "aB" * 11)
    with pytest.raises(TokenRejected):
        authenticating.api_key("ak_" + change("aB" * 11), TokenText(text), ip=HOME, at=AT)
    assert authenticating.api_key("ak_" + "aB" * 11, TokenText(text), ip=HOME, at=AT) == key


# What ends it


def test_a_revoked_secret_is_refused(pair):
    ApiKeySecret.objects.update(revoked_at=AT)
    assert verdict(*pair) == "secret_ended"


@pytest.mark.parametrize(("column", "word"), [("revoked_at", "revoked"), ("expires_at", "expired")])
def test_a_key_that_has_ended_is_refused(pair, column, word):
    ApiKey.objects.update(**{column: AT})
    assert verdict(*pair) == word


def test_a_key_of_a_disabled_application_is_refused(pair, person, rooms):
    switching.disable(person, rooms, at=AT)
    assert verdict(*pair) == "application_or_certificate_off"


def test_a_key_that_acts_as_a_deactivated_user_is_refused(rooms, user):
    pair = api_key(application=rooms, acts_as=user)
    assert given(*pair).acts_as == user
    type(user).objects.update(is_active=False)
    assert verdict(*pair) == "principal_gone"


def test_a_key_that_acted_as_a_deleted_user_is_dead_and_no_servers(rooms, user):
    pair = api_key(application=rooms, acts_as=user)
    user.delete()
    assert verdict(*pair) == "principal_gone"


# Where it comes from


@pytest.mark.parametrize(
    ("networks", "ip", "taken"),
    [
        ([], None, True),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["192.0.2.1/32", "2001:db8::/32"], "2001:db8::7", True),
        (["10.0.0.0/8"], "11.1.2.3", False),
        (["10.0.0.0/8"], "::a00:1", False),
        (["10.0.0.0/8"], None, False),
    ],
)
def test_it_may_come_from_its_networks_only(rooms, networks, ip, taken):
    key, text = api_key(application=rooms, networks=networks)
    address = ip and ipaddress.ip_address(ip)
    if taken:
        assert given(key, text, ip=address) == key
    else:
        assert verdict(key, text, ip=address) == "network"


def test_a_use_from_elsewhere_is_a_warning_for_operators(rooms, caplog):
    key, text = api_key(application=rooms, networks=["192.0.2.0/24"])
    assert verdict(key, text) == "network"
    (record,) = caplog.records
    assert (record.name, record.levelname, record.message) == (
        "token_issuer.security", "WARNING", "an API key was used from elsewhere",
    )  # fmt: skip
    assert (record.reason, record.application, record.decision) == ("network", "rooms", f"api_key:{key.public_id}")


@pytest.mark.parametrize(("kept", "seen"), [("full", "10.1.2.3"), ("truncated", "10.1.2.0"), ("off", "")])
def test_the_warning_says_from_where_as_the_audit_would(rooms, caplog, settings, kept, seen):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "AUDIT_NETWORK": kept}
    assert verdict(*api_key(application=rooms, networks=["192.0.2.0/24"])) == "network"
    assert [record.ip for record in caplog.records] == [seen]


def test_an_unknown_address_is_no_network(rooms, caplog):
    """Behind a Unix socket, where no proxy of ours names one."""
    assert verdict(*api_key(application=rooms, networks=["0.0.0.0/0", "::/0"]), ip=None) == "network"
    assert [record.ip for record in caplog.records] == [""]


def test_a_refusal_is_logged_without_the_secret(pair, caplog):
    caplog.set_level("DEBUG", logger="token_issuer")
    ApiKey.objects.update(revoked_at=AT)
    verdict(*pair)
    (record,) = caplog.records
    assert (record.event, record.reason, record.application) == ("rejected", "revoked", "rooms")
    assert pair[1] not in str(vars(record))


# What it costs


def test_its_use_is_noted_once_a_minute(pair):
    key, text = pair
    for seconds, statements in ((0, 2), (59, 1), (60, 2), (61, 1)):
        with counted(statements):
            given(key, text, at=AT + timedelta(seconds=seconds))
    assert ApiKeySecret.objects.get().last_used_at == AT + timedelta(seconds=60)


def test_a_refusal_is_not_noted(pair):
    ApiKey.objects.update(revoked_at=AT)
    verdict(*pair)
    assert ApiKeySecret.objects.get().last_used_at is None


@pytest.mark.django_db(transaction=True)
def test_in_a_hosts_transaction_it_is_noted_after_the_commit(rooms):
    """The host would hold the row until then, and everybody else who uses the key would wait."""
    key, text = api_key(application=rooms)
    with transaction.atomic():
        given(key, text)
        assert ApiKeySecret.objects.get().last_used_at is None
    assert ApiKeySecret.objects.get().last_used_at == AT


def test_nobody_is_refused_because_a_use_could_not_be_noted(pair, caplog):
    def read_only(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("UPDATE"):
            raise DatabaseError("read-only")
        return execute(sql, *arguments)

    key, text = pair
    with connection.execute_wrapper(read_only):
        assert given(key, text) == key
    assert [record.message for record in caplog.records] == ["the use of an API key was not noted"]


# What views are told


def test_a_servers_key_is_nobody_with_scopes(pair):
    found = authenticating.verified(given(*pair))
    assert (found.kind, found.principal, found.is_server) == (Kind.API_KEY, Principal.API_KEY, True)
    assert isinstance(found.user, AnonymousUser)
    assert (found.subject, found.scopes, found.application_slug) == (
        pair[0].public_id, frozenset({"tokens:issue"}), "rooms",
    )  # fmt: skip
    assert (found.api_key, found.api_key_public_id, found.expires_at) == (pair[0], pair[0].public_id, None)


def test_a_key_that_acts_as_somebody_is_that_user(rooms, user):
    found = authenticating.verified(given(*api_key(application=rooms, acts_as=user, expires_at=LATER)))
    assert (found.user, found.principal, found.subject, found.expires_at) == (
        user, Principal.USER, str(user.pk), LATER,
    )  # fmt: skip


# What a server signs


SIGNED_AT = int(AT.timestamp())


def sign(key, secret, **changes) -> str:
    claims = {
        "apikey": key.public_id,
        "permissions": ["tokens:issue"],
        "iat": SIGNED_AT,
        "exp": SIGNED_AT + 600,
    } | changes
    return jwt_hs256.encode({name: value for name, value in claims.items() if value is not ...}, key=secret)


def refusal(text, *, at=AT) -> str:
    with pytest.raises(TokenRejected) as error:
        authenticating.self_signed(text, at=at)
    return error.value.verdict


@pytest.fixture
def signing(rooms):
    return api_key(application=rooms, may_sign=True, scopes=["tokens:issue", "tokens:introspect"])


def test_what_a_server_signed_is_known(signing):
    key, secret = signing
    found = authenticating.self_signed(sign(key, secret), at=AT)
    assert (found.kind, found.api_key, found.scopes) == (Kind.SELF_SIGNED, key, frozenset({"tokens:issue"}))
    assert (found.expires_at, found.is_server, found.application_slug) == (
        datetime.fromtimestamp(SIGNED_AT + 600, tz=UTC), True, "rooms",
    )  # fmt: skip


def test_it_speaks_for_whom_its_key_acts_as(rooms, user):
    key, secret = api_key(application=rooms, may_sign=True, acts_as=user)
    assert authenticating.self_signed(sign(key, secret), at=AT).user == user


def test_it_never_may_more_than_its_key(signing):
    key, secret = signing
    assert refusal(sign(key, secret, permissions=["tokens:issue", "tokens:revoke"])) == "privilege_not_granted"


def test_a_key_that_was_not_made_for_it_signs_nothing(pair):
    assert refusal(sign(*pair)) == "unknown"


def test_the_secret_of_a_key_that_may_not_sign_any_more_is_not_tried(signing):
    ApiKey.objects.update(may_sign=False)
    assert refusal(sign(*signing)) == "unknown"


def test_another_keys_secret_does_not_do(signing, rooms):
    _other, secret = api_key(application=rooms, may_sign=True)
    assert refusal(sign(signing[0], secret)) == "bad_signature"


def test_a_key_that_nobody_made_is_unknown(signing, rooms):
    unknown = ApiKey(public_id=opaque.new_public_id())
    assert refusal(sign(unknown, signing[1])) == "unknown"


def test_a_named_key_is_compared_exactly(signing):
    _key, secret = signing
    ApiKey.objects.update(public_id="ak_" + "aB" * 11)
    assert refusal(sign(ApiKey(public_id="ak_" + "Ab" * 11), secret)) == "unknown"


def test_both_secrets_of_a_rotation_sign(signing, person):
    key, old = signing
    new = api_keys.rotate(person, key, overlap=60, at=AT).reveal()
    at = AT + timedelta(seconds=60)
    assert [authenticating.self_signed(sign(key, secret), at=AT).api_key for secret in (old, new)] == [key, key]
    assert authenticating.self_signed(sign(key, new), at=at).api_key == key
    assert refusal(sign(key, old), at=at) == "bad_signature"


def test_the_clock_is_minded_before_any_query(signing):
    key, secret = signing
    with counted(0):
        assert refusal(sign(key, secret), at=LATER) == "expired"


@pytest.mark.parametrize("text", ["", "a.b.c", "tio_x", "e" * 20_000])
def test_what_is_no_signed_token_costs_no_query(db, text):
    with counted(0):
        assert refusal(text) == "malformed"


def test_a_token_for_another_site_is_refused(signing, settings):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}
    key, secret = signing
    assert authenticating.self_signed(sign(key, secret, aud="https://issuer.example"), at=AT).api_key == key
    assert refusal(sign(key, secret, aud="https://other.example")) == "audience_differs"


@pytest.mark.parametrize(("column", "word"), [("revoked_at", "revoked"), ("expires_at", "expired")])
def test_nothing_that_it_signed_outlives_the_key(signing, column, word):
    ApiKey.objects.update(**{column: AT})
    assert refusal(sign(*signing)) == word


def test_a_disabled_application_refuses_it(signing, person, rooms):
    switching.disable(person, rooms, at=AT)
    assert refusal(sign(*signing)) == "application_or_certificate_off"


def test_it_is_presented_from_anywhere(rooms):
    key, secret = api_key(application=rooms, may_sign=True, networks=["192.0.2.0/24"])
    assert authenticating.self_signed(sign(key, secret), at=AT).api_key == key


def test_it_costs_one_select_and_the_note(signing):
    text = sign(*signing)
    with counted(2):
        authenticating.self_signed(text, at=AT)
    with counted(1):
        authenticating.self_signed(text, at=AT)
