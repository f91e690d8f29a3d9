"""What a body may be: read alike by everybody, or not at all."""

from __future__ import annotations

import io
import json
from contextlib import suppress

import pytest
from django.http import QueryDict
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from tests.api.browsers import JSON
from tests.api.refusals import assert_refused
from token_issuer.api.parsers import LARGEST_BODY, IssuerRequest, StrictJSONParser, body_of, read_object
from token_issuer.api.refusals import MalformedBody, UnsupportedBody
from token_issuer.api.rendering import OneOfEach

ISSUE = "applications/rooms/tokens/"
GOOD = b'{"roomId": "room-1"}'

MALFORMED = {
    "3,000 nested lists": (b"[" * 3000, "The body must not be nested deeper than 8 levels."),
    "3,000 nested lists, closed": (b"[" * 3000 + b"]" * 3000, "The body must not be nested deeper than 8 levels."),
    "3,000 nested objects": (b'{"":' * 3000 + b"1" + b"}" * 3000, "The body must not be nested deeper than 8 levels."),
    "nesting behind a text": (b'{"a": "\\"[", "b": ' + b"[" * 9, "The body must not be nested deeper than 8 levels."),
    "nine levels": (b'{"a": ' + b"[" * 8 + b"]" * 8 + b"}", "The body must not be nested deeper than 8 levels."),
    "a member twice": (b'{"roomId": "a", "roomId": "room-1"}', "The body names a member twice."),
    "a member twice, spelled in two ways": (b'{"roomId": "a", "room\\u0049d": "b"}', "The body names a member twice."),
    "a member twice, inside": (b'{"a": {"b": 1, "b": 2}}', "The body names a member twice."),
    "1e400": (b'{"a": 1e400}', "The body holds a number that is not finite."),
    "-1e400": (b'{"a": -1e400}', "The body holds a number that is not finite."),
    "NaN": (b'{"a": NaN}', "The body holds a number that is not finite."),
    "Infinity": (b'{"a": [-Infinity]}', "The body holds a number that is not finite."),
    "5,000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "The body is not JSON."),
    "Latin-1": ('{"roomId": "Zürich"}'.encode("latin-1"), "The body is not UTF-8."),
    "UTF-16": ('{"roomId": "a"}'.encode("utf-16-le"), "The body is not JSON."),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "The body must not begin with a byte order mark."),
    "half a surrogate": (b'{"roomId": "\\ud800"}', "The body holds a text that is not valid Unicode."),
    "half a surrogate as a name": (b'{"\\udfff": 1}', "The body holds a text that is not valid Unicode."),
    "a list": (b"[]", "The body must be a JSON object."),
    "a text": (b'"room-1"', "The body must be a JSON object."),
    "null": (b"null", "The body must be a JSON object."),
    "nothing but blanks": (b"  ", "The body is not JSON."),
    "half an object": (b'{"roomId": "room-1"', "The body is not JSON."),
    "half a text": (b'{"roomId": "room', "The body is not JSON."),
    "two objects": (GOOD + GOOD, "The body is not JSON."),
    "a comma too many": (b'{"roomId": "room-1",}', "The body is not JSON."),
    "other quotes": (b"{'roomId': 'room-1'}", "The body is not JSON."),
    "a comment": (b'{"roomId": "room-1"} // mine', "The body is not JSON."),
    "a line break in a text": (b'{"roomId": "room\n1"}', "The body is not JSON."),
    "too large": (b'{"a": "' + b"a" * LARGEST_BODY + b'"}', "The body must be at most 16384 bytes."),
    "5 MB": (b'{"a": "' + b"a" * 5_000_000 + b'"}', "The body must be at most 16384 bytes."),
}


@pytest.mark.parametrize(("body", "description"), MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_not_plain_is_refused(browser, rooms, body, description):
    assert_refused(browser.send(ISSUE, body), 400, "malformed_body", description)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json-patch+json",
        "application/jsonx",
        "*/*",
        "json",
        "",
        "application/json, text/plain",
    ],
)
def test_a_body_of_another_kind_is_refused(browser, rooms, kind):
    assert_refused(
        browser.send(ISSUE, GOOD, kind=kind), 415, "unsupported_media_type", "The body must be application/json."
    )


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_form_is_refused_also_where_django_looks_for_its_csrf_field(browser, rooms, kind):
    token = browser.headers.pop("X-CSRFToken")
    form = {
        "multipart/form-data; boundary=x": (
            f'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n--x--\r\n'
        ),
    }.get(kind, f"csrfmiddlewaretoken={token}&roomId=room-1")
    assert_refused(browser.send(ISSUE, form, kind=kind), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "multipart/form-data; boundary=\xe9", "multipart/form-data; x"]
)
def test_a_form_that_django_cannot_take_apart_is_refused_in_our_words(browser, rooms, kind):
    """Django's CSRF check reads it before we do."""
    response = browser.send(ISSUE, GOOD, kind=kind)
    assert_refused(response, 400, "malformed_body", "The body could not be read.")


def test_a_large_form_is_refused(browser, rooms):
    browser.headers.pop("X-CSRFToken")
    response = browser.send(ISSUE, b"a=" + b"b" * 5_000_000, kind="application/x-www-form-urlencoded")
    assert_refused(response, 400, "malformed_body", "The body could not be read.")


@pytest.mark.parametrize("kind", [f"{JSON}; charset=latin-1", f"{JSON}; charset=utf-16", f"{JSON}; charset=utf-7"])
def test_another_charset_is_refused(browser, rooms, kind):
    assert_refused(browser.send(ISSUE, GOOD, kind=kind), 415, "unsupported_media_type", "The body must be in UTF-8.")


def test_a_compressed_body_is_refused(browser, rooms):
    response = browser.send(ISSUE, GOOD, **{"Content-Encoding": "gzip"})
    assert_refused(response, 415, "unsupported_media_type", "The body must not be compressed.")


@pytest.mark.parametrize("kind", [f"{JSON}; charset=utf-8", f"{JSON}; charset=UTF-8", "Application/JSON"])
def test_json_is_json_however_it_is_announced(browser, rooms, kind):
    assert browser.send(ISSUE, GOOD, kind=kind).status_code == 201


@pytest.mark.parametrize("kind", [JSON, "text/plain", ""])
def test_no_body_is_an_empty_object(browser, calls, kind):
    response = browser.send("applications/calls/tokens/", b"", kind=kind)
    assert_refused(response, 400, "invalid_request", "channel: is required", fields={"channel": ["is required"]})


def test_the_largest_body_is_read(browser, rooms):
    body = b'{"roomId": "' + b"a" * (LARGEST_BODY - 14) + b'"}'
    assert len(body) == LARGEST_BODY
    assert_refused(browser.send(ISSUE, body), 400, "invalid_request", "roomId: must be at most 255 bytes in UTF-8")


def test_eight_levels_are_read(browser, rooms):
    body = b'{"roomId": ' + b"[" * 7 + b"]" * 7 + b"}"
    assert_refused(browser.send(ISSUE, body), 400, "invalid_request", "roomId: must be a text")


def test_brackets_in_a_text_are_no_nesting(browser, rooms):
    assert browser.issue(roomId='"[[[[[[[[[[{{{{{{{{{{\\').status_code == 201


# Without Content-Length: chunks, HTTP/2


def as_ours(request) -> IssuerRequest:
    return IssuerRequest(request, parsers=[StrictJSONParser()], negotiator=OneOfEach())


def without_length(data: bytes, kind: str = JSON) -> IssuerRequest:
    request = RequestFactory().post("/", data, content_type=kind)
    request._stream = io.BytesIO(data)  # what ASGI hands over
    del request.META["CONTENT_LENGTH"]
    return as_ours(request)


def test_a_body_without_a_length_is_read():
    assert body_of(without_length(GOOD)) == {"roomId": "room-1"}


def test_a_body_without_a_length_is_bounded():
    with pytest.raises(MalformedBody, match=r"^The body must be at most 16384 bytes.$"):
        body_of(without_length(b'{"a": "' + b"a" * LARGEST_BODY + b'"}'))


def test_a_body_without_a_length_has_a_kind():
    with pytest.raises(UnsupportedBody, match=r"^The body must be application/json.$"):
        body_of(without_length(GOOD, kind="text/plain"))


def test_chunks_that_the_server_lost_are_no_empty_body(browser, calls):
    response = browser.send("applications/calls/tokens/", b"", **{"Transfer-Encoding": "chunked"})
    assert_refused(response, 400, "malformed_body", "The body must come with a Content-Length.")


@pytest.mark.parametrize("length", ["-1", "abc", "0x1"])
def test_a_body_that_is_not_there_is_no_empty_body(browser, calls, length):
    response = browser.send("applications/calls/tokens/", b"", **{"Content-Length": length})
    assert_refused(response, 400, "malformed_body", "The body does not have its Content-Length.")


def test_a_sender_who_went_away_sent_no_empty_body():
    request = RequestFactory().post("/", b"", content_type=JSON, CONTENT_LENGTH="20")
    request._stream = io.BytesIO()
    with pytest.raises(MalformedBody, match=r"^The body does not have its Content-Length\.$"):
        body_of(as_ours(request))


def test_a_body_that_somebody_read_before_is_read_again():
    request = RequestFactory().post("/", GOOD, content_type=JSON)
    assert request.body == GOOD
    assert body_of(as_ours(request)) == {"roomId": "room-1"}


def test_a_failed_reading_does_not_pass_for_an_empty_body():
    request = without_length(b"[]")
    with pytest.raises(MalformedBody):
        body_of(request)
    assert isinstance(request.data, QueryDict)
    with pytest.raises(MalformedBody, match=r"^The body could not be read.$"):
        body_of(request)


# For every text there is


@given(st.binary(max_size=200))
def test_bytes_are_an_object_or_are_refused(data):
    with suppress(MalformedBody):
        assert isinstance(read_object(data), dict)


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())))
def test_what_is_json_comes_back(value):
    assert read_object(json.dumps(value, ensure_ascii=False).encode()) == value
