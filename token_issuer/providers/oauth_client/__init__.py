"""Access tokens of a vendor that speaks OAuth 2.0, renewed with the refresh token that it gave to a user.

Source: RFC 6749, sections 2.3.1 (how a client says who it is), 5 (the answer) and 6 (refreshing), and RFC 6750 (bearer
tokens). Connectify, whose pages name a short access token, a refresh token, an automatic and a manual refresh and no
endpoint of its own, is such a vendor.

    POST <token endpoint>      grant_type=refresh_token, refresh_token, scope where one is set, as a form
    client authentication      Basic over the form-encoded id and secret, or both in the form, or the id alone
    answer                     access_token, token_type, expires_in, refresh_token (the old one stays where there is
                               none), scope; or an error: invalid_grant ends the pair

The user connects on a page of the site's own; its server hands in what the vendor answered there. Only the access token
ever leaves.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from urllib.parse import quote_plus

from token_issuer.errors import BadGrant, BadOption, NoActiveCertificate, TokenMalformed, VendorUnavailable
from token_issuer.providers.addresses import check_address
from token_issuer.providers.base import (
    Grant,
    Inspection,
    Lifetimes,
    MintedToken,
    MintOrder,
    Options,
    Places,
    Privilege,
    Provider,
    Revocation,
    SecretField,
    Verification,
    put,
)
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.called import PairKeeper, PairTexts, VendorRequest, VendorResponse
from token_issuer.providers.fields import check, grant_field, option_field
from token_issuer.providers.oauth_client import answers
from token_issuer.providers.oauth_client.answers import LONGEST_LIFE, LONGEST_TEXT
from token_issuer.providers.oauth_client.facts import VENDOR

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.crypto import Secret

ClientAuthentication = Literal["basic", "body", "none"]

_DAY: Final = 86_400
_LONGEST_ACCESS: Final = 90 * _DAY  # what is documented of it is below
_VSCHAR: Final = r"[\x20-\x7e]+"  # RFC 6749 appendix A.12 and A.17
_SCOPE: Final = r"(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?"  # appendix A.4
_FORMAT: Final = "oauth-bearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClientGrant(Grant):
    """The access token of one of the user's connections."""

    device: str = grant_field(
        default="",
        label=_("Connection"),
        help=_("Which of the user's connections, where he has several; the one without a name otherwise."),
        max_bytes=64,
    )
    sub: str | None = grant_field(default=None, label=_("User"), filled_by="subject", min_bytes=1, max_bytes=255)

    def __post_init__(self) -> None:
        check(self)

    @property
    def subject(self) -> str | None:
        return self.sub

    @property
    def resource(self) -> str:
        return self.device

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset({"access"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClientOptions(Options):
    """Where the vendor is, and what it wants."""

    token_url: str = option_field(
        label=_("Token endpoint"),
        help=_("The vendor's address for refreshing, e.g. https://auth.example.com/oauth/token"),
        min_bytes=1,
        max_bytes=500,
        gets_secrets=True,
    )
    client_authentication: ClientAuthentication = option_field(
        default="basic",
        label=_("Client authentication"),
        help=_("basic: in the header; body: in the form; none: a public client without a secret."),
    )
    scope: str = option_field(
        default="",
        label=_("Scope"),
        help=_("Asked for when refreshing; empty for what the user agreed to, which suits most vendors."),
        max_bytes=1000,
        pattern=_SCOPE,
    )
    access_lifetime: int = option_field(
        default=3600,
        label=_("Lifetime when none is told"),
        help=_("Seconds that an access token is taken to live when the vendor does not say (expires_in)."),
        minimum=10,
        maximum=_DAY,
    )

    def __post_init__(self) -> None:
        check(self, error=BadOption)
        # RFC 6749 section 3.2 lets a query be there; it would be logged with each request.
        check_address("token_url", self.token_url)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OAuthDeposit:
    """What the vendor answered when the user connected, by its names (RFC 6749 section 5.1)."""

    access_token: str = grant_field(label=_("Access token"), min_bytes=1, max_bytes=LONGEST_TEXT, pattern=_VSCHAR)
    refresh_token: str | None = grant_field(
        default=None, label=_("Refresh token"), min_bytes=1, max_bytes=LONGEST_TEXT, pattern=_VSCHAR
    )
    expires_in: int | None = grant_field(
        # More could be kept but never handed out.
        default=None,
        label=_("Seconds to the access token's end"),
        minimum=1,
        maximum=_LONGEST_ACCESS,
    )
    refresh_expires_in: int | None = grant_field(
        default=None,
        label=_("Seconds to the refresh token's end"),
        help=_("No part of the standard; many vendors say it all the same."),
        minimum=1,
        maximum=LONGEST_LIFE,
    )
    token_type: str = grant_field(default="Bearer", label=_("Token type"), max_bytes=32)
    scope: str | None = grant_field(default=None, label=_("Scope"), help=_("Not kept."), max_bytes=4000)


class OAuthClientProvider(PairKeeper, Provider):
    """Any vendor of RFC 6749."""

    name = "oauth-client"
    label = _("OAuth client (Connectify and others)")
    vendor = VENDOR
    grant_class = OAuthClientGrant
    options_class = OAuthClientOptions
    deposit_class = OAuthDeposit
    renews_pairs = True
    public_id_field = SecretField(
        name="public_id", label=_("Client id"), help=_("The client_id that the vendor registered the site under.")
    )
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "call": (
            SecretField(
                name="client_secret",
                label=_("Client secret"),
                help=_("From the vendor's page about the client, as it is."),
            ),
        )
    }
    privileges: ClassVar[Mapping[str, Privilege]] = {
        "access": Privilege(label=_("Have an access token"), doing=_("have an access token"))
    }
    places = Places(
        every=_("on every device"),
        one=_("on the device {place}"),
        some=_("on devices {place}"),
    )
    has_slots = False
    opaque = True
    vendor_sets_lifetime = True
    whole_seconds = False
    lifetimes = Lifetimes(
        minimum=1,
        default=_LONGEST_ACCESS,
        maximum=_LONGEST_ACCESS,
        source="RFC 6749 sets no limit and the vendor decides; none of the large ones goes beyond 60 days.",
    )
    revocation = Revocation.AT_EXPIRY
    renewable = True
    requires: ClassVar[Mapping[str, str]] = {"httpx": "vendors"}

    def check_public_id(self, value: str) -> None:
        if not value.isascii() or not value.isprintable():
            raise BadOption("public_id", "must be printable ASCII: it is sent to the vendor")

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:
        secret = parts.get("client_secret", "")
        if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
            raise BadOption("client_secret", "must be printable ASCII without blanks around it")

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, sub=subject)

    # Pairs

    def device_of(self, grant: Grant) -> str | None:
        return grant.device if isinstance(grant, OAuthClientGrant) else None

    def grant_for(self, device: str) -> Grant:
        return OAuthClientGrant(device=device)

    def deposited(self, deposit: Any, *, options: Options, at: datetime) -> PairTexts:  # noqa: ANN401  OAuthDeposit
        if deposit.token_type.lower() != "bearer":
            raise BadGrant("token_type", "must be Bearer: nothing else can be handed out")
        told = {"expires_in": deposit.expires_in, "refresh_expires_in": deposit.refresh_expires_in}
        return PairTexts(
            access=deposit.access_token,
            access_expires_at=at + timedelta(seconds=deposit.expires_in or _options(options).access_lifetime),
            refresh=deposit.refresh_token,
            refresh_expires_at=_after(at, deposit.refresh_expires_in),
            reported={name: seconds for name, seconds in told.items() if seconds is not None},
        )

    def handed_out(self, order: MintOrder, pair: PairTexts) -> MintedToken:
        return MintedToken(
            value=pair.access,
            format=_FORMAT,
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
            beside={"expires_in": int((pair.access_expires_at - order.issued_at).total_seconds())},
            expires_at=pair.access_expires_at,
        )

    def renewal_request(self, order: MintOrder, pair: PairTexts) -> VendorRequest:
        options = _options(order.options)
        scope = {"scope": options.scope} if options.scope else {}
        headers, identity = _authentication(options, order)
        return VendorRequest(
            method="POST",
            url=options.token_url,
            headers={"Accept": "application/json", **headers},
            values={"grant_type": "refresh_token", "refresh_token": pair.refresh or "", **scope, **identity},
        )

    def renewed(self, order: MintOrder, pair: PairTexts, response: VendorResponse) -> PairTexts:
        if not response.ok:
            raise answers.refusal(response)
        found = answers.given(response.json())
        if isinstance(found, VendorUnavailable):
            raise found
        life = found.life or _options(order.options).access_lifetime
        refresh_ends = _after(order.issued_at, found.refresh_life)
        return PairTexts(
            access=found.access,
            access_expires_at=order.issued_at + timedelta(seconds=life),
            refresh=found.refresh or pair.refresh,
            # Section 6: without a new refresh token the old one stays, and so does what is known of its end.
            refresh_expires_at=refresh_ends or (None if found.refresh else pair.refresh_expires_at),
        )

    # The token

    def mint(self, order: MintOrder) -> MintedToken:
        """Refuse: only the vendor makes these."""
        raise NotImplementedError

    def inspect(self, token: str) -> Inspection:
        message = "A vendor's access token says nothing to anybody else."
        raise TokenMalformed(message)

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        message = "A vendor's access token is verified by the vendor alone."
        raise TokenMalformed(message)

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {"access_token": minted.value, "token_type": "Bearer", **minted.beside}


def _options(options: Options) -> OAuthClientOptions:
    if not isinstance(options, OAuthClientOptions):
        raise BadOption("token_url", "is required")
    return options


def _authentication(options: OAuthClientOptions, order: MintOrder) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the fields that say who asks (RFC 6749 section 2.3.1)."""
    if options.client_authentication == "none":
        return {}, {"client_id": order.public_id}
    if order.secret is None:
        raise NoActiveCertificate("call")
    secret = order.secret.part("client_secret")
    if options.client_authentication == "body":
        return {}, {"client_id": order.public_id, "client_secret": secret}
    # Both are encoded as in a form before Basic encodes them.
    pair = f"{quote_plus(order.public_id)}:{quote_plus(secret)}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {}


def _after(at: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else at + timedelta(seconds=seconds)
