"""Evidence as a file: CSV or JSON lines, read and written piece by piece, so that its size does not matter.

Each piece is one statement of its own, newest rows first, downwards by id: nothing is held in a transaction, memory
stays flat, and rows that arrive meanwhile are above and move nothing. The file says at its end whether it is whole and
how many rows it has; one that breaks off without that is not whole.

No digest, no sealed value and no stamp is among the columns.
"""

from __future__ import annotations

import csv
import json
import logging
import re
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from token_issuer.models import AuditKind
from token_issuer.services import auditing
from token_issuer.services.transactions import durable, retrying

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.db.models import Model, QuerySet

    from token_issuer.services.callers import Caller

logger = logging.getLogger("token_issuer.security")

ROWS_AT_ONCE: Final = 1000
_PIECE: Final = 64 * 1024  # bytes that are handed on at once
_BROKEN: Final = "The export stopped here: rows are missing."

_ASKED_BY: Final = {"ip": "ip", "user_agent": "user_agent"}
_PRINCIPAL: Final = {"principal": "principal", "principal_key": "principal_key", "user": "user_id"}
# The name in the file, and where the row has it.
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "issuedtoken": {
        "id": "pk", "fingerprint": "fingerprint", "standing": "standing", "application": "application.slug",
        "certificate": "certificate_id", "api_key": "api_key.public_id", "family": "family_id",
        "generation": "generation", **_PRINCIPAL, "subject": "subject", "slot": "slot", "resource": "resource",
        "privileges": "privileges", "format": "format", "issued_at": "issued_at", "expires_at": "expires_at",
        "one_time": "one_time", "consumed_at": "consumed_at", "revoked_at": "revoked_at",
        "revoked_by": "revoked_by_id", "reason": "reason", "temporary": "temporary", "origin": "origin",
        "decision": "decision", **_ASKED_BY, "request_id": "request_id",
    },
    "auditevent": {
        "id": "pk", "at": "at", "kind": "kind", "count": "count", "user": "user_id", "application": "application.slug",
        "token": "token_id", "family": "family_id", "detail": "detail", **_ASKED_BY,
    },
    "tokenfamily": {
        "id": "pk", "standing": "standing", "application": "application.slug", "api_key": "api_key.public_id",
        **_PRINCIPAL, "subject": "subject", "slot": "slot", "grant": "grant", "lifetime": "lifetime",
        "generation": "generation", "replays": "replays", "created_at": "created_at", "rotated_at": "rotated_at",
        "idle_expires_at": "idle_expires_at", "expires_at": "expires_at", "closed_at": "closed_at", "reason": "reason",
        "in_cookie": "in_cookie", "label": "label", **_ASKED_BY,
    },
    "onetimekey": {
        "id": "pk", "fingerprint": "fingerprint", "standing": "standing", "application": "application.slug",
        "api_key": "api_key.public_id", **_PRINCIPAL, "slot": "slot", "grant": "grant", "lifetime": "lifetime",
        "starts_session": "starts_session", "created_at": "created_at", "expires_at": "expires_at",
        "consumed_at": "consumed_at", "revoked_at": "revoked_at", "reason": "reason", **_ASKED_BY,
    },
}  # fmt: skip
# What ``standing`` looks at beside them.
_LOOKED_AT: Final[Mapping[str, Sequence[str]]] = {
    "issuedtoken": ("epochs", "family.closed_at"),
    "tokenfamily": ("epochs",),
    "onetimekey": ("epochs",),
}


class Writer(ABC):
    """How rows become text."""

    name: ClassVar[str]
    suffix: ClassVar[str]
    content_type: ClassVar[str]

    @abstractmethod
    def begin(self, names: Sequence[str]) -> str:
        """Return what stands before the first row."""

    @abstractmethod
    def row(self, facts: Mapping[str, object]) -> str:
        """Return one row."""

    @abstractmethod
    def end(self, *, rows: int, error: str = "") -> str:
        """Return the last row, which says that the file is whole, or why it is not."""


class _Given:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


class Csv(Writer):
    """Comma-separated values (RFC 4180), safe to open in a spreadsheet.

    A text that a spreadsheet would calculate has an apostrophe before it, also where that only becomes the beginning of
    a cell in one that divides lines at semicolons or tabs, as half of Europe's do. The last row begins with ``#``.
    """

    name = suffix = "csv"
    content_type = "text/csv; charset=utf-8; header=present"
    # OWASP, "CSV Injection", with the wide forms that spreadsheets of East Asia read alike.
    _SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
    _CALCULATED: Final = re.compile(rf"^(?=[{_SIGNS}\t\r\n])|(?<=[;\t\r\n])(?=[\"' ]*[{_SIGNS}])")

    def begin(self, names: Sequence[str]) -> str:
        """Return the names of the columns."""
        return self._line(names)

    def row(self, facts: Mapping[str, object]) -> str:
        """Return one row; lists and mappings are written as JSON."""
        return self._line([self._cell(fact) for fact in facts.values()])

    def end(self, *, rows: int, error: str = "") -> str:
        """Return ``#complete,<rows>`` or ``#error,<why>``."""
        return self._line(["#error", error]) if error else self._line(["#complete", str(rows)])

    def _cell(self, fact: object) -> str:
        if fact is None:
            return ""
        text = json.dumps(fact) if isinstance(fact, bool | list | dict) else str(fact)
        return self._CALCULATED.sub("'", text.replace("\0", "\N{REPLACEMENT CHARACTER}"))

    @staticmethod
    def _line(cells: Sequence[str]) -> str:
        line: str = csv.writer(_Given()).writerow(cells)  # what ``write`` returned
        return line


class JsonLines(Writer):
    """One JSON object a line, in ASCII: no text breaks a line, and none is changed."""

    name, suffix = "jsonl", "jsonl"
    content_type = "application/jsonl; charset=utf-8"

    def begin(self, names: Sequence[str]) -> str:
        """Return nothing: every line has the names."""
        return ""

    def row(self, facts: Mapping[str, object]) -> str:
        """Return one line."""
        return json.dumps(facts) + "\n"

    def end(self, *, rows: int, error: str = "") -> str:
        """Return ``{"complete": true, "rows": …}`` or ``{"error": …}``."""
        return json.dumps({"error": error} if error else {"complete": True, "rows": rows}) + "\n"


WRITERS: Final[Mapping[str, Writer]] = {writer.name: writer for writer in (Csv(), JsonLines())}


def begun(caller: Caller, model: type[Model], writer: Writer, *, filters: Sequence[str], at: datetime) -> None:
    """Write down that somebody exports: what, as what, and by which filters; their values are nobody's business."""
    detail = {"what": model._meta.model_name, "format": writer.name, "filters": sorted(filters)}

    def work() -> None:
        with durable():
            auditing.record(AuditKind.EXPORTED, caller, at=at, detail=detail)

    retrying(work)


def written(rows: QuerySet[Any], writer: Writer, *, at: datetime) -> Iterator[bytes]:
    """Return a file's bytes, piece by piece. Reads as it goes; an error ends the file with a row that says so."""
    columns = {name: path.split(".") for name, path in COLUMNS[str(rows.model._meta.model_name)].items()}
    piece, count, size = [writer.begin([*columns])], 0, 0
    try:
        for row in _read(rows):
            line = writer.row({name: _fact(row, path, at=at) for name, path in columns.items()})
            count, size = count + 1, size + len(line)
            piece.append(line)
            if size >= _PIECE:
                yield _bytes(piece)
                piece, size = [], 0
    except Exception:
        logger.exception("an export of %s broke off after %s rows", rows.model._meta.model_name, count)
        piece.append(writer.end(rows=count, error=_BROKEN))
    else:
        piece.append(writer.end(rows=count))
    yield _bytes(piece)


def _read(rows: QuerySet[Any]) -> Iterator[Any]:
    model = str(rows.model._meta.model_name)
    paths = [path for path in [*COLUMNS[model].values(), *_LOOKED_AT.get(model, ())] if path != "standing"]
    related = {path.partition(".")[0] for path in paths if "." in path}
    names = [path.replace(".", "__") for path in paths]
    rows = rows.select_related(None).select_related(*related).only(*names).order_by("-pk")
    found = [*rows[:ROWS_AT_ONCE]]
    while found:
        yield from found
        # A page that is not full is the last one, whatever was written meanwhile.
        last = found[-1].pk
        found = [*rows.filter(pk__lt=last)[:ROWS_AT_ONCE]] if len(found) == ROWS_AT_ONCE else []


def _fact(row: Any, path: list[str], *, at: datetime) -> object:  # noqa: ANN401  any of the models
    if path == ["standing"]:
        return row.standing(at).value
    for name in path:
        row = getattr(row, name)
        if row is None:
            return None
    if isinstance(row, datetime):
        return row.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return row if isinstance(row, bool | int | list | dict) else str(row)


def _bytes(piece: list[str]) -> bytes:
    # What is no character in UTF-8 cannot come from a database that speaks it; SQLite asks nobody.
    return "".join(piece).encode("utf-8", "backslashreplace")
