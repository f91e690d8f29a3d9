"""What vendors do with this site's tokens, against stand-ins for their servers: `make demo` starts both.

    DEMO_PASSWORD=… DEMO_VENDORS=var/demo-vendors.json python scripts/live_with_vendors.py http://127.0.0.1:8000/

No vendor is called: what answers is a small server on this machine that was told its part (example_project/standins/).
Everything that this site does is real. No token and no key is printed. Whatever is not as told ends the script with an
error.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from mint_over_http import Browser, CsrfField

PERSON = "host"
SHORT = 3  # seconds
CHANNEL = "room-42"


class Vendor:
    """A stand-in: its address, and the keys that it knows this site by."""

    def __init__(self, told: dict[str, str]) -> None:
        self.address = told["address"]
        self.told = told

    def asked(self, path: str, *, body: object = None, authorization: str = "") -> tuple[int, Any]:
        """Ask it as the vendor's own SDK or console would; returns the status and what its JSON says."""
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, headers=headers)  # noqa: S310  on this machine
        try:
            with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  the same
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


class Site(Browser):
    """This site, with somebody signed in."""

    def __init__(self, site: str, person: str) -> None:
        super().__init__(site)
        self.sign_in(person, os.environ["DEMO_PASSWORD"])
        self._csrf_token = json.loads(self.get("issuer/applications/"))["csrf_token"]

    def call(self, path: str, body: object) -> dict[str, Any]:
        return self.post_json(f"issuer/{path}", body, self._csrf_token)

    def issue(self, slug: str, **grant: object) -> dict[str, Any]:
        return self.call(f"applications/{slug}/tokens/", grant)

    def offer(self, slug: str) -> dict[str, Any]:
        """Return what the site tells of an application, for the person who is signed in."""
        offers = json.loads(self.get("issuer/applications/"))["applications"]
        return next(offer for offer in offers if offer["slug"] == slug)

    def connect(self, *, seconds: int) -> None:
        """Press the button on the desk."""
        form = CsrfField()
        form.feed(self.get(""))
        fields = {"csrfmiddlewaretoken": form.value, "seconds": seconds}
        self.post("connect/", urllib.parse.urlencode(fields).encode(), {})

    def notes(self, issued: dict[str, Any]) -> int:
        """Call the notes API with an access token and nothing else; returns the status."""
        headers = {"Authorization": f"Bearer {issued['token']}"}
        request = urllib.request.Request(f"{self.site}notes/api/", headers=headers)  # noqa: S310  on this machine
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310  the same
            return int(response.status)

    def refused(self, slug: str, **grant: object) -> tuple[int, str]:
        """Ask for what is refused; returns the status and the reason."""
        try:
            self.issue(slug, **grant)
        except urllib.error.HTTPError as error:
            told = json.load(error)
            return error.code, told.get("reason") or told["error"]
        return 201, ""


def say(text: str) -> None:
    print(f"  {text}", flush=True)


def expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        sys.exit(f"{what}: expected {wanted!r}, found {found!r}")


def begin(title: str, vendor: Vendor) -> None:
    print(f"\n{title}\n  (a stand-in for it, at {vendor.address}: the vendor itself is not called)", flush=True)


def manage(*arguments: str, given: str = "") -> str:
    """Run one of the site's commands, as somebody who runs the site."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


def connectify(site: Site) -> None:
    """A pair is connected once; the server keeps it, renews it early, and hands out the access token alone."""
    print("\nConnectify: a pair that the server keeps\n  (this site's own oauth/token plays the vendor)", flush=True)
    site.connect(seconds=SHORT)
    say(f"{PERSON} connects. The server keeps both tokens, sealed; to save time, as if the first had {SHORT} s left.")
    first = site.issue("connectify")
    expect([name for name in (*first, *first["sdk"]) if "refresh" in name], [], "what of it is the refresh token's")
    say(f"The browser gets the access token ({', '.join(first['sdk'])}) and reads notes: {site.notes(first)}.")
    time.sleep(SHORT * 0.95)
    second = site.issue("connectify")
    expect(second["token"] == first["token"], False, "whether the token is the same a little before its end")
    (kept,) = json.loads(site.get("issuer/applications/connectify/pairs/"))["results"]
    say(f"A little before its end the server has renewed it: another token, good for {second['expires_in']} s, and")
    say(f"reads notes: {site.notes(second)}. The pair that is kept: version {kept['version']}, {kept['standing']}.")


def agora(site: Site, vendor: Vendor) -> None:
    """Revoking a token reaches the vendor."""
    begin("Agora: a revocation that is told", vendor)
    token = site.issue("rooms", channel=CHANNEL, role="publisher")
    ended = site.call(f"tokens/{token['token_id']}/revoke/", {"reason": "the demo is over"})
    expect(ended["revocation"], "pushed", "what revoking did")
    say(f"{PERSON} gets a token for {CHANNEL}, and revokes it: {ended['revocation']}.")
    pair = f"{vendor.told['customer_id']}:{vendor.told['customer_secret']}".encode()
    _status, listed = vendor.asked("/dev/v1/kicking-rule", authorization=f"Basic {base64.b64encode(pair).decode()}")
    rule = listed["rules"][-1]
    expect((rule["cname"], rule["uid"]), (CHANNEL, token["sdk"]["uid"]), "the rule that Agora was asked for")
    say(f"Agora has a rule now: uid {rule['uid']} stays out of {rule['cname']} for {rule['time_in_seconds']} s.")


def voximplant(site: Site, vendor: Vendor) -> None:
    """Somebody logs in by a one-time key; the stand-in knows the password alone, and this site what it hashes to."""
    begin("Voximplant: a login without a password in the browser", vendor)
    manage("token_issuer_account", "phone", PERSON, "--name", PERSON, "--provision")
    say(f"The site makes {PERSON} there, with a password that nobody sees; it keeps its HA1, sealed.")
    _status, told = vendor.asked("/sdk/login-key", body={"user": site.offer("phone")["login_name"]})
    expect(told["code"], 302, "the code that comes with a login key")
    sdk = site.issue("phone", login_key=told["key"])["sdk"]
    say(f"The SDK gets a login key (code 302), and the site answers it for {sdk['username']}.")
    _status, logged_in = vendor.asked("/sdk/login", body={"user": sdk["username"], "hash": sdk["hash"]})
    expect(logged_in["result"], True, "the login with the hash")
    say(f"The vendor computes it from the password that it has: {logged_in['displayName']} is logged in.")
    expect(site.refused("phone", login_key=told["key"]), (400, "invalid_request"), "the same key again")
    say("The same key a second time is refused here: 400.")


def vocalstack(site: Site, vendor: Vendor) -> None:
    """A short token is asked of the vendor, and works once."""
    begin("VocalStack: a token that the vendor makes, good once", vendor)
    answer = site.issue("transcripts", access="readwrite", lifetime=60)
    say(f"The site asks for one with its API key: {', '.join(answer['privileges'])}, for {answer['expires_in']} s.")
    bearer = f"Bearer {answer['sdk']['authToken']}"
    uses = [vendor.asked("/transcriptions", body={"language": "en"}, authorization=bearer)[0] for _ in range(2)]
    expect(uses, [200, 401], "using it twice")
    say(f"The browser transcribes with it: {uses[0]}; and once more: {uses[1]}.")


def by_hand() -> None:
    """A temporary token and an inspection, on the command line."""
    print("\nBy hand: a temporary token, and what it is", flush=True)
    made = json.loads(manage("token_issuer_mint", "rooms", "--user=admin", f"--grant=channel={CHANNEL}", "--temporary"))
    say(f"token_issuer_mint --temporary makes one for {made['resource']}, for {made['expires_in']} s, without a rule.")
    for line in manage("token_issuer_inspect", given=made["token"]).splitlines():
        say(f"| {line}")


def main(address: str) -> None:
    known = json.loads(Path(os.environ["DEMO_VENDORS"]).read_text())
    vendors = {name: Vendor(told) for name, told in known.items()}
    site = Site(address, PERSON)
    voximplant(site, vendors["voximplant"])
    vocalstack(site, vendors["vocalstack"])
    connectify(site)
    agora(site, vendors["agora"])
    by_hand()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1].rstrip("/") + "/")
