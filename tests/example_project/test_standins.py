"""The stand-ins judge as their vendors do: a demo in which everything passes would show nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import time

import jwt
import pytest

from example_project.standins import agora, pushing, voximplant
from example_project.standins.server import Asked, Reply

PASSWORD = "correct horse"
KEYS = voximplant.new_credentials()


@pytest.fixture
def cloud():
    return voximplant.Voximplant(KEYS, passwords={"ada": PASSWORD})


def said(cloud, path, **body):
    return json.loads(cloud.answer(Asked(method="POST", path=path, headers={}, body=json.dumps(body).encode())).body)


def hashed(key, *, user="ada", password=PASSWORD):
    proof = hashlib.md5(f"{user}:voximplant.com:{password}".encode(), usedforsecurity=False).hexdigest()
    return hashlib.md5(f"{key}|{proof}".encode(), usedforsecurity=False).hexdigest()


def key_for(cloud, name="ada@app.acc.voximplant.com"):
    told = said(cloud, "/sdk/login-key", user=name)
    assert told["code"] == 302
    return told["key"]


def test_the_right_answer_to_a_key_logs_in_once(cloud):
    answer = hashed(key_for(cloud))
    assert [said(cloud, "/sdk/login", user="ada", hash=answer)["result"] for _ in range(2)] == [True, False]


@pytest.mark.parametrize("wrong", [{"password": "another"}, {"user": "eve"}])
def test_another_answer_does_not(cloud, wrong):
    assert said(cloud, "/sdk/login", user="ada", hash=hashed(key_for(cloud), **wrong))["code"] == 401


def test_a_newer_key_takes_the_place_of_an_older_one(cloud):
    older = hashed(key_for(cloud))
    key_for(cloud)
    assert said(cloud, "/sdk/login", user="ada", hash=older)["code"] == 401


def test_who_is_not_there_is_told_so(cloud):
    assert said(cloud, "/sdk/login", user="eve", hash="")["code"] == 404


@pytest.mark.parametrize("keys", [voximplant.new_credentials(), {**KEYS, "key_id": "x"}, {**KEYS, "account_id": "1"}])
def test_another_service_account_makes_no_users(cloud, keys):
    now = int(time.time())
    claims = {"iss": keys["account_id"], "iat": now, "exp": now + 24}
    token = jwt.encode(claims, keys["private_key"], algorithm="RS256", headers={"kid": keys["key_id"]})
    asked = Asked(method="POST", path="/platform_api", headers={"authorization": f"Bearer {token}"}, body=b"")
    assert json.loads(cloud.answer(asked).body)["error"]["code"] == 100


def test_agora_knows_its_customer_by_the_secret():
    keys = agora.new_credentials()
    cloud = agora.Agora(keys)
    rule = json.dumps({"appid": "a", "cname": "c", "uid": 16, "privileges": ["join_channel"]}).encode()
    statuses = []
    for secret in ("wrong", keys["customer_secret"]):
        pair = base64.b64encode(f"{keys['customer_id']}:{secret}".encode()).decode()
        asked = Asked(method="POST", path=pushing.RULES, headers={"authorization": f"Basic {pair}"}, body=rule)
        reply = cloud.answer(asked)
        assert isinstance(reply, Reply)
        statuses.append(reply.status)
    assert (statuses, len(cloud.rules)) == ([401, 200], 1)
