"""Trying an application with a token for nobody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal

import pytest
from django.contrib.auth.models import AnonymousUser

from tests.factories import AT, ApplicationFactory, CertificateFactory
from token_issuer.crypto import signing_keys
from token_issuer.models import IssuedToken, Origin, VendorAccount
from token_issuer.models.vendor_account import LARGEST_NUMBER
from token_issuer.providers.base import Grant, MintedToken, MintOrder, Verification
from token_issuer.providers.fields import grant_field
from token_issuer.providers.videosdk import VideoSDKProvider
from token_issuer.services import probing, revoking
from token_issuer.services.callers import Caller

NOBODY = Caller(user=AnonymousUser(), origin=Origin.COMMAND)


def probe(application) -> None:
    probing.probe(NOBODY, application, at=AT)


def test_an_integer_subject_is_the_last_one_and_allocates_nothing(calls):
    probe(calls)
    row = IssuedToken.objects.get()
    assert (int(row.subject), VendorAccount.objects.count()) == (LARGEST_NUMBER * 16 + 15, 0)
    assert int(row.subject) == 2**31 - 1


def test_a_text_subject_is_one_that_no_slot_gives(rooms):
    probe(rooms)
    assert IssuedToken.objects.get().subject == "doctor:0"


def test_accounts_of_agora_are_texts_too(calls):
    calls.options = {"subject": "account"}
    calls.save()
    probe(calls)
    assert IssuedToken.objects.get().subject == "doctor:0"


def test_006_is_tried_as_well(calls):
    calls.options = {"token_version": "006"}
    calls.save()
    probe(calls)
    assert IssuedToken.objects.get().format == "agora-006"


def test_the_token_is_as_narrow_and_short_as_can_be(rooms, calls):
    for application in (rooms, calls):
        probe(application)
    for row in IssuedToken.objects.all():
        assert row.resource.startswith("doctor-")
        assert (row.expires_at - row.issued_at).total_seconds() == 60
    assert {tuple(row.privileges) for row in IssuedToken.objects.all()} == {("subscriber",), ("allow_join",)}


@pytest.mark.parametrize("algorithm", ["HS256", "ES256", "EdDSA", "RS256"])
def test_our_own_access_tokens_are_tried_under_each_algorithm(db, settings, algorithm):
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "ISSUER": "https://issuer.example"}
    application = ApplicationFactory(provider="own")
    secret = signing_keys.new_secret(algorithm)
    certificate = CertificateFactory(application=application, active=True, algorithm=algorithm, secret=secret)
    probe(application)
    row = IssuedToken.objects.get()
    assert (row.format, row.certificate, row.privileges) == ("own-jwt", certificate, [])


def test_our_own_short_tokens_are_tried_without_a_certificate(db):
    probe(ApplicationFactory(provider="own-once"))
    row = IssuedToken.objects.get()
    assert (row.format, row.certificate, row.privileges, row.one_time) == ("own-opaque", None, ["readonly"], True)
    assert row.expires_at - row.issued_at == timedelta(seconds=1)


def test_two_probes_are_two_rooms(rooms):
    probe(rooms)
    probe(rooms)
    assert IssuedToken.objects.values("resource").distinct().count() == 2


def test_the_text_is_in_no_log(rooms, caplog, monkeypatch):
    texts = []
    mint = VideoSDKProvider.mint

    def remember(self, order):
        minted = mint(self, order)
        texts.append(minted.value)
        return minted

    monkeypatch.setattr(VideoSDKProvider, "mint", remember)
    with caplog.at_level(logging.DEBUG):
        probe(rooms)
    assert len(texts) == 1
    assert not any(texts[0] in str(vars(record)) for record in caplog.records)


def test_nothing_to_sign_with(db):
    with pytest.raises(probing.ProbeFailed, match=r"certificate: None is active\.") as error:
        probe(ApplicationFactory(slug="rooms"))
    assert error.value.hint == "Run `token_issuer_rotate rooms`."


def test_options_that_do_not_fit_any_more(rooms):
    rooms.options = {"unknown": True}
    rooms.save()
    with pytest.raises(probing.ProbeFailed, match="provider: unknown: unknown field"):
        probe(rooms)


# Providers that misbehave: each is VideoSDK's with one method replaced.


@pytest.fixture
def unchecked(settings):
    """As in production: nobody reads a minted token again."""
    settings.TOKEN_ISSUER = {**settings.TOKEN_ISSUER, "SELF_CHECK": False}


def breaking(monkeypatch, **methods: Any) -> None:
    for name, method in methods.items():
        monkeypatch.setattr(VideoSDKProvider, name, method)


def refused(application) -> probing.ProbeFailed:
    with pytest.raises(probing.ProbeFailed) as error:
        probe(application)
    return error.value


def test_a_mint_that_fails_tells_no_more_than_the_name_of_a_strange_error(rooms, monkeypatch):
    def mint(self, order: MintOrder) -> MintedToken:
        raise ValueError(order.part("secret"))

    breaking(monkeypatch, mint=mint)
    failure = refused(rooms)
    assert (failure.step, failure.why) == ("mint", "It ended with ValueError.")
    assert not IssuedToken.objects.exists()


def test_a_token_that_says_something_else_is_revoked_all_the_same(rooms, monkeypatch, unchecked):
    inspect = VideoSDKProvider.inspect
    breaking(monkeypatch, inspect=lambda self, token: replace(inspect(self, token), public_id="other"))
    failure = refused(rooms)
    assert (failure.step, failure.why) == ("inspect", "The token does not say what was ordered.")
    assert IssuedToken.objects.get().revoked_at == AT


def test_a_token_that_cannot_be_read_is_revoked_all_the_same(rooms, monkeypatch, unchecked):
    mint = VideoSDKProvider.mint
    breaking(monkeypatch, mint=lambda self, order: replace(mint(self, order), value="garbage"))
    failure = refused(rooms)
    assert failure.step == "inspect"
    assert IssuedToken.objects.get().revoked_at == AT


def test_a_token_that_does_not_verify_is_found(rooms, monkeypatch):
    answer = Verification(valid=False, key_id=None, problems=("bad_signature",))
    breaking(monkeypatch, verify=lambda self, token, **expected: answer)
    failure = refused(rooms)
    assert (failure.step, failure.why) == ("verify", "The token is not accepted: bad_signature.")


def test_a_row_that_is_gone_is_found(rooms, monkeypatch):
    verify = VideoSDKProvider.verify

    def forget(self, token, **expected):
        IssuedToken.objects.all().delete()
        return verify(self, token, **expected)

    breaking(monkeypatch, verify=forget)
    failure = refused(rooms)
    assert (failure.step, failure.why) == ("revoke", "There is no such token.")
    assert failure.__cause__ is not None
    assert str(failure.__cause__.__context__) == "verify: The token's audit row is missing, or not live."


def test_a_revocation_that_does_nothing_is_found(rooms, monkeypatch):
    monkeypatch.setattr(revoking, "revoke_any", lambda *arguments, **named: None)
    failure = refused(rooms)
    assert (failure.step, failure.why) == ("revoke", "The token is still live after its revocation.")


# Grants of other shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Corner(Grant):
    """A nested group."""

    name: str = grant_field(max_bytes=4)
    note: str = grant_field(default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyFields(Grant):
    """Every type of field that a third party may require."""

    room: str = grant_field(min_bytes=60)
    size: int = grant_field(minimum=3)
    count: int = grant_field()
    loud: bool = grant_field()
    kind: Literal["a", "b"] = grant_field()
    words: frozenset[Literal["x", "y"]] = grant_field()
    tags: tuple[str, ...] = grant_field()
    corner: Corner = grant_field()
    who: str | None = grant_field(default=None, filled_by="subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unguessable(Grant):
    """A pattern that nothing made up fits."""

    room: str = grant_field(pattern="[a-z]{4}-[a-z]{4}")


def test_every_type_of_field_can_be_made_up():
    body: Mapping[str, Any] = {spec.name: probing.made_up(spec) for spec in probing.sent(ManyFields) if spec.required}
    assert body["room"].startswith("doctor-")
    assert len(body["room"]) == 60
    assert {name: value for name, value in body.items() if name != "room"} == {
        "size": 3,
        "count": 0,
        "loud": False,
        "kind": "a",
        "words": [],
        "tags": [],
        "corner": {"name": "doct"},
    }


def test_a_provider_whose_grant_cannot_be_made_up_is_not_tried(rooms, monkeypatch):
    monkeypatch.setattr(VideoSDKProvider, "grant_class", Unguessable)
    with pytest.raises(probing.NoProbe, match=r"no harmless grant could be made up for VideoSDK \(room: must match"):
        probe(rooms)
    assert not IssuedToken.objects.exists()
