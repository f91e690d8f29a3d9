"""Signs in to the example project as a person would, and fetches one token per application over HTTP.

    DEMO_PASSWORD=… python scripts/mint_over_http.py http://127.0.0.1:8000/

Needs the standard library only, so it is also a reading example: sign-in form, CSRF token, POST, answer.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import sys
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from typing import Any

GRANTS: dict[str, dict[str, Any]] = {
    "rooms": {"channel": "room-42", "role": "publisher", "lifetime": 3600},
    "classes": {"roomId": "class-2026", "permissions": ["allow_join"]},
    "api": {"scope": "notes:read notes:write"},
    "uploads": {"access": "readwrite", "lifetime": 60},
}


class CsrfField(HTMLParser):
    """Finds the hidden CSRF field of a form."""

    value = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("name") == "csrfmiddlewaretoken":
            self.value = given.get("value") or ""


class Browser:
    """Cookies, and requests that send them."""

    def __init__(self, site: str) -> None:
        self.site = site
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)

    def get(self, path: str) -> str:
        with self._opener.open(self.site + path, timeout=30) as response:
            return str(response.read().decode())

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> str:
        request = urllib.request.Request(self.site + path, data=body, headers=headers)  # noqa: S310  http of the caller
        with self._opener.open(request, timeout=30) as response:
            return str(response.read().decode())

    def sign_in(self, username: str, password: str, *, path: str = "sign-in/") -> None:
        """Fill in the sign-in form; the session is a cookie from now on."""
        form = CsrfField()
        form.feed(self.get(path))
        fields = {"csrfmiddlewaretoken": form.value, "username": username, "password": password}
        page = self.post(path, urllib.parse.urlencode(fields).encode(), {})
        if 'name="password"' in page:  # the form again, instead of the page behind it
            sys.exit(f"Could not sign in as {username}; is DEMO_PASSWORD right?")

    def post_json(self, path: str, body: object, csrf_token: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "X-CSRFToken": csrf_token}
        answer: dict[str, Any] = json.loads(self.post(path, json.dumps(body).encode(), headers))
        return answer


def show(answer: dict[str, Any], decoded: dict[str, Any]) -> None:
    token = answer["token"]
    facts = {
        "token": f"{token[:32]}… ({len(token)} characters, {decoded['format']})",
        "speaks for": answer["subject"],
        "opens": answer["resource"] or "this site",
        "may": ", ".join(answer["privileges"]),
        "expires": f"{answer['expires_at']} (in {answer['expires_in']} s)",
        "revocation": answer["revocation"],
        **{f"  {label}": value for label, value in decoded["details"]},
    }
    print(f"\n{answer['application']} ({answer['provider']})")
    for label, value in facts.items():
        print(f"  {label:<24} {value}")


def main(site: str) -> None:
    browser = Browser(site)
    browser.sign_in("host", os.environ["DEMO_PASSWORD"])
    listed = json.loads(browser.get("issuer/applications/"))
    for application in listed["applications"]:
        slug = application["slug"]
        grant = GRANTS.get(slug)
        if grant is None:  # a vendor has to be asked: scripts/live_with_vendors.py
            continue
        answer = browser.post_json(f"issuer/applications/{slug}/tokens/", grant, listed["csrf_token"])
        show(answer, browser.post_json("decode/", {"token": answer["token"]}, listed["csrf_token"]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1].rstrip("/") + "/")
