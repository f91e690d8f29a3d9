"""What a provider is: the words every vendor's file is written in.

A provider turns a validated grant into a vendor's token text and back. It is pure: it reads no clock, no
setting, no database and no socket; secrets are handed to it, already opened. A new vendor is one new file in this
package (see ``docs/adding-a-provider.md``).

Units: every lifetime is whole seconds; every instant is an aware UTC ``datetime``.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, Literal

from token_issuer.errors import BadGrant, NoActiveCertificate
from token_issuer.providers.specs import refuse_reserved_names

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.crypto import Secret, SigningKey, VerifyingKey
    from token_issuer.providers.drop_ins import DropIn

SubjectKind = Literal["integer", "text"]
# What a client does about a vendor's error: renew its token, once; start over with a new token of ours, once; give up
# and tell its user; wait, longer each time, and try again.
Retry = Literal["", "refresh", "start_over", "stop", "back_off"]
# The steps of a planned rotation here: a vendor's own steps belong to them.
RotationMoment = Literal["stage", "activate", "wait", "retire"]


def gettext_noop(message: str) -> str:
    """Mark a text for translation; ``api`` and ``admin`` translate when they show it."""
    return message


_ = gettext_noop


class Revocation(enum.Enum):
    """When a revoked token really stops working."""

    IMMEDIATE = "immediate"  # we verify it ourselves
    AT_NEXT_JOIN = "at_next_join"  # the vendor checks once, when joining: who is in, stays in
    AT_EXPIRY = "at_expiry"  # the vendor verifies offline until the token runs out
    PUSHED = "pushed"  # the vendor was told


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """The vendor's limits in seconds, with their source.

    ``for_application``: an application's own default and maximum narrow them. False for a second kind of tokens, whose
    lives those, which are set within ``Provider.lifetimes``, cannot mean.
    """

    minimum: int
    default: int
    maximum: int
    source: str
    for_application: bool = True

    def check(self, seconds: int) -> None:
        """Raise BadGrant("lifetime") for a lifetime outside the limits: nothing is clamped."""
        if not self.minimum <= seconds <= self.maximum:
            raise BadGrant("lifetime", f"must be {self.minimum:,} to {self.maximum:,} seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorError:
    """One row of a vendor's error catalogue: what its SDK says, what it means, what to do.

    ``retry`` is the same for a program; empty where there is nothing to do for one.
    """

    code: str
    meaning: str
    cure: str
    retry: Retry = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFacts:
    """What people need to know about the vendor: shown in the admin, the docs and the commands.

    ``rotation_moments`` says of each of ``rotation_steps`` when it is done; all belong to staging where it is left out.
    """

    name: str
    console_url: str
    rotation_steps: tuple[str, ...]
    leak_steps: tuple[str, ...]
    revocation_sentence: str
    errors: tuple[VendorError, ...] = ()
    rotation_moments: tuple[RotationMoment, ...] = ()

    def steps_at(self, moment: RotationMoment) -> tuple[str, ...]:
        """Return the vendor's steps that belong to this moment of a rotation."""
        pairs = zip_longest(self.rotation_steps, self.rotation_moments[: len(self.rotation_steps)], fillvalue="stage")
        return tuple(step for step, when in pairs if when == moment)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretField:
    """One part of what an administrator pastes for a certificate, e.g. ``App certificate``.

    ``algorithm``: the part is a key for this algorithm of RFC 7518, to call the vendor with (purpose ``call``). It is
    checked when it is entered, and comes parsed, as the order's ``signing_key``.
    """

    name: str
    label: str
    help: str = ""
    algorithm: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Privilege:
    """One word of a grant's rights. ``implies`` lists weaker words that whoever holds this one may also ask for.

    ``beyond_resource`` names the grant's field that asks for it, where the vendor binds it to no channel or room: who
    has it has it all over the application, whatever resource the grant names. Empty for what the resource binds.

    ``doing`` goes on in a sentence that begins "Members of support may": "join at once". Without it the word is named.
    """

    label: str
    doing: str = ""
    implies: frozenset[str] = frozenset()
    server_only: bool = False  # refused to session callers, whatever a rule says
    beyond_resource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How sentences about rules say where, in the vendor's words, after "Members of support may join at once".

    ``every`` stands for all there are, ``one`` for ``{place}`` alone, ``some`` for those that the pattern ``{place}``
    names. ``many`` is said of a grant that opens more than one at once where the pattern is for all, ``several`` where
    it is for some; a rule for one place allows none, for a resource with a wildcard is not that one.
    """

    every: str = _("for every resource")
    one: str = _("for the resource {place}")
    some: str = _("for resources {place}")
    many: str = _("Also in one token for several resources, or all of them.")
    several: str = _("Also in one token for several of them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a caller asks to be allowed: a frozen value that validates itself in ``__post_init__``.

    Subclasses are frozen, slotted, keyword-only dataclasses. They must not call ``super()`` (slotted
    dataclasses lose it on Python 3.11). A bad value raises ``BadGrant`` naming the field.
    """

    def __init_subclass__(cls) -> None:
        refuse_reserved_names(cls)

    @property
    def subject(self) -> str | None:
        """Who the token speaks for, as text; None until policy has put it in."""
        raise NotImplementedError

    @property
    def resource(self) -> str:
        """What it opens (channel, room); empty when the grant names none."""
        raise NotImplementedError

    @property
    def privileges(self) -> frozenset[str]:
        """The words it asks for, each a key of the provider's ``privileges``."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an administrator sets once per application: public, not secret. Validates itself (BadOption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshLimits:
    """How long a pair lives, in seconds: ``absolute`` from its birth, ``idle`` from its last rotation.

    ``browsers``: whether a session's caller gets one too, in an HttpOnly cookie.
    """

    absolute: int
    idle: int
    browsers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MintOrder:
    """Everything a token is made from; ``mint`` reads nothing else.

    ``entropy`` is 32 bytes from the operating system. ``secret`` and ``signing_key`` are excluded from ``repr``.
    """

    token_id: UUID
    public_id: str
    options: Options
    issuer: str
    grant: Grant
    issued_at: datetime
    expires_at: datetime
    key_id: str
    entropy: bytes = field(repr=False)
    secret: Secret | None = field(default=None, repr=False)
    signing_key: SigningKey | None = field(default=None, repr=False)
    proof: Secret | None = field(default=None, repr=False)  # of the user's account at the vendor (AccountProver)

    @property
    def lifetime(self) -> int:
        """Whole seconds from issue to expiry."""
        return int((self.expires_at - self.issued_at).total_seconds())

    @property
    def issued_ts(self) -> int:
        """The instant of issue in whole Unix seconds, rounded down."""
        return int(self.issued_at.timestamp())

    def signer(self) -> SigningKey:
        """Return the key that signs; NoActiveCertificate when the order came without one."""
        if self.signing_key is None:
            raise NoActiveCertificate("sign")
        return self.signing_key

    def part(self, name: str) -> str:
        """Return one part of the opened secret; NoActiveCertificate when the order came without one."""
        if self.secret is None:
            raise NoActiveCertificate("sign")
        return self.secret.part(name)

    def proved(self, name: str) -> str:
        """Return one part of the account's opened proof; NoActiveCertificate when the order came without one."""
        if self.proof is None:
            raise NoActiveCertificate("proof")
        return self.proof.part(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class MintedToken:
    """A token text and what it is. The text never shows in ``repr``.

    ``beside`` is what the vendor's SDK takes besides the text. ``expires_at`` is for tokens whose end the vendor sets;
    None: the order's.
    """

    value: str = field(repr=False)
    format: str
    token_id: UUID
    key_id: str
    public_id: str
    beside: Mapping[str, object] = field(default_factory=dict, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """A vendor's challenge that a grant answers, once for each account. It lives ``lifetime`` seconds."""

    name: str  # the grant's field it stands in
    text: str = field(repr=False)
    lifetime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a token says of itself, read without a secret, so none of it is proved.

    ``details`` are (label, value) pairs in the vendor's words, for people. ``problems`` are sentences on what is wrong
    with it, which our own ``mint`` never makes; ``notes`` are sentences on what it opens, right as it may be.
    """

    format: str
    public_id: str | None
    subject: str | None
    resource: str | None
    privileges: frozenset[str]
    issued_at: datetime | None
    expires_at: datetime | None
    details: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether a token was made with one of our secrets and says what was expected.

    ``key_id`` names the certificate that signed it (None when none did). Expiry is the caller's business: it has the
    clock. ``problems`` are stable words: ``bad_signature``, ``public_id_differs``, ``subject_differs``,
    ``resource_differs``, ``privileges_differ`` …
    """

    valid: bool
    key_id: str | None
    problems: tuple[str, ...] = ()


class Provider(ABC):
    """Code that knows one vendor's token. Stateless; one instance serves the whole process."""

    name: ClassVar[str]
    label: ClassVar[str]
    vendor: ClassVar[VendorFacts]
    grant_class: ClassVar[type[Grant]]
    options_class: ClassVar[type[Options]] = Options
    public_id_field: ClassVar[SecretField] = SecretField(name="public_id", label=_("Public id"))
    # By purpose: "sign", "call". Without "sign" an application needs no certificate.
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {}
    # Algorithms of RFC 7518 a certificate may have, the default first. Its secret's ``signing_part`` is then a key,
    # which comes parsed, as the order's ``signing_key``; empty where the format knows one way to sign.
    algorithms: ClassVar[tuple[str, ...]] = ()
    signing_part: ClassVar[str] = "key"
    generates: ClassVar[bool] = False  # we make its secrets; nobody has to paste one
    privileges: ClassVar[Mapping[str, Privilege]]
    places: ClassVar[Places | None] = Places()  # None: its grants name no resource
    privileges_field: ClassVar[str] = "privileges"  # the grant's field that an unknown word is reported under
    needs_issuer: ClassVar[bool] = False  # its tokens name TOKEN_ISSUER["ISSUER"]
    verified_here: ClassVar[bool] = False  # this site's own API accepts its tokens
    whole_seconds: ClassVar[bool] = True  # False: its instants keep their microseconds
    has_slots: ClassVar[bool] = True  # False: its users have one subject each, whatever the device
    # True: its texts say nothing, so only the audit knows them, and ``inspect`` refuses every text.
    opaque: ClassVar[bool] = False
    # True: the vendor sets how long a token lives. Callers name no lifetime, and one that is longer than policy grants
    # is refused.
    vendor_sets_lifetime: ClassVar[bool] = False
    lifetimes: ClassVar[Lifetimes]
    revocation: ClassVar[Revocation]
    renewable: ClassVar[bool]
    drop_ins: ClassVar[tuple[DropIn, ...]] = ()  # addresses of the vendor's sample server, under compat/<application>/
    requires: ClassVar[Mapping[str, str]] = {}  # a module it needs, and the extra of its package that installs it

    # What an administrator enters

    @property
    def minting_purpose(self) -> str | None:
        """The purpose of the certificate that tokens are made with; None where they need none."""
        return "sign" if "sign" in self.secret_fields else None

    @property
    def first_purpose(self) -> str | None:
        """The purpose of the secret that an application is registered with; needed if tokens are made with it."""
        return self.minting_purpose or next(iter(self.secret_fields), None)

    def check_public_id(self, value: str) -> None:  # noqa: B027  a vendor may have no rule
        """Raise BadOption("public_id") for a text that cannot be this vendor's id."""

    def check_secret(self, purpose: str, parts: Mapping[str, str]) -> None:  # noqa: B027  a vendor may have no rule
        """Raise BadOption naming the part that cannot be this vendor's secret. Never quotes the value."""

    # Who the token speaks for

    def subject_kind(self, options: Options) -> SubjectKind:
        """Whether this application's subjects are allocated integers or rendered texts."""
        return "text"

    def subject_pattern(self, options: Options) -> str:
        """The pattern a text subject is rendered from when no account or rule names one."""
        return "user-{user.pk}"

    @abstractmethod
    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        """Return the grant with its subject put in and validated; BadGrant if the vendor cannot carry it."""

    # What it asks for

    def wildcards(self, grant: Grant) -> frozenset[str]:
        """Name the fields by which this grant opens more than one thing, including fields left out."""
        return frozenset()

    def covers(self, pattern: str, resource: str) -> bool:
        """Whether a token's resource is a pattern at this vendor, and this other one is of those that it opens."""
        return False

    def check_grant(self, grant: Grant, options: Options) -> None:  # noqa: B027  a vendor may have no rule
        """Raise BadGrant for what this application's options do not allow, before anything is decided."""

    def spends(self, grant: Grant) -> Spent | None:
        """Return the vendor's challenge that this grant answers; None where it answers none."""
        return None

    def implied(self, privileges: frozenset[str]) -> frozenset[str]:
        """Return the words together with every weaker word they imply."""
        found = set(privileges)
        queue = list(privileges)
        while queue:
            known = self.privileges.get(queue.pop())
            fresh = (known.implies if known else frozenset()) - found
            found |= fresh
            queue.extend(fresh)
        return frozenset(found)

    def privileges_for(self, scopes: Mapping[str, str]) -> Mapping[str, Privilege]:
        """Return every word there is. ``scopes`` is the site's catalogue, which vendors have no use for."""
        return self.privileges

    def narrowed(self, grant: Grant, privileges: frozenset[str]) -> Grant:
        """Return the grant with these of its words only; for grants that refreshing may narrow."""
        raise NotImplementedError

    def lifetimes_for(self, grant: Grant) -> Lifetimes:
        """Return the limits of this grant's token, where a vendor has more than one kind."""
        return self.lifetimes

    def is_one_time(self, grant: Grant) -> bool:
        """Whether the token works once."""
        return False

    def refresh_limits(self, options: Options) -> RefreshLimits | None:
        """Return how long its refresh tokens live; None where there are none."""
        return None

    def recalled(self, *, subject: str, resource: str, privileges: frozenset[str]) -> Grant | None:
        """Return the grant behind an audit row, for ``verify`` to expect; None where a row does not say enough.

        A format whose tokens do not carry what they are for (Agora 006) cannot be verified without it.
        """
        return None

    # The token

    @abstractmethod
    def mint(self, order: MintOrder) -> MintedToken:
        """Return the token. Pure and deterministic in its argument; refuses a grant without a subject."""

    @abstractmethod
    def inspect(self, token: str) -> Inspection:
        """Read a token without a secret. Raises TokenMalformed when it is not of this provider's formats."""

    @abstractmethod
    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        """Check a token against ``secrets`` (key id, secret), and its content against ``expected`` when given.

        Raises TokenMalformed when the text is not of this provider's formats.
        """

    def verify_signed(
        self, token: str, *, keys: Sequence[SigningKey | VerifyingKey], expected: Grant | None
    ) -> Verification:
        """Do what ``verify`` does, for a provider with ``algorithms``: each key knows its own and its id."""
        raise NotImplementedError

    @abstractmethod
    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        """Exactly the names and JSON types that the vendor's SDK takes."""

    def notices(self, grant: Grant, options: Options) -> tuple[str, ...]:
        """Sentences the person who gets this token should read; empty when there is nothing to say."""
        return ()


def put(grant: Grant, **changes: object) -> Grant:
    """Return a copy of a grant with some fields replaced (and validated again)."""
    return replace(grant, **changes)
