"""Nothing shows a token or a secret: no text, no log, no exception, no pickle."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import traceback

import pytest

from tests.client.issuer import API_KEY, API_SECRET, lose_answer, say
from token_issuer.client import Client, ClientError, FileStore, Sealer, TokenText, new_key
from token_issuer.client.errors import BadRequest, Denied

STORE_KEY = new_key()


@pytest.fixture
def holder(issuer, time):
    first = issuer.sign_in()
    options = {"api_key": API_KEY, "api_secret": API_SECRET, "refresh_token": first, "clock": time.clock()}
    with Client(issuer.address, **options) as holder:
        yield holder


@pytest.fixture
def secrets(holder):
    token = holder.get()
    return [token.reveal(), token.refresh.reveal(), token.refresh.reveal().replace(".1", ".0"), API_SECRET, STORE_KEY]


def shown(secrets, *texts):
    return [text for text in texts for secret in secrets if secret in text]


def things(holder, tmp_path):
    token = holder.get()
    pair = holder._own._store.load()
    return [
        holder, holder.auth, holder._own, holder._own._keeper, holder._own._keeper._holding, holder._settings, token,
        token.refresh, pair, holder._own._store, FileStore(tmp_path / "pair", key=STORE_KEY), Sealer(STORE_KEY),
        holder._settings.api_key,
    ]  # fmt: skip


def test_no_thing_shows_a_secret(holder, secrets, tmp_path):
    for thing in things(holder, tmp_path):
        attributes = [repr(getattr(thing, name, "")) for name in dir(thing) if not name.startswith("__")]
        attributes = [text for text in attributes if "bound method" not in text]
        inside = repr(vars(thing)) if hasattr(thing, "__dict__") else ""
        assert shown(secrets, repr(thing), str(thing), f"{thing}", inside, *attributes) == [], type(thing)


def test_no_thing_can_be_pickled(holder, tmp_path):
    for thing in things(holder, tmp_path):
        with pytest.raises((TypeError, AttributeError)):
            pickle.dumps(thing)


def test_a_copy_is_as_silent(holder):
    token = holder.get()
    assert copy.copy(token) is copy.deepcopy(token) is token


def test_a_token_text_is_compared_in_its_own_kind_only():
    assert TokenText("a") == TokenText("a")
    assert TokenText("a") != TokenText("b")
    assert TokenText("a") != "a"
    with pytest.raises(TypeError, match="unhashable"):
        hash(TokenText("a"))


def test_a_token_says_when_it_ends(holder):
    assert repr(holder.get()) == "<Token that expires at 2026-09-21T15:13:20Z>"


ECHO = {"error": "server_error", "error_description": f"DEBUG {API_SECRET}", "request_id": API_SECRET + "!"}


@pytest.mark.parametrize(
    "trouble",
    [[lose_answer] * 2, [say(500, ECHO)], [say(400, {**ECHO, "error": "invalid_request"})], [say(200, ECHO)],
     [say(400, {"error": "invalid_grant"})], [say(302, "", Location=f"https://x/?t={API_SECRET}")],
     [say(403, {**ECHO, "error": f"{API_SECRET}!"})]],
    ids=["lost", "500", "400", "200", "ended", "302", "403"],
)  # fmt: skip
def test_no_exception_shows_a_secret_not_even_with_the_locals_of_its_frames(holder, secrets, issuer, time, trouble):
    time.pass_by(3600)
    issuer.trouble.extend(trouble)
    with pytest.raises(ClientError) as failed:
        holder.get()
    assert shown(secrets, *locals_of(failed), repr(failed.value)) == []
    assert failed.value.__cause__ is None
    assert not isinstance(failed.value.__context__, OSError)
    assert not hasattr(failed.value.__context__, "request")


def locals_of(failed):
    """What a reporter of errors shows that prints local variables, without this file's own."""
    told = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    return [frame for frame in told.format() if "/tests/" not in frame.splitlines()[0]]


def test_an_answer_that_is_half_a_token_is_not_shown(holder, issuer):
    issuer.trouble.append(say(201, {"token": "half-a-token", "refresh_token": "tir_half"}))
    with pytest.raises(ClientError) as failed:
        holder.issue("rooms")
    assert shown(["half-a-token", "tir_half", API_SECRET], *locals_of(failed)) == []


def test_a_wrong_address_does_not_show_the_secrets_beside_it():
    with pytest.raises(ClientError) as failed:
        Client("http://example.com/", api_key=API_KEY, api_secret=API_SECRET, refresh_token="tir_a.0")
    assert shown(["tir_a.0", API_SECRET], *locals_of(failed)) == []


def test_a_request_that_fails_has_no_httpx_exception_behind_it(holder, secrets, issuer):
    issuer.trouble.append(lose_answer)
    with pytest.raises(ClientError) as failed:
        holder.request("GET", "/api/thing")
    assert (failed.value.__cause__, failed.value.__context__) == (None, None)


def test_no_log_shows_a_secret_at_any_level(holder, issuer, time):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        live(holder, issuer, time)
        token = holder.get()
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    log = stream.getvalue()
    assert "Could not refresh: The server cannot answer now (server_error)." in log
    assert "The access token: refreshed." in log
    assert shown([token.reveal(), token.refresh.reveal(), API_SECRET, "tir_", "access."], log) == []


def live(holder, issuer, time):
    holder.get()
    time.pass_by(3575)
    issuer.trouble.append(say(500, ECHO))
    holder.get()
    time.pass_by(60)
    issuer.trouble.append(lose_answer)
    holder.get()
    issuer.forget_access_tokens()
    holder.request("GET", "/api/thing")
    holder.issue("own")


def test_log_records_have_keys_for_machines(holder, caplog):
    caplog.set_level(logging.INFO, "token_issuer.client")
    holder.get()
    assert [(record.event, record.credential) for record in caplog.records if record.name == "token_issuer.client"] == [
        ("refreshed", "own")
    ]


@pytest.mark.parametrize(
    "error", [ClientError("a", code="b", retry_after=1.5), Denied.because("r", code="c"), BadRequest("x")]
)
def test_an_error_may_be_pickled_because_it_has_no_secret(error):
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), vars(again)) == (str(error), vars(error))
