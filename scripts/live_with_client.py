"""A server and a program that live with the Python client: through expiry, refresh, reuse and revocation.

    export TOKEN_ISSUER_API_KEY=ak_… TOKEN_ISSUER_API_SECRET=tis_…   # `manage.py demo_data` prints them
    PYTHONPATH=. python scripts/live_with_client.py http://127.0.0.1:8000/ [--wait]

The site is the running example, and everything it answers is real. An access token lives for a minute at least; so that
nobody has to wait, the client's own clock is set forward by that minute, which is why it refreshes. With --wait the
minute passes. No token and no secret is printed. Whatever is not as told ends the script with an error.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field

import httpx
import jwt

from token_issuer.client import Client, Clock, SignedOut, Token, TokenText

PERSON = "host"
SCOPE = "notes:read notes:write tokens:issue"
LIFE = 60  # seconds: the shortest that an access token of the site's own may have
API = "notes/api/"


@dataclass
class Minutes:
    """How time passes for the client. The site's clock is nobody's to set."""

    wait: bool
    ahead: float = 0.0

    def clock(self) -> Clock:
        usual = Clock()
        return Clock(monotonic=lambda: usual.monotonic() + self.ahead)

    def passes(self, seconds: float) -> str:
        if self.wait:
            time.sleep(seconds)
            return f"{seconds:.0f} s pass."
        self.ahead += seconds
        return f"The client's clock is set forward by {seconds:.0f} s."


@dataclass
class Story:
    """The people of it: a server with an API key, and the site that both it and a person's program call."""

    site: str
    minutes: Minutes
    api_key: str
    api_secret: TokenText
    events: list[str] = field(default_factory=list)

    def server(self) -> Client:
        secret = self.api_secret
        return Client(f"{self.site}issuer/", api_key=self.api_key, api_secret=secret, clock=self.minutes.clock())

    def program(self, signed_in: Token | TokenText | None) -> Client:
        """A program of a person's: neither a key nor a password, only what it was signed in with."""
        made = Client(f"{self.site}issuer/", clock=self.minutes.clock(), on_event=self.events.append)
        made.sign_in(signed_in)
        return made

    def call(self, method: str, path: str, authorization: str, *, text: str = "") -> httpx.Response:
        """A call with one credential in its header, as any program may send it."""
        headers = {"Authorization": authorization}
        return httpx.request(method, self.site + path, headers=headers, content=text, timeout=30)

    def upload(self, token: Token) -> int:
        return self.call("POST", "notes/upload/", f"Bearer {token.reveal()}", text="Left with a token").status_code


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        sys.exit(f"{what}: expected {wanted!r}, found {found!r}")


def alone(story: Story, server: Client) -> int | str:
    """A server speaks for itself. Returns the key of the person whom it will speak for."""
    print("\nA server by itself")
    census = story.call("GET", "notes/census/", f"Api-Key {story.api_key}.{story.api_secret.reveal()}")
    expect(census.status_code, 200, "the census with an API key")
    say("With its API key it counts notes: " + ", ".join(f"{row['name']} {row['notes']}" for row in census.json()))
    at = int(time.time())
    claims = {"apikey": story.api_key, "permissions": ["notes:count"], "iat": at, "exp": at + 60}
    signed = jwt.encode(claims, story.api_secret.reveal(), algorithm="HS256")
    expect(story.call("GET", "notes/census/", f"Bearer {signed}").json(), census.json(), "the census, self-signed")
    say("With a token that it signed itself it counts the same.")
    expect(server.request("GET", f"/{API}").status_code, 403, "the notes with a server's own access token")
    say("With an access token of its own it reads nobody's notes: 403, it is nobody.")
    return next(row["user"] for row in census.json() if row["name"] == PERSON)


def signed_in(server: Client, user: int | str) -> Token:
    """The server asks for a pair of tokens on behalf of the person, and hands it over."""
    token = server.issue("api", scope=SCOPE, on_behalf_of=user, lifetime=LIFE)
    expect(token.refresh is not None, True, "a refresh token beside it")
    say(f"The server gets {PERSON} an access token for {LIFE} s, with a refresh token.")
    return token


def use(story: Story, program: Client) -> None:
    """It works, it becomes old, and the client sees to it."""
    written = program.request("POST", f"/{API}", json={"text": "Written by a program"})
    expect(written.status_code, 201, "writing a note")
    say(f"{PERSON}'s program writes a note: 201.")
    old = program.get()
    say(story.minutes.passes(LIFE + 1))
    expect(old.is_valid(), False, "the access token after its life")
    expect(program.request("GET", f"/{API}").status_code, 200, "reading after the access token's life")
    expect(story.events, ["did-expire", "refreshed"], "the client's events")
    say("The program reads notes: 200. The client had seen that its token was over, and refreshed it first.")
    if story.minutes.wait:
        expect(story.call("GET", API, f"Bearer {old.reveal()}").status_code, 401, "the old one at the site")
        say("At the site the old one is over too: 401.")


def expire(story: Story, program: Client) -> None:
    """What really expires, and what works once: short tokens, which the program asks for with its access token."""
    print("\nShort tokens")
    late = program.issue("uploads", access="readwrite", lifetime=1)
    time.sleep(1.1)
    expect(story.upload(late), 401, "a token of one second, later")
    say("One that lives for one second, after that second: 401.")
    once = program.issue("uploads", access="readwrite")
    expect([story.upload(once), story.upload(once)], [201, 401], "a one-time token, twice")
    say("One that works once, used twice: 201, then 401.")


def betray(story: Story, program: Client, stolen: TokenText | None) -> None:
    """Somebody else uses a refresh token that was exchanged long ago."""
    print("\nA stolen refresh token")
    before, after = program.get(), program.refresh()
    expect(before.reveal() != after.reveal(), True, "another access token")
    say("The program refreshes by hand: it has another access token, and another refresh token.")
    with story.program(stolen) as thief:
        expect(refused(thief), True, "the first refresh token, again")
    say("A thief presents the very first refresh token: refused. The site ends all that came from it.")
    expect(refused(program), True, "the program's own newest one")
    say("The program is signed out as well: whoever is honest signs in again, the thief cannot.")


def refused(program: Client) -> bool:
    try:
        program.request("GET", f"/{API}")
    except SignedOut:
        return True
    return False


def revoke(story: Story, server: Client, token: Token) -> None:
    """The server ends what it gave."""
    expect(server.introspect(token)["active"], True, "introspection before")
    say(f"The server asks: the token is active, for {server.introspect(token)['scope']}.")
    server.revoke(token)
    expect(server.introspect(token), {"active": False}, "introspection afterwards")
    expect(story.call("GET", API, f"Bearer {token.reveal()}").status_code, 401, "the API afterwards")
    with story.program(token) as program:
        expect(refused(program), True, "refreshing afterwards")
    say("It revokes it, and asks again: not active. The API answers 401, and its refresh token is gone too.")


def main(site: str, *, wait: bool) -> None:
    secret = TokenText(os.environ.pop("TOKEN_ISSUER_API_SECRET"))
    story = Story(site, Minutes(wait), os.environ["TOKEN_ISSUER_API_KEY"], secret)
    with story.server() as server:
        user = alone(story, server)
        print("\nAccess tokens")
        token = signed_in(server, user)
        with story.program(token) as program:
            use(story, program)
            expire(story, program)
            betray(story, program, token.refresh)
        print("\nRevocation")
        revoke(story, server, signed_in(server, user))


if __name__ == "__main__":
    addresses = [argument for argument in sys.argv[1:] if argument != "--wait"]
    if len(addresses) != 1 or "TOKEN_ISSUER_API_SECRET" not in os.environ:
        sys.exit(__doc__)
    main(addresses[0].rstrip("/") + "/", wait="--wait" in sys.argv[1:])
