"""Where a secret comes from: never an argument, and never quoted."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from django.core.management import CommandError
from django.core.management.base import CommandParser

from token_issuer.crypto import ReferenceBroken
from token_issuer.management import sources
from token_issuer.providers.base import Provider, SecretField
from token_issuer.providers.videosdk import VideoSDKProvider


class TwoParts(VideoSDKProvider):
    """A vendor whose secret has two parts."""

    secret_fields = MappingProxyType(
        {"sign": (SecretField(name="api_key", label="API key"), SecretField(name="secret", label="Secret"))}
    )


ONE, TWO = VideoSDKProvider(), TwoParts()


def given(provider: Provider, *arguments: str, ask: bool = True) -> sources.Given:
    parser = CommandParser()
    sources.add_arguments(parser)
    options: dict[str, Any] = vars(parser.parse_args(arguments))
    return sources.given(options, provider, "sign", ask=ask)


def refusal(provider: Provider, *arguments: str) -> str:
    with pytest.raises((CommandError, ReferenceBroken)) as error:
        given(provider, *arguments)
    return str(error.value)


def test_from_the_environment(monkeypatch):
    monkeypatch.setenv("ROOMS", "hidden")
    assert given(ONE, "--secret-from-env", "ROOMS").parts == {"secret": "hidden"}
    assert given(ONE, "--secret-from-env", "secret=ROOMS").parts == {"secret": "hidden"}


def test_two_parts_from_two_variables(monkeypatch):
    monkeypatch.setenv("KEY", "a")
    monkeypatch.setenv("PIN", "b")
    found = given(TWO, "--secret-from-env", "api_key=KEY", "--secret-from-env", "secret=PIN")
    assert found.parts == {"api_key": "a", "secret": "b"}


def test_two_parts_from_one_variable(monkeypatch):
    monkeypatch.setenv("BOTH", '{"api_key": "a", "secret": "b"}')
    assert given(TWO, "--secret-from-env", "BOTH").parts == {"api_key": "a", "secret": "b"}


def test_a_variable_that_is_not_there_may_be_the_secret_itself():
    assert refusal(ONE, "--secret-from-env", "s3cr3t") == (
        "--secret-from-env names a variable that this process does not have. It takes a name, not the secret."
    )


def test_parts_are_named(monkeypatch):
    monkeypatch.setenv("A", "a")
    text = "--secret-from-env takes PART=NAME here, where PART is one of: api_key, secret."
    assert refusal(TWO, "--secret-from-env", "A", "--secret-from-env", "A") == text
    assert refusal(TWO, "--secret-from-env", "pin=A") == text


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_from_standard_input(typed, ending):
    typed(f" hidden{ending}")
    assert given(ONE, "--secret-stdin").parts == {"secret": " hidden"}


def test_two_parts_from_standard_input(typed):
    typed('{"api_key": "a", "secret": "b"}')
    assert given(TWO, "--secret-stdin").parts == {"api_key": "a", "secret": "b"}


@pytest.mark.parametrize("text", ["hidden", '["hidden"]', '{"api_key": 5}'])
def test_two_parts_are_a_json_object_of_texts(typed, text):
    typed(text)
    assert refusal(TWO, "--secret-stdin") == (
        "The secret on standard input must be a JSON object with exactly these texts: api_key, secret."
    )


def test_standard_input_has_an_end(typed):
    typed("x" * (sources.LONGEST_INPUT + 1))
    assert "longer than 65536 characters" in refusal(ONE, "--secret-stdin")


def test_a_reference_is_stored_as_it_is():
    found = given(ONE, "--reference", "env:LATER")
    assert (found.reference, found.parts, bool(found)) == ("env:LATER", {}, True)


def test_a_reference_is_written_as_one():
    assert 'A reference is written "env:NAME"' in refusal(ONE, "--reference", "sops:x")


def test_a_terminal_is_asked_for_each_part(at_terminal):
    questions = at_terminal("a", "b")
    assert given(TWO).parts == {"api_key": "a", "secret": "b"}
    assert questions == ["API key: ", "Secret: "]


def test_nobody_is_asked_without_a_terminal(typed):
    typed("")
    assert refusal(ONE) == (
        "There is no terminal to ask for the secret. Use --secret-from-env, --secret-stdin or --reference."
    )


def test_nothing_given_is_no_secret():
    assert not given(ONE, ask=False)


def test_a_purpose_that_the_provider_does_not_have():
    with pytest.raises(CommandError, match=r"VideoSDK has no purpose 'mail'; there are: sign, call\."):
        sources.given({}, ONE, "mail")


def test_a_secret_never_shows(typed):
    typed("hidden")
    assert "hidden" not in repr(given(ONE, "--secret-stdin"))


def test_two_ways_at_once_are_refused():
    with pytest.raises(CommandError, match="not allowed with argument --secret-stdin"):
        given(ONE, "--secret-stdin", "--reference", "env:A")
