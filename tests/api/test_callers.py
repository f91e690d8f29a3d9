"""What the audit learns of a request."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import RequestFactory

from token_issuer.api.callers import request_id_of
from token_issuer.models import IssuedToken

ISSUE = "applications/rooms/tokens/"


def request(**headers):
    return RequestFactory().get("/", headers=headers)


def test_a_trusted_proxy_says_whom_it_speaks_for(browser, rooms, configure):
    forwarded = {"X-Forwarded-For": "6.6.6.6, 198.51.100.1"}
    browser.post(ISSUE, {"roomId": "a"}, **forwarded)
    configure(TRUSTED_PROXIES=["127.0.0.0/8"], AUDIT_NETWORK="truncated")
    browser.post(ISSUE, {"roomId": "a"}, **forwarded)
    assert [row.ip for row in IssuedToken.objects.order_by("pk")] == ["127.0.0.1", "198.51.100.0"]


@pytest.mark.parametrize(
    "word", ["abc-123", "0197a0b0-0000-7000-8000-000000000000", "a", "Root=1:b_c.d".replace("=", "-")]
)
def test_a_plain_request_id_is_kept(word):
    assert request_id_of(request(**{"X-Request-ID": word})) == word


@pytest.mark.parametrize("word", ["", " ", "a b", "-a", "a\r\nb", "<script>", "a" * 65, "é", "a;b"])
def test_any_other_is_replaced(word):
    assert UUID(request_id_of(request(**{"X-Request-ID": word}))).version == 7


def test_a_request_has_one_id():
    made = request()
    assert request_id_of(made) == request_id_of(made)


def test_the_row_has_all_of_it(browser, rooms):
    agent = "Browser/1.0\x00\x1b[31m" + "x" * 300
    browser.post(ISSUE, {"roomId": "a"}, **{"User-Agent": agent, "X-Request-ID": "abc"})
    row = IssuedToken.objects.get()
    assert (row.ip, row.request_id) == ("127.0.0.1", "abc")
    assert row.user_agent.startswith("Browser/1.0  [31m")
    assert len(row.user_agent) == 255
