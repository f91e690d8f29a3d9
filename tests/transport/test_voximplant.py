"""What reaches Voximplant's Management API from us, beside what its own Python client sends."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from voximplant import apiclient
from voximplant.apiclient import VoximplantAPI

from tests.providers.management_key import ACCOUNT_ID, KEY_ID, call_order, private_key
from tests.transport.vendors import Vendor, says, vendor
from token_issuer import transport
from token_issuer.formats import jws
from token_issuer.providers.called import Provisioned
from token_issuer.providers.voximplant import VoximplantProvider

# Separators of a form, quotes, UTF-8.
PASSWORD = "p:a|s&s=w+%22\"';ä漢😀"
ANSWER = b'{"result":1,"user_id":1}'
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)

voximplant = VoximplantProvider()


@pytest.fixture
def cloud(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    """The API on this machine, by TLS as the vendor's client speaks it, with a certificate that both believe."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with vendor(says(JSON), context=context) as made:
        yield made


@pytest.fixture
def theirs(cloud: Vendor, tmp_path: Path) -> Any:
    """The vendor's own client, with a credentials file as the console gives one."""
    path = tmp_path / "credentials.json"
    file = {"account_email": "a@b.example", "account_id": int(ACCOUNT_ID)}
    path.write_text(json.dumps({**file, "key_id": KEY_ID, "private_key": private_key()}))
    return VoximplantAPI(str(path), endpoint=f"127.0.0.1:{cloud.port}")


def ours(cloud: Vendor, *, create: bool) -> Provisioned:
    order = call_order(at=datetime.now(tz=UTC), api_url=f"https://127.0.0.1:{cloud.port}")
    request = voximplant.provision_request(order, subject="user-1", password=PASSWORD, create=create)
    return voximplant.read_provisioned(transport.send(request))


def seen(request: bytes) -> tuple[str, dict[str, str], dict[str, str]]:
    """The request line, the headers, the fields of the form."""
    line, _, rest = request.partition(b"\r\n")
    message = message_from_bytes(rest, policy=HTTP)
    headers = {name.lower(): str(value) for name, value in message.items()}
    return line.decode(), headers, fields(message)


def fields(message: Any) -> dict[str, str]:
    if message.is_multipart():
        return {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True).decode()
            for part in message.iter_parts()
        }
    return dict(parse_qsl(message.get_payload(decode=True).decode(), keep_blank_values=True, strict_parsing=True))


@pytest.mark.parametrize("create", [True, False])
def test_both_send_the_same_form_to_the_same_place(cloud: Vendor, theirs: Any, create: bool) -> None:
    named = {"user_name": "user-1", "user_password": PASSWORD, "application_name": "someapplication"}
    said = theirs.add_user(user_display_name="user-1", **named) if create else theirs.set_user_info(**named)
    assert ours(cloud, create=create) is Provisioned.DONE
    their_line, _headers, their_fields = seen(cloud.requests[0])
    our_line, _headers, our_fields = seen(cloud.requests[1])
    assert said["result"] == 1
    assert (our_line, our_fields) == (their_line, their_fields)


def test_both_say_the_same_of_themselves(cloud: Vendor, theirs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime.now(tz=UTC)
    monkeypatch.setattr(apiclient.client.time, "time", at.timestamp)
    header = theirs.build_auth_header()
    request = voximplant.provision_request(call_order(at=at), subject="user-1", password=PASSWORD, create=True)
    tokens = [text.removeprefix("Bearer ") for text in (header, request.headers["Authorization"])]
    assert jws.read(tokens[0]) == jws.read(tokens[1])
    assert tokens != [header, request.headers["Authorization"]]


def test_the_form_is_of_parts(cloud: Vendor) -> None:
    ours(cloud, create=True)
    _line, headers, _fields = seen(cloud.requests[0])
    assert headers["content-type"].startswith("multipart/form-data; boundary=")


def test_no_password_stands_in_the_address(cloud: Vendor) -> None:
    ours(cloud, create=True)
    assert cloud.requests[0].startswith(b"POST /platform_api HTTP/1.1\r\n")
