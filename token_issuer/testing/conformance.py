"""The suite for every provider."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from unittest import SkipTest
from uuid import UUID

from token_issuer.crypto import Secret, SigningKey, signing_keys
from token_issuer.errors import BadGrant, BadOption, FieldError, TokenMalformed
from token_issuer.providers.base import (
    Grant,
    MintedToken,
    MintOrder,
    Options,
    Privilege,
    Provider,
    Verification,
    put,
)
from token_issuer.providers.fields import RESERVED_NAMES, dump, json_schema, parse, specs
from token_issuer.registry import faults
from token_issuer.testing.looking import garbage, objects, raised, tampered, walk, with_subject_sent

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When the orders of these tests are made."""


class ProviderConformance:
    """Tests for one provider. Attributes without a value are the subclass's to give.

    Attributes:
        secret, other_secret: the parts of two secrets that an administrator might enter for ``purpose``.
        subject, other_subject: who tokens speak for, of the kind that ``options`` asks for.
        grants: without a subject, each opening one thing only. Give one for each way of asking.
        wild_grants: the same, each opening more than one thing.
        narrowest: the privileges of a grant with nothing but its required fields.
        options: the application's; the defaults of the provider's class when not given.
        scopes: the site's catalogue, for a provider whose privileges are scopes.
        algorithm: of the two secrets; the provider's default when not given.
    """

    provider: ClassVar[Provider]
    public_id: ClassVar[str]
    secret: ClassVar[Mapping[str, str]]
    other_secret: ClassVar[Mapping[str, str]]
    subject: ClassVar[int | str]
    other_subject: ClassVar[int | str]
    grants: ClassVar[Sequence[Grant]]
    narrowest: ClassVar[frozenset[str]]
    wild_grants: ClassVar[Sequence[Grant]] = ()
    options: ClassVar[Options | None] = None
    purpose: ClassVar[str] = "sign"
    scopes: ClassVar[Mapping[str, str]] = {}
    algorithm: ClassVar[str] = ""

    # Making what the tests need

    def order(self, grant: Grant, *, lifetime: int | None = None) -> MintOrder:
        """Return an order for a grant, with a fixed clock and entropy."""
        return MintOrder(
            token_id=UUID(int=1),
            public_id=self.public_id,
            options=self.chosen_options(),
            issuer="https://issuer.example",
            grant=grant,
            issued_at=AT,
            expires_at=AT + timedelta(seconds=self.provider.lifetimes.default if lifetime is None else lifetime),
            key_id="ours",
            entropy=hashlib.sha256(b"entropy").digest(),
            secret=Secret(**self.secret) if self.secret else None,
            signing_key=self.signing_key(self.secret, "ours") if self.provider.algorithms else None,
        )

    @property
    def words(self) -> Mapping[str, Privilege]:
        """Every privilege there is, with the site's scopes where they are some."""
        return self.provider.privileges_for(self.scopes)

    def signing_key(self, parts: Mapping[str, str], key_id: str) -> SigningKey:
        """Return what a secret signs with, for a provider with algorithms."""
        algorithm = self.algorithm or self.provider.algorithms[0]
        return signing_keys.signing_key(
            Secret(**parts), part=self.provider.signing_part, algorithm=algorithm, key_id=key_id
        )

    def verified(
        self, token: str, *, secrets: Sequence[tuple[str, Mapping[str, str]]], expected: Grant | None
    ) -> Verification:
        """Return what the provider finds, by whichever of its two methods is its own."""
        if self.provider.algorithms:
            keys = [self.signing_key(parts, key_id) for key_id, parts in secrets]
            return self.provider.verify_signed(token, keys=keys, expected=expected)
        opened = [(key_id, Secret(**parts)) for key_id, parts in secrets if parts]
        return self.provider.verify(token, secrets=opened, expected=expected)

    def chosen_options(self) -> Options:
        """Return the options of the application."""
        return self.options or self.provider.options_class()

    def filled(self, subject: int | str | None = None) -> list[Grant]:
        """Return every grant with a subject put in."""
        who = self.subject if subject is None else subject
        return [self.provider.with_subject(grant, who) for grant in (*self.grants, *self.wild_grants)]

    def least(self) -> Grant:
        """Return the grant of a body with nothing but what is required; the first one where it is either of two."""
        body = dump(self.grants[0])
        required = {spec.name: body[spec.name] for spec in specs(self.provider.grant_class) if spec.required}
        try:
            return parse(self.provider.grant_class, required)
        except FieldError:
            return self.grants[0]

    def made(self, order: MintOrder) -> MintedToken:
        """Return the token of an order, wherever it comes from."""
        return self.provider.mint(order)

    def tried(self, order: MintOrder) -> object:
        """Take the first step with an order, which must refuse one that is wrong."""
        return self.provider.mint(order)

    def minted(self) -> Iterator[tuple[Grant, MintedToken]]:
        """Make the token of every grant."""
        for grant in self.filled():
            yield grant, self.made(self.order(grant))

    def skip_where_texts_say_nothing(self) -> None:
        """Leave a test out for a provider whose tokens nobody can read."""
        if self.provider.opaque:
            reason = "its tokens say nothing: only the audit knows them"
            raise SkipTest(reason)

    def accepts(self, token: str, *, parts: Mapping[str, str] | None = None, expected: Grant | None = None) -> bool:
        """Whether the provider finds a token valid; a malformed one is not."""
        secrets = [("ours", self.secret if parts is None else parts)]
        try:
            return self.verified(token, secrets=secrets, expected=expected).valid
        except TokenMalformed:
            return False

    # What it says of itself

    def test_registry_accepts_it(self) -> None:
        assert list(faults(type(self.provider))) == []

    def test_everything_a_person_reads_has_words(self) -> None:
        found = [*walk(specs(self.provider.grant_class)), *walk(specs(self.provider.options_class))]
        unnamed = [spec.name for spec in found if not spec.label]
        unnamed += [word for word, privilege in self.words.items() if not privilege.label]
        parts = [part for group in self.provider.secret_fields.values() for part in group]
        unnamed += [part.name for part in (self.provider.public_id_field, *parts) if not part.label]
        assert unnamed == [], f"without a label: {unnamed}"

    def test_vendor_facts_are_told(self) -> None:
        facts = self.provider.vendor
        told = (facts.name, facts.rotation_steps, facts.leak_steps, facts.revocation_sentence)
        assert all((*told, self.provider.lifetimes.source))
        assert len(facts.rotation_moments) in {0, len(facts.rotation_steps)}, "say of each step when it is done"
        # A token that this site verifies itself has no console but the site's own admin.
        assert facts.console_url.startswith("https://") or self.provider.verified_here

    # What an administrator enters

    def test_identifier_and_secrets_are_accepted(self) -> None:
        self.provider.check_public_id(self.public_id)
        for parts in (self.secret, self.other_secret):
            self.provider.check_secret(self.purpose, parts)

    def test_a_refused_secret_is_not_quoted(self) -> None:
        for name, value in self.secret.items():
            for wrong in ("", f"{value}\n", value[:-1], f"{value}é"):
                error = raised(self.provider.check_secret, self.purpose, {**self.secret, name: wrong})
                assert error is None or isinstance(error, BadOption)
                assert not wrong or wrong not in str(error), f"the error quotes the part {name}"

    def test_options_are_read_back(self) -> None:
        options = self.chosen_options()
        assert parse(type(options), json.loads(json.dumps(dump(options))), error=BadOption) == options

    # What a caller asks for

    def test_bodies_are_read_back(self) -> None:
        for grant in (*self.grants, *self.wild_grants):
            assert parse(type(grant), json.loads(json.dumps(dump(grant)))) == grant

    def test_a_grant_validates_itself(self) -> None:
        for grant in self.filled():
            for spec in specs(type(grant)):
                error = raised(put, grant, **{spec.name: object()})
                assert isinstance(error, BadGrant), f"{spec.name} takes anything: call fields.check in __post_init__"

    def test_a_grant_is_a_value(self) -> None:
        for grant in self.filled():
            hash(grant)
            name = specs(type(grant))[0].name
            assert isinstance(raised(setattr, grant, name, None), FrozenInstanceError)

    def test_its_words_are_the_providers(self) -> None:
        for grant in (*self.grants, *self.wild_grants):
            assert grant.privileges or self.provider.verified_here  # a token of ours may just say who holds it
            assert grant.privileges <= self.words.keys()

    def test_narrowing_takes_words_away_and_nothing_else(self) -> None:
        if self.provider.refresh_limits(self.chosen_options()) is None:
            msg = "its tokens are not refreshed"
            raise SkipTest(msg)
        for grant in self.filled():
            for words in (grant.privileges, *({word} for word in grant.privileges)):
                part = self.provider.narrowed(grant, frozenset(words) | {"no such word"})
                assert part.privileges == words
                assert (part.subject, part.resource) == (grant.subject, grant.resource)

    def test_defaults_are_narrowest(self) -> None:
        grant = self.least()
        words = self.words
        assert grant.privileges == self.narrowest
        assert not any(words[word].server_only for word in grant.privileges)
        assert len(words) == 1 or self.provider.implied(grant.privileges) != words.keys(), "the default may do all"

    def test_unknown_and_reserved_fields_are_refused(self) -> None:
        for grant in self.grants:
            for name in (*RESERVED_NAMES, "user", "no_such_field"):
                body = {**dump(grant), name: 60}
                error = raised(parse, self.provider.grant_class, body)
                assert isinstance(error, FieldError)
                assert name in error.fields

    def test_wildcards_are_reported(self) -> None:
        names = {spec.name for spec in specs(self.provider.grant_class)}
        for grant in (*self.grants, *self.filled()[: len(self.grants)]):
            assert not self.provider.wildcards(grant), f"{grant} opens more than one thing: put it in wild_grants"
        for grant in self.wild_grants:
            assert self.provider.wildcards(grant), f"{grant} opens more than one thing, unreported"
            assert self.provider.wildcards(grant) <= names

    def test_schema_is_closed_and_complete(self) -> None:
        schema = json.loads(json.dumps(json_schema(self.provider.grant_class)))
        assert all(part["additionalProperties"] is False for part in objects(schema))
        for grant in (*self.grants, *self.wild_grants):
            assert dump(grant).keys() <= schema["properties"].keys()

    # Who it is for

    def test_the_subject_is_not_in_the_request(self) -> None:
        cls = self.provider.grant_class
        assert any(spec.filled_by for spec in specs(cls)), "no field is filled by the subject"
        for grant in self.grants:
            assert parse(cls, dump(grant)).subject is None
            for path, body in with_subject_sent(specs(cls), dump(grant), value=self.subject):
                error = raised(parse, cls, body)
                assert isinstance(error, FieldError)
                assert path in error.fields

    def test_the_subject_is_put_in(self) -> None:
        kind = int if self.provider.subject_kind(self.chosen_options()) == "integer" else str
        assert isinstance(self.subject, kind)
        assert all(grant.subject == str(self.subject) for grant in self.filled())

    def test_a_grant_without_a_subject_is_not_minted(self) -> None:
        for grant in self.grants:
            assert isinstance(raised(self.tried, self.order(grant)), BadGrant)

    # The token

    def test_minted_tokens_say_what_was_ordered(self) -> None:
        self.skip_where_texts_say_nothing()
        for grant, token in self.minted():
            seen = self.provider.inspect(token.value)
            assert (token.key_id, token.public_id, token.token_id) == ("ours", self.public_id, UUID(int=1))
            assert seen.format == token.format
            assert seen.public_id in {None, self.public_id}
            assert seen.subject in {None, grant.subject}
            assert seen.resource in {None, grant.resource}
            assert not seen.privileges or seen.privileges == grant.privileges
            assert seen.expires_at in {None, self.order(grant).expires_at}
            assert seen.problems == ()

    def test_minting_is_deterministic(self) -> None:
        for grant, token in self.minted():
            assert self.made(self.order(grant)).value == token.value

    def test_minted_tokens_are_verified(self) -> None:
        self.skip_where_texts_say_nothing()
        secrets = [("theirs", self.other_secret), ("ours", self.secret)]
        for grant, token in self.minted():
            found = self.verified(token.value, secrets=secrets, expected=grant)
            assert (found.valid, found.problems) == (True, ())
            assert found.key_id == ("ours" if self.secret else None)

    def test_another_secret_is_refused(self) -> None:
        self.skip_where_texts_say_nothing()
        if not self.secret:
            reason = "its tokens are random text, which nothing signs"
            raise SkipTest(reason)
        for grant, token in self.minted():
            assert not self.accepts(token.value, parts=self.other_secret, expected=grant)

    def test_a_token_of_somebody_else_is_refused(self) -> None:
        self.skip_where_texts_say_nothing()
        if not self.secret:
            reason = "its tokens are random text: whose each is stands in its row"
            raise SkipTest(reason)
        for other, (_grant, token) in zip(self.filled(self.other_subject), self.minted(), strict=True):
            assert not self.accepts(token.value, expected=other)

    def test_tampered_tokens_are_refused(self) -> None:
        self.skip_where_texts_say_nothing()
        for grant, token in self.minted():
            said = self.provider.inspect(token.value)
            let_in = [text for text in tampered(token.value) if self.accepts(text, expected=grant)]
            # Compressed formats have bits without meaning: another spelling of the same token is no forgery.
            forged = [text for text in let_in if self.provider.inspect(text) != said]
            assert forged == [], f"{len(forged)} changed tokens were accepted"
            assert len(let_in) <= 1, f"{len(let_in)} spellings of one token were accepted"

    def test_lifetimes_are_kept(self) -> None:
        (grant, *_others), limits = self.filled(), self.provider.lifetimes
        for lifetime in (limits.minimum, limits.maximum):
            self.tried(self.order(grant, lifetime=lifetime))
        for lifetime in (-1, 0, limits.minimum - 1, limits.maximum + 1):
            error = raised(self.tried, self.order(grant, lifetime=lifetime))
            assert isinstance(error, BadGrant)
            assert error.field == "lifetime"

    def test_garbage_is_malformed_or_opaque_and_nothing_else(self) -> None:
        for text in garbage():
            for read in (self.provider.inspect, self.accepts):
                error = raised(read, text)
                assert error is None or isinstance(error, TokenMalformed), f"{text[:40]!r} raised {error!r}"

    # What is handed out

    def test_sdk_is_json_with_the_token(self) -> None:
        for grant, token in self.minted():
            assert token.value in json.loads(json.dumps(self.provider.sdk(token, grant))).values()

    def test_nothing_secret_is_shown(self) -> None:
        for grant, token in self.minted():
            order = self.order(grant)
            shown = f"{order!r} {order} {token!r} {token} {grant!r}"
            shown += "" if self.provider.opaque else repr(self.provider.inspect(token.value))
            assert token.value not in shown
            for words in (shown, json.dumps(self.provider.sdk(token, grant))):
                assert not any(part in words for part in self.secret.values())

    def test_notices_are_sentences(self) -> None:
        for grant in self.filled():
            notices = self.provider.notices(grant, self.chosen_options())
            assert isinstance(notices, tuple)
            assert all(isinstance(notice, str) for notice in notices)

    def test_a_recalled_grant_is_the_one_that_was_minted(self) -> None:
        for grant in self.filled():
            recalled = self.provider.recalled(
                subject=grant.subject or "", resource=grant.resource, privileges=grant.privileges
            )
            assert recalled is None or recalled == grant
