"""Access tokens for the site itself: a signed JWT that this site, or whoever fetches its public keys, verifies.

Source: RFC 9068 (the profile: ``typ`` is at+jwt), RFC 7519 (claims), RFC 6749 section 3.3 (scope), RFC 8725.

    header     {"alg": ..., "typ": "at+jwt", "kid": certificate}
    claims     iss, aud, sub, client_id, jti, iat, exp, scope (absent when empty)

``client_id`` is the application's public id, ``jti`` the id of the audit row, ``kid`` the certificate's key id. ``aud``
is what the application's options name, else the issuer. Revocation asks for ``jti``, never for the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import jws
from token_issuer.formats.jwt_claims import SCOPE, TYP, AccessToken, access_token
from token_issuer.providers.base import (
    Grant,
    Inspection,
    Lifetimes,
    MintedToken,
    MintOrder,
    Options,
    Privilege,
    Provider,
    RefreshLimits,
    Revocation,
    SecretField,
    VendorFacts,
    Verification,
    put,
)
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.fields import check, grant_field, option_field, parse_duration
from token_issuer.providers.scopes import BUILT_IN, catalogue

if TYPE_CHECKING:
    from token_issuer.crypto import Secret, SigningKey, VerifyingKey

MAX_SCOPE_BYTES: Final = 1024

_MIN_SECRET_BYTES = 32  # RFC 7518 section 3.2
_MAX_ID_BYTES = 255
_SHORTEST_REFRESH = 61  # seconds: beyond the longest grace in which a rotated refresh token is answered again
_LONGEST_REFRESH = 366 * 86_400

VENDOR = VendorFacts(
    name="This site",
    console_url="",
    rotation_steps=(
        _("Stage a new certificate: the key of an asymmetric one is published at once."),
        _("Wait until whoever verifies with the published keys has fetched them again."),
        _("Activate it. The one before goes on verifying what it signed."),
        _("Retire the one before when the longest lifetime of its tokens has passed."),
    ),
    rotation_moments=("stage", "activate", "activate", "retire"),
    leak_steps=(
        _("Replace the certificate: every access token that it signed is refused here at once."),
        _("Tell whoever verifies with the published keys to fetch them again."),
    ),
    revocation_sentence=_(
        "This site verifies its tokens itself, so a revoked one is refused at its next use. Whoever verifies with the "
        "published keys alone accepts it until it expires."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnGrant(Grant):
    """What the holder of an access token may do. The order of scopes means nothing; they are kept sorted."""

    scope: str = grant_field(
        default="",
        label=_("Scope"),
        help=_("What the token may do: names of scopes with one blank between them. Empty says only who holds it."),
        max_bytes=MAX_SCOPE_BYTES,
        pattern=SCOPE,
    )
    sub: str | None = grant_field(
        default=None, label=_("User"), filled_by="subject", min_bytes=1, max_bytes=_MAX_ID_BYTES
    )

    def __post_init__(self) -> None:
        check(self)
        words = self.scope.split()
        if len(set(words)) != len(words):
            raise BadGrant("scope", "must not name anything twice")
        object.__setattr__(self, "scope", " ".join(sorted(words)))

    @property
    def subject(self) -> str | None:
        return self.sub

    @property
    def resource(self) -> str:
        return ""

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset(self.scope.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOptions(Options):
    """Whom the tokens are for, and how long they are renewed."""

    audience: str | None = option_field(
        default=None,
        label=_("Audience"),
        help=_("The address of the API that takes the tokens; the issuer itself when it is left out."),
        min_bytes=1,
        max_bytes=_MAX_ID_BYTES,
    )
    refresh_lifetime: str = option_field(
        default="30d",
        label=_("Refresh for"),
        help=_('How long a sign-in is renewed at most, such as "30d" or "12h". Refreshing does not extend it.'),
        max_bytes=32,
    )
    refresh_idle: str = option_field(
        default="14d",
        label=_("Refresh at least every"),
        help=_("A refresh token that is not used for this long ends."),
        max_bytes=32,
    )
    browser_pairs: bool = option_field(
        default=False,
        label=_("Refresh tokens for browsers"),
        help=_("Whoever is signed in with a session gets one too, in a cookie that scripts cannot read."),
    )

    def __post_init__(self) -> None:
        check(self, error=BadOption)
        if self.audience is not None and not _is_printable_ascii(self.audience):
            raise BadOption("audience", "must be printable ASCII without blanks")
        if _seconds(self.refresh_idle, "refresh_idle") > _seconds(self.refresh_lifetime, "refresh_lifetime"):
            raise BadOption("refresh_idle", "must not be longer than refresh_lifetime")


class OwnProvider(Provider):
    """The site's own access tokens, with refresh tokens beside them."""

    name = "own"
    label = _("Own access tokens")
    vendor = VENDOR
    grant_class = OwnGrant
    options_class = OwnOptions
    public_id_field = SecretField(
        name="public_id", label=_("Client id"), help=_("Names the application in its tokens; it is no secret.")
    )
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "sign": (
            SecretField(
                name="key",
                label=_("Signing key"),
                help=_("Random text of at least 32 bytes for HS256, else a private key in PEM without a password."),
            ),
        )
    }
    algorithms = jws.ALGORITHMS
    generates = True
    privileges = BUILT_IN
    places = None
    privileges_field = "scope"
    needs_issuer = True
    verified_here = True
    lifetimes = Lifetimes(
        minimum=60,
        default=3600,
        maximum=86_400,
        source="RFC 6749 section 5.1 shows an hour; nobody should hold a stolen token for more than a day.",
    )
    revocation = Revocation.IMMEDIATE
    renewable = True

    def check_public_id(self, value: str) -> None:
        if not 1 <= len(value) <= _MAX_ID_BYTES or not _is_printable_ascii(value):
            raise BadOption("public_id", "must be printable ASCII without blanks, at most 255 characters")

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:
        if purpose != "sign":
            raise BadOption("purpose", "must be sign")
        # Whether it fits its algorithm is told when it is parsed.
        if set(parts) != {"key"} or len(parts["key"].encode("utf-8", "surrogatepass")) < _MIN_SECRET_BYTES:
            raise BadOption("key", f"must be at least {_MIN_SECRET_BYTES} bytes")

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, sub=subject)

    def privileges_for(self, scopes: Mapping[str, str]) -> Mapping[str, Privilege]:
        return catalogue(scopes)

    def narrowed(self, grant: Grant, privileges: frozenset[str]) -> Grant:
        return put(grant, scope=" ".join(_granted(grant).privileges & privileges))

    def refresh_limits(self, options: Options) -> RefreshLimits | None:
        ours = _ours(options)
        return RefreshLimits(
            absolute=parse_duration(ours.refresh_lifetime),
            idle=parse_duration(ours.refresh_idle),
            browsers=ours.browser_pairs,
        )

    def recalled(self, *, subject: str, resource: str, privileges: frozenset[str]) -> Grant | None:
        return OwnGrant(scope=" ".join(privileges), sub=subject or None)

    def mint(self, order: MintOrder) -> MintedToken:
        grant = _granted(order.grant)
        if grant.sub is None:
            raise BadGrant("sub", "must be filled in before a token is made")
        self.lifetimes.check(order.lifetime)
        key = order.signer()
        return MintedToken(
            value=jws.encode(_claims(order, grant), key=key, typ=TYP),
            format="own-jwt",
            token_id=order.token_id,
            key_id=key.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        header, claims = _read(token)
        pairs = [*((f"header {name}", value) for name, value in header.items()), *claims.items()]
        said = access_token(header, claims)
        return Inspection(
            format="own-jwt",
            public_id=said.client_id if said else None,
            subject=said.subject if said else None,
            resource=None,
            privileges=said.scopes if said else frozenset(),
            issued_at=said.issued_at if said else None,
            expires_at=said.expires_at if said else None,
            details=tuple((name, str(value)) for name, value in pairs),
            problems=() if said else (_("A claim is missing, or not what this site writes."),),
        )

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        """Accept nothing: a text does not say which algorithm it is for. See ``verify_signed``."""
        _read(token)
        return Verification(valid=False, key_id=None, problems=("bad_signature",))

    def verify_signed(
        self, token: str, *, keys: Sequence[SigningKey | VerifyingKey], expected: Grant | None
    ) -> Verification:
        header, claims = _read(token)
        # RFC 8725 section 3.10: the key that it names or none, never one after the other.
        key = next((known.verifying_key for known in keys if known.key_id == header.get("kid")), None)
        if key is None:
            return Verification(valid=False, key_id=None, problems=("unknown_key",))
        signed = jws.verify(token, algorithm=key.algorithm, key=key.key)
        problems = (*(() if signed else ("bad_signature",)), *_objections(access_token(header, claims), expected))
        return Verification(valid=not problems, key_id=key.key_id if signed else None, problems=problems)

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        answer = {"access_token": minted.value, "token_type": "Bearer"}
        scope = _granted(grant).scope
        return {**answer, "scope": scope} if scope else {**answer}


def _claims(order: MintOrder, grant: OwnGrant) -> dict[str, object]:
    claims: dict[str, object] = {
        "iss": order.issuer,
        "aud": _ours(order.options).audience or order.issuer,
        "sub": grant.sub,
        "client_id": order.public_id,
        "jti": str(order.token_id),
        "iat": order.issued_ts,
        "exp": order.issued_ts + order.lifetime,
    }
    return {**claims, "scope": grant.scope} if grant.scope else claims


def _read(token: str) -> tuple[dict[str, object], dict[str, object]]:
    header, claims = jws.read(token)
    # RFC 8725 section 3.11: a token of another kind is none, whoever signed it.
    if header.get("typ") != TYP:
        message = f"The token is no access token: its type is not {TYP}."
        raise TokenMalformed(message)
    return header, claims


def _objections(said: AccessToken | None, expected: Grant | None) -> Iterator[str]:
    if said is None:
        yield "claims_refused"
    elif expected is not None:
        if said.subject != expected.subject:
            yield "subject_differs"
        if said.scopes != expected.privileges:
            yield "privileges_differ"


def _seconds(text: str, field: str) -> int:
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise BadOption(field, str(error)) from error
    if not _SHORTEST_REFRESH <= seconds <= _LONGEST_REFRESH:
        raise BadOption(field, "must be longer than a minute, and a year at most")
    return seconds


def _is_printable_ascii(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _granted(grant: Grant) -> OwnGrant:
    if not isinstance(grant, OwnGrant):
        raise BadGrant("grant", "must be a grant for an access token of our own")
    return grant


def _ours(options: Options) -> OwnOptions:
    if not isinstance(options, OwnOptions):
        raise BadOption("options", "must be those of our own access tokens")
    return options
