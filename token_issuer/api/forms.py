"""Reading a form as RFC 6749 wants it: small, plain, and every parameter once.

Source: RFC 6749 sections 3.1 and 3.2 (parameters must not be repeated; one without a value counts as left out), and
appendix B (the encoding). The limits are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from django.http.request import RawPostDataException

from token_issuer.api.parsers import LARGEST_BODY, IssuerRequest
from token_issuer.api.refusals import MalformedBody, UnsupportedBody
from token_issuer.crypto import TokenText

FORM: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 20

SECRETS: Final = frozenset({"client_secret", "refresh_token", "token"})
"""Fields that no frame of a traceback may show."""

_NOT_A_FORM: Final = f"The body must be {FORM}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form that was read: the fields that anybody may see, and those in ``SECRETS``."""

    texts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, TokenText] = field(default_factory=dict)


def form_of(request: IssuerRequest) -> Form:
    """Return the form in the request's body, without the fields that are empty.

    Raises:
        UnsupportedBody: it is no form in UTF-8, or it is compressed.
        MalformedBody: it is too large, cannot be read, or names a field twice.
    """
    raw = request._request
    try:
        data = request.stream.getvalue()
    except RawPostDataException as error:
        raise UnsupportedBody(_NOT_A_FORM) from error
    if not data:
        return Form()  # each call has a field that it cannot do without
    if raw.content_type != FORM or raw.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedBody(_NOT_A_FORM)
    if (raw.content_params or {}).get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        msg = "The body must be in UTF-8."
        raise UnsupportedBody(msg)
    if len(data) > LARGEST_BODY:
        msg = f"The body must be at most {LARGEST_BODY} bytes."
        raise MalformedBody(msg)
    return _form((name, value) for name, value in _fields(data).items() if value)


def _form(fields: Iterable[tuple[str, str]]) -> Form:
    texts: dict[str, str] = {}
    secrets: dict[str, TokenText] = {}
    for name, value in fields:
        if name in SECRETS:
            secrets[name] = TokenText(value)
        else:
            texts[name] = value
    return Form(texts=texts, secrets=secrets)


def _fields(data: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        # Also what is no ASCII or, decoded, no UTF-8. The parser's own message quotes what was sent.
        msg = "The body is no form."
        raise MalformedBody(msg) from error
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "The body names a field twice."
        raise MalformedBody(msg)
    if any("\0" in text for pair in pairs for text in pair):
        msg = "The body holds a character that no field has."
        raise MalformedBody(msg)
    return found
