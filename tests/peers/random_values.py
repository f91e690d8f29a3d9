"""Random but repeatable values, in the JSON that both sides read: questions for a package, arguments for our codecs."""

from __future__ import annotations

from random import Random
from typing import Any

COUNT = 250
# Letters, a channel's punctuation, two- to four-byte UTF-8, and a NUL: lengths are counted in bytes.
LETTERS = "abcXYZ019 !#$%&()+-:;<=.>?@[]^_{}|~,*'\"\\/éßŁ日本🙂\x00"


def text(rng: Random, longest: int = 40) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randint(0, longest)))


def hexadecimal(rng: Random) -> str:
    return "".join(rng.choices("0123456789abcdefABCDEF", k=32))


def u32(rng: Random) -> int:
    return rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, rng.getrandbits(32)])


def uid(rng: Random) -> int | str:
    kinds: list[int | str] = [0, rng.randint(1, 2**32 - 1), str(rng.randint(0, 99)), text(rng)]
    return rng.choice(kinds)


def privileges(rng: Random) -> dict[str, int]:
    numbers = rng.sample([1, 2, 3, 4, 5, 101, 1000, 65_535], rng.randint(0, 5))
    return {str(number): u32(rng) for number in numbers}


def permissions(rng: Random) -> dict[str, Any]:
    return {
        str(resource): {
            str(right): [text(rng, 12) for _ in range(rng.randint(0, 3))]
            for right in rng.sample([0, 1, 2, 300], rng.randint(0, 3))
        }
        for resource in rng.sample([0, 1, 2, 3, 4, 500], rng.randint(0, 4))
    }


def service(rng: Random) -> dict[str, Any]:
    number = rng.randint(1, 8)
    found: dict[str, Any] = {"type": number, "privileges": privileges(rng)}
    if number == 1:
        found |= {"channel": text(rng, 64), "uid": uid(rng)}
    if number in {3, 6}:
        found |= {"channel": text(rng, 64), "account": uid(rng)}
    if number in {2, 5, 8}:
        found |= {"user_id": text(rng, 64)}
    if number == 7:
        # The package turns role 0 into -1: see test_npm_turns_role_0_into_none.
        role = rng.choice([-1, 1, 2, 32_767, -32_768, rng.randint(1, 9)])
        found |= {"room_uuid": text(rng), "user_uuid": text(rng), "role": role}
    if number == 8:
        found |= {"permissions": permissions(rng)}
    return found


def token_007(rng: Random) -> dict[str, Any]:
    return {
        "app_id": hexadecimal(rng),
        "certificate": hexadecimal(rng),
        # 0 means "now" to the package.
        "issued_ts": rng.choice([1, 1111111, 2**32 - 1, rng.randint(1, 2**32 - 1)]),
        "lifetime": rng.choice([1, 60, 600, 3600, 86_400, rng.randint(1, 86_400)]),
        "salt": u32(rng),
        "services": [service(rng) for _ in range(rng.randint(1, 6))],
    }


def token_006(rng: Random) -> dict[str, Any]:
    return {
        "app_id": hexadecimal(rng),
        "certificate": hexadecimal(rng),
        "channel": text(rng, 64),
        "uid": uid(rng),
        "salt": u32(rng),
        "ends_ts": u32(rng),
        "privileges": privileges(rng),
    }


def json_value(rng: Random, depth: int = 2) -> Any:
    kind = rng.randrange(7 if depth else 5)
    if kind == 5:
        return [json_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if kind == 6:
        return {text(rng, 6) + "k": json_value(rng, depth - 1) for _ in range(rng.randint(0, 3))}
    return [None, True, rng.randint(-(2**53) + 1, 2**53 - 1), round(rng.uniform(0.001, 999), 3) + 0.0001, text(rng)][
        kind
    ]
