"""Whatever is sent, the answer is one of ours: never a 5xx, and a token only for what fits the schema."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from token_issuer.api.schema import document

# The fixtures' rows stay from one example to the next; what is added to them changes nothing here.
examples = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

NAMES = st.sampled_from(
    ["channel", "role", "also_rtm", "roomId", "permissions", "roles", "lifetime", "slot", "uid", "x"]
)
WORDS = st.sampled_from(["publisher", "subscriber", "allow_join", "allow_mod", "rtc", "room-1", "*", "10m", ""])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | WORDS
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))
BODIES = st.dictionaries(NAMES | st.text(max_size=8), VALUES, max_size=5)
CODES = set(document()["components"]["schemas"]["Error"]["properties"]["error"]["enum"])


@pytest.fixture(scope="module")
def schema():
    """What the document says may be sent."""
    found = document()
    return Draft202012Validator({"$ref": "#/components/schemas/TokenRequest", "components": found["components"]})


@given(body=BODIES, slug=st.sampled_from(["rooms", "calls"]))
@examples
def test_any_body(browser, rooms, calls, schema, body, slug):
    response = browser.post(f"applications/{slug}/tokens/", body)
    if response.status_code == 201:
        assert schema.is_valid(body)
    else:
        assert response.status_code in {400, 403}
        assert response.json()["error"] in CODES


@given(text=st.text(min_size=1, max_size=40), query=st.text(max_size=20))
@examples
def test_any_address(browser, rooms, text, query):
    part = quote(text, safe="")
    for path in (f"applications/{part}/tokens/", f"tokens/{part}/revoke/"):
        response = browser.post(f"{path}?{quote(query, safe='=&')}", {})
        assert response.status_code in {400, 403, 404, 405}


@given(name=st.text(max_size=30), value=st.text(max_size=30))
@examples
def test_any_question(browser, name, value):
    response = browser.get(f"tokens/?{quote(name)}={quote(value)}")
    assert response.status_code in {200, 400}
