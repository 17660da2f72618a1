"""Who has given the password: random words in a cookie, known to this server process alone and forgotten at log-out."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

IDLE_SECONDS = 12 * 3600.0
MOST = 1000
"""The one that was used longest ago is logged out for the next one."""


class Logins:
    """Sessions of people who are logged in; only hashes of their words are kept, so that no look-up leaks one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used: OrderedDict[bytes, float] = OrderedDict()

    def open(self) -> str:
        """A new session's word."""
        word = secrets.token_urlsafe(32)
        self._used[_hash(word)] = self._clock()
        if len(self._used) > MOST:
            self._used.popitem(last=False)
        return word

    def holds(self, word: str) -> bool:
        """Whether the word belongs to a session; using it keeps the session alive."""
        key, now = _hash(word), self._clock()
        used = self._used.get(key)
        if used is None:
            return False
        if now - used > IDLE_SECONDS:
            del self._used[key]
            return False
        self._used[key] = now
        self._used.move_to_end(key)
        return True

    def close(self, word: str) -> None:
        """Log out; nothing happens when nobody is logged in by this word."""
        self._used.pop(_hash(word), None)


def _hash(word: str) -> bytes:
    return hashlib.sha256(word.encode("utf-8", errors="surrogatepass")).digest()
