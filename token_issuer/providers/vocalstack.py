"""VocalStack: opaque tokens of 1 to 120 seconds, which the vendor makes when it is asked with an API key.

Source: the vendor's ``js-sdk`` 1.1.0, as recorded in ``vocalstack.json``, and its documentation.

    GET <api_url>/security/generate-token?access=readonly&lifetime_s=10&one_time=true
    Authorization: <API key>                  raw, no scheme
    X-Expected-API-Version: 1.1.0

    X-API-Version: 1.1.0                      a lower one, or none, is refused; a higher one is read all the same
    X-API-Version-Discontinued: 1             refused
    {"status": "done", "data": "<token>"}     or {"data": {"status": "done", "data": "<token>"}}

The vendor's package leaves out what is left out, and sends 121 seconds when told so. Here all three options are always
sent, so what is recorded is what was asked for, and nothing is sent that the vendor documents as wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from token_issuer.errors import BadGrant, BadOption, NoActiveCertificate, TokenMalformed, VendorUnavailable
from token_issuer.providers.addresses import check_base
from token_issuer.providers.base import (
    Grant,
    Inspection,
    Lifetimes,
    MintedToken,
    MintOrder,
    Options,
    Privilege,
    Revocation,
    SecretField,
    VendorError,
    VendorFacts,
    Verification,
    put,
)
from token_issuer.providers.base import gettext_noop as _
from token_issuer.providers.called import CalledProvider, VendorRequest, VendorResponse
from token_issuer.providers.drop_ins import Asked, IssuingDropIn
from token_issuer.providers.fields import check, grant_field, option_field

if TYPE_CHECKING:
    from token_issuer.crypto import Secret

Access = Literal["readonly", "readwrite"]

API_VERSION: Final = (1, 1, 0)
REUSABLE: Final = "reusable"

_PATH: Final = "/security/generate-token"
_VERSION: Final = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})")
# It travels in an Authorization header. The vendor says no more about it.
_TOKEN: Final = re.compile(r"[!-~]{1,4096}")
_API_KEY: Final = re.compile(r"[!-~]{8,512}")
_PUBLIC_ID: Final = re.compile(r"[!-~]{1,255}")
_WAITING_HELPS: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})

VENDOR = VendorFacts(
    name="VocalStack",
    console_url="https://www.vocalstack.com",
    rotation_steps=(
        _("In the vendor's console, create a second API key."),
        _("Stage it here, activate it, and ask for a token."),
        _("Two minutes later every token of the old key has expired: delete that key in the console."),
    ),
    rotation_moments=("stage", "activate", "retire"),
    leak_steps=(
        _("In the console, delete the API key: whoever has it can make tokens, and use the account."),
        _("Create a new one, and replace the certificate here."),
    ),
    revocation_sentence=_(
        "VocalStack offers no way to end a token. A one-time token dies with its first use, every other when its two "
        "minutes at most are over, and a transcription that runs goes on."
    ),
    errors=(
        VendorError(
            code="401",
            meaning=_("Token unknown, used up or expired; or the API key, when a token is asked for"),
            cure=_("Ask for a token right before its use, and for another one for each request."),
        ),
        VendorError(
            code="403",
            meaning=_("Not allowed with this token, or with this API key"),
            cure=_("Ask for readwrite to transcribe; compare the API key with the console."),
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VocalStackOptions(Options):
    """Where the vendor is asked: its own server, or a stand-in."""

    api_url: str = option_field(
        default="https://api.vocalstack.com",
        label=_("Address of the API"),
        help=_("The vendor's own, unless a stand-in of yours answers. The API key is sent there."),
        max_bytes=255,
        gets_secrets=True,
    )

    def __post_init__(self) -> None:
        check(self, error=BadOption)
        check_base("api_url", self.api_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class VocalStackGrant(Grant):
    """What the holder of a token may do: by default read, once."""

    access: Access = grant_field(
        default="readonly",
        label=_("Access"),
        help=_("readonly for calls that return data; readwrite also for transcriptions, which cost money."),
    )
    one_time: bool = grant_field(
        default=True,
        label=_("Once"),
        help=_("Whether the token is used up by its first use, or good until it expires."),
    )
    # The vendor does not know people: this is for policy and audit.
    user: str | None = grant_field(default=None, label=_("User"), filled_by="subject", min_bytes=1, max_bytes=255)

    def __post_init__(self) -> None:
        check(self)

    @property
    def subject(self) -> str | None:
        return self.user

    @property
    def resource(self) -> str:
        return ""

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset({self.access} if self.one_time else {self.access, REUSABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The options of the vendor's ``generateToken``, by their names there."""

    access: Access = grant_field(default="readonly", label=_("Access"))
    lifetime_s: int | None = grant_field(default=None, label=_("Lifetime"), help=_("Seconds."))
    one_time: bool = grant_field(default=True, label=_("Once"))


class Authenticate(IssuingDropIn[_Wanted]):
    """The endpoint of the vendor's page "Client Side Authentication Tokens": its front-end takes ``{token}``."""

    path = "authenticate"
    summary = _("What the server of VocalStack's example answers: a token.")
    shapes: ClassVar[tuple[type, ...]] = (_Wanted,)
    names: ClassVar[Mapping[str, str]] = {"lifetime": "lifetime_s"}
    answers: ClassVar[Mapping[str, object]] = {"token": {"type": "string"}}

    def asked(self, sent: _Wanted) -> Asked:
        lifetime = {} if sent.lifetime_s is None else {"lifetime": sent.lifetime_s}
        return Asked(body={"access": sent.access, "one_time": sent.one_time, **lifetime})

    def answer(self, token: str, grant: Grant) -> dict[str, object]:
        return {"token": token}


class VocalStackProvider(CalledProvider):
    """Short tokens for browsers that transcribe with VocalStack."""

    name = "vocalstack"
    label = "VocalStack"
    vendor = VENDOR
    grant_class = VocalStackGrant
    options_class = VocalStackOptions
    public_id_field = SecretField(
        name="public_id",
        label=_("Name of the key"),
        help=_("As the console shows it. It names the application in answers, is no secret, and is not sent."),
    )
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {
        "call": (SecretField(name="api_key", label=_("API key"), help=_("From the vendor's console, as it is.")),)
    }
    privileges: ClassVar[Mapping[str, Privilege]] = {
        "readonly": Privilege(label=_("Read"), doing=_("read")),
        "readwrite": Privilege(
            label=_("Read and transcribe"), doing=_("read and transcribe"), implies=frozenset({"readonly"})
        ),
        REUSABLE: Privilege(label=_("Use it more than once"), doing=_("use it more than once")),
    }
    places = None
    privileges_field = "access"
    lifetimes = Lifetimes(
        minimum=1,
        default=10,
        maximum=120,
        source="The declarations of the vendor's js-sdk 1.1.0: 1 to 120 seconds, 10 by default.",
    )
    revocation = Revocation.AT_EXPIRY
    renewable = False
    opaque = True
    # A second may be the whole life, so the request's own instant counts.
    whole_seconds = False
    drop_ins = (Authenticate(),)
    requires: ClassVar[Mapping[str, str]] = {"httpx": "vendors"}

    def check_public_id(self, value: str) -> None:
        if not _PUBLIC_ID.fullmatch(value):
            raise BadOption("public_id", "must be 1 to 255 printable ASCII characters without blanks")

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:
        if purpose != "call":
            raise BadOption("purpose", "must be call")
        text = parts["api_key"] if set(parts) == {"api_key"} else ""
        if not _API_KEY.fullmatch(text):
            raise BadOption("api_key", "must be 8 to 512 printable ASCII characters without blanks")

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, user=subject)

    def is_one_time(self, grant: Grant) -> bool:
        return _granted(grant).one_time

    def request(self, order: MintOrder) -> VendorRequest:
        grant = _granted(order.grant)
        if grant.user is None:
            raise BadGrant("user", "must be filled in before a token is made")
        self.lifetimes.check(order.lifetime)
        return VendorRequest(
            method="GET",
            url=_options(order).api_url + _PATH,
            query=(
                ("access", grant.access),
                ("lifetime_s", str(order.lifetime)),
                ("one_time", "true" if grant.one_time else "false"),
            ),
            headers={
                "Authorization": _api_key(order),
                "X-Expected-API-Version": ".".join(map(str, API_VERSION)),
            },
        )

    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        _require_success(response)
        _require_version(response.headers)
        found = _token_in(response.json(), never=_api_key(order))
        if isinstance(found, VendorUnavailable):
            raise found
        return MintedToken(
            value=found,
            format="vocalstack",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        raise _malformed()

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        raise _malformed()

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {"authToken": minted.value}


def _require_success(response: VendorResponse) -> None:
    """Raise for every status but 2xx. As in the vendor's SDK the body does not count, nor does the phrase sent."""
    if response.ok:
        return
    try:
        said = f"{response.status} {HTTPStatus(response.status).phrase}"
    except ValueError:
        said = str(response.status)
    if response.status < HTTPStatus.BAD_REQUEST:
        message = f"VocalStack's answer leads elsewhere: {said}."
        raise VendorUnavailable(message, reason="garbled")
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        message = f"VocalStack has trouble of its own: {said}."
        raise VendorUnavailable(message, reason="failed")
    message = f"VocalStack refused: {said}."
    raise VendorUnavailable(message, reason="refused", final=response.status not in _WAITING_HELPS)


def _require_version(headers: Mapping[str, str]) -> None:
    found = _VERSION.fullmatch(headers.get("x-api-version", "").strip())
    if found is None:
        message = "VocalStack's answer does not name the version of its API."
        raise VendorUnavailable(message, reason="garbled")
    expected = ".".join(map(str, API_VERSION))
    if headers.get("x-api-version-discontinued", "").strip() == "1":
        message = f"VocalStack no longer supports version {expected} of its API: a newer django-token-issuer is needed."
        raise VendorUnavailable(message, reason="refused", final=True)
    if tuple(map(int, found.groups())) < API_VERSION:
        message = f"VocalStack's API is at version {found[0]}, and at least {expected} is expected."
        raise VendorUnavailable(message, reason="refused", final=True)


def _token_in(said: Any, *, never: str) -> str | VendorUnavailable:  # noqa: ANN401  whatever the vendor wrote
    """Return the text in an answer of either shape, or what to raise.

    It raises nowhere itself: an error's frames would show what the vendor wrote, and that may echo what we sent.
    """
    for _level in range(2):
        if not isinstance(said, dict):
            break
        if said.get("status") == "error":
            return VendorUnavailable("VocalStack could not make a token: an error occurred.", reason="failed")
        data = said.get("data")
        if isinstance(data, str) and said.get("status") == "done":
            if _TOKEN.fullmatch(data) and never not in data:
                return data
            return VendorUnavailable("VocalStack's answer holds no text that could be a token.", reason="garbled")
        if said.get("status", "done") != "done":
            break
        said = data
    return VendorUnavailable("VocalStack's answer is another than expected.", reason="garbled")


def _malformed() -> TokenMalformed:
    return TokenMalformed("VocalStack's tokens say nothing: only the audit knows them.")


def _api_key(order: MintOrder) -> str:
    if order.secret is None:
        raise NoActiveCertificate("call")
    return order.secret.part("api_key")


def _granted(grant: Grant) -> VocalStackGrant:
    if not isinstance(grant, VocalStackGrant):
        raise BadGrant("grant", "must be a VocalStack grant")
    return grant


def _options(order: MintOrder) -> VocalStackOptions:
    if not isinstance(order.options, VocalStackOptions):
        raise BadOption("options", "must be VocalStack's")
    return order.options
