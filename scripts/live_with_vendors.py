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
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from mint_over_http import Browser

PERSON = "host"
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
    vocalstack(site, vendors["vocalstack"])
    agora(site, vendors["agora"])
    by_hand()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1].rstrip("/") + "/")
