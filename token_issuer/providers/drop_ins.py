"""Addresses of a vendor's sample server, for front-ends that were written against it.

A sample server hands a token to whoever asks. A drop-in takes the words that the sample's front-end sends and answers
in the sample's, and means the same as any other request: the same caller, policy and audit. ``Provider.drop_ins`` lists
a vendor's; the API knows none of them.

Pure, like the rest of a provider: what was sent goes in, what to ask or to answer comes out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

if TYPE_CHECKING:
    from token_issuer.providers.base import Grant


Sent = TypeVar("Sent")  # an instance of one of a drop-in's ``shapes``


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """Whom a front-end is about to speak for: the text or number that it sent in ``field``."""

    field: str
    subject: int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a front-end asks for in the words of our own API: ``body`` is the grant's fields.

    ``claimed`` None: it takes whoever it is given.
    """

    body: Mapping[str, object]
    claimed: Claimed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A token that a front-end wants checked, and what it is to open; None where it names nothing."""

    token: str = field(repr=False)
    resource: str | None = None


class DropIn(ABC):
    """One address, ``compat/<application>/<path>/``."""

    path: ClassVar[str]  # a-z, 0-9, _ and -, beginning with a letter
    summary: ClassVar[str]
    # Dataclasses of ``grant_field`` fields: what may be sent. One of them fits; ``shape_of`` says which.
    shapes: ClassVar[tuple[type, ...]]
    answers: ClassVar[Mapping[str, object]]  # the JSON Schema of each member of what is answered
    optional: ClassVar[tuple[str, ...]] = ()  # the members that are not always there

    def shape_of(self, body: Mapping[str, object]) -> type:
        """Return the one of ``shapes`` that this body is read as."""
        return self.shapes[0]


class IssuingDropIn(DropIn, Generic[Sent]):
    """One that hands out a token."""

    # Where a field of the grant has another name in what was sent, so that a refusal names the latter.
    names: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def asked(self, sent: Sent) -> Asked:
        """Return what is asked for."""

    @abstractmethod
    def answer(self, token: str, grant: Grant) -> dict[str, object]:
        """Return what the sample server answers with a token."""


class CheckingDropIn(DropIn, Generic[Sent]):
    """One that tells a front-end whether its token is good. It asks no vendor."""

    @abstractmethod
    def presented(self, sent: Sent) -> Presented:
        """Return what is to be checked."""

    @abstractmethod
    def answer(self, resource: str | None) -> dict[str, object]:
        """Return what the sample server answers: what a good token opens, or None for one that is not good."""
