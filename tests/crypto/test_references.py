"""Secrets that stay in the environment or in files."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING

import pytest

from token_issuer.crypto import ReferenceBroken, Secret, references

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-91d2"


def test_one_part_is_the_text_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMS_CERTIFICATE", CANARY)
    assert references.resolve("env:ROOMS_CERTIFICATE", ["certificate"]) == Secret(certificate=CANARY)


@pytest.mark.parametrize("content", [f"{CANARY}", f"{CANARY}\n", f"{CANARY}\r\n"])
def test_one_trailing_newline_of_a_file_is_taken_off(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_bytes(content.encode())
    assert references.resolve(f"file:{tmp_path}/key", ["secret"]).part("secret") == CANARY


def test_only_one_trailing_newline_is_taken_off(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b" a\n\n")
    assert references.resolve(f"file:{tmp_path}/key", ["secret"]).part("secret") == " a\n"


def test_the_longest_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"x" * references.MAXIMUM_BYTES)
    assert references.resolve(f"file:{tmp_path}/key", ["secret"]).part("secret") == "x" * references.MAXIMUM_BYTES


def test_several_parts_are_a_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOMS", '{"api_key": "a", "secret": "s"}')
    assert references.resolve("env:ROOMS", ["api_key", "secret"]) == Secret(api_key="a", secret="s")


@pytest.mark.parametrize(("member", "parts"), [("one", ["secret"]), ("two", ["a", "b"])])
def test_a_member_of_a_json_object_is_picked(tmp_path: Path, member: str, parts: list[str]) -> None:
    (tmp_path / "all.json").write_text(json.dumps({"one": CANARY, "two": {"a": CANARY, "b": CANARY}}))
    found = references.resolve(f"file:{tmp_path}/all.json#{member}", parts)
    assert dict(found.parts) == dict.fromkeys(parts, CANARY)


@pytest.mark.parametrize("reference", ["env:A", "env:_A1#x", "file:/run/secrets/x", "file:/run/x#y"])
def test_a_well_written_reference_passes(reference: str) -> None:
    references.check(reference)


@pytest.mark.parametrize(
    "reference",
    ["", CANARY, "env:", f"env:{CANARY}", "env:A#", "file:", "file:relative", "file:/a\0b", "vault:/a", "ENV:A"],
)
def test_what_is_no_reference_is_refused_and_not_quoted(reference: str) -> None:
    with pytest.raises(ReferenceBroken, match='A reference is written "env:NAME" or "file:/absolute/path"') as caught:
        references.resolve(reference, ["secret"])
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "suffix", "parts", "message"),
    [
        (b"", "", ["secret"], "is empty"),
        (b"\n", "", ["secret"], "is empty"),
        (b"\xff" + CANARY.encode(), "", ["secret"], "is not text in UTF-8"),
        (CANARY.encode() + b"x" * 65_536, "", ["secret"], "is longer than 65536 bytes"),
        (CANARY.encode(), "", ["a", "b"], "must be a JSON object with exactly these texts: a, b"),
        (b'{"a": "canary-91d2"}', "", ["a", "b"], "must be a JSON object with exactly these texts: a, b"),
        (b'{"a": "canary-91d2", "b": ""}', "", ["a", "b"], "must be a JSON object with exactly these texts: a, b"),
        (b'{"a": "canary-91d2", "b": 1}', "", ["a", "b"], "must be a JSON object with exactly these texts: a, b"),
        (b'"canary-91d2', "#m", ["secret"], "is not a JSON object with the member 'm'"),
        (b'{"m": 5, "x": "canary-91d2"}', "#m", ["secret"], "is not a JSON object with the member 'm'"),
        (b'{"m": {"secret": "canary-91d2"}}', "#m", ["a", "b"], "must be a JSON object with exactly"),
        (b'{"m": {"z": "canary-91d2"}}', "#m", ["secret"], r"must be a text \(the secret\)"),
        (b'{"m": ""}', "#m", ["secret"], "is not a JSON object with the member 'm'"),
        (b'{"m": {}}', "#m", ["secret"], "is not a JSON object with the member 'm'"),
    ],
)
def test_a_broken_secret_is_named_and_never_shown(
    tmp_path: Path, content: bytes, suffix: str, parts: list[str], message: str
) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ReferenceBroken, match=message) as caught:
        references.resolve(f"file:{tmp_path}/key{suffix}", parts)
    inside = caught.value.__traceback__.tb_next if caught.value.__traceback__ else None
    report = traceback.TracebackException(ReferenceBroken, caught.value, inside, capture_locals=True)
    assert f"{tmp_path}/key{suffix}" in str(caught.value)
    assert CANARY not in "".join(report.format())


def test_an_absent_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROOMS", raising=False)
    with pytest.raises(ReferenceBroken, match="'env:ROOMS' is not set in the environment"):
        references.resolve("env:ROOMS", ["secret"])


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ReferenceBroken, match="is not a file"):
        references.resolve(f"file:{tmp_path}/fifo", ["secret"])


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(ReferenceBroken, match=r"cannot be read: File name too long|is not a file"):
        references.resolve(f"file:{tmp_path}/{'x' * 300}", ["secret"])
