"""Vendors that must be asked: what is sent to them, and how their answer reads. Data only; ``transport`` speaks HTTP.

``CalledProvider`` has the vendor make the token. The other classes are mixed into any provider: ``AccountProver`` logs
people in at the vendor by a proof that is kept for each of them, ``Provisioner`` makes those people there,
``PairKeeper`` hands out tokens of pairs that the vendor gave to a user before, ``Pusher`` tells the vendor of a
revocation.

All of it is pure, like the rest of a provider: secrets come opened, the clock comes as an argument, and nothing here
opens a socket.
"""

from __future__ import annotations

import enum
import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from token_issuer.errors import VendorUnavailable
from token_issuer.providers.base import Provider

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.crypto import Secret, SigningKey
    from token_issuer.providers.base import Grant, MintedToken, MintOrder, Options, SecretField

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Encoding = Literal["form", "multipart", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorRequest:
    """One HTTP request, as data. ``url`` is absolute and without a query; no secret belongs into it or the query.

    ``values`` is the body, written in ``encoding``. ``repeatable`` says that asking twice makes nothing twice; else
    only a request that never left is sent again.
    """

    method: Method
    url: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    values: Mapping[str, object] = field(default_factory=dict, repr=False)
    encoding: Encoding = "form"
    repeatable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorResponse:
    """What came back. ``headers`` have lower-case names; ``reason`` is the status line's phrase."""

    status: int
    reason: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status says success (2xx)."""
        return 200 <= self.status < 300

    def json(self) -> Any:  # noqa: ANN401  whatever the vendor wrote
        """Return the body read as JSON.

        Raises:
            VendorUnavailable: it is none (``garbled``).
        """
        with suppress(ValueError, RecursionError):
            return json.loads(self.body)
        # Outside: the decoder's error holds the whole body, and would come along as the context of this one.
        message = "The vendor's answer is no JSON."
        raise VendorUnavailable(message, reason="garbled")


class CalledProvider(Provider):
    """A provider whose tokens the vendor makes: ``request`` and ``read`` stand in for ``mint``."""

    @property
    def minting_purpose(self) -> str | None:
        return "call"

    @abstractmethod
    def request(self, order: MintOrder) -> VendorRequest:
        """Return what asks the vendor for this token. Everything is checked before: nothing wrong is ever sent."""

    @abstractmethod
    def read(self, order: MintOrder, response: VendorResponse) -> MintedToken:
        """Return the token in the vendor's answer.

        Raises:
            VendorUnavailable: there is none in it; the message says why and never quotes a secret.
        """

    def mint(self, order: MintOrder) -> MintedToken:
        """Refuse: only the vendor makes these."""
        raise NotImplementedError


class AccountProver(ABC):
    """A provider that logs a user in at the vendor with a proof sealed in his account there.

    A user without an account, or without its proof, gets nothing.
    """

    account_fields: ClassVar[tuple[SecretField, ...]]  # what an administrator enters to set the proof: "Password"

    def login_name(self, subject: str, public_id: str) -> str:
        """Return what a user's client calls him at the vendor: it may need that before it has a token."""
        return subject

    @abstractmethod
    def check_account(self, subject: str) -> None:
        """Raise BadOption("subject") for a name that the vendor cannot have."""

    @abstractmethod
    def account_proof(self, subject: str, parts: Mapping[str, str]) -> dict[str, str]:
        """Return what is kept of what was entered, by name; nothing else of it is.

        Raises:
            BadOption: names the part that cannot be.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """What a request of our own to a vendor's server API is made from.

    ``secret`` is of the purpose ``call``; ``signing_key`` is its part that is a key (``SecretField.algorithm``).
    """

    public_id: str
    options: Options
    at: datetime
    entropy: bytes = field(repr=False)
    secret: Secret = field(repr=False)
    signing_key: SigningKey | None = field(default=None, repr=False)


class Provisioned(enum.Enum):
    """What a vendor said to a user being made or given a new password."""

    DONE = "done"
    EXISTS = "exists"  # asked to make one that there is
    ABSENT = "absent"  # asked to change one that there is not


class Provisioner(AccountProver):
    """A provider that makes its users at the vendor.

    The proof of a user who was made is ``account_proof`` of his password, under the name ``password_field``.
    """

    # Which of ``account_fields`` a password that is made here goes into.
    password_field: ClassVar[str] = "password"  # noqa: S105  a name

    @abstractmethod
    def provision_request(self, order: CallOrder, *, subject: str, password: str, create: bool) -> VendorRequest:
        """Return what makes this user with this password, or (``create`` False) gives an existing one the password."""

    @abstractmethod
    def read_provisioned(self, response: VendorResponse) -> Provisioned:
        """Return what the vendor said.

        Raises:
            VendorUnavailable: anything else than one of these; ``refused`` only where the vendor has done nothing,
                which a 408 of some gateway does not say, for example.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTexts:
    """A vendor's pair, opened. The texts never show in ``repr``. ``refresh_expires_at`` None: nobody said.

    ``reported`` is what was said of the lifetimes, word for word, for the audit; no secret.
    """

    access: str = field(repr=False)
    access_expires_at: datetime
    refresh: str | None = field(default=None, repr=False)
    refresh_expires_at: datetime | None = None
    reported: Mapping[str, int] = field(default_factory=dict)


class PairRefused(VendorUnavailable):
    """The vendor does not renew this pair any more: its user has to connect again."""


class PairKeeper(ABC):
    """A provider that hands out tokens of a pair that the vendor gave to a user, and that is kept sealed.

    A user has one pair for each ``device``: a text that the grant names. What is handed in with a pair are the fields
    of ``deposit_class`` (a dataclass of ``grant_field`` fields, without ``device``, ``version`` and ``on_behalf_of``,
    which stand beside them), over HTTP as in Python.
    """

    deposit_class: ClassVar[type]
    renews_pairs: ClassVar[bool]  # whether we renew them (``renewal_request``), or only their user's device can
    browsers_deposit: ClassVar[bool] = False  # whether a browser may hand a pair in: only where it has it anyway

    @abstractmethod
    def device_of(self, grant: Grant) -> str | None:
        """Return which of the user's pairs the grant asks for; None when it asks for none but is minted."""

    @abstractmethod
    def grant_for(self, device: str) -> Grant:
        """Return the grant that asks for this device's pair: policy is asked about it before a pair is kept.

        Raises:
            BadGrant("device"): no device of this vendor's is called so.
        """

    @abstractmethod
    def deposited(self, deposit: Any, *, options: Options, at: datetime) -> PairTexts:  # noqa: ANN401  ``deposit_class``
        """Return the pair that was handed in at this instant.

        Raises:
            BadGrant: names the field that cannot be.
        """

    @abstractmethod
    def handed_out(self, order: MintOrder, pair: PairTexts) -> MintedToken:
        """Return the token of a pair. What else the SDK takes goes into ``MintedToken.beside``."""

    def renewal_request(self, order: MintOrder, pair: PairTexts) -> VendorRequest:
        """Return what renews the pair. ``order.secret`` is None where the application has nothing to call with."""
        raise NotImplementedError

    def renewed(self, order: MintOrder, pair: PairTexts, response: VendorResponse) -> PairTexts:
        """Return the pair in the answer; lifetimes count from ``order.issued_at``.

        Raises:
            PairRefused: the vendor renews this one no more.
            VendorUnavailable: anything else.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedToken:
    """What of a revoked token a vendor can be told; never its text. ``remaining`` is whole seconds to its expiry.

    ``for_all`` says that what others use may end with it: somebody else than its owner revoked it, or a whole room was.
    """

    subject: str
    resource: str
    privileges: frozenset[str]
    remaining: int
    for_all: bool = False


class Pusher(ABC):
    """A provider that can tell the vendor of a revocation, where an application has a ``call`` certificate."""

    @abstractmethod
    def tells(self, options: Options, token: RevokedToken) -> bool:
        """Whether the vendor can be told of such a token without hitting anybody else's. If not, nobody tries."""

    @abstractmethod
    def keeps_out(self, options: Options, token: RevokedToken) -> bool:
        """Whether a token that the vendor was told of can be used no more; else it ends when it expires."""

    @abstractmethod
    def push_sentence(self, options: Options, token: RevokedToken) -> str:
        """Return what the vendor does when it is told of it, and what it does not; marked for translation."""

    @abstractmethod
    def push_request(self, order: CallOrder, token: RevokedToken) -> VendorRequest:
        """Return what ends this token's use at the vendor, for a token that it ``tells`` of."""

    @abstractmethod
    def read_push(self, response: VendorResponse) -> None:
        """Return when the vendor has done it.

        Raises:
            VendorUnavailable: it has not; ``final`` says that asking again is no use.
        """


def refusal(
    vendor: str, response: VendorResponse, meanings: Mapping[int, str], *, final: Collection[int]
) -> VendorUnavailable:
    """Return what a status other than success means, by the vendor's own table; its 5xx are its trouble, not its no.

    Statuses in ``final`` are answered alike however often one asks. Nothing of the body is repeated: it may quote us.
    """
    status = response.status
    meaning = meanings.get(status, "")
    message = f"{vendor} answered {status}{': ' if meaning else ''}{meaning}."
    reason = "failed" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"
    return VendorUnavailable(message, reason=reason, final=status in final)
