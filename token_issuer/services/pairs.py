"""Keeping the pair that a vendor gave to a user, showing that it is there, renewing it by hand, and forgetting it.

Nobody gets a token here: what is handed out is issued (``issuing``), under policy and with its audit row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django.db import IntegrityError

from token_issuer.crypto import TokenText
from token_issuer.errors import BadGrant, Conflict, FieldError, NotFound, PolicyDenied, Unavailable
from token_issuer.ids import uuid7
from token_issuer.models import AuditKind, VendorPair
from token_issuer.models.revocation_epoch import EVERYTHING_KEY
from token_issuer.models.vendor_pair import LONGEST_DEVICE
from token_issuer.providers import fields
from token_issuer.services import auditing, deciding, issuing, making, pair_rows, parents, renewing
from token_issuer.services.transactions import durable, require_no_transaction, retrying, write_alias
from token_issuer.services.vanished import refusing_the_vanished

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import Application
    from token_issuer.policy import Decision, Limits
    from token_issuer.providers.base import Grant, Provider
    from token_issuer.providers.called import PairTexts
    from token_issuer.services.callers import Caller
    from token_issuer.services.deciding import Question

MOST_DEVICES: Final = 16
"""Pairs of one user and application. Counted before a new row, so a few more may come at the same moment."""
STALE: Final = "stale_version"
_RECENT: Final = 10  # seconds after which a pair is renewed by hand again
_ATTEMPTS: Final = 3
_OURS: Final = frozenset({"device", "version", "on_behalf_of"})  # fields of a deposit that are not the provider's

_IN_TRANSACTION: Final = (
    "token_issuer was called inside an open transaction, but what a vendor renews or a user connects must be kept"
    " whatever becomes of that. Call it outside transaction.atomic (with ATOMIC_REQUESTS, mark the view"
    " @transaction.non_atomic_requests)."
)


def deposit(caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime) -> VendorPair:
    """Keep the pair that the body holds, in place of the one that this user and device had.

    The body is the provider's ``deposit_class``, with ``device`` (a text, empty by default), ``on_behalf_of`` and
    ``version``: that of the pair to be replaced, 0 where there is to be none; without it whatever stands there is.

    Raises:
        OpenTransaction: inside a transaction.
        NotAuthenticated, NotFound, ApplicationDisabled, BadGrant: see ``deciding.understand``; NotFound also where the
            application keeps no pairs.
        PolicyDenied: policy would hand its token out to nobody, a browser may not hand it in (``server_only``), or the
            user has as many as there may be (``too_many_devices``).
        Conflict: another version stands there (``stale_version``).
        TokenRejected: the access token that the caller came with ended meanwhile.
    """
    require_no_transaction(_IN_TRANSACTION)
    reading = _Deposit(at=at)
    body = muted(body)
    question = issuing.understood(caller, slug, body=body, at=at, read=reading)
    with auditing.counting_refusals(question.caller, question.application, at=at):
        if not (question.caller.is_server or pair_rows.keeper_of(question.provider).browsers_deposit):
            raise PolicyDenied("server_only", "A browser may not hand in this vendor's pairs.")
        _decided(question)
        return _stored(question, reading, at=at)


def own(caller: Caller, slug: str, *, body: Mapping[str, object] | None = None) -> list[VendorPair]:
    """Return the caller's pairs of an application, by device. The body may name whom a server asks for.

    Raises:
        NotAuthenticated, NotFound, BadGrant: see ``deciding.understand``; NotFound also where it keeps no pairs.
    """
    caller, rest = deciding.acting(caller, body or {})
    if rest:
        raise BadGrant(next(iter(rest)), "unknown field")
    caller.require_active()
    application = _keeping(caller, slug)
    return list(pair_rows.owned(application, caller.principal_key).order_by("device", "pk"))


def refresh(caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime) -> VendorPair:
    """Have the vendor renew a pair now, whether or not it is time; one renewed in the last 10 seconds is left.

    The body names the ``device`` (and ``on_behalf_of``). The new token is issued as ever.

    Raises:
        OpenTransaction, NotAuthenticated, NotFound, ApplicationDisabled, BadGrant: as ``deposit``; NotFound also where
            only the user's own device can renew.
        PolicyDenied: policy hands its token out to nobody; ``not_connected``; ``connect_again``.
        VendorUnavailable, NoActiveCertificate, Unavailable: see ``keeping.handed_out``.
    """
    require_no_transaction(_IN_TRANSACTION)
    reading = _Device()
    question = issuing.understood(caller, slug, body=body, at=at, read=reading)
    with auditing.counting_refusals(question.caller, question.application, at=at):
        decision = _decided(question)
        row = pair_rows.required(pair_rows.find(question.application, question.caller.principal_key, reading.device))
        pair_rows.require_live(row, at=at)
        if row.renewed_at is not None and (at - row.renewed_at).total_seconds() < _RECENT:
            return row
        grant = issuing.with_subject(question, decision)
        order = making.ordered(question, grant, None, issued_at=at, lifetime=decision.lifetime)
        with auditing.counting_vendor_failures(question.caller, question.application, at=at):
            return renewing.renewed(question, order, row, at=at, forced=True)


def forget(caller: Caller, slug: str, *, body: Mapping[str, object], at: datetime) -> VendorPair:
    """Delete one of the caller's pairs. At the vendor it goes on until it expires, or its user disconnects there.

    The body names the ``device`` (and ``on_behalf_of``). Policy is not asked: to have less is always allowed.

    Raises:
        OpenTransaction: inside a transaction.
        NotAuthenticated, BadGrant: see ``deciding.understand``.
        NotFound: there is no such application, or no such pair.
    """
    require_no_transaction(_IN_TRANSACTION)
    caller, rest = deciding.acting(caller, body)
    caller.require_active()
    application = _keeping(caller, slug)
    reading = _Device()
    reading.read(rest, deciding.configuration_of(application)[0])
    row = pair_rows.find(application, caller.principal_key, reading.device)
    if row is None or not forget_row(caller, row, at=at):
        msg = "There is no such pair."
        raise NotFound(msg)
    return row


def forget_row(caller: Caller, row: VendorPair, *, at: datetime) -> bool:
    """Delete a pair; False where it was gone. The edge has checked that the caller may."""

    def work() -> bool:
        with durable():
            if not VendorPair.objects.using(write_alias()).filter(pk=row.pk)._raw_delete(write_alias()):
                return False
            detail = {"device": row.device, "of": str(row.user_id)}
            auditing.record(AuditKind.PAIR_FORGOTTEN, caller, at=at, application=row.application, detail=detail)
            return True

    return retrying(work)


def try_again(caller: Caller, row: VendorPair, *, at: datetime) -> bool:
    """Have the vendor asked again about a pair that it refused: its no may be about the site, like a wrong client id.

    The next one who asks has it renewed. False where it is not refused, or another by now. The edge has checked that
    the caller may.
    """

    def work() -> bool:
        with durable():
            refused = pair_rows.as_of(row, version=row.version).filter(refused_at__isnull=False)
            if not refused.update(refused_at=None, reason="", leased_until=None):
                return False
            detail = {"device": row.device, "of": str(row.user_id)}
            auditing.record(AuditKind.PAIR_RETRIED, caller, at=at, application=row.application, detail=detail)
            return True

    return retrying(work)


def _keeping(caller: Caller, slug: str) -> Application:
    application = deciding.find_application(caller, slug)[0]
    pair_rows.keeper_of(deciding.configuration_of(application)[0])
    return application


def _decided(question: Question) -> Decision:
    decision = deciding.decide(question)
    if not decision.allowed:
        raise PolicyDenied(decision.reason)
    return decision


class _Device:
    """Reads a body that names a device and nothing else."""

    device: str = ""

    def __call__(
        self, body: Mapping[str, object], provider: Provider, /, *, application: Application, limits: Limits
    ) -> tuple[Grant, int | None, int]:
        if not pair_rows.keeper_of(provider).renews_pairs:
            msg = "This vendor's pairs are renewed by their user's own device alone."
            raise NotFound(msg)
        return self.read(body, provider), None, 0

    def read(self, body: Mapping[str, object], provider: Provider) -> Grant:
        """Return the grant that asks for its pair; BadGrant names all that is wrong."""
        rest, wrong = dict(body), dict[str, list[str]]()
        self.device, grant = _read_device(rest, provider, wrong)
        wrong |= {str(name)[:64]: ["unknown field"] for name in rest}
        return _whole(grant, wrong)


def muted(body: Mapping[str, object]) -> dict[str, object]:
    """Return a body that hands a pair in so that no frame shows its texts; one that is muted already stays as it is.

    An error reporter prints the variables of every frame that a failing database leaves behind.
    """
    return {name: _hidden(name, value) for name, value in body.items()}


def _hidden(name: str, value: object) -> object:
    """Return the value of a field so that no frame shows it, where it may be one of the pair's texts."""
    return TokenText(value) if isinstance(value, str) and name not in _OURS else value


class _Deposit:
    """Reads a ``_hidden`` body that hands a pair in, naming every field that is wrong in one error."""

    device: str = ""
    version: int | None = None
    pair: PairTexts

    def __init__(self, *, at: datetime) -> None:
        self._at = at

    def __call__(
        self, body: Mapping[str, object], provider: Provider, /, *, application: Application, limits: Limits
    ) -> tuple[Grant, int | None, int]:
        keeper = pair_rows.keeper_of(provider)
        rest, wrong = dict(body), dict[str, list[str]]()
        self.device, grant = _read_device(rest, provider, wrong)
        if "version" in rest:
            self.version = _read_version(rest.pop("version"), wrong)
        try:
            shown = {name: value.reveal() if isinstance(value, TokenText) else value for name, value in rest.items()}
            handed: object = fields.parse(keeper.deposit_class, shown)
            options = deciding.options_of(application, provider)
            self.pair = keeper.deposited(handed, options=options, at=self._at)
        except FieldError as error:
            wrong.update({name: list(texts) for name, texts in error.fields.items()})
        return _whole(grant, wrong), None, 0


def _read_device(rest: dict[str, object], provider: Provider, wrong: dict[str, list[str]]) -> tuple[str, Grant | None]:
    device = rest.pop("device", "")
    if not isinstance(device, str):
        wrong["device"] = ["must be a text"]
    elif len(device) > LONGEST_DEVICE or not device.isprintable():
        wrong["device"] = [f"must be at most {LONGEST_DEVICE} printable characters"]
    else:
        try:
            return device, pair_rows.keeper_of(provider).grant_for(device)
        except FieldError as error:
            wrong.update({name: list(texts) for name, texts in error.fields.items()})
    return "", None


def _read_version(value: object, wrong: dict[str, list[str]]) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    wrong["version"] = ["must be a whole number, 0 or more"]
    return None


def _whole(grant: Grant | None, wrong: Mapping[str, list[str]]) -> Grant:
    if grant is None or wrong:
        first = next(iter(wrong))
        raise BadGrant(first, wrong[first][0], fields=wrong)
    return grant


def _stored(question: Question, handed: _Deposit, *, at: datetime) -> VendorPair:
    application, key = question.application, question.caller.principal_key
    for _attempt in range(_ATTEMPTS):
        row = pair_rows.find(application, key, handed.device)
        if handed.version is not None and handed.version != (0 if row is None else row.version):
            break
        if row is None and pair_rows.owned(application, key).count() >= MOST_DEVICES:
            raise PolicyDenied("too_many_devices", f"You have {MOST_DEVICES} pairs already: forget one first.")
        fresh = _fresh(question, handed, over=row, at=at)
        if _written(question.caller, fresh, reported=handed.pair.reported, at=at):
            fresh.__dict__.pop("epochs", None)  # an expression; whoever wants the number reads the row
            return fresh
        # Another one of the same moment came first; without a version the later one counts.
    else:
        msg = "Several pairs were handed in at the same moment."
        raise Unavailable(msg)
    msg = "Another pair stands there by now: look which, and decide again."
    raise Conflict(msg, reason=STALE)


def _fresh(question: Question, handed: _Deposit, *, over: VendorPair | None, at: datetime) -> VendorPair:
    """Return the row to be written, new or ``over`` one that there is."""
    caller, application = question.caller, question.application
    row_id = uuid7() if over is None else over.pk
    # Read in the row's own statement, as a token's are: what is ended meanwhile ends the pair, too.
    sets = {caller.principal_key, application.pk, EVERYTHING_KEY}
    sets |= set() if caller.api_key is None else {caller.api_key.pk}
    epochs: Any = parents.epochs_under(parents.judged_again(caller, at=at), sets)
    return VendorPair(
        id=row_id,
        application=application,
        user_id=caller.user_id,
        principal_key=caller.principal_key,
        api_key=caller.api_key,
        device=handed.device,
        device_key=pair_rows.device_key(handed.device),
        epochs=epochs,
        version=1 if over is None else over.version + 1,
        created_at=at,
        **pair_rows.columns_of(handed.pair, row=row_id, at=at),
        **caller.circumstances,
    )


def _written(caller: Caller, fresh: VendorPair, *, reported: Mapping[str, int], at: datetime) -> bool:
    """Write the pair, and its event beside it; False where somebody else was first."""
    detail = {"device": fresh.device, "version": fresh.version, "reported": dict(reported)}

    def work() -> bool:
        with durable():
            if not _inserted_or_replaced(fresh):
                return False
            auditing.record(AuditKind.PAIR_KEPT, caller, at=at, application=fresh.application, detail=detail)
            return True

    try:
        with refusing_the_vanished(fresh):
            return retrying(work)
    except IntegrityError:
        return False  # the constraint let another first one through


def _inserted_or_replaced(fresh: VendorPair) -> bool:
    if fresh.version == 1:
        fresh.save(using=write_alias(), force_insert=True)
        return True
    # Every column, so that nothing of the pair before is left.
    columns = {column.attname: getattr(fresh, column.attname) for column in fresh._meta.concrete_fields}
    del columns["id"]
    return bool(pair_rows.as_of(fresh, version=fresh.version - 1).update(**columns))
