"""What the providers mint for random grants, beside what the vendors' packages make of the same wishes."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.peers import random_values
from tests.peers.node import ask
from tests.providers.orders import AT, order
from token_issuer.formats import agora007
from token_issuer.providers.agora import AgoraProvider
from token_issuer.providers.agora.grant import ALLOWED, AgoraGrant, AgoraOptions
from token_issuer.providers.videosdk import VideoSDKGrant, VideoSDKProvider

pytestmark = pytest.mark.peers

NOW = int(AT.timestamp())
PERMISSIONS = ["allow_join", "ask_join", "allow_mod"]
RANDOM = [Random(f"minted {number}") for number in range(random_values.COUNT)]


def allowed(rng: Random, longest: int) -> str:
    return "".join(rng.choices(sorted(ALLOWED), k=rng.randint(1, longest)))


def printable(rng: Random) -> str:
    return "".join(rng.choices("abcXYZ019-_.éßŁ日本🙂", k=rng.randint(1, 30)))


def agora_wish(rng: Random) -> dict[str, Any]:
    """One user's wish in words that neither side has."""
    return {
        "app_id": random_values.hexadecimal(rng),
        "certificate": random_values.hexadecimal(rng),
        "channel": allowed(rng, 63),
        "user": rng.choice([rng.randint(16, 2**31 - 1), "a" + allowed(rng, 50)]),
        "publish": rng.random() < 0.5,
        "rtm": rng.random() < 0.5,
        "chat": rng.random() < 0.5,
        "lifetime": rng.randint(60, 86_400),
        "entropy": rng.randbytes(32),
    }


def minted_by_agora(wish: dict[str, Any], version: str) -> str:
    number = wish["user"] if isinstance(wish["user"], int) else None
    grant = AgoraGrant(
        channel=wish["channel"],
        role="publisher" if wish["publish"] else "subscriber",
        also_rtm=wish["rtm"] and version == "007",
        chat=wish["chat"] and version == "007",
        uid=number,
        account=None if number else wish["user"],
    )
    subject = "integer" if number else "account"
    asked = order(
        grant,
        public_id=wish["app_id"],
        parts={"certificate": wish["certificate"]},
        options=AgoraOptions(token_version=version, subject=subject),  # type: ignore[arg-type]  # both are literals
        lifetime=wish["lifetime"],
        entropy=wish["entropy"],
    )
    return AgoraProvider().mint(asked).value


def asked_of_npm(wish: dict[str, Any]) -> dict[str, Any]:
    rights, name = ("1234" if wish["publish"] else "1"), str(wish["user"])
    ends, login = dict.fromkeys(rights, wish["lifetime"]), {"1": wish["lifetime"]}
    services: list[dict[str, Any]] = [{"type": 1, "channel": wish["channel"], "uid": wish["user"], "privileges": ends}]
    services += [{"type": 2, "user_id": name, "privileges": login}] if wish["rtm"] else []
    services += [{"type": 5, "user_id": name, "privileges": login}] if wish["chat"] else []
    return {
        "op": "encode007",
        "app_id": wish["app_id"],
        "certificate": wish["certificate"],
        "issued_ts": NOW,
        "lifetime": wish["lifetime"],
        "salt": int.from_bytes(wish["entropy"][:4], "big"),
        "services": services,
    }


def test_agora_007():
    wishes = [agora_wish(rng) for rng in RANDOM]
    theirs = ask("agora_token.cjs", [asked_of_npm(wish) for wish in wishes])
    ours = [minted_by_agora(wish, "007") for wish in wishes]
    assert [agora007.decode(token).payload for token in ours] == [agora007.decode(token).payload for token in theirs]


def test_agora_006():
    """The package ends every 006 token after 24 hours, whatever it is asked; here token and privileges end together."""
    wishes = [agora_wish(rng) for rng in RANDOM]
    questions = []
    for wish in wishes:
        ends_ts, [rtc, *_] = NOW + wish["lifetime"], asked_of_npm(wish)["services"]
        names = {name: wish[name] for name in ("app_id", "certificate", "channel")}
        salt, rights = int.from_bytes(wish["entropy"][:4], "big"), dict.fromkeys(rtc["privileges"], ends_ts)
        questions.append(
            {"op": "encode006", **names, "uid": wish["user"], "salt": salt, "ends_ts": ends_ts, "privileges": rights}
        )
    assert [minted_by_agora(wish, "006") for wish in wishes] == ask("agora_token.cjs", questions)


def videosdk_wish(rng: Random) -> dict[str, Any]:
    return {
        "api_key": "k" + random_values.hexadecimal(rng),
        "secret": random_values.hexadecimal(rng),
        "participant": printable(rng),
        "room": rng.choice(["", printable(rng)]),
        # The package writes what it was given in that order, we in this one.
        "grants": rng.choice([PERMISSIONS[:1], PERMISSIONS[:2], PERMISSIONS, PERMISSIONS[1:2], PERMISSIONS[::2]]),
        "api": rng.random() < 0.3,
        "lifetime": rng.randint(60, 86_400),
    }


def test_videosdk():
    wishes = [videosdk_wish(rng) for rng in RANDOM]
    ours = []
    for wish in wishes:
        grant = VideoSDKGrant(
            roomId=wish["room"] or None,
            participantId=wish["participant"],
            permissions=frozenset(wish["grants"]),
            roles=frozenset({"crawler" if wish["api"] else "rtc"}),
        )
        asked = order(grant, public_id=wish["api_key"], parts={"secret": wish["secret"]}, lifetime=wish["lifetime"])
        ours.append(VideoSDKProvider().mint(asked).value)
    assert ours == ask("server_sdk.cjs", [{"op": "build", "now": NOW, **wish} for wish in wishes])
