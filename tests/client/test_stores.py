"""The store owns the truth: what other processes stored is adopted, what we got in vain is thrown away."""

from __future__ import annotations

import pytest

from tests.client.issuer import API_KEY, API_SECRET, do_first, say
from token_issuer.client import (
    Client,
    ConfigurationError,
    FileStore,
    MemoryStore,
    Pair,
    ServerUnavailable,
    SignedOut,
    StoreError,
    new_key,
)


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "pair", key=new_key())


@pytest.fixture
def two(client, issuer, store):
    """Two clients of one store, as two processes would have them."""
    first = issuer.sign_in()
    return [client(refresh_token=first, store=store) for _ in range(2)]


def test_what_one_got_the_other_adopts(two, issuer):
    one, other = two
    assert one.get().reveal() == other.get().reveal()
    assert len(issuer.refreshes) == 1


def test_a_refused_request_adopts_what_the_other_got(two, issuer):
    one, other = two
    one.get()
    other.get()
    issuer.forget_access_tokens()
    one.refresh()
    assert other.request("GET", "/api/thing").status_code == 200
    assert len(issuer.refreshes) == 2


def test_who_lost_the_race_adopts_the_winners_pair(two, issuer, store, time):
    one, other = two
    one.get()
    other.get()
    time.pass_by(3600)
    issuer.trouble.append(do_first(other.get) if isinstance(other, Client) else Handover(other, one))
    token = one.get()
    assert token.reveal() == store.load().reveal()["token"]


class Handover:
    """The race of two asyncio clients needs two loops, so the winner is a client for threads."""

    def __init__(self, other, one):
        self._store, self._settings = other._thing._own._store, other._thing._settings

    def __call__(self, handler):
        settings = self._settings
        with Client(str(settings.base), store=self._store, clock=settings.clock) as winner:
            winner.get()
        handler.act()


def test_after_invalid_grant_a_store_that_moved_on_is_adopted(client, issuer, store, time):
    holder = client(refresh_token=issuer.sign_in(), store=store)
    holder.get()
    time.pass_by(3600)

    def somebody_signs_in_and_ours_ends():
        with Client(issuer.address, store=store, clock=time.clock()) as other:
            old = store.load().refresh.reveal()
            other.sign_in(issuer.sign_in())
            issuer.close(old)
            return other.get()

    issuer.trouble.append(do_first(somebody_signs_in_and_ours_ends))
    assert holder.get().reveal() == store.load().reveal()["token"]
    assert len(issuer.refreshes) == 3


def test_what_was_adopted_is_refreshed_if_it_must_be(client, issuer, store, time):
    holder = client(refresh_token=issuer.sign_in(), store=store)
    holder.get()
    time.pass_by(3600)

    def somebody_signs_in_and_ours_ends():
        with Client(issuer.address, store=store, clock=time.clock()) as other:
            old = store.load().refresh.reveal()
            other.sign_in(issuer.sign_in())  # a refresh token only
            issuer.close(old)

    issuer.trouble.append(do_first(somebody_signs_in_and_ours_ends))
    assert holder.get().is_valid()


def test_after_invalid_grant_nothing_dead_stays_in_the_store(client, issuer, store):
    first = issuer.sign_in()
    issuer.close(first)
    with pytest.raises(SignedOut):
        client(refresh_token=first, store=store).get()
    assert store.load() is None


def test_who_is_signed_out_adopts_a_new_sign_in(two, issuer, store, time):
    one, other = two
    issuer.close(one.get().refresh.reveal())
    time.pass_by(3600)
    with pytest.raises(SignedOut):
        one.get()
    other.sign_in(issuer.sign_in())
    assert one.get().is_valid()


def test_a_new_sign_in_elsewhere_ends_the_cool_down(two, issuer, time):
    one, other = two
    issuer.trouble.append(say(503, {}))
    with pytest.raises(ServerUnavailable):
        one.get()
    other.sign_in(issuer.sign_in())
    assert one.get().is_valid()


def test_whoever_signed_out_elsewhere_is_told_here(client, issuer, store, time):
    events: list[str] = []
    holder = client(refresh_token=issuer.sign_in(), store=store, on_event=events.append)
    holder.get()
    time.pass_by(3600)
    issuer.trouble.append(do_first(lambda: store.swap(store.load().version, None)))
    with pytest.raises(SignedOut):
        holder.get()
    assert events[-1] == "signed-out"


def test_a_token_that_comes_after_signing_out_is_thrown_away(two, issuer, store, time):
    one, _ = two
    one.get()
    time.pass_by(3600)
    issuer.trouble.append(do_first(lambda: store.swap(store.load().version, None)))
    with pytest.raises(SignedOut, match="while the request ran"):
        one.get()
    assert store.load() is None


def test_signing_out_leaves_a_new_sign_in_alone(client, issuer, store, time):
    holder = client(refresh_token=issuer.sign_in(), store=store)
    holder.get()
    second = issuer.sign_in()

    def somebody_signs_in():
        with Client(issuer.address, store=store, clock=time.clock()) as other:
            other.sign_in(second)

    issuer.trouble.append(do_first(somebody_signs_in))
    holder.sign_out()
    assert store.load().refresh.reveal() == second


def test_signing_out_takes_what_was_refreshed_meanwhile(client, issuer, store, time):
    holder = client(refresh_token=issuer.sign_in(), store=store)
    holder.get()

    def somebody_refreshes():
        with Client(issuer.address, store=store, clock=time.clock()) as other:
            other.get()
            other.refresh()

    issuer.trouble.append(do_first(somebody_refreshes))
    holder.sign_out()
    assert store.load() is None


def test_a_program_started_again_does_not_present_its_old_refresh_token(client, issuer, store):
    first = issuer.sign_in()
    client(refresh_token=first, store=store).get()
    client(refresh_token=first, store=store).refresh()
    assert [seen.form["refresh_token"] for seen in issuer.refreshes] == [first, first.replace(".0", ".1")]


def test_a_program_with_a_new_refresh_token_has_signed_in_anew(client, issuer, store):
    client(refresh_token=issuer.sign_in(), store=store).get()
    second = issuer.sign_in()
    assert client(refresh_token=second, store=store).get().refresh.reveal() == second.replace(".0", ".1")


def test_a_program_started_again_keeps_what_somebody_signed_in_with(client, issuer, store):
    first, second = issuer.sign_in(), issuer.sign_in()
    client(refresh_token=first, store=store).get()
    client(store=store).sign_in(second)
    assert client(refresh_token=first, store=store).get().refresh.reveal() == second.replace(".0", ".1")


def test_a_store_is_enough(client, issuer, store):
    client(refresh_token=issuer.sign_in(), store=store).get()
    assert client(store=store).get().is_valid()
    assert len(issuer.refreshes) == 1


def test_a_stored_token_goes_to_its_own_server_and_key_only(client, issuer, store):
    client(refresh_token=issuer.sign_in(), store=store).get()
    with pytest.raises(ConfigurationError, match="another server"):
        client(api_key=API_KEY, api_secret=API_SECRET, store=store).get()


def test_an_api_key_does_not_step_in_for_a_person(client, issuer, store, time):
    key = {"api_key": API_KEY, "api_secret": API_SECRET}
    first = issuer.sign_in()
    client(refresh_token=first, store=store, **key).get()
    holder = client(store=store, **key)
    holder.get()
    issuer.close(first)
    time.pass_by(3600)
    for _ in range(2):
        with pytest.raises(SignedOut):
            holder.get()


class Broken(MemoryStore):
    """A disk that is full, or gone."""

    __slots__ = ("fails",)

    def __init__(self):
        super().__init__()
        self.fails = False

    def _fail(self):
        if self.fails:
            raise StoreError("The disk is full.")

    def load(self):
        self._fail()
        return super().load()

    def swap(self, expected_version, pair, /):
        self._fail()
        return super().swap(expected_version, pair)


class Full(Broken):
    """It can be read, but not written."""

    def load(self):
        return MemoryStore.load(self)


def test_a_token_that_cannot_be_stored_is_used_and_stored_later(client, issuer, time):
    store = Full()
    holder = client(refresh_token=issuer.sign_in(), store=store)
    holder.get()
    for fails in (True, True, False):
        time.pass_by(3600)
        store.fails = fails
        assert holder.get().is_valid()
    assert store.load().refresh.reveal().endswith(".4")


def test_a_token_that_cannot_be_stored_is_an_error_in_the_log(client, issuer, caplog):
    store = Full()
    holder = client(refresh_token=issuer.sign_in(), store=store)
    holder.get()
    store.fails = True
    holder.refresh()
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == "A new token could not be stored: The disk is full."
    assert (record.event, record.reason, record.credential) == ("store_failed", "store", "own")


def test_a_store_that_cannot_be_read_does_not_matter_while_the_token_is_good(client, issuer, time):
    store = Broken()
    holder = client(refresh_token=issuer.sign_in(), store=store)
    token = holder.get()
    store.fails = True
    time.pass_by(3575)
    assert holder.get() is token
    time.pass_by(3600)
    with pytest.raises(StoreError):
        holder.get()
    assert len(issuer.refreshes) == 1


def test_a_dead_token_that_cannot_be_removed_is_not_presented_again(client, issuer, time):
    store = Full()
    holder = client(refresh_token=issuer.sign_in(), store=store)
    issuer.close(holder.get().refresh.reveal())
    store.fails = True
    time.pass_by(3600)
    for _ in range(3):
        with pytest.raises(SignedOut):
            holder.get()
    assert len(issuer.refreshes) == 2


def test_a_sign_in_between_looking_and_forgetting_is_kept(client, issuer, time):
    class Busy(MemoryStore):
        """Somebody signs in at the very moment in which a dead pair is removed."""

        def swap(self, expected_version, pair, /):
            if pair is None:
                new = Pair({"refresh_token": issuer.sign_in()}, holder=f"{issuer.address} public", label="sign-in",
                           born_at=0.0, ahead=0.0)  # fmt: skip
                MemoryStore.swap(self, expected_version, new)
            return MemoryStore.swap(self, expected_version, pair)

    first = issuer.sign_in()
    issuer.close(first)
    assert client(refresh_token=first, store=Busy()).get().is_valid()


@pytest.mark.parametrize("fields", [{}, {"token": "x"}, {"token": "a b", "expires_in": 5}, {"refresh_token": ""}])
def test_a_stored_pair_without_a_token_is_refused(client, issuer, fields):
    holder = f"{issuer.address} public"
    store = MemoryStore()
    store.swap(None, Pair(fields, holder=holder, label="sign-in", born_at=0.0, ahead=0.0))
    with pytest.raises(StoreError, match="cannot be read"):
        client(store=store).get()


def test_a_store_that_always_changes_ends_in_an_error(client, issuer):
    class Restless(MemoryStore):
        def swap(self, expected_version, pair, /):
            return False

    store = Restless()
    MemoryStore.swap(
        store, None, Pair({"refresh_token": issuer.sign_in()}, holder=f"{issuer.address} public", label="sign-in",
                          born_at=0.0, ahead=0.0)
    )  # fmt: skip
    holder = client(store=store)
    with pytest.raises(Exception, match="changed under each attempt"):
        holder.get()
    with pytest.raises(StoreError, match="changed under each attempt"):
        holder.sign_in(issuer.sign_in())


def test_an_answer_that_is_no_token_is_not_stored(client, issuer, store):
    holder = client(refresh_token=issuer.sign_in(), store=store)
    issuer.trouble.append(say(200, {"hello": "world"}))
    with pytest.raises(Exception, match="something that is not a token"):
        holder.get()
    assert "token" not in store.load().reveal()
