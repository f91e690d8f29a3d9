"""Rows for tests. Secrets are made up here and open nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import factory
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from token_issuer.crypto import Secret, TokenText, digests, opaque
from token_issuer.ids import named_uuid, uuid7
from token_issuer.models import (
    ApiKey,
    ApiKeySecret,
    Application,
    Certificate,
    EpochKind,
    IssuedToken,
    OneTimeKey,
    Origin,
    Principal,
    Rule,
    TokenFamily,
    VendorAccount,
    VendorPair,
    epoch_key,
)
from token_issuer.registry import get_provider
from token_issuer.services.callers import Caller
from token_issuer.services.opening import seal_api_key_secret, seal_pair_text, seal_proof, seal_secret

AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)

AGORA_APP_ID = "0123456789abcdef0123456789ABCDEF"
AGORA_CERTIFICATE = "fedcba9876543210fedcba9876543210"
VIDEOSDK_KEY = "11111111-2222-4333-8444-555555555555"
VIDEOSDK_SECRET = "0f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a69780f1e2d3c4b5a6978"

VOCALSTACK_KEY = "vocalstack-api-key-5f4e3d2c1b0a"
SPEECH_LIMIT = 3  # tokens of the application ``speech`` for one person in an hour
VOXIMPLANT_DOMAIN = "myapp.myaccount.voximplant.com"

PUBLIC_IDS = {"agora": AGORA_APP_ID, "videosdk": VIDEOSDK_KEY, "voximplant": VOXIMPLANT_DOMAIN}
SECRETS = {
    "agora": {"certificate": AGORA_CERTIFICATE},
    "videosdk": {"secret": VIDEOSDK_SECRET},
    "own": {"key": "5a4b3c2d1e0f69788796a5b4c3d2e1f05a4b3c2d1e0f69788796a5b4c3d2e1f0"},
}
ALGORITHMS = {"own": "HS256"}
NARROWEST = {"agora": ["subscriber"], "own": ["tokens:issue"], "own-once": ["readonly"], "voximplant": ["login"]}


def caller(user: Any, **circumstances: Any) -> Caller:
    """The user at a browser."""
    return Caller(user=user, origin=circumstances.pop("origin", Origin.SESSION), **circumstances)


class UserFactory(factory.django.DjangoModelFactory):
    """Somebody who can sign in."""

    class Meta:
        model = get_user_model()

    username = factory.Sequence(lambda n: f"user{n}")
    password = factory.django.Password("correct horse")


class GroupFactory(factory.django.DjangoModelFactory):
    """A group without members."""

    class Meta:
        model = Group

    name = factory.Sequence(lambda n: f"group{n}")


class ApplicationFactory(factory.django.DjangoModelFactory):
    """A VideoSDK application without a certificate; ``ready=True`` gives it an active one."""

    class Meta:
        model = Application
        skip_postgeneration_save = True

    name = factory.LazyAttribute(lambda made: made.slug.title())
    slug = factory.Sequence(lambda n: f"rooms{n}")
    provider = "videosdk"
    public_id = factory.LazyAttribute(lambda made: PUBLIC_IDS.get(made.provider, "public"))
    created_at = AT

    @factory.post_generation
    def ready(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        purpose = get_provider(self.provider).minting_purpose if extracted else None
        if purpose is not None:  # nothing signs the others' tokens
            CertificateFactory(application=self, purpose=purpose, active=True)


class CertificateFactory(factory.django.DjangoModelFactory):
    """A staged certificate with its provider's made-up secret; ``active=True`` activates it."""

    class Meta:
        model = Certificate

    class Params:
        active = factory.Trait(activated_at=AT)
        secret = factory.LazyAttribute(lambda made: SECRETS.get(made.application.provider, {"secret": "x" * 32}))

    id = factory.LazyFunction(uuid7)
    application = factory.SubFactory(ApplicationFactory)
    key_id = factory.LazyAttribute(lambda made: str(made.id))
    algorithm = factory.LazyAttribute(lambda made: ALGORITHMS.get(made.application.provider, ""))
    sealed_secret = factory.LazyAttribute(lambda made: seal_secret(made.secret, row=made.id))
    fingerprint = factory.LazyAttribute(lambda made: digests.fingerprint(Secret(**made.secret)))
    created_at = AT


class RuleFactory(factory.django.DjangoModelFactory):
    """Everyone signed in may have the provider's narrowest privilege, in any named room."""

    class Meta:
        model = Rule
        skip_postgeneration_save = True

    application = factory.SubFactory(ApplicationFactory, ready=True)
    everyone = True
    privileges = factory.LazyAttribute(lambda made: NARROWEST.get(made.application.provider, ["allow_join"]))

    @factory.post_generation
    def for_users(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        self.users.set(extracted or [])

    @factory.post_generation
    def for_groups(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        self.groups.set(extracted or [])


class VendorAccountFactory(factory.django.DjangoModelFactory):
    """A user's identity at a vendor; with ``proof``, the parts of what logs him in there."""

    class Meta:
        model = VendorAccount

    class Params:
        proof = None

    id = factory.LazyFunction(uuid7)

    application = factory.SubFactory(ApplicationFactory)
    user = factory.SubFactory(UserFactory)
    principal_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.USER, made.user.pk))
    sealed_secret = factory.LazyAttribute(lambda made: seal_proof(made.proof, row=made.id) if made.proof else None)


class VendorPairFactory(factory.django.DjangoModelFactory):
    """A vendor's pair, good from ``AT`` for an hour and a month; ``refresh=None`` makes one that nobody can renew."""

    class Meta:
        model = VendorPair

    class Params:
        access = "vendor-access"
        refresh = "vendor-refresh"

    id = factory.LazyFunction(uuid7)
    application = factory.SubFactory(ApplicationFactory)
    user = factory.SubFactory(UserFactory)
    principal_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.USER, made.user.pk))
    device = ""
    device_key = factory.LazyAttribute(lambda made: named_uuid("device", made.device))
    sealed_access = factory.LazyAttribute(
        lambda made: seal_pair_text(TokenText(made.access), field="sealed_access", row=made.id)
    )
    sealed_refresh = factory.LazyAttribute(
        lambda made: made.refresh and seal_pair_text(TokenText(made.refresh), field="sealed_refresh", row=made.id)
    )
    access_expires_at = AT + timedelta(hours=1)
    ends_at = AT + timedelta(days=30)
    created_at = AT


class IssuedTokenFactory(factory.django.DjangoModelFactory):
    """A row as if a token had been issued at ``AT`` for ten minutes."""

    class Meta:
        model = IssuedToken

    id = factory.LazyFunction(uuid7)
    application = factory.LazyAttribute(lambda made: made.certificate.application)
    certificate = factory.SubFactory(CertificateFactory, active=True)
    principal = Principal.USER
    user = factory.SubFactory(UserFactory)
    principal_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.USER, made.user.pk))
    subject = "user-1"
    resource = "room-1"
    resource_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.RESOURCE, made.application.pk, made.resource))
    privileges = factory.LazyFunction(lambda: ["allow_join"])
    format = "videosdk"
    digest = factory.LazyAttribute(lambda made: digests.digest(str(made.id)))
    fingerprint = factory.LazyAttribute(lambda made: made.digest[:16])
    issued_at = AT
    expires_at = factory.LazyAttribute(lambda made: made.issued_at + timedelta(minutes=10))
    origin = Origin.SESSION
    decision = "rule:made-up"


class ApiKeyFactory(factory.django.DjangoModelFactory):
    """A server's key that may issue and acts for nobody, without a secret."""

    class Meta:
        model = ApiKey

    application = factory.SubFactory(ApplicationFactory)
    public_id = factory.Sequence(lambda n: f"ak_{n:022}")
    purpose = "for tests"
    scopes = factory.LazyFunction(lambda: ["tokens:issue"])
    acts_as = None
    acts_as_key = factory.LazyAttribute(lambda made: made.acts_as and epoch_key(EpochKind.USER, made.acts_as.pk))
    created_at = AT


class ApiKeySecretFactory(factory.django.DjangoModelFactory):
    """A secret that works, known to nobody unless ``text`` is given; sealed where its key may sign."""

    class Meta:
        model = ApiKeySecret

    class Params:
        text = factory.LazyFunction(lambda: opaque.new(opaque.API_KEY_SECRET))

    id = factory.LazyFunction(uuid7)
    api_key = factory.SubFactory(ApiKeyFactory)
    digest = factory.LazyAttribute(lambda made: digests.digest(made.text))
    fingerprint = factory.LazyAttribute(lambda made: made.digest[:16])
    sealed_secret = factory.LazyAttribute(
        lambda made: seal_api_key_secret(made.text, row=made.id) if made.api_key.may_sign else None
    )
    created_at = AT


def api_key(**columns: Any) -> tuple[ApiKey, str]:
    """A server's key and the text of its one secret."""
    key, text = ApiKeyFactory(**columns), opaque.new(opaque.API_KEY_SECRET)
    ApiKeySecretFactory(api_key=key, text=text)
    return key, text.reveal()


class TokenFamilyFactory(factory.django.DjangoModelFactory):
    """An open chain that began at ``AT``."""

    class Meta:
        model = TokenFamily

    application = factory.SubFactory(ApplicationFactory)
    principal = Principal.USER
    user = factory.SubFactory(UserFactory)
    principal_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.USER, made.user.pk))
    subject = "user-1"
    resource_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.RESOURCE, made.application.pk, ""))
    mac_key_id = "test2"
    idle_expires_at = AT + timedelta(days=14)
    expires_at = AT + timedelta(days=30)
    created_at = AT


class OneTimeKeyFactory(factory.django.DjangoModelFactory):
    """A login key that was made at ``AT`` for a minute; nobody has its text."""

    class Meta:
        model = OneTimeKey

    id = factory.LazyFunction(uuid7)
    digest = factory.LazyAttribute(lambda made: digests.digest(str(made.id)))
    fingerprint = factory.LazyAttribute(lambda made: made.digest[:16])
    application = factory.SubFactory(ApplicationFactory)
    principal = Principal.USER
    user = factory.SubFactory(UserFactory)
    principal_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.USER, made.user.pk))
    grant = factory.LazyFunction(lambda: {"roomId": "room-1"})
    resource_key = factory.LazyAttribute(lambda made: epoch_key(EpochKind.RESOURCE, made.application.pk, "room-1"))
    created_at = AT
    expires_at = factory.LazyAttribute(lambda made: made.created_at + timedelta(minutes=1))
