"""The cache mode: no statement while a token is believed in, a second at most, and never against the database."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.cache import caches
from django.core.cache.backends.base import BaseCache
from django.db import OperationalError, connection

from tests.factories import AT, ApiKeyFactory, UserFactory, caller
from tests.services.signing import key_of, signed_again
from tests.statements import counted
from token_issuer.errors import TokenRejected, Unavailable
from token_issuer.models import Certificate, IssuedToken, Origin, Principal, TokenFamily
from token_issuer.services import closing, forgetting, issuing, revoking, rotating, switching, verifying
from token_issuer.services.bounded_cache import bounded_cache
from token_issuer.services.ending_selected import end_selected
from token_issuer.services.remembering import BELIEVED, GONE, memory
from token_issuer.services.selecting import Selection

LATER = AT + timedelta(minutes=1)
SOON = LATER + BELIEVED - timedelta(microseconds=1)
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"


@pytest.fixture(autouse=True)
def cache(settings, own):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REVOCATION_CHECK": "cache"}
    settings.CACHES = {"default": {"BACKEND": LOCMEM}, "token_issuer": {"BACKEND": LOCMEM, "LOCATION": "tokens"}}
    caches["token_issuer"].clear()
    bounded_cache.trust_again()
    memory.trust_again()
    return caches["token_issuer"]


@pytest.fixture
def made(person, own):
    return issuing.issue(person, "own", body={"scope": "reports:read"}, at=AT)


@pytest.fixture
def text(made):
    """A token that is remembered."""
    text = made.token.reveal()
    verifying.verify(text, at=LATER)
    return text


@pytest.fixture
def key(made):
    return f"token_issuer:1:{made.token_id.hex}"


def another_process() -> None:
    """What this process knows by itself, another does not."""
    memory.trust_again()


def verdict(text, at=LATER) -> str:
    with pytest.raises(TokenRejected) as refusal:
        verifying.verify(text, at=at)
    return refusal.value.verdict


# Believing


def test_a_remembered_token_costs_no_statement(text, made, user, own):
    with counted(0):
        found = verifying.verify(text, at=SOON)
    assert (found.token_id, found.user, found.subject) == (made.token_id, user, f"user-{user.pk}")
    assert (found.application_id, found.application_slug, found.audience) == (own.pk, "own", "https://issuer.example")
    assert (found.scopes, found.expires_at) == (frozenset({"reports:read"}), AT + timedelta(hours=1))
    assert (found.principal, found.token, found.is_server) == (Principal.USER, None, False)


def test_it_is_what_the_database_says(text):
    remembered, exact = verifying.verify(text, at=SOON), verifying.verify(text, at=SOON, exact=True)
    assert exact.token is not None
    assert remembered == exact


def test_a_servers_token_is_remembered_as_a_servers(own):
    key = ApiKeyFactory(application=own, scopes=["reports:read"])
    server = caller(AnonymousUser(), origin=Origin.API_KEY, api_key=key)
    text = issuing.issue(server, "own", body={"scope": "reports:read"}, at=AT).token.reveal()
    verifying.verify(text, at=LATER)
    with counted(0):
        found = verifying.verify(text, at=LATER)
    assert (found.is_server, found.user.is_anonymous) == (True, True)
    assert (found.api_key_id, found.api_key_public_id) == (key.pk, key.public_id)


def test_a_servers_token_is_believed_no_longer_where_its_key_acts_as_somebody_inactive(own):
    key, somebody = ApiKeyFactory(application=own, scopes=["reports:read"]), UserFactory()
    server = caller(AnonymousUser(), origin=Origin.API_KEY, api_key=key)
    text = issuing.issue(server, "own", body={"scope": "reports:read"}, at=AT).token.reveal()
    verifying.verify(text, at=LATER)
    somebody.is_active = False
    somebody.save()
    type(key).objects.update(acts_as=somebody, acts_as_key=key.pk)
    assert verdict(text, LATER + BELIEVED) == "principal_gone"


def test_the_user_is_read_when_somebody_looks(text, user):
    found = verifying.verify(text, at=SOON)
    with counted(1):
        assert found.user.get_username() == user.get_username()
    with counted(0):
        assert found.user.is_active


@pytest.mark.parametrize("how", ["deactivated", "deleted"])
def test_a_user_who_is_gone_when_somebody_looks_is_nobody(text, user, how):
    found = verifying.verify(text, at=SOON)
    if how == "deleted":
        user.delete()
    else:
        type(user).objects.update(is_active=False)
    assert not found.user.is_authenticated


def test_after_a_second_the_database_is_asked(text):
    with counted(1):
        verifying.verify(text, at=LATER + BELIEVED)


def test_whoever_wants_it_exactly_asks_the_database(text):
    with counted(1):
        verifying.verify(text, at=LATER, exact=True)


def test_what_was_written_late_is_not_believed_for_longer(made, key, cache):
    """The process stood still between the database's answer and the cache."""
    found = verifying.verify(made.token.reveal(), at=LATER)
    cache.clear()
    memory.keep(found, key_id=str(Certificate.objects.get().pk), at=LATER)
    with counted(1):
        verifying.verify(made.token.reveal(), at=LATER + 3 * BELIEVED)


def test_expiry_needs_no_database(text):
    IssuedToken.objects.all().delete()
    with counted(0):
        assert verdict(text, at=AT + timedelta(hours=1)) == "expired"


def test_nothing_of_the_caller_is_in_a_key(text, key, cache):
    assert cache.get(key) is not None
    assert list(cache._cache) == [cache.make_and_validate_key(key)]


def test_neither_text_nor_password_is_in_a_value(text, key, cache, user):
    value = cache.get(key)
    assert text.rpartition(".")[2] not in value
    assert user.password not in value
    assert IssuedToken.objects.get().password_stamp not in value


# Not believing


@pytest.mark.parametrize(
    "garbage",
    ["", "{}", "[]", "null", "1", "{", "x" * 10_000, 7, b"gone", None, {"until": 1}, '{"until": "soon"}', "GONE"],
)
def test_garbage_means_asking_the_database(text, key, cache, garbage):
    cache.set(key, garbage)
    with counted(1):
        verifying.verify(text, at=LATER)


@pytest.mark.parametrize(
    "change",
    [
        {"until": 4102444800.0}, {"until": None}, {"kid": "another"}, {"sub": "user-1000"}, {"scope": ["admin"]},
        {"exp": 4102444800.0}, {"application": "x"}, {"principal": "root"}, {"api_key": 7},
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_this_token_means_asking_the_database(text, key, cache, change):
    cache.set(key, json.dumps({**json.loads(cache.get(key)), **change}))
    with counted(1):
        verifying.verify(text, at=LATER)


@pytest.mark.parametrize(
    "missing", ["until", "kid", "user", "principal", "application", "slug", "api_key", "public_id"]
)
def test_a_value_of_another_release_means_asking_the_database(text, key, cache, missing):
    value = json.loads(cache.get(key))
    del value[missing]
    cache.set(key, json.dumps(value))
    with counted(1):
        verifying.verify(text, at=LATER)


def test_another_text_of_the_same_id_is_another_question(text):
    forged = signed_again(text, key_of(Certificate.objects.get()), lambda claims: claims.update(scope="reports:write"))
    assert verdict(forged) == "claims_differ"


def test_a_bad_signature_is_bad_whatever_is_remembered(text):
    with counted(0):
        assert verdict(text[:-6] + "AAAAAA") == "bad_signature"


def test_a_cache_that_is_down_means_asking_the_database(text, settings, cache):
    settings.CACHES = {"default": {"BACKEND": "tests.services.test_remembering.Down"}}
    with counted(1):
        verifying.verify(text, at=LATER)


def test_in_the_other_mode_no_cache_is_asked(text, person, made, settings):
    settings.CACHES = {"default": {"BACKEND": "tests.services.test_remembering.Down"}}
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "REVOCATION_CHECK": "database"}
    before = Down.asked
    verifying.verify(text, at=LATER)
    revoking.revoke_own(person, made.token_id, reason="lost", at=LATER)
    revoking.revoke_mine(person, reason="lost", at=LATER)
    assert Down.asked == before


class Down(BaseCache):
    """A cache that does not answer."""

    asked = 0

    def __init__(self, location: str, params: dict[str, object]) -> None:
        super().__init__(params)

    def get(self, *arguments: object, **named: object) -> Any:
        type(self).asked += 1
        raise ConnectionError

    add = set = get


# Ending


def test_a_revoked_token_is_refused_at_once_and_everywhere(text, made, person):
    revoking.revoke_own(person, made.token_id, reason="lost", at=LATER)
    assert verdict(text) == "revoked"
    another_process()
    with counted(0):
        assert verdict(text) == "revoked"


def test_a_tombstone_lasts_as_long_as_the_token(made, cache, key):
    forgetting.tombstone(made.token_id, made.expires_at, at=LATER)
    left = cache._expire_info[cache.make_and_validate_key(key)]
    assert 3539 <= left - time.time() <= 3540
    assert cache.get(key) == GONE


def test_a_token_that_has_run_out_needs_none(made, cache, key):
    forgetting.tombstone(made.token_id, made.expires_at, at=made.expires_at)
    assert cache.get(key) is None


def test_what_is_remembered_late_does_not_cover_a_tombstone(made, person):
    """Between this process's question and its note, another one revoked the token."""
    found = verifying.verify(made.token.reveal(), at=LATER, exact=True)
    revoking.revoke_own(person, made.token_id, reason="lost", at=LATER)
    memory.keep(found, key_id=str(Certificate.objects.get().pk), at=LATER)
    another_process()
    assert verdict(made.token.reveal()) == "revoked"


def end_by_user(person, own):
    revoking.revoke_mine(person, reason="lost", at=LATER)


def end_by_application(person, own):
    switching.disable(person, own, at=LATER)


def end_by_certificate(person, own):
    rotating.revoke(person, Certificate.objects.get(), reason="leaked", at=LATER)


def end_by_family(person, own):
    family = TokenFamily.objects.select_related("application").get()
    closing.close_family(person, family, reason="signed_out", at=LATER)


def end_by_selection(person, own):
    chosen = Selection(principal_key=person.principal_key, application=own)
    end_selected(person, chosen, reason="lost", at=LATER)


ENDINGS = [end_by_user, end_by_application, end_by_certificate, end_by_family, end_by_selection]


@pytest.fixture
def paired(user, own):
    made = issuing.issue(caller(user, origin=Origin.PYTHON), "own", body={}, at=AT)
    verifying.verify(made.token.reveal(), at=LATER)
    return made.token.reveal()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ENDINGS)
def test_whoever_ends_a_set_refuses_its_members_at_once(paired, person, own, end):
    end(person, own)
    assert verdict(paired)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", ENDINGS)
def test_others_do_so_within_a_second(paired, person, own, end):
    end(person, own)
    another_process()
    verifying.verify(paired, at=SOON)
    assert verdict(paired, at=LATER + BELIEVED)


def test_a_database_that_is_down_is_no_yes(made, key, cache):
    verifying.verify(made.token.reveal(), at=LATER)
    cache.clear()

    def refuse(*arguments):
        raise OperationalError

    with connection.execute_wrapper(refuse), pytest.raises(Unavailable):
        verifying.verify(made.token.reveal(), at=LATER)
