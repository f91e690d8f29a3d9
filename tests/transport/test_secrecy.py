"""What nobody learns from a call: not from errors, their contexts and their frames, not from logs, not from proxies."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.transport.vendors import drips, says, vendor
from token_issuer import transport
from token_issuer.errors import VendorUnavailable
from token_issuer.testing.looking import shown_by

KEY = "the-api-key-of-this-site"
BODY = "what-the-body-says"
ROOT = Path(__file__).resolve().parents[2]
SECRETS = (KEY, BODY)


def called(send, url: str, **named) -> None:
    send(
        url,
        **{
            "method": "POST",
            "headers": {"Authorization": KEY},
            "query": (("page", "of-the-query"),),
            "values": {"password": BODY},
            **named,
        },
    )


@pytest.mark.parametrize(
    "script",
    [says(b""), says(b"garbage\r\n\r\n"), drips(b""), drips(b"HTTP/1.1 200 OK\r\n\r\n")],
    ids=["dropped", "garbled", "timed out", "timed out later"],
)
def test_an_error_knows_nothing_of_the_request(send, script):
    with vendor(script) as there, pytest.raises(VendorUnavailable) as refusal:
        called(send, there.url, deadline=0.3)
    assert refusal.value.__context__ is None
    told = shown_by(refusal.value)
    assert [secret for secret in SECRETS if secret in told] == []
    assert "of-the-query" not in str(refusal.value)


def test_nor_does_one_of_a_vendor_that_is_not_there(send):
    with pytest.raises(VendorUnavailable) as refusal:
        called(send, "http://127.0.0.1:1/")
    assert not any(secret in shown_by(refusal.value) for secret in SECRETS)


@pytest.mark.parametrize("value", [f"{KEY}\r\nX-Admin: 1", f"{KEY}é", f"{KEY}\0", f" {KEY}", f"{KEY} ", f"{KEY}\ud800"])
def test_a_key_that_http_does_not_carry_is_refused_without_being_quoted(send, value):
    with vendor() as there, pytest.raises(ImproperlyConfigured) as refusal:
        called(send, there.url, headers={"Authorization": value})
    assert str(refusal.value) == "The header 'Authorization' for the vendor has characters that HTTP does not carry."
    assert (KEY in shown_by(refusal.value), there.connections) == (False, 0)


@pytest.mark.parametrize("name", ["", "Author ization", f"{KEY}\r\n", "Authorizatión"])
def test_so_is_a_name(send, name):
    with vendor() as there, pytest.raises(ImproperlyConfigured, match=r"^A header for the vendor has") as refusal:
        called(send, there.url, headers={name: "x"})
    assert (KEY in shown_by(refusal.value), there.connections) == (False, 0)


@pytest.mark.parametrize("encoding", ["form", "multipart"])
def test_a_body_that_cannot_be_written_is_not_quoted(send, encoding):
    with vendor() as there, pytest.raises(ImproperlyConfigured, match=r"^A request to a vendor has") as refusal:
        called(send, there.url, values={"password": f"{BODY}\ud800"}, encoding=encoding)
    assert (BODY in shown_by(refusal.value), there.connections) == (False, 0)


def test_no_log_holds_a_key_or_a_body(send, caplog):
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nthe-token-text"
    with caplog.at_level(logging.DEBUG), vendor(says(said)) as there:
        called(send, there.url)
    assert "HTTP Request: POST" in caplog.text  # httpx tells the address: why no secret may stand in it
    assert [word for word in (*SECRETS, "the-token-text") if word in caplog.text] == []


def test_what_goes_to_this_machine_passes_no_proxy(send, monkeypatch):
    with vendor() as proxy, vendor() as there:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://user:pass@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        called(send, there.url)
    assert (proxy.connections, len(there.requests)) == (0, 1)
    assert b"proxy" not in there.requests[0].lower()


def test_a_proxy_sees_the_name_of_the_host_alone(send, monkeypatch):
    with vendor(says(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(VendorUnavailable) as refusal:
            called(send, "https://vendor.example/path")
    seen = b"".join(proxy.requests)
    assert refusal.value.reason == "unreachable"
    assert seen.startswith(b"CONNECT vendor.example:443 ")
    assert [word for word in (*SECRETS, "/path", "of-the-query", "uthorization") if word.encode() in seen] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("https_proxy", f"gopher://user:{KEY}@proxy.example:3128"),
        ("all_proxy", f"socks5://user:{KEY}@proxy.example:1080"),
        ("SSL_CERT_FILE", "/no/such/file"),
    ],
)
def test_an_environment_that_cannot_be_used_is_told_without_being_quoted(send, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        send("https://vendor.example/")
    assert (str(refusal.value), refusal.value.__context__) == (transport.ENVIRONMENT, None)
    assert KEY not in shown_by(refusal.value)


def test_the_environment_adds_no_credentials(send, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(netrc.read_text())
    for trusting in (False, True):  # also the client that listens to the environment
        with vendor() as there:
            assert transport._client(trusting).get(there.url).status_code == 200
        assert b"authorization" not in there.requests[0].lower()


def test_without_httpx_the_extra_is_named():
    code = """
        import sys
        sys.modules["httpx"] = None
        from token_issuer import transport
        from token_issuer.providers.called import VendorRequest
        try:
            transport.send(VendorRequest(method="GET", url="http://127.0.0.1:1/"))
        except Exception as error:
            print(type(error).__name__, error)
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == f"ImproperlyConfigured {transport.MISSING}"
    assert "django-token-issuer[vendors]" in transport.MISSING
