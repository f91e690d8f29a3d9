"""Reading a body: small, flat, UTF-8, JSON, one object, understood by every reader alike.

Source: RFC 8259 sections 4 (names within an object should be unique), 6 (no Infinity, no NaN) and 8.1 (UTF-8, and no
byte order mark). The limits are ours.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import IO, Any, Final, NoReturn

from django.http.request import HttpRequest, RawPostDataException
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from token_issuer.api.refusals import MalformedBody, UnsupportedBody

LARGEST_BODY: Final = 16 * 1024
"""Bytes."""
DEEPEST_NESTING: Final = 8
"""Objects and lists within each other, the outermost included."""
MEDIA_TYPE: Final = "application/json"

_NOT_JSON: Final = "The body must be application/json."


class StrictJSONParser(BaseParser):
    """The only parser of our views."""

    media_type = MEDIA_TYPE

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, object]:
        """Return the stream's object. Raises MalformedBody."""
        data = stream.read(LARGEST_BODY + 1)
        if len(data) > LARGEST_BODY:
            _refuse(f"The body must be at most {LARGEST_BODY} bytes.")
        return read_object(data)


class IssuerRequest(Request):
    """DRF's request, which also reads a body that came without Content-Length.

    DRF takes such a body for an empty one, and would mint with nothing but defaults.
    """

    stream: io.BytesIO

    def _load_stream(self) -> None:
        raw = self._request
        started = raw._read_started  # type: ignore[attr-defined]  # as DRF itself asks
        # One byte more than allowed, so that what is too large is seen without reading all of it.
        self._stream = io.BytesIO(raw.body if started else raw.read(LARGEST_BODY + 1))


def body_of(request: IssuerRequest) -> dict[str, object]:
    """Return the object in the request's body; no body is an empty object.

    Raises:
        UnsupportedBody: it is not ``application/json`` in UTF-8, or it is compressed.
        MalformedBody: it is larger, deeper or vaguer than allowed.
    """
    raw = request._request
    try:
        is_empty = not request.stream.getvalue()
    except RawPostDataException as error:
        # Only a form is read by others: Django's CSRF check looks for its field there.
        raise UnsupportedBody(_NOT_JSON) from error
    if is_empty:
        _require_really_empty(raw)
        return {}
    _require_json(raw)
    data = request.data
    # A parser that failed leaves an empty QueryDict behind, should somebody have swallowed its error.
    if type(data) is not dict:
        _refuse("The body could not be read.")
    return data


def read_object(data: bytes) -> dict[str, object]:
    """Return the JSON object that these bytes spell.

    Raises:
        MalformedBody: no JSON, not UTF-8, a byte order mark, not an object, nested deeper than eight, a name twice,
            a number that is not finite, or a text that is no Unicode.
    """
    text = _text(data)
    _require_flat(text)
    value = _value(text)
    if not isinstance(value, dict):
        _refuse("The body must be a JSON object.")
    _require_unicode(value)
    return value


def _require_really_empty(raw: HttpRequest) -> None:
    """Refuse a body that is only lost: it would mint with nothing but defaults."""
    if "HTTP_TRANSFER_ENCODING" in raw.META:  # WSGI has no place for chunks: Django hands over an empty body
        _refuse("The body must come with a Content-Length.")
    if (raw.META.get("CONTENT_LENGTH") or "0") != "0":  # a length that is no number, or a sender who went away
        _refuse("The body does not have its Content-Length.")


def _require_json(raw: HttpRequest) -> None:
    if raw.headers.get("Content-Encoding", "identity").lower() != "identity":
        msg = "The body must not be compressed."
        raise UnsupportedBody(msg)
    if raw.content_type != MEDIA_TYPE:
        raise UnsupportedBody(_NOT_JSON)
    if (raw.content_params or {}).get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        msg = "The body must be in UTF-8."
        raise UnsupportedBody(msg)


def _text(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        _refuse("The body is not UTF-8.")
    if text.startswith("\ufeff"):
        _refuse("The body must not begin with a byte order mark.")
    return text


def _require_flat(text: str) -> None:
    """Refuse deep nesting before the parser, which is recursive, sees it."""
    depth, in_text, escaped = 0, False, False
    for mark in text:
        if in_text:
            in_text = escaped or mark != '"'
            escaped = mark == "\\" and not escaped
        elif mark == '"':
            in_text = True
        elif mark in "[{":
            depth += 1
            if depth > DEEPEST_NESTING:
                _refuse(f"The body must not be nested deeper than {DEEPEST_NESTING} levels.")
        elif mark in "]}":
            depth -= 1


def _value(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_not_finite, parse_float=_finite)
    except ValueError:
        # The parser's own message quotes nothing, but it tells nothing either; a number of 5,000 digits ends here too.
        _refuse("The body is not JSON.")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("The body names a member twice.")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _not_finite(text)
    return number


def _not_finite(_: str) -> NoReturn:
    _refuse("The body holds a number that is not finite.")


def _require_unicode(value: object) -> None:
    # "\ud800" is JSON and no Unicode: no database and no answer can hold it.
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        _refuse("The body holds a text that is not valid Unicode.")


def _refuse(message: str) -> NoReturn:
    raise MalformedBody(message)
