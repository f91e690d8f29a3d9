"""Many callers, one refresh: across threads, across tasks, across processes."""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.client.issuer import Issuer, do_first, running, say
from token_issuer.client import (
    AsyncClient,
    Client,
    ConfigurationError,
    FileStore,
    MemoryStore,
    ServerUnavailable,
    new_key,
)
from token_issuer.client.exchange import http_options

ROOT = Path(__file__).resolve().parent.parent.parent
CALLERS = 50


def from_threads(call):
    """Call from many threads that start together; an exception is a result."""
    start = threading.Barrier(CALLERS)

    def caller(_):
        start.wait()
        try:
            return call()
        except ServerUnavailable as error:
            return error

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(caller, range(CALLERS)))


@pytest.fixture
def holder(issuer, time):
    issuer.latency = 0.05
    with Client(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock()) as holder:
        yield holder


def test_fifty_threads_make_one_first_request(holder, issuer):
    assert len(set(from_threads(holder.get))) == 1
    assert len(issuer.refreshes) == 1


@pytest.mark.parametrize("life_left", [0, 20], ids=["expired", "early"])
def test_fifty_threads_make_one_refresh(holder, issuer, time, life_left):
    old = holder.get()
    time.pass_by(3600 - life_left)
    tokens = set(from_threads(holder.get))
    assert len(tokens) == 1
    assert old not in tokens
    assert len(issuer.refreshes) == 2


def test_fifty_manual_refreshes_at_once_are_one(holder, issuer):
    holder.get()
    assert len(set(from_threads(holder.refresh))) == 1
    assert len(issuer.refreshes) == 2


def test_fifty_refused_requests_make_one_refresh(holder, issuer):
    holder.get()
    issuer.forget_access_tokens()
    answers = from_threads(lambda: holder.request("GET", "/api/thing").status_code)
    assert answers == [200] * CALLERS
    assert len(issuer.refreshes) == 2


def test_fifty_threads_at_a_dead_server_make_one_attempt(holder, issuer):
    issuer.trouble.extend([say(503, {})] * CALLERS)
    errors = from_threads(holder.get)
    assert {type(error) for error in errors} == {ServerUnavailable}
    assert len(issuer.refreshes) == 1


class Counting(MemoryStore):
    """A store that is slow to read, perhaps; it counts how often it is."""

    __slots__ = ("loads",)

    def __init__(self):
        super().__init__()
        self.loads = 0

    def load(self):
        self.loads += 1
        return super().load()


@pytest.fixture
def counted(issuer, time):
    store = Counting()
    with Client(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock(), store=store) as holder:
        yield holder, store


def test_who_waited_for_the_refresh_does_not_read_the_store(counted, issuer):
    holder, store = counted
    issuer.latency = 0.05
    from_threads(holder.get)
    assert store.loads == 1


def test_nobody_reads_the_store_while_the_server_is_left_alone(counted, issuer, time):
    holder, store = counted
    holder.get()
    time.pass_by(3575)
    issuer.trouble.append(say(503, {}))
    from_threads(holder.get)
    read = store.loads
    holder.get()
    assert store.loads == read


def test_callers_with_a_good_token_do_not_wait_long_for_who_refreshes(holder, issuer, time):
    old = holder.get()
    time.pass_by(3580)
    done = threading.Event()
    issuer.trouble.append(do_first(lambda: done.wait(timeout=4)))
    first = threading.Thread(target=holder.get)
    first.start()
    while len(issuer.refreshes) < 2:
        threading.Event().wait(0.001)
    assert holder.get() is old
    done.set()
    first.join()


def test_callers_without_a_good_token_are_told_when_it_takes_too_long(issuer):
    done = threading.Event()
    issuer.trouble.append(do_first(lambda: done.wait(timeout=4)))
    with Client(issuer.address, refresh_token=issuer.sign_in(), grace=0.6, timeout=0.5) as holder:
        holder._own._lock.get().acquire()
        with pytest.raises(ServerUnavailable, match="still refreshing"):
            holder.get()
        holder._own._lock.get().release()
    done.set()


def run_tasks(issuer, time, act):
    async def main():
        issuer.latency = 0.05
        async with AsyncClient(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock()) as holder:
            return await act(holder)

    return asyncio.run(main())


async def together(call):
    return await asyncio.gather(*(call() for _ in range(CALLERS)))


def test_fifty_tasks_make_one_refresh(issuer, time):
    async def act(holder):
        await holder.get()
        time.pass_by(3600)
        return await together(holder.get)

    assert len(set(run_tasks(issuer, time, act))) == 1
    assert len(issuer.refreshes) == 2


def test_fifty_refused_requests_of_tasks_make_one_refresh(issuer, time):
    async def act(holder):
        await holder.get()
        issuer.forget_access_tokens()
        return [answer.status_code for answer in await together(lambda: holder.request("GET", "/api/thing"))]

    assert run_tasks(issuer, time, act) == [200] * CALLERS
    assert len(issuer.refreshes) == 2


def test_a_cancelled_task_does_not_take_the_refresh_with_it(issuer, time):
    async def act(holder):
        caller = asyncio.create_task(holder.get())
        while not issuer.refreshes:
            await asyncio.sleep(0.001)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        return await holder.get()

    assert run_tasks(issuer, time, act).is_valid()
    assert len(issuer.refreshes) == 1


def test_closing_waits_for_a_refresh_that_nobody_waits_for(issuer, time, tmp_path):
    store = FileStore(tmp_path / "pair", key=new_key())

    async def main():
        issuer.latency = 0.05
        async with AsyncClient(
            issuer.address, refresh_token=issuer.sign_in(), clock=time.clock(), store=store
        ) as holder:
            caller = asyncio.create_task(holder.get())
            while not issuer.refreshes:
                await asyncio.sleep(0.001)
            caller.cancel()

    asyncio.run(main())
    stored = store.load()
    assert stored is not None
    assert stored.reveal()["refresh_token"].endswith(".1")


def test_a_refresh_that_was_cancelled_is_asked_again(issuer, time, caplog):
    async def act(holder):
        caller = asyncio.create_task(holder.get())
        while not issuer.refreshes:
            await asyncio.sleep(0.001)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        return await holder.get()

    assert run_tasks(issuer, time, act).refresh.reveal().endswith(".1")
    assert len(issuer.refreshes) == 2
    assert [record for record in caplog.records if record.name == "asyncio" and record.levelname != "DEBUG"] == []


def test_nobody_is_told_of_a_failure_that_nobody_waits_for(issuer, time, caplog):
    async def act(holder):
        issuer.trouble.append(say(503, {}))
        caller = asyncio.create_task(holder.get())
        while not issuer.refreshes:
            await asyncio.sleep(0.001)
        caller.cancel()

    run_tasks(issuer, time, act)
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio" and record.levelname != "DEBUG"] == []


def test_no_connection_is_surplus():
    limits = http_options(None)["limits"]
    assert limits.max_keepalive_connections == limits.max_connections > CALLERS


def test_a_client_may_be_used_in_one_loop_after_another(issuer, time):
    holder = AsyncClient(issuer.address, refresh_token=issuer.sign_in(), clock=time.clock())

    async def use():
        token = await together(holder.get)
        await holder.aclose()
        return token

    first = asyncio.run(use())
    second = asyncio.run(use())
    assert set(first) == set(second)


# -------------------------------------------------------------------------------------------------------- processes

PROGRAM = """
import json, sys
from token_issuer.client import Client, FileStore
address, path, key, refresh_token = sys.argv[1:]
texts = []
with Client(address, refresh_token=refresh_token, store=FileStore(path, key=key)) as client:
    for line in sys.stdin:  # each line is a starting shot
        texts.append(client.get().refresh.reveal())
        print(json.dumps(texts[-1]), flush=True)
assert "django" not in sys.modules
"""


@pytest.fixture
def living(tmp_path):
    """An issuer on real time whose tokens live for a second, and a program that holds one of its families."""
    with running(Issuer(life=1, latency=0.03)) as issuer:
        first = issuer.sign_in()
        arguments = [issuer.address, str(tmp_path / "pair"), new_key(), first]
        pipe = subprocess.PIPE
        processes = [
            subprocess.Popen(
                [sys.executable, "-W", "error", "-c", PROGRAM, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
            )
            for _ in range(2)
        ]
        yield issuer, first, processes
        for process in processes:
            process.communicate(timeout=10)
            assert process.returncode == 0


def shoot(processes):
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [json.loads(process.stdout.readline()) for process in processes]


def test_two_processes_that_refresh_at_the_same_moment_end_with_one_successor(living):
    issuer, first, processes = living
    meeting = threading.Barrier(2)
    issuer.trouble.extend([do_first(lambda: meeting.wait(timeout=10))] * 2)
    assert set(shoot(processes)) == {first.replace(".0", ".1")}
    assert [seen.form["refresh_token"] for seen in issuer.refreshes] == [first, first]


def test_two_processes_live_through_refreshes_of_one_family(living):
    issuer, first, processes = living
    for _ in range(3):
        shoot(processes)
        threading.Event().wait(1.01)
    assert not issuer.is_closed(first)
    assert issuer.generation(first) >= 3


def _child(holder, pipe):
    try:
        pipe.send(holder.get().refresh is not None)
    except ConfigurationError as error:
        pipe.send(str(error))


def in_a_fork(holder):
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_child, args=(holder, there))
    process.start()
    result = here.recv()
    process.join()
    return result


def test_a_forked_process_does_not_use_a_refresh_token_that_only_memory_holds(holder, time):
    holder.get()
    time.pass_by(3600)
    assert "need a store that they share" in in_a_fork(holder)


def test_a_forked_process_shares_a_store_but_no_connection_and_no_lock(issuer, time, tmp_path):
    store = FileStore(tmp_path / "pair", key=new_key())
    first = issuer.sign_in()
    with Client(issuer.address, refresh_token=first, clock=time.clock(), store=store) as holder:
        holder.get()
        time.pass_by(3600)
        holder._own._lock.get().acquire()  # a thread of ours is refreshing at this moment
        assert in_a_fork(holder) is True
        holder._own._lock.get().release()
        adopted = holder.get().refresh  # what the child stored
        assert adopted is not None
        assert adopted.reveal().endswith(".2")
    assert len(issuer.refreshes) == 2
