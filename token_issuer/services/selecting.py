"""Which tokens are meant: of a person, a room, an address, a window; and what ending them would really do.

Every question is answered through an index and within a limit: a window is a range of ids, which are in the order in
which tokens were made, and what is more than ``MOST_COUNTED`` is "more than that".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import F

from token_issuer.ids import uuid7_floor
from token_issuer.models import (
    Application,
    EpochKind,
    IssuedToken,
    OneTimeKey,
    Principal,
    TokenFamily,
    VendorPair,
    epoch_key,
)
from token_issuer.models.row_counts import MOST_COUNTED, counted_to
from token_issuer.registry import providers
from token_issuer.services import outbox
from token_issuer.services.foretelling import applications, effects_in, summed
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from token_issuer.models import ApiKey, Certificate
    from token_issuer.models.issued_token import IssuedTokenQuerySet
    from token_issuer.models.token_family import TokenFamilyQuerySet
    from token_issuer.models.vendor_pair import VendorPairQuerySet
    from token_issuer.services.callers import Caller
    from token_issuer.services.foretelling import Effect


_FIRST_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC)  # ids know none before


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which tokens: all that is given must hold. At least one of them is given.

    ``principal_key`` is a person's (``epoch_key(EpochKind.USER, pk)``), also of one who was deleted. ``resource`` is
    one exact room, and goes with an application. ``issued_from`` is inclusive, ``issued_until`` exclusive, both to the
    millisecond. ``within`` are the applications that may be touched at all, None: every one. ``decided_at`` leaves out
    what is made from then on, and narrows nothing: row by row, an ending may go on for long after its decision.
    """

    principal_key: UUID | None = None
    application: Application | None = None
    resource: str | None = None
    certificate: Certificate | None = None
    api_key: ApiKey | None = None
    ip: str | None = None
    issued_from: datetime | None = None
    issued_until: datetime | None = None
    within: frozenset[UUID] | None = None
    decided_at: datetime | None = None

    def __post_init__(self) -> None:
        """Refuse what would mean every token there is."""
        if not self.words:
            msg = "Name whose tokens, or where, with what, from which address or when they were issued."
            raise ValueError(msg)
        if self.resource is not None and self.application is None:
            msg = "A room is one of an application: name that, too."
            raise ValueError(msg)

    @property
    def is_set(self) -> bool:
        """Whether one epoch says it all, so that it ends at once with what is being made at this moment."""
        named = (self.principal_key, self.application, self.certificate, self.api_key)
        if sum(part is not None for part in named) != 1 or self._is_of_a_moment:
            return False
        return self.within is None or self._application_id in self.within

    @property
    def is_narrowed(self) -> bool:
        """Whether it is about some of the tokens that somebody has somewhere, and not about all."""
        return self._is_of_a_moment or self.certificate is not None

    @property
    def _is_of_a_moment(self) -> bool:
        return not (self.ip is None and self.issued_from is None and self.issued_until is None)

    @property
    def _application_id(self) -> UUID | None:
        """The one application that all of it belongs to, as far as the selection itself says so."""
        if self.application is not None:
            return self.application.pk
        owner = self.certificate or self.api_key
        return None if owner is None else owner.application_id

    @property
    def words(self) -> dict[str, str]:
        """What was selected, for the audit and for people: names and ids, nothing secret."""
        found: dict[str, object] = {
            "user": self.principal_key,
            "application": self.application and self.application.slug,
            "room": self.resource,
            "certificate": self.certificate and self.certificate.fingerprint,
            "api_key": self.api_key and self.api_key.public_id,
            "ip": self.ip,
            "from": self.issued_from and self.issued_from.isoformat(),
            "until": self.issued_until and self.issued_until.isoformat(),
        }
        return {name: str(value) for name, value in found.items() if value is not None}

    @property
    def sentence(self) -> str:
        """The same in one line."""
        return ", ".join(f"{name} {value}" for name, value in self.words.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What ending a selection would do. ``capped``: there is more of it than was counted.

    ``people`` are those whose tokens were counted, ``families`` the pairs that end with them, ``login_keys`` and
    ``vendor_pairs`` what else ends. ``sentences`` say what vendors do, marked for translation; ``sample`` are the
    newest of what was counted. ``as_set``: it ends in one go.
    """

    live: int
    capped: bool
    people: int
    effects: tuple[Effect, ...]
    sentences: tuple[str, ...]
    sample: list[IssuedToken]
    families: int
    as_set: bool
    login_keys: int = 0
    vendor_pairs: int = 0


@dataclass(frozen=True, slots=True)
class _Counted:
    """What of a counted token its ending depends on."""

    pk: UUID
    principal: str
    principal_key: UUID
    family_id: UUID | None
    application_id: UUID
    expires_at: datetime
    subject: str
    resource: str
    privileges: list[str]


_COLUMNS: Final = tuple(_Counted.__slots__)


def live_tokens(selection: Selection, *, at: datetime) -> IssuedTokenQuerySet:
    """Return the selected tokens that are good at this instant, in no order."""
    return selected(selection).live(at)


def selected(selection: Selection) -> IssuedTokenQuerySet:
    """Return the selected tokens, whatever became of them, in no order."""
    rows = IssuedToken.objects.using(write_alias()).filter(**_columns(selection)).order_by()
    if selection.certificate is not None:
        rows = rows.filter(certificate=selection.certificate)
    if selection.resource is not None and selection.application is not None:
        # The text is what the index holds, the key what is compared exactly on every engine.
        rows = rows.filter(resource=selection.resource)
    return rows


def open_families(selection: Selection, *, at: datetime) -> TokenFamilyQuerySet:
    """Return the selected pairs that can still be renewed, in no order.

    Of an address, a certificate or a window those that a selected token is of, also one that has expired. None of a
    certificate alone: which one signs is chosen anew each time, and its epoch ends no pair.
    """
    rows = TokenFamily.objects.using(write_alias()).with_epochs_now().order_by()
    rows = rows.filter(closed_at=None, idle_expires_at__gt=at, epochs=F("epochs_now"))
    if not selection.is_narrowed:
        return rows.filter(**_columns(selection))
    if selection.is_set:
        return rows.none()
    return rows.filter(pk__in=selected(selection).filter(family__isnull=False).values("family"))


def login_keys(selection: Selection, *, at: datetime) -> QuerySet[OneTimeKey]:
    """Return the selected login keys that can still be redeemed, in no order; none by a certificate."""
    rows = OneTimeKey.objects.using(write_alias()).with_epochs_now().order_by()
    if selection.certificate is not None:
        return rows.none()
    good = {"consumed_at": None, "revoked_at": None, "expires_at__gt": at}
    return rows.filter(epochs=F("epochs_now"), **good, **_columns(selection))


def vendor_pairs(selection: Selection) -> VendorPairQuerySet:
    """Return what vendors gave to those who are selected, where it is all of theirs there that shall end."""
    rows = VendorPair.objects.using(write_alias()).order_by()
    if selection.is_narrowed or selection.resource is not None:
        return rows.none()
    return rows.filter(**_columns(selection))


def kept_pairs(selection: Selection) -> int:
    """Count those of them that no set has ended before."""
    return counted(vendor_pairs(selection).with_epochs_now().filter(epochs=F("epochs_now")))


def counted(rows: QuerySet[Any]) -> int:
    """Return how many rows there are, ``MOST_COUNTED`` where there are more."""
    return counted_to(rows, MOST_COUNTED)


def _columns(selection: Selection) -> dict[str, Any]:
    """Return the conditions on columns that tokens, families and login keys share."""
    resource_key = None
    if selection.resource is not None and selection.application is not None:
        resource_key = epoch_key(EpochKind.RESOURCE, selection.application.pk, selection.resource)
    found = {
        "principal_key": selection.principal_key,
        "application": selection.application,
        "resource_key": resource_key,
        "api_key": selection.api_key,
        "ip": selection.ip,
        "pk__gte": _floor(selection.issued_from),
        "pk__lt": _floor(min((at for at in (selection.issued_until, selection.decided_at) if at), default=None)),
        "application__in": selection.within,
    }
    return {name: value for name, value in found.items() if value is not None}


def _floor(at: datetime | None) -> UUID | None:
    return None if at is None else uuid7_floor(max(at, _FIRST_DAY))


def others_end(caller: Caller, selection: Selection) -> bool:
    """Whether what others use may end with it, as with the same ending of one token, or of a whole room."""
    if selection.is_set:
        return selection.principal_key is None and selection.api_key is None
    return outbox.is_another(caller, None)


def preview(caller: Caller, selection: Selection, *, at: datetime, sample: int = 20) -> Preview:
    """Say what ``end_selected`` would do. Reads only, and the same number of statements whatever the size."""
    found = [_Counted(*row) for row in live_tokens(selection, at=at).values_list(*_COLUMNS)[: MOST_COUNTED + 1]]
    looked_at = found[:MOST_COUNTED]
    newest = sorted((row.pk for row in looked_at), reverse=True)[:sample]
    families = [*open_families(selection, at=at).values_list("pk", flat=True)[: MOST_COUNTED + 1]]
    effects, sentences = _effects(looked_at, for_all=others_end(caller, selection), at=at)
    return Preview(
        live=len(looked_at),
        capped=len(found) > MOST_COUNTED,
        people=len({row.principal_key for row in looked_at if row.principal == Principal.USER}),
        effects=effects,
        sentences=sentences,
        sample=_shown(newest),
        families=min(len({*families, *_families_of(selection, looked_at)}), MOST_COUNTED),
        as_set=selection.is_set,
        login_keys=counted(login_keys(selection, at=at)),
        vendor_pairs=kept_pairs(selection),
    )


def _families_of(selection: Selection, counted: Iterable[_Counted]) -> set[UUID]:
    """Return the pairs that end because one of their tokens does."""
    if selection.is_set:  # an epoch ends what it names, and no more
        return set()
    return {row.family_id for row in counted if row.family_id is not None}


def _shown(ids: list[UUID]) -> list[IssuedToken]:
    rows = IssuedToken.objects.using(write_alias()).with_epochs_now().filter(pk__in=ids)
    return [*rows.select_related("application", "user", "family", "push").order_by("-pk")]


def _effects(counted: Iterable[_Counted], *, for_all: bool, at: datetime) -> tuple[tuple[Effect, ...], tuple[str, ...]]:
    """Return what happens to these tokens, the soonest first, and what is to be said of it, each sentence once."""
    by_application: dict[UUID, list[_Counted]] = defaultdict(list)
    for row in counted:
        by_application[row.application_id].append(row)
    effects: list[Effect] = []
    sentences: dict[str, None] = {}
    for application in applications(by_application):
        known = providers().get(application.provider)
        sentences.update({known.vendor.revocation_sentence: None} if known is not None else {})
        for effect, sentence in effects_in(application, by_application[application.pk], for_all=for_all, at=at):
            sentences.update({sentence: None} if sentence else {})
            effects.append(effect)
    return summed(effects), tuple(sentences)
