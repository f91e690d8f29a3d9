"""Make the known answers that this repository ships, by asking the vendors' own packages.

    python -m tests.peers.shipped_vectors      rewrites tests/vectors/*.json

``test_shipped_vectors.py`` holds the files to what the packages answer today.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.peers import random_values
from tests.peers.node import FOLDER, ask, version
from token_issuer.formats import agora007

TARGET = FOLDER.parent / "vectors"
APP_ID, CERTIFICATE = "0123456789abcdef0123456789ABCDEF", "fedcba9876543210FEDCBA9876543210"
NOW = 1767225600
END = {"1": 3600}


def _007(name: str, *services: dict[str, Any], **changes: Any) -> dict[str, Any]:
    given = {"app_id": APP_ID, "certificate": CERTIFICATE, "issued_ts": NOW, "lifetime": 3600, "salt": 4_242_424_242}
    return {"id": name, "arguments": {**given, **changes, "services": list(services)}}


def _rtc(**changes: Any) -> dict[str, Any]:
    return {"type": 1, "channel": "room-42", "uid": 16, "privileges": END, **changes}


def _apaas(**changes: Any) -> dict[str, Any]:
    return {"type": 7, "room_uuid": "room", "user_uuid": "ann", "role": 2, "privileges": END, **changes}


def _account(number: int) -> dict[str, Any]:
    return {"type": number, "channel": "room-42", "account": 16, "privileges": {"1": 3600, "2": 60}}


def _rtm2() -> dict[str, Any]:
    permissions = {"4": {"0": ["ann"]}, "0": {"1": ["b", "a"], "0": ["é", ""]}}
    return {"type": 8, "user_id": "ann", "permissions": permissions, "privileges": END}


def agora_007() -> list[dict[str, Any]]:
    cases = [
        _007("subscriber", _rtc()),
        _007("publisher", _rtc(privileges=dict.fromkeys("1234", 3600))),
        _007("privileges-with-own-ends", _rtc(privileges={"4": 60, "1": 3600, "2": 0})),
        _007("any-user", _rtc(uid=0)),
        _007("account-zero", _rtc(uid="0")),
        _007("largest-uid", _rtc(uid=2**32 - 1)),
        _007("account-in-utf8", _rtc(uid="Zoë-日本-🙂")),
        _007("any-channel", _rtc(channel="")),
        _007("smallest-numbers", _rtc(), issued_ts=1, lifetime=1, salt=0),
        _007("largest-numbers", _rtc(), issued_ts=2**32 - 1, lifetime=86_400, salt=2**32 - 1),
        _007("identifiers-with-zeros", _rtc(), app_id="0" * 32, certificate="0" * 32),
        _007("signaling", {"type": 2, "user_id": "ann", "privileges": END}),
        _007("streaming", _account(3)),
        _007("accelerator", {"type": 4, "privileges": END}),
        _007("chat-user", {"type": 5, "user_id": "ann", "privileges": END}),
        _007("chat-app", {"type": 5, "user_id": "", "privileges": {"2": 3600}}),
        _007("fusion-cdn", _account(6)),
        _007("classroom", _apaas()),
        _007("classroom-without-role", _apaas(room_uuid="", role=-1, privileges={"2": 3600})),
        _007("signaling-with-permissions", _rtm2()),
        _007("several-services-in-any-order", _rtm2(), _apaas(), _account(6), _rtc(), _account(3)),
        _007("several-of-one-type", _rtc(channel="b"), {"type": 4, "privileges": {}}, _rtc(channel="a")),
    ]
    for number in range(8):
        arguments = random_values.token_007(Random(f"shipped 007 {number}"))
        cases.append({"id": f"random-{number}", "arguments": arguments})
    tokens = ask("agora_token.cjs", [{"op": "encode007", **case["arguments"]} for case in cases])
    return [
        {**case, "token": token, "payload": agora007.decode(token).payload.hex()}
        for case, token in zip(cases, tokens, strict=True)
    ]


def agora_006() -> list[dict[str, Any]]:
    given: dict[str, Any] = {"app_id": APP_ID, "certificate": CERTIFICATE, "channel": "room-42", "uid": 16}
    given |= {"salt": 4_242_424_242, "ends_ts": NOW + 86_400, "privileges": {"1": NOW + 3600}}
    changes: dict[str, dict[str, Any]] = {
        "subscriber": {},
        "publisher": {"privileges": dict.fromkeys("1234", NOW + 3600)},
        "any-user": {"uid": 0},
        "account-zero": {"uid": "0"},
        "account-in-utf8": {"uid": "Zoë-日本-🙂"},
        "signaling": {"channel": "ann", "uid": "", "privileges": {"1000": NOW + 3600}},
        "largest-numbers": {"salt": 2**32 - 1, "ends_ts": 2**32 - 1, "uid": 2**32 - 1},
    }
    cases: list[dict[str, Any]] = [{"id": name, "arguments": {**given, **change}} for name, change in changes.items()]
    for number in range(5):
        arguments = random_values.token_006(Random(f"shipped 006 {number}"))
        cases.append({"id": f"random-{number}", "arguments": arguments})
    tokens = ask("agora_token.cjs", [{"op": "encode006", **case["arguments"]} for case in cases])
    return [{**case, "token": token} for case, token in zip(cases, tokens, strict=True)]


def jwt_hs256() -> list[dict[str, Any]]:
    room = {"version": 2, "roomId": "abcd-efgh-ijkl", "participantId": "16", "roles": ["rtc"]}
    first = {"apikey": "11111111-2222-4333-8444-555555555555", "permissions": ["allow_join"]}
    ends = {"iat": NOW, "exp": NOW + 600}
    claims: dict[str, dict[str, Any]] = {
        "any-room": {**first, **ends},
        "one-room": {**first, **room, **ends},
        "claims-in-utf8": {**first, "participantId": "Zoë-日本-🙂", **ends},
        "escaped-characters": {"text": '"\\/\b\f\n\r\t\x00\x1f\x7f\u2028', **ends},
        "nested": {"context": {"user": {"features": [1, True, None, {}]}}, **ends},
        "empty": {"iat": NOW},
    }
    cases = [{"id": name, "key": "a secret of the vendor", "claims": found} for name, found in claims.items()]
    cases.append({"id": "key-in-utf8", "key": "schlüssel-日本", "claims": {**first, **ends}})
    tokens = ask("jsonwebtoken.cjs", [{"op": "sign", "now": NOW, **case} for case in cases])
    return [{**case, "token": token} for case, token in zip(cases, tokens, strict=True)]


def made() -> dict[str, dict[str, Any]]:
    """Every file by name, as it should be."""
    agora, jsonwebtoken = f"npm agora-token {version('agora-token')}", f"npm jsonwebtoken {version('jsonwebtoken')}"
    return {
        "agora007.json": {"source": agora, "compare": "the inflated payload", "vectors": agora_007()},
        "agora006.json": {"source": agora, "compare": "the whole text", "vectors": agora_006()},
        "jwt_hs256.json": {"source": jsonwebtoken, "compare": "the whole text", "vectors": jwt_hs256()},
    }


if __name__ == "__main__":
    TARGET.mkdir(exist_ok=True)
    for name, content in made().items():
        (TARGET / name).write_text(json.dumps(content, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
