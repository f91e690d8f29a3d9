"""Voximplant: the answer to a one-time login key, made from the user's sealed HA1.

Sources: the vendor's page "Authorization: one-time key", the references of its SDKs, its Management API. A client asks
the cloud for a login key, hands it to us, and logs in with our hash. The key says nothing of whose it is, so the user
is never read from the request: whoever could name one would have an oracle for every account of the application.

The vendor keeps a key for five minutes and one key for each user: asking for a second one ends the first. After that
login, the vendor renews with tokens of its own (``login_tokens``): a client may leave them here, and its next start on
the same device fetches them back instead of asking for a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final, Literal, NoReturn

from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import digest_ha1
from token_issuer.providers.addresses import check_base
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
    Spent,
    Verification,
    put,
)
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.called import (
    CallOrder,
    PairKeeper,
    PairTexts,
    Provisioned,
    Provisioner,
    VendorRequest,
    VendorResponse,
)
from token_issuer.providers.fields import check, grant_field, option_field
from token_issuer.providers.voximplant import login_tokens, management, names
from token_issuer.providers.voximplant.facts import VENDOR
from token_issuer.providers.voximplant.login_tokens import LoginTokens

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.crypto import Secret

REALM: Final = "voximplant.com"  # of every application and account
KEY_LIFETIME: Final = 300  # seconds

_LONGEST_KEY: Final = 256  # bytes
_LONGEST_PASSWORD: Final = 255  # bytes in UTF-8


@dataclass(frozen=True, slots=True, kw_only=True)
class VoximplantGrant(Grant):
    """A login with the key that the cloud gave to the user's client, or with the tokens that this device left here."""

    login_key: str | None = grant_field(
        default=None,
        label=_("Login key"),
        help=_("What the SDK got with code 302, as it is. The cloud takes its answer for five minutes."),
        min_bytes=1,
        max_bytes=_LONGEST_KEY,
        pattern="[!-~]+",
        shown=False,
    )
    device: str | None = grant_field(
        default=None,
        label=_("Device"),
        help=_("In place of a login key: gives back the tokens that were left here for this device or browser."),
        min_bytes=1,
        max_bytes=64,
    )
    username: str | None = grant_field(
        default=None, label=_("User"), filled_by="subject", max_bytes=names.LONGEST_USER, pattern=names.USER
    )

    def __post_init__(self) -> None:
        check(self)
        if self.login_key is None and self.device is None:
            raise BadGrant("login_key", "is required, or device in its place")
        if self.login_key is not None and self.device is not None:
            raise BadGrant("device", "cannot be named beside login_key")

    @property
    def subject(self) -> str | None:
        return self.username

    @property
    def resource(self) -> str:
        return self.device or ""

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset({"login"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VoximplantOptions(Options):
    """How the Management API is called, where users are made there."""

    application_id: int | None = option_field(
        default=None,
        label=_("Application id"),
        help=_("The number the console shows for the application. Left out, it is found by its name."),
        minimum=1,
        maximum=2**53 - 1,
    )
    api_profile: Literal["python", "node"] = option_field(
        default="python",
        label=_("Management API profile"),
        help=_("Which of the vendor's own clients the calls' tokens are made like; it takes both."),
    )
    api_url: str = option_field(
        default="https://api.voximplant.com",
        label=_("Server API"),
        help=_("Where Voximplant's Management API is: https, or a stand-in on this machine."),
        max_bytes=255,
        gets_secrets=True,
    )

    def __post_init__(self) -> None:
        check(self, error=BadOption)
        check_base("api_url", self.api_url)


class VoximplantProvider(Provisioner, PairKeeper, Provider):
    """Voximplant's clients, which log in by one-time keys, or by tokens of an earlier login."""

    name = "voximplant"
    label = "Voximplant"
    vendor = VENDOR
    grant_class = VoximplantGrant
    options_class = VoximplantOptions
    deposit_class = LoginTokens
    renews_pairs = False  # only over the SDK's own connection
    browsers_deposit = True
    public_id_field = SecretField(
        name="public_id",
        label=_("Application"),
        help=_("Its full name, what follows the @ in user names: myapp.myaccount.voximplant.com"),
    )
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "call": (
            SecretField(
                name="account_id",
                label=_("Account id"),
                help=_("From the credentials file of a service account with the role User manager."),
            ),
            SecretField(name="key_id", label=_("Key id"), help=_("From the same file.")),
            SecretField(
                name="private_key", label=_("Private key"), help=_("From the same file, in PEM."), algorithm="RS256"
            ),
        )
    }
    account_fields: ClassVar[tuple[SecretField, ...]] = (
        SecretField(
            name="password",
            label=_("Password"),
            help=_("The user's password at the vendor. Only what it is hashed to is kept."),
        ),
    )
    privileges: ClassVar[Mapping[str, Privilege]] = {"login": Privilege(label=_("Log in"), doing=_("log in"))}
    places = Places(
        every=_("on every device"),
        one=_("on the device {place}"),
        some=_("on devices {place}"),
    )
    has_slots = False
    opaque = True
    vendor_sets_lifetime = True
    lifetimes = Lifetimes(
        minimum=KEY_LIFETIME,
        default=KEY_LIFETIME,
        maximum=KEY_LIFETIME,
        source='The vendor\'s page "Authorization: one-time key": a login key expires after 5 minutes.',
    )
    revocation = Revocation.AT_EXPIRY
    renewable = False

    def check_public_id(self, value: str) -> None:
        names.labels(value)

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:
        if purpose != "call":
            raise BadOption("purpose", "must be call")
        management.check_credentials(parts)

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, username=subject)

    def spends(self, grant: Grant) -> Spent | None:
        key = _granted(grant).login_key
        return None if key is None else Spent(name="login_key", text=key, lifetime=KEY_LIFETIME)

    def lifetimes_for(self, grant: Grant) -> Lifetimes:
        return self.lifetimes if _granted(grant).device is None else login_tokens.LIFETIMES

    # The tokens of a login

    def device_of(self, grant: Grant) -> str | None:
        return _granted(grant).device

    def grant_for(self, device: str) -> Grant:
        if not device:
            raise BadGrant("device", "is required: the vendor's tokens are one device's")
        return VoximplantGrant(device=device)

    def deposited(self, deposit: LoginTokens, *, options: Options, at: datetime) -> PairTexts:
        return login_tokens.pair(deposit, at=at)

    def handed_out(self, order: MintOrder, pair: PairTexts) -> MintedToken:
        fresh = pair.access_expires_at > order.issued_at
        tokens = {"refreshToken": pair.refresh, "refreshExpire": _left(pair.refresh_expires_at, order)}
        if fresh:
            tokens |= {"accessToken": pair.access, "accessExpire": _left(pair.access_expires_at, order)}
        return MintedToken(
            # The client logs in with the one while it lives, and renews both with the other afterwards.
            value=pair.access if fresh else pair.refresh or "",
            format="voximplant-access" if fresh else "voximplant-refresh",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
            beside=tokens,
            # Of the last that leaves: policy's maximum and a revocation's answer are about all of it.
            expires_at=max(pair.access_expires_at, pair.refresh_expires_at or pair.access_expires_at),
        )

    # The user's account

    def login_name(self, subject: str, public_id: str) -> str:
        return str(names.full_name(subject, public_id))

    def check_account(self, subject: str) -> None:
        names.check_user(subject)

    def account_proof(self, subject: str, parts: Mapping[str, str]) -> dict[str, str]:
        self.check_account(subject)
        return {"ha1": digest_ha1.ha1(user=subject, realm=REALM, password=_password(parts))}

    def provision_request(self, order: CallOrder, *, subject: str, password: str, create: bool) -> VendorRequest:
        self.check_account(subject)
        if create and not names.NEW_USER.fullmatch(subject):
            raise BadOption("subject", "must be 3 to 50 of a-z, 0-9, - and _, or the vendor makes no such user")
        values = {"user_name": subject, "user_password": _password({"password": password})}
        if create:
            values["user_display_name"] = subject
        options = _options(order.options)
        return management.call(
            order,
            "AddUser" if create else "SetUserInfo",
            {**values, **_application(order.public_id, options)},
            api_url=options.api_url,
            profile=management.PROFILES[options.api_profile],
        )

    def read_provisioned(self, response: VendorResponse) -> Provisioned:
        return management.read_provisioned(response)

    # The token

    def mint(self, order: MintOrder) -> MintedToken:
        grant = _granted(order.grant)
        if grant.username is None:
            raise BadGrant("username", "must be filled in before a token is made")
        if grant.login_key is None:
            raise BadGrant("login_key", "is required: nothing else is answered")
        self.lifetimes.check(order.lifetime)
        return MintedToken(
            value=digest_ha1.answer(key=grant.login_key, ha1=order.proved("ha1")),
            format="voximplant-hash",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
            expires_at=order.issued_at + timedelta(seconds=KEY_LIFETIME),
        )

    def inspect(self, token: str) -> Inspection:
        _refuse()

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        _refuse()

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        name = self.login_name(_granted(grant).username or "", minted.public_id)
        return {"username": name, **(minted.beside or {"hash": minted.value})}


def _left(end: datetime | None, order: MintOrder) -> int:
    return 0 if end is None else int((end - order.issued_at).total_seconds())


def _refuse() -> NoReturn:
    message = "A login hash of Voximplant says nothing: 32 hex digits may be anybody's."
    raise TokenMalformed(message)


def _application(public_id: str, options: VoximplantOptions) -> dict[str, object]:
    if options.application_id is not None:
        return {"application_id": options.application_id}
    return {"application_name": names.labels(public_id)[0]}


def _password(parts: Mapping[str, str]) -> str:
    text = parts.get("password", "")
    # Blanks at an end come from copying; inside, the vendor refuses them, but may not always have done so.
    if not text.isprintable() or text != text.strip() or not 1 <= len(text.encode()) <= _LONGEST_PASSWORD:
        raise BadOption("password", f"must be printable, 1 to {_LONGEST_PASSWORD} bytes, without blanks at its ends")
    return text


def _granted(grant: Grant) -> VoximplantGrant:
    if not isinstance(grant, VoximplantGrant):
        raise BadGrant("grant", "must be a Voximplant grant")
    return grant


def _options(options: Options) -> VoximplantOptions:
    if not isinstance(options, VoximplantOptions):
        raise BadOption("options", "must be Voximplant's")
    return options
