"""A vendor of RFC 6749 on this machine, an application of its, and somebody who is connected to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from traceback import TracebackException
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.db import connections

from example_project.standins.server import Asked, Reply, Silence, StandIn, in_json
from tests.factories import AT, ApplicationFactory, CertificateFactory, RuleFactory, UserFactory, caller
from token_issuer.models import Application, Origin, VendorPair
from token_issuer.services import pairs
from token_issuer.services.callers import Caller

SECRET = "s3cret/of:ours"


class Vendor:
    """A token endpoint that answers as it is told: by default with the next pair, an hour long."""

    def __init__(self) -> None:
        self.replies: list[Reply | Silence] = []
        self.while_asked: Callable[[], object] = lambda: None
        self.server = StandIn(self._answer)

    def _answer(self, asked: Asked) -> Reply | Silence:
        try:
            self.while_asked()
        finally:
            connections.close_all()
        if self.replies:
            return self.replies.pop(0)
        number = len(self.asked) + 1
        return in_json({
            "access_token": f"access-{number}", "token_type": "Bearer", "expires_in": 3600,
            "refresh_token": f"refresh-{number}",
        })  # fmt: skip

    @property
    def asked(self) -> list[Asked]:
        return self.server.asked

    @property
    def forms(self) -> list[dict[str, str]]:
        """What it was sent."""
        return [{name: values[0] for name, values in parse_qs(each.body.decode()).items()} for each in self.asked]

    def will(self, *replies: Reply | Silence) -> None:
        self.replies.extend(replies)


def frames_of(error: BaseException) -> str:
    """All that a reporter would show of this package's frames: a test's own locals are ours."""
    whole: TracebackException | None = TracebackException.from_exception(error, capture_locals=True)
    seen = []
    while whole is not None:
        seen += [each for each in whole.stack if "/token_issuer/" in each.filename and "/tests/" not in each.filename]
        whole = whole.__cause__ or whole.__context__
    assert seen
    return repr([each.locals for each in seen])


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    made = Vendor()
    with made.server:
        yield made


@pytest.fixture
def connectify(db: None, vendor: Vendor) -> Application:
    """An application whose access tokens everyone signed in may have."""
    options = {"token_url": f"{vendor.server.url}/oauth/token"}
    application = ApplicationFactory(slug="connectify", provider="oauth-client", public_id="site-1", options=options)
    CertificateFactory(application=application, purpose="call", active=True, secret={"client_secret": SECRET})
    return RuleFactory(application=application, privileges=["access"]).application


@pytest.fixture
def site(user: Any) -> Caller:
    """The site's own code, speaking for the user."""
    return caller(user, origin=Origin.PYTHON)


@pytest.fixture
def other(db: None) -> Caller:
    return caller(UserFactory(), origin=Origin.PYTHON)


@pytest.fixture
def hand_in(site: Caller, connectify: Application) -> Callable[..., VendorPair]:
    """Hand in what a vendor answers when somebody connects."""

    def hand_in(*, by: Caller = site, at: Any = AT, **body: object) -> VendorPair:
        whole = {"access_token": "access-1", "refresh_token": "refresh-1", "expires_in": 3600} | body
        return pairs.deposit(by, "connectify", body={n: v for n, v in whole.items() if v is not None}, at=at)

    return hand_in
