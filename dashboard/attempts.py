"""How often somebody may guess the password: each failure makes the next guess wait longer, here and everywhere."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

FREE = 3
"""Wrong guesses of one address that cost nothing: people mistype."""

FREE_OF_ALL = 20
LONGEST_WAIT = 300.0
LONGEST_WAIT_OF_ALL = 10.0
"""Short, so that strangers who guess cannot lock out the people who know the password."""

FORGOTTEN_AFTER = 3600.0
MOST_ADDRESSES = 1024


class _Failures:
    def __init__(self, free: int, longest: float) -> None:
        self.free, self.longest = free, longest
        self.count = 0
        self.last = 0.0

    def wait(self, now: float) -> float:
        if now - self.last > FORGOTTEN_AFTER:
            self.count = 0
        beyond = self.count - self.free
        if beyond < 0:
            return 0.0
        return max(0.0, self.last + min(self.longest, 2.0 ** min(beyond, 16)) - now)

    def note(self, now: float) -> None:
        self.count += 1
        self.last = now


class Attempts:
    """Counts wrong guesses per client address and over all addresses; its memory is bounded.

    A guess counts as wrong from its beginning on, so that many at once gain nothing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = _Failures(FREE_OF_ALL, LONGEST_WAIT_OF_ALL)
        self._of: OrderedDict[str, _Failures] = OrderedDict()

    def begin(self, address: str) -> float:
        """Seconds that this address must wait first; at zero the guess has begun and counts as wrong."""
        now, key = self._clock(), network(address)
        own = self._of.get(key) or _Failures(FREE, LONGEST_WAIT)
        wait = max(own.wait(now), self._all.wait(now))
        if wait == 0:
            own.note(now)
            self._all.note(now)
            self._of[key] = own
            self._of.move_to_end(key)
            if len(self._of) > MOST_ADDRESSES:
                self._of.popitem(last=False)
        return wait

    def succeeded(self, address: str) -> None:
        """The guess that has begun was right: nothing counts against the address any more."""
        self._of.pop(network(address), None)
        self._all.count = max(0, self._all.count - 1)

    def __len__(self) -> int:
        return len(self._of)


def network(address: str) -> str:
    """Whose guesses count together: an IPv4 address, or the /64 of which every IPv6 customer has a whole one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
