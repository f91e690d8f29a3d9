"""A week at the example site, told again at each start: what the admin's pages have to say something about.

Told from the past to the present, through the services that real requests go through, so that every row is as it would
have been. What stands on a clock is put back to the hour of the story (``_then``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final
from unittest import mock

from django.contrib.auth.models import Permission, User

from example_project import demo_vendors
from example_project.rooms.models import Membership, Room
from token_issuer.errors import TokenIssuerError
from token_issuer.models import Application, Origin, Rule
from token_issuer.services import (
    api_keys,
    issuing,
    login_keys,
    pairs,
    provisioning,
    refreshing,
    registering,
    revoking,
    rotating,
    switching,
    temporary,
)
from token_issuer.services.api_key_drafts import ApiKeyDraft
from token_issuer.services.callers import Caller
from token_issuer.services.drafts import ApplicationDraft, RuleDraft
from token_issuer.services.issuing import Issuance
from token_issuer.services.presenting import Presenter

# Whom the story is about. The first two speak and write, the third listens, the fourth left the house.
PEOPLE: Final = {"ada": "host", "ben": "guest", "cleo": "guest", "erik": "guest"}
STAFF: Final = {
    "auditor": ("view_",),
    "operator": ("view_", "revoke_issuedtoken", "rotate_certificate"),
}
ADDRESSES: Final = {"ada": "198.51.100.7", "ben": "203.0.113.20", "cleo": "2001:db8::c1e0", "erik": "192.0.2.66"}
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"
ROOM: Final = "garden"
CLOSED: Final = "http://127.0.0.1:9"  # nobody listens there: this vendor cannot be told of anything


@contextmanager
def _then(at: datetime) -> Iterator[datetime]:
    """Number rows as they would have been numbered at this instant: their ids tell when they were made."""
    # The story goes forward, as ids must.
    with mock.patch("token_issuer.ids.time.time_ns", return_value=int(at.timestamp() * 1e9)):
        yield at


def add_people(password: str) -> None:
    """Make those whom the story is about, and staff with fewer permissions than the administrator."""
    room = Room.objects.get(slug=ROOM)
    for name, role in PEOPLE.items():
        person, _ = User.objects.get_or_create(username=name, defaults={"email": f"{name}@example.com"})
        Membership.objects.get_or_create(room=room, user=person, defaults={"role": role})
    for name, wanted in STAFF.items():
        member, is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        if is_new:
            member.set_password(password)
            member.save(update_fields=["password"])
        ours = Permission.objects.filter(content_type__app_label="token_issuer")
        member.user_permissions.set([row for row in ours if row.codename.startswith(wanted)])


def tell(admin: User, *, now: datetime) -> None:
    """Let the week happen, up to ``now``."""
    chief = Caller(user=admin, origin=Origin.COMMAND)
    people = {name: User.objects.get(username=name) for name in [*PEOPLE, "host", "guest"]}
    callers = {name: _browser(person, ADDRESSES.get(name, "198.51.100.99")) for name, person in people.items()}
    _register(chief, people, at=now - timedelta(days=8))
    _last_week(callers, now=now)
    _betrayal(callers["ben"], now=now)
    _leavers_key(people["erik"], now=now)
    _certificates(chief, now=now)
    _today(chief, callers, now=now)
    _unreachable(chief, callers["cleo"], now=now)
    if demo_vendors.read():  # this one is asked indeed, and looks at the clock
        provisioning.provision(chief, _application("phone"), people["ada"], at=now)


def _browser(person: User, ip: str) -> Caller:
    return Caller(user=person, origin=Origin.SESSION, ip=ip, user_agent=BROWSER)


def _application(slug: str) -> Application:
    return Application.objects.get(slug=slug)


def _register(chief: Caller, people: Mapping[str, User], *, at: datetime) -> None:
    """Register what the demo lacks: a vendor that cannot be reached, and one that is no longer used."""
    everybody = [
        RuleDraft(privileges=["publisher", "subscriber"], everyone=True, resource_pattern="*", limit=30, window=3600)
    ]
    webinars = ApplicationDraft(
        provider="agora",
        slug="webinars",
        name="Webinars",
        public_id="ab" * 16,
        secret={"certificate": "0123456789abcdef" * 2},
        options={"api_url": CLOSED},
        environment="production",
        rules=everybody,
    )
    legacy = ApplicationDraft(
        provider="videosdk",
        slug="lobby",
        name="Lobby",
        public_id="5ca1ab1e-0000-4000-8000-00000000f00d",
        secret={"secret": "fedcba9876543210" * 4},
    )
    for draft in (webinars, legacy):
        with _then(at):
            registering.register(chief, draft, at=at)
    calling = {"customer_id": "c" * 32, "customer_secret": "d" * 32}
    with _then(at):
        row = rotating.stage(chief, _application("webinars"), purpose="call", secret=calling, at=at)
        rotating.activate(chief, row, at=at)
        switching.disable(chief, _application("lobby"), at=at)
        one = Rule.objects.create(
            application=_application("classes"), privileges=["allow_join"], resource_pattern="class-2*", priority=50
        )
        one.users.set([people["ada"], people["cleo"]])


def _issue(caller: Caller, slug: str, *, at: datetime, **body: object) -> Issuance | None:
    """Issue, or be refused: both leave a trace."""
    with _then(at), suppress(TokenIssuerError):
        return issuing.issue(caller, slug, body=body, at=at)
    return None


def _last_week(callers: Mapping[str, Caller], *, now: datetime) -> None:
    """More on some days than on others, and now and then somebody at a door that is not his."""
    for hours in range(150, 1, -7):
        at = now - timedelta(hours=hours, minutes=hours % 50)
        for number, name in enumerate(["ada", "ben", "cleo"][: 1 + hours % 3]):
            _issue(callers[name], "rooms", at=at + timedelta(minutes=number), channel=ROOM, role="subscriber")
        if hours % 2:
            _issue(
                callers["host"], "classes", at=at + timedelta(minutes=5), roomId="class-7", permissions=["allow_join"]
            )
        if hours % 4 == 0:
            _issue(callers["cleo"], "rooms", at=at + timedelta(minutes=6), channel="room-42", role="subscriber")


def _betrayal(ben: Caller, *, now: datetime) -> None:
    """A refresh token that was copied is presented a second time: its family is closed."""
    at = now - timedelta(hours=5)
    issued = _issue(ben, "api", at=at, scope="notes:read")
    if issued is None or issued.pair is None:
        return
    browser = Presenter(circumstances=ben, in_cookie=issued.pair.in_cookie)
    copied = held = issued.pair.refresh_token
    for hours in (4, 3):
        at = now - timedelta(hours=hours)
        with _then(at):
            pair = refreshing.refresh(held, at=at, by=browser).pair
        held = pair.refresh_token if pair else held
    at = now - timedelta(hours=2)
    with _then(at), suppress(TokenIssuerError):
        refreshing.refresh(copied, at=at, by=browser)


def _leavers_key(erik: User, *, now: datetime) -> None:
    """He made a key for a server, which goes on working after he left."""
    at = now - timedelta(hours=1, minutes=50)
    draft = ApiKeyDraft(
        purpose="Nightly export", owner=erik, scopes=["tokens:issue"], expires_at=now + timedelta(days=60)
    )
    with _then(at):
        key, _ = api_keys.create(Caller(user=erik, origin=Origin.COMMAND), _application("api"), draft, at=at)
    erik.is_active = False
    erik.save(update_fields=["is_active"])
    server = Caller(user=erik, origin=Origin.API_KEY, api_key=key, ip="192.0.2.10", scopes=frozenset(key.scopes))
    _issue(server, "api", at=at, scope="notes:read")


def _certificates(chief: Caller, *, now: datetime) -> None:
    """Classes are in the middle of a rotation; for rooms the next secret is laid out."""
    classes = _application("classes")
    at = now - timedelta(hours=1, minutes=30)
    with _then(at):
        row = rotating.stage(chief, classes, secret={"secret": "0f" * 32}, at=at)
        rotating.activate(chief, row, at=at)
        rotating.stage(chief, _application("rooms"), secret={"certificate": "5a" * 16}, at=at)


def _today(chief: Caller, callers: Mapping[str, Caller], *, now: datetime) -> None:
    """What is live: tokens of several people from several places, a pair, a login key, one revoked, a test."""
    for minutes, name in ((50, "ada"), (40, "ben"), (35, "cleo"), (30, "ada"), (20, "guest")):
        at = now - timedelta(minutes=minutes)
        _issue(callers[name], "webinars", at=at, channel=f"talk-{minutes % 3}", role="subscriber", lifetime=7200)
    at = now - timedelta(minutes=15)
    _issue(callers["ada"], "api", at=at, scope="notes:read")
    wrong = _issue(callers["ada"], "rooms", at=at, channel=ROOM, role="publisher", lifetime=3600)
    for _attempt in range(4):
        _issue(callers["cleo"], "rooms", at=at, channel="room-42", role="publisher")
    at = now - timedelta(minutes=8)
    with _then(at):
        if wrong is not None:
            revoking.revoke_any(chief, wrong.token_id, reason="the wrong room", at=at)
        login_keys.make(callers["ada"], "api", body={"scope": "notes:read", "key_lifetime": 600}, at=at)
        temporary.make(chief, "classes", body={"roomId": "class-1"}, at=at)
        _pair(callers["ben"], at=at)


def _pair(caller: Caller, *, at: datetime) -> None:
    body = {
        "access_token": "made-up-access",
        "refresh_token": "made-up-refresh",
        "expires_in": 3600,
        "device": "laptop",
    }
    pairs.deposit(Caller(user=caller.user, origin=Origin.PYTHON), "connectify", body=body, at=at)


def _unreachable(chief: Caller, cleo: Caller, *, now: datetime) -> None:
    """A revocation of which the vendor cannot be told."""
    at = now - timedelta(minutes=3)
    issued = _issue(cleo, "webinars", at=at, channel="talk-9", role="subscriber", lifetime=7200)
    if issued is not None:
        with _then(at):
            revoking.revoke_any(chief, issued.token_id, reason="left the team", at=at)
