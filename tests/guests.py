"""A third party's vendor whose users have to be made there: a hotel's network, which knows its guests by name.

``GuestProvider`` is the file that a third party would write; ``Reception`` is the vendor, on this machine. It also
speaks as Voximplant does.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from token_issuer.errors import BadGrant, BadOption, TokenMalformed, VendorUnavailable
from token_issuer.providers.base import (
    Grant,
    Inspection,
    Lifetimes,
    MintedToken,
    MintOrder,
    Options,
    Privilege,
    Provider,
    Revocation,
    SecretField,
    VendorFacts,
    Verification,
    put,
)
from token_issuer.providers.called import CallOrder, Provisioned, Provisioner, VendorRequest, VendorResponse
from token_issuer.providers.fields import check, grant_field, option_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from token_issuer.crypto import Secret

KEY = "k" * 32


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestGrant(Grant):
    """The way into the network."""

    question: str = grant_field(default="", label="Question", max_bytes=40)
    guest: str | None = grant_field(default=None, label="Guest", max_bytes=40, filled_by="subject")

    def __post_init__(self) -> None:
        check(self)

    @property
    def subject(self) -> str | None:
        return self.guest

    @property
    def resource(self) -> str:
        return ""

    @property
    def privileges(self) -> frozenset[str]:
        return frozenset({"enter"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestOptions(Options):
    """Where the reception is."""

    desk: str = option_field(default="https://hotel.test", label="Desk")

    def __post_init__(self) -> None:
        check(self, error=BadOption)


class GuestProvider(Provisioner, Provider):
    """Guests answer the hotel's question with a hash of it and of what proves them."""

    name = "guests"
    label = "Guests"
    grant_class = GuestGrant
    options_class = GuestOptions
    secret_fields: ClassVar[Mapping[str, tuple[SecretField, ...]]] = {"call": (SecretField(name="key", label="Key"),)}
    account_fields: ClassVar[tuple[SecretField, ...]] = (
        SecretField(name="word", label="Password", help="On the <b>card</b>."),
        SecretField(name="floor", label="Floor"),
    )
    password_field = "word"
    privileges: ClassVar[Mapping[str, Privilege]] = {"enter": Privilege(label="Enter")}
    has_slots = False
    opaque = True
    lifetimes = Lifetimes(minimum=1, default=60, maximum=600, source="the porter")
    revocation = Revocation.AT_EXPIRY
    renewable = False
    vendor = VendorFacts(
        name="Hotel",
        console_url="https://hotel.test",
        rotation_steps=("Make a new key.",),
        leak_steps=("Change every guest's password.",),
        revocation_sentence="An answer is good for a minute.",
    )

    def with_subject(self, grant: Grant, subject: int | str) -> Grant:
        return put(grant, guest=subject)

    def check_account(self, subject: str) -> None:
        if "/" in subject:
            raise BadOption("subject", "must not contain a slash")

    def account_proof(self, subject: str, parts: Mapping[str, str]) -> dict[str, str]:
        if len(parts["word"]) < 4:
            raise BadOption("word", "must be at least 4 characters")
        return {"proof": proof_of(subject, parts["word"])}

    def provision_request(self, order: CallOrder, *, subject: str, password: str, create: bool) -> VendorRequest:
        assert isinstance(order.options, GuestOptions)
        if create and subject.startswith("old-"):
            raise BadOption("subject", "is a name that no new guest gets")
        return VendorRequest(
            method="POST",
            url=f"{order.options.desk}/guests",
            headers={"Authorization": order.secret.part("key")},
            values={"do": "make" if create else "change", "name": subject, "password": password},
            encoding="json",
            repeatable=True,
        )

    def read_provisioned(self, response: VendorResponse) -> Provisioned:
        if response.status >= 500:
            message = "The reception is in trouble."
            raise VendorUnavailable(message, reason="failed")
        if not response.ok:
            message = f"The reception refused with {response.status}."
            raise VendorUnavailable(message, reason="refused", final=True)
        try:
            return Provisioned(response.json()["said"])
        except (KeyError, TypeError, ValueError):
            message = "The reception mumbled."
            raise VendorUnavailable(message, reason="garbled") from None

    def mint(self, order: MintOrder) -> MintedToken:
        if order.grant.subject is None or order.proof is None or not isinstance(order.grant, GuestGrant):
            raise BadGrant("guest", "must be filled in before a token is made")
        self.lifetimes.check(order.lifetime)
        return MintedToken(
            value=hmac.digest(order.proof.part("proof").encode(), order.grant.question.encode(), "sha256").hex(),
            format="guest",
            token_id=order.token_id,
            key_id=order.key_id,
            public_id=order.public_id,
        )

    def inspect(self, token: str) -> Inspection:
        self._refuse()

    def verify(self, token: str, *, secrets: Sequence[tuple[str, Secret]], expected: Grant | None) -> Verification:
        self._refuse()

    def sdk(self, minted: MintedToken, grant: Grant) -> dict[str, object]:
        return {"guest": grant.subject, "answer": minted.value}

    @staticmethod
    def _refuse() -> NoReturn:
        message = "It says nothing."
        raise TokenMalformed(message)


def proof_of(name: str, password: str) -> str:
    """What is kept of a password."""
    return hashlib.sha256(f"{name}:{password}".encode()).hexdigest()


class Reception:
    """The vendor: it keeps the passwords it was given, and does whatever ``manners`` says.

    ``before`` and ``after`` are called with what was asked, right before and right after a password is set;
    ``after`` also where it was refused.
    """

    def __init__(self) -> None:
        self.guests: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.manners = "polite"
        self.before: Callable[[str], object] = lambda password: None
        self.after: Callable[[str], object] = lambda password: None
        self.keys: set[str] = set()
        self._lock = threading.Lock()

    def set(self, do: str, name: str, password: str) -> str:
        """Do what was asked; answer as the provider reads it."""
        with self._lock:
            self.asked.append((do, name))
            there = name in self.guests
            if there is (do == "make"):
                return "exists" if there else "absent"
            self.before(password)
            self.guests[name] = password
        self.after(password)
        return "done"


SILENCE = 3.0  # seconds
# What is answered without doing anything, and what is answered after it was done.
_UNHEARD = {"refuse": (403, b"{}"), "trouble": (500, b"{}")}
_HEARD = {"garbage": b"<html>done</html>", "strange": b'{"said": "perhaps"}', "odd": b"[]"}


class Desk(BaseHTTPRequestHandler):
    """How the reception is spoken to."""

    reception: ClassVar[Reception]

    def do_POST(self) -> None:
        body = self.asked(self.rfile.read(int(self.headers["Content-Length"])))
        self.reception.keys.add(self.headers["Authorization"])
        manners = self.reception.manners
        if manners in _UNHEARD:
            self.reception.after(body["password"])
            self._answer(*_UNHEARD[manners])
            return
        if manners == "contrary":
            said = "exists" if body["do"] == "make" else "absent"
        elif manners == "deaf":
            self.connection.close()
            return
        else:
            said = self.reception.set(**body)
        if manners == "silent":
            threading.Event().wait(SILENCE)
        if manners != "drop":
            self._answer(200, _HEARD.get(manners) or json.dumps(self.said(said)).encode())

    def asked(self, body: bytes) -> dict[str, str]:
        """Return ``do``, ``name`` and ``password``."""
        found: dict[str, str] = json.loads(body)
        return found

    def said(self, word: str) -> object:
        """Return the answer's body."""
        return {"said": word}

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as Python's
        """Say nothing."""


class Cloud(Desk):
    """The same in Voximplant's words: multipart forms and numbers of errors."""

    def asked(self, body: bytes) -> dict[str, str]:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts: Any = message_from_bytes(head + body, policy=HTTP).iter_parts()
        form = {part.get_param("name", header="content-disposition"): part.get_content() for part in parts}
        do = {"AddUser": "make", "SetUserInfo": "change"}[form["cmd"]]
        return {"do": do, "name": form["user_name"], "password": form["user_password"]}

    def said(self, word: str) -> object:
        numbers = {"exists": 118, "absent": 117}
        return {"error": {"code": numbers[word], "msg": word}} if word in numbers else {"result": 1, "user_id": 7}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no finding."""


@contextlib.contextmanager
def open_desk(reception: Reception, kind: type[Desk] = Desk) -> Iterator[str]:
    """Open the reception on this machine; hand out its address."""
    server = _Server(("127.0.0.1", 0), type("Open", (kind,), {"reception": reception}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
