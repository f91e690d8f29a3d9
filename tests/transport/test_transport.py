"""Calling a vendor over real connections: everything a server may do, and how often it was asked."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import time

import pytest
from django.core.exceptions import ImproperlyConfigured

from tests.transport.vendors import OK, drips, says, vendor
from token_issuer import transport
from token_issuer.errors import VendorUnavailable

DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
TROUBLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# What it sends, and what it makes of an answer


def test_a_request_is_sent_as_it_is_written(send):
    with vendor() as there:
        send(there.url, query=(("access", "readonly"), ("one_time", "true")), headers={"Authorization": "KEY"})
    head = there.requests[0].decode()
    assert head.startswith("GET /path?access=readonly&one_time=true HTTP/1.1\r\n")
    assert "Authorization: KEY\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


@pytest.mark.parametrize(
    ("encoding", "kind", "body"),
    [
        ("form", "application/x-www-form-urlencoded", "cmd=AddUser&n=7"),
        ("json", "application/json", '{"cmd":"AddUser","n":7}'),
    ],
)
def test_a_body_is_written_in_its_encoding(send, encoding, kind, body):
    with vendor() as there:
        send(there.url, method="POST", values={"cmd": "AddUser", "n": 7}, encoding=encoding)
    head, _, sent = there.requests[0].decode().partition("\r\n\r\n")
    assert (f"Content-Type: {kind}" in head, sent) == (True, body)


def test_a_multipart_body_has_fields_and_no_files(send):
    with vendor() as there:
        send(there.url, method="POST", values={"cmd": "AddUser"}, encoding="multipart")
    sent = there.requests[0]
    assert b"multipart/form-data; boundary=" in sent
    assert b'Content-Disposition: form-data; name="cmd"\r\n\r\nAddUser\r\n' in sent
    assert b"filename" not in sent


def test_an_answer_is_told_whole(send):
    said = b"HTTP/1.1 401 Nope\r\nX-API-Version: 1.1.0\r\nContent-Length: 4\r\n\r\nbody"
    with vendor(says(said)) as there:
        answer = send(there.url)
    assert (answer.status, answer.reason, answer.body, answer.headers["x-api-version"]) == (
        401,
        "Nope",
        b"body",
        "1.1.0",
    )


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n" + DONE,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}"),
    ],
    ids=["chunked", "until it ends", "after an interim answer", "packed unasked"],
)
def test_every_way_to_send_a_body_is_read(send, said):
    with vendor(says(said)) as there:
        assert send(there.url).body == b"{}"


def test_a_redirect_is_an_answer(send):
    with vendor() as elsewhere:
        said = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere.url}\r\nContent-Length: 0\r\n\r\n"
        with vendor(says(said.encode())) as there:
            assert send(there.url, headers={"Authorization": "KEY"}).status == 302
    assert elsewhere.connections == 0


@pytest.mark.parametrize("where", ["https://xn--/", "https://[::1", "https://a:80a/"])
def test_a_redirect_to_nowhere_is_the_vendors_fault(send, where):
    """httpx reads the header although nobody follows it."""
    said = f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n"
    with vendor(says(said.encode())) as there:
        assert refused(send, there.url).reason == "garbled"


def test_cookies_are_not_kept(send):
    said = b"HTTP/1.1 200 OK\r\nSet-Cookie: account=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    with vendor(says(said)) as there:
        send(there.url)
        send(there.url)
    assert b"account" not in there.requests[1].lower()


def test_each_call_has_a_connection_of_its_own(send):
    with vendor() as there:
        send(there.url)
        send(there.url)
    assert there.connections == 2


# What can go wrong


def refused(send, url: str, **named) -> VendorUnavailable:
    with pytest.raises(VendorUnavailable) as refusal:
        send(url, **named)
    return refusal.value


def test_a_port_that_nobody_listens_on(send):
    error = refused(send, f"http://127.0.0.1:{closed_port()}/")
    assert (error.reason, error.message) == ("unreachable", "The vendor cannot be reached.")


@pytest.mark.parametrize(
    ("said", "reason", "sentence"),
    [
        (b"", "dropped", "The vendor ended the connection without an answer."),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "dropped", "The vendor ended the connection without an answer."),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "dropped", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}", "dropped", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "garbled", "The vendor's answer cannot be read."),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "garbled", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "garbled", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "garbled", None),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "garbled", None),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n{}", "garbled", None),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n{}", "garbled", None),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}")[:-3], "garbled", None),
    ],
    ids=range(12),
)
def test_an_answer_that_is_none(send, said, reason, sentence):
    with vendor(says(said)) as there:
        error = refused(send, there.url)
    assert error.reason == reason
    assert sentence in {None, error.message}


@pytest.mark.parametrize("extra", [0, 1])
def test_an_answer_has_a_largest_size(send, extra):
    body = b"x" * (transport.LARGEST_ANSWER + extra)
    with vendor(says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))) as there:
        if extra:
            assert refused(send, there.url).reason == "garbled"
        else:
            assert len(send(there.url).body) == transport.LARGEST_ANSWER


def test_a_packed_answer_is_not_unpacked_beyond_it(send):
    bomb = gzip.compress(b"\0" * (transport.LARGEST_ANSWER + 1))
    with vendor(says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bomb)) as there:
        assert refused(send, there.url).reason == "garbled"


@pytest.mark.parametrize(
    "head",
    [b"", b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n{", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"],
)
def test_a_vendor_that_hangs_is_waited_for_until_the_deadline(send, head):
    started = time.monotonic()
    with vendor() as there:
        there.scripts = [there.begin(head)]
        error = refused(send, there.url, deadline=0.4)
    assert (error.reason, error.message) == ("timed_out", "The vendor did not answer in time.")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
    ],
    ids=["status", "header", "body without a length", "body"],
)
def test_a_vendor_that_drips_is_waited_for_no_longer(send, head):
    started = time.monotonic()
    with vendor(drips(head)) as there:
        assert refused(send, there.url, deadline=0.4).reason == "timed_out"
    assert time.monotonic() - started < 2


# How often it asks


@pytest.mark.parametrize(
    ("trouble", "repeatable", "requests"),
    [
        (says(b""), False, 1),
        (says(b""), True, 2),
        (says(b"garbage\r\n\r\n"), False, 1),
        (says(b"garbage\r\n\r\n"), True, 2),
        (says(TROUBLE), False, 1),
        (says(TROUBLE), True, 2),
        (says(OK), True, 1),
        (says(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"), True, 1),
    ],
)
def test_only_what_makes_nothing_twice_is_asked_twice(send, trouble, repeatable, requests):
    with vendor(trouble) as there, contextlib.suppress(VendorUnavailable):
        send(there.url, repeatable=repeatable)
    assert len(there.requests) == requests


def test_the_second_answer_counts(send):
    with vendor(says(TROUBLE), says(OK)) as there:
        assert send(there.url, repeatable=True).status == 200


def test_trouble_that_stays_is_told(send):
    with vendor(says(TROUBLE)) as there:
        assert send(there.url, repeatable=True).status == 503


def test_a_request_that_hung_is_not_repeated_after_the_deadline(send):
    with vendor() as there:
        there.scripts = [there.hang]
        refused(send, there.url, deadline=0.3, repeatable=True)
    assert len(there.requests) == 1


def test_what_never_left_is_sent_again(send, certificate, monkeypatch):
    """A vendor that ends the first connection before TLS has seen no request."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    attempts = []
    with vendor(says(OK), context=context) as there:
        plain_talk = there._talk

        def talk(connection, tls):
            attempts.append(connection)
            if len(attempts) == 1:
                connection.close()
            else:
                plain_talk(connection, tls)

        there._talk = talk  # type: ignore[method-assign]  # this vendor's manners
        assert send(there.url, method="POST").status == 200
    assert (len(attempts), len(there.requests)) == (2, 1)


# Whom it trusts


def test_a_certificate_that_nobody_vouches_for(send, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with vendor(context=context) as there:
        error = refused(send, there.url, headers={"Authorization": "KEY"})
    assert (error.reason, error.message) == (
        "unreachable",
        "The vendor cannot be reached: its certificate is not trusted.",
    )
    assert there.requests == []


def test_plain_talk_on_a_tls_port(send):
    with vendor(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as there:
        assert refused(send, there.url.replace("http:", "https:"), deadline=0.4).reason == "unreachable"


@pytest.mark.parametrize("drip", [False, True])
def test_a_deadline_holds_over_tls(send, certificate, monkeypatch, drip):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    started = time.monotonic()
    with vendor(drips(b"HTTP/1.1 200 OK\r\nX: "), context=context) as there:
        there.scripts = there.scripts if drip else [there.hang]
        assert refused(send, there.url, deadline=0.5).reason == "timed_out"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "url",
    [
        "http://vendor.example/",
        "http://192.0.2.1/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "vendor.example",
        "",
        "https://",
        "https://user:pass@vendor.example/",
        "https://vendor.example/?key=1",
        "https://vendor.example/#key",
        "http://127.0.0.1\\@vendor.example/",
        "http://127.0.0.1@vendor.example/",
        "https://vendor.example/a b",
        "https://vendör.example/",
        "https://[vendor/",
        "http://127.0.0.1.vendor.example/",
        "http://localhost.vendor.example/",
    ],
)
def test_an_address_that_would_show_a_secret_is_refused(send, url):
    with pytest.raises(ImproperlyConfigured, match=r"^A vendor's address must begin with https://"):
        send(url)


def test_an_address_that_is_none_is_refused(send):
    with pytest.raises(ImproperlyConfigured):
        send("https://vendor.example:port/")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_this_machine_may_be_called_in_clear(host):
    transport.require_safe(f"http://{host}:8000/")
