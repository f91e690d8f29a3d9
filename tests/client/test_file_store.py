"""A pair in an encrypted file."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from token_issuer.client import ConfigurationError, FileStore, MemoryStore, Pair, Sealer, StoreError, new_key

KEY = new_key()


def pair(text="the-refresh-token"):
    return Pair(
        {"refresh_token": text, "sdk": {"a": 1}}, holder="https://x/ k", label="sign-in", born_at=5.5, ahead=-1.0,
        seeds=("s",),
    )  # fmt: skip


def text_of(stored):
    return stored.refresh.reveal()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "pair"


@pytest.fixture
def store(path):
    return FileStore(path, key=KEY)


def test_nothing_is_stored_at_first(store):
    assert store.load() is None


def test_what_is_stored_is_loaded(store):
    stored = pair()
    assert store.swap(None, stored)
    assert json.loads(store.load().reveal_json()) == json.loads(stored.reveal_json())


@pytest.mark.parametrize("make", [MemoryStore, lambda: None], ids=["memory", "file"])
@pytest.mark.parametrize("expected", [None, "another"])
def test_what_was_stored_meanwhile_stays(make, expected, store):
    store = make() or store
    first = pair()
    store.swap(None, first)
    assert not store.swap(expected, pair())
    assert store.load().version == first.version


def test_the_expected_pair_is_replaced_and_removed(store, path):
    first, second = pair(), pair()
    assert store.swap(None, first)
    assert store.swap(first.version, second)
    assert store.swap(second.version, None)
    assert store.load() is None
    assert not path.exists()


def test_nothing_is_swapped_for_something_that_was_removed(store):
    first = pair()
    store.swap(None, first)
    store.swap(first.version, None)
    assert not store.swap(first.version, pair())


def test_the_same_texts_are_another_version():
    assert pair().version != pair().version


def test_the_file_tells_nothing(store, path):
    store.swap(None, pair())
    content = path.read_bytes()
    assert content.startswith(b"tic1")
    assert [word for word in (b"refresh", b"https", b"sign-in") if word in content] == []


def test_the_file_is_this_users_alone(store, path):
    before = os.umask(0)
    try:
        store.swap(None, pair())
    finally:
        os.umask(before)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_touch_is_refused(store, path, mode):
    store.swap(None, pair())
    path.chmod(mode)
    with pytest.raises(StoreError, match="chmod 600"):
        store.load()


def test_a_link_is_not_followed(store, path):
    store.swap(None, pair())
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))
    with pytest.raises(StoreError, match="cannot be read"):
        store.load()


def test_every_changed_byte_is_noticed(store, path):
    store.swap(None, pair())
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(StoreError, match="cannot be opened"):
            store.load()


@pytest.mark.parametrize("content", [b"", b"tic1", b"tic1short", b"tic1" + bytes(12)])
def test_a_piece_of_a_file_is_refused(store, path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="cannot be opened"):
        store.load()


def test_another_key_does_not_open_it(store, path):
    store.swap(None, pair())
    with pytest.raises(StoreError, match="another key"):
        FileStore(path, key=new_key()).load()


def test_a_new_key_in_front_opens_and_takes_over(store, path):
    first, newer = pair(), new_key()
    store.swap(None, first)
    rotated = FileStore(path, key=[newer, KEY])
    assert rotated.swap(first.version, pair("next"))
    assert text_of(FileStore(path, key=newer).load()) == "next"


@pytest.mark.parametrize("keys", ["", "short", "not base64!" * 4, new_key()[:-4], [], [KEY, "x"]])
def test_a_key_that_is_none_is_refused(path, keys):
    with pytest.raises(ConfigurationError, match="key"):
        FileStore(path, key=keys)


def test_a_folder_that_is_missing_is_named(tmp_path):
    store = FileStore(tmp_path / "nowhere" / "pair", key=KEY)
    assert store.load() is None
    with pytest.raises(StoreError, match="cannot be written: No such file or directory"):
        store.swap(None, pair())


def test_where_there_are_no_file_locks_there_is_no_file_store(path, monkeypatch):
    monkeypatch.setattr("token_issuer.client.file_store.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="write a Store of your own"):
        FileStore(path, key=KEY)


def test_what_a_crash_left_is_no_obstacle(store, path):
    path.with_name("pair.new").write_bytes(b"half of a pa")
    assert store.swap(None, pair())
    assert sorted(file.name for file in path.parent.iterdir()) == ["pair", "pair.lock"]


def test_one_of_many_writers_wins(path):
    start = threading.Barrier(16)

    def write(_):
        start.wait()
        return FileStore(path, key=KEY).swap(None, pair())

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(write, range(16))) == [False] * 15 + [True]


def test_a_process_that_never_lets_go_is_not_waited_for(store, path):
    with path.with_name("pair.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="holds the store's lock"):
            FileStore(path, key=KEY, patience=0.03).swap(None, pair())
    assert store.swap(None, pair())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", "not json", '{"version": 1}', pair().reveal_json().replace("5.5", '"5.5"'),
     pair().reveal_json().replace('"label"', '"babel"')],
)  # fmt: skip
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(StoreError, match="a pair of tokens"):
        Pair.from_json(text)


def test_a_sealer_is_what_a_store_of_ones_own_needs():
    sealer = Sealer(KEY)
    assert text_of(sealer.open(sealer.seal(pair()))) == "the-refresh-token"


def test_the_same_pair_is_sealed_differently_each_time():
    sealer, one = Sealer(KEY), pair()
    assert sealer.seal(one) != sealer.seal(one)


def test_few_seeds_are_remembered():
    many = Pair({}, holder="", label="", born_at=0.0, ahead=0.0, seeds=tuple(map(str, range(20))))
    assert many.seeds == tuple(map(str, range(12, 20)))
