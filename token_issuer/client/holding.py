"""What one client holds of one credential, and what its store said last."""

from __future__ import annotations

from token_issuer.client import answers
from token_issuer.client.clock import ServerClock
from token_issuer.client.errors import ConfigurationError, StoreError
from token_issuer.client.hidden import TokenText, Unpicklable
from token_issuer.client.pairs import Pair, seed_of
from token_issuer.client.settings import Settings
from token_issuer.client.steps import Load, Steps, Swap
from token_issuer.client.tokens import Span, Token

SIGN_IN = "sign-in"

_ROUNDS = 5  # more writers than this at the same moment, again and again, are a defect somewhere


class Holding(Unpicklable):
    """A pair, its token, and the version that the store showed last.

    Ours is newer than the stored one when it could not be stored; then the version tells that nobody else moved on.
    """

    def __init__(
        self, settings: Settings, server: ServerClock, *, labels: frozenset[str], seed: TokenText | None
    ) -> None:
        self._settings = settings
        self._server = server
        self._labels = labels
        self._seed = seed
        self._stored: str | None = None
        self.pair: Pair | None = None
        self.token: Token | None = None
        self.is_personal = False  # somebody has signed in, so an API key never steps in

    def look(self) -> Steps[bool]:
        """Read the store. True: it has moved on, and what it holds is what we hold now.

        Raises:
            StoreError: it cannot be read.
            ConfigurationError: what it holds is for somebody else.
        """
        pair = yield Load()
        if pair is not None and (pair.holder != self._settings.holder or pair.label not in self._labels):
            msg = "The store holds a token of another server, API key or application."
            raise ConfigurationError(msg)
        if self._seed is not None:
            pair = yield from self._planted(pair, self._seed)
        if _version(pair) == self._stored:
            return False
        self._adopt(pair)
        return True

    def keep(self, token: Token, *, label: str) -> Steps[bool]:
        """Store what the server has just given, and hold it. False: the store has moved on, and so have we.

        Raises:
            StoreError: it could not be stored; it is held all the same, because the old refresh token is used up.
        """
        seeds = self.pair.seeds if self.pair else ()
        pair = self._new_pair(token.reveal_fields(), label=label, born_at=token.born_at, seeds=seeds)
        try:
            stored = yield Swap(self._stored, pair)
        except StoreError:
            self.pair, self.token = pair, token
            raise
        if not stored:
            yield from self.look()
            return False
        self._stored, self.pair, self.token = pair.version, pair, token
        return True

    def replace(self, signed_in: Token | TokenText) -> Steps[None]:
        """Store what somebody signed in with, whatever is stored.

        Raises:
            StoreError: it cannot be stored.
        """
        for _ in range(_ROUNDS):
            stored = yield Load()
            pair = self._personal(signed_in, after=stored)
            if (yield Swap(_version(stored), pair)):
                self._seed = None
                self._adopt(pair)
                return
        msg = "The store changed under each attempt to write it."
        raise StoreError(msg)

    def forget(self) -> Steps[bool]:
        """Remove what is stored and held. False: the store has moved on, and so have we.

        Raises:
            StoreError: it stays in the store, but is not held any more.
        """
        self.pair = self.token = None
        if not (yield Swap(self._stored, None)):
            yield from self.look()
            return False
        self._adopt(None)
        return True

    def _planted(self, pair: Pair | None, seed: TokenText) -> Steps[Pair | None]:
        """Put the program's refresh token into the store, unless what is stored has grown from it.

        A program's settings are older than its store once the token was refreshed: presenting it again would end
        everything. One that the store has not seen is a new sign-in.
        """
        while pair is None or seed_of(seed.reveal()) not in pair.seeds:
            planted = self._personal(seed, after=pair)
            pair = planted if (yield Swap(_version(pair), planted)) else (yield Load())
        self._seed = None
        return pair

    def _personal(self, signed_in: Token | TokenText, *, after: Pair | None) -> Pair:
        """Return the pair of somebody who has just signed in; it remembers who did before."""
        if isinstance(signed_in, Token):
            fields, born_at = signed_in.reveal_fields(), signed_in.born_at
        else:
            fields, born_at = {"refresh_token": signed_in.reveal()}, self._server.now()
        mark = seed_of(fields.get("refresh_token") or fields["token"])
        seeds = (*(after.seeds if after else ()), mark)
        return self._new_pair(fields, label=SIGN_IN, born_at=born_at, seeds=seeds)

    def _adopt(self, pair: Pair | None) -> None:
        token = self._read(pair) if pair is not None else None
        self._stored, self.pair, self.token = _version(pair), pair, token
        self.is_personal |= pair is not None and pair.label == SIGN_IN

    def _read(self, pair: Pair) -> Token | None:
        """Return the token of a stored pair, its life counted on; None when there is only a refresh token."""
        fields = pair.reveal()
        if "token" not in fields and pair.refresh is not None:
            return None
        if not answers.is_token(fields):
            msg = "The store holds a pair of tokens that cannot be read."
            raise StoreError(msg)
        clock = self._settings.clock
        ahead = self._server.ahead if self._server.heard else pair.ahead
        age = max(0.0, clock.wall() + ahead - pair.born_at)
        return Token(fields, span=Span(clock=clock, start=clock.monotonic() - age, born_at=pair.born_at))

    def _new_pair(self, fields: dict[str, object], *, label: str, born_at: float, seeds: tuple[str, ...]) -> Pair:
        holder, ahead = self._settings.holder, self._server.ahead
        return Pair(fields, holder=holder, label=label, born_at=born_at, ahead=ahead, seeds=seeds)


def _version(pair: Pair | None) -> str | None:
    return pair.version if pair is not None else None
