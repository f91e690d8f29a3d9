"""Whatever happens to the cache: what is good is let in, what ended is not, and nobody waits long."""

from __future__ import annotations

import signal
import sys
import time
from itertools import cycle

import pytest

from token_issuer.services.remembering import BELIEVED

pytestmark = [pytest.mark.races, pytest.mark.django_db(transaction=True)]

A_SECOND = BELIEVED.total_seconds()


def texts(issue, number: int) -> dict[str, str]:
    """Tokens by their ids."""
    made = [issue() for _ in range(number)]
    return {str(each.token_id): each.token.reveal() for each in made}


def show(what: str, seconds: list[float]) -> None:
    """Tell whoever runs the tests with -s how long verifying took."""
    ordered = sorted(seconds)
    p50, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99))
    sys.stdout.write(f"{what}: p50 {p50:.1f} ms, p99 {p99:.1f} ms, of {len(ordered)}\n")


def warm(worker, issue) -> None:
    """Wait until a process asks its cache: on a busy machine the first call is slow, and then it pauses."""
    deadline, text = time.monotonic() + 60, issue().token.reveal()
    while worker.do("verify", text)["statements"]:
        assert time.monotonic() < deadline


def test_one_process_looks_for_all(workers, issue):
    first, second = workers(2)
    warm(first, issue)
    warm(second, issue)
    text = issue().token.reveal()
    assert (first.do("verify", text)["statements"], second.do("verify", text)["statements"]) == (1, 0)


def test_what_ends_in_one_process_ends_in_all(workers, issue, user):
    everybody = workers(3)
    tokens = texts(issue, 21)
    refused_at_once = 0
    for revoker, (token_id, text) in zip(cycle(everybody), tokens.items(), strict=False):
        assert {worker.verdict(text) for worker in everybody} == {""}
        revoker.do("revoke", token_id)
        assert revoker.verdict(text) == "revoked"
        refused_at_once += {worker.verdict(text) for worker in everybody} == {"revoked"}
    assert refused_at_once > len(tokens) / 2  # the others within a second, where a busy machine made a process pause
    last = issue().token.reveal()
    assert {worker.verdict(last) for worker in everybody} == {""}
    everybody[0].do("revoke-user", user.pk)
    assert everybody[0].verdict(last) == "revoked"
    time.sleep(A_SECOND)
    assert {worker.verdict(text) for worker in everybody for text in (*tokens.values(), last)} == {"revoked"}


def hurt_and_ask(redis, workers, issue, hurt) -> list[float]:
    """Let some tokens in, hurt the server, end half of them, and ask for all of them everywhere."""
    revoker, *everybody = workers(2)
    tokens = texts(issue, 10)
    for text in tokens.values():
        assert {worker.verdict(text) for worker in (revoker, *everybody)} == {""}
    hurt()
    ended = list(tokens)[::2]
    for token_id in ended:
        revoker.do("revoke", token_id)
        assert revoker.verdict(tokens[token_id]) == "revoked"
    time.sleep(A_SECOND)
    seconds = []
    for _ in range(10):
        for token_id, text in tokens.items():
            for worker in everybody:
                answer = worker.do("verify", text)
                assert answer["verdict"] == ("revoked" if token_id in ended else "")
                seconds.append(answer["seconds"])
    return seconds


def test_a_redis_that_is_killed_changes_no_verdict(redis, workers, issue):
    seconds = hurt_and_ask(redis, workers, issue, redis.kill)
    show("killed", seconds)
    assert sum(seconds) < 5


def test_a_redis_that_hangs_changes_no_verdict_and_blocks_nobody_for_long(redis, workers, issue):
    """With Django's defaults each of these hundred calls would wait five seconds."""
    seconds = hurt_and_ask(redis, workers, issue, lambda: redis.send(signal.SIGSTOP))
    show("frozen", seconds)
    assert max(seconds) < 2
    assert sum(seconds) < 10


def test_a_redis_that_wakes_up_again_remembers_nothing_wrong(redis, workers, issue):
    """Its tombstone was never written: the token was revoked while it hung."""
    (revoker,) = workers(1)
    token = issue()
    text = token.token.reveal()
    assert revoker.verdict(text) == ""
    redis.send(signal.SIGSTOP)
    revoker.do("revoke", token.token_id)
    redis.send(signal.SIGCONT)
    time.sleep(A_SECOND)
    (fresh,) = workers(1)
    assert fresh.verdict(text) == "revoked"


def test_a_redis_that_comes_back_empty_remembers_nothing_wrong(redis, workers, issue):
    (worker,) = workers(1)
    token, other = issue(), issue()
    assert worker.verdict(token.token.reveal()) == worker.verdict(other.token.reveal()) == ""
    worker.do("revoke", token.token_id)
    redis.kill()
    redis.start()
    assert worker.verdict(token.token.reveal()) == "revoked"
    assert worker.verdict(other.token.reveal()) == ""


def test_a_redis_full_of_garbage_changes_no_verdict(redis, workers, issue):
    (worker,) = workers(1)
    good, ended = issue(), issue()
    for token in (good, ended):
        worker.verdict(token.token.reveal())
    worker.do("revoke", ended.token_id)
    for key in redis.ask().scan_iter():
        redis.ask().set(key, b"\x80garbage")
    assert worker.verdict(good.token.reveal()) == ""
    assert worker.verdict(ended.token.reveal()) == "revoked"
