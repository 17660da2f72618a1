"""Guessing gets slower and slower, for one address and for all together, and costs the server no memory."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard import attempts, logins
from dashboard.attempts import Attempts
from dashboard.logins import Logins


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def guesses(attempt: Attempts, clock: Clock, address: str, seconds: float) -> int:
    """How many guesses somebody gets in who tries ten times a second."""
    end, number = clock.now + seconds, 0
    while clock.now < end:
        number += attempt.begin(address) == 0
        clock.now += 0.1
    return number


def test_one_address_waits_twice_as_long_after_each_failure() -> None:
    clock = Clock()
    attempt = Attempts(clock)
    waits = []
    for _ in range(14):
        wait = attempt.begin("192.0.2.1")
        waits.append(wait)
        clock.now += wait
        if wait:
            assert attempt.begin("192.0.2.1") == 0
    assert waits[:8] == [0, 0, 0, 1, 2, 4, 8, 16]
    assert max(waits) == attempts.LONGEST_WAIT
    clock.now += attempts.FORGOTTEN_AFTER + 1
    assert attempt.begin("192.0.2.1") == 0


def test_an_hour_of_guessing_brings_few() -> None:
    clock = Clock()
    assert guesses(Attempts(clock), clock, "192.0.2.1", 3600) < 30


def test_many_addresses_together_are_slowed_too() -> None:
    clock = Clock()
    attempt = Attempts(clock)
    number = 0
    for address in range(36_000):
        number += attempt.begin(f"10.{address >> 16}.{address >> 8 & 255}.{address & 255}") == 0
        clock.now += 0.1
    assert number < attempts.FREE_OF_ALL + 3600 / attempts.LONGEST_WAIT_OF_ALL + 10
    assert len(attempt) <= attempts.MOST_ADDRESSES


def test_memory_is_bounded() -> None:
    clock = Clock()
    attempt = Attempts(clock)
    for address in range(3000):
        clock.now += attempts.LONGEST_WAIT_OF_ALL
        assert attempt.begin(f"10.0.{address >> 8}.{address & 255}") == 0
    assert len(attempt) == attempts.MOST_ADDRESSES


def test_a_right_guess_is_forgiven() -> None:
    clock = Clock()
    attempt = Attempts(clock)
    for _ in range(100):
        assert attempt.begin("192.0.2.1") == 0
        attempt.succeeded("192.0.2.1")
    assert len(attempt) == 0


@given(st.integers(0, 2**64 - 1))
def test_a_whole_network_of_ipv6_counts_as_one(host: int) -> None:
    address = ":".join(f"{host >> shift & 0xFFFF:x}" for shift in (48, 32, 16, 0))
    assert attempts.network(f"2001:db8:0:1:{address}") == "2001:db8:0:1::/64"
    assert attempts.network(f"2001:db8:0:2:{address}") != "2001:db8:0:1::/64"


def test_an_ipv4_address_in_other_clothes_is_the_same() -> None:
    assert attempts.network("::ffff:192.0.2.1") == attempts.network("192.0.2.1") == "192.0.2.1"
    assert attempts.network("a socket") == attempts.network("") == "unknown"


def test_a_login_ends_when_it_is_not_used() -> None:
    clock = Clock()
    held = Logins(clock)
    word = held.open()
    for _ in range(5):
        clock.now += logins.IDLE_SECONDS - 1
        assert held.holds(word)
    clock.now += logins.IDLE_SECONDS + 1
    assert not held.holds(word)
    assert not held.holds("")


def test_logins_are_bounded_and_the_idle_go_first() -> None:
    held = Logins(Clock())
    first, second = held.open(), held.open()
    for _ in range(logins.MOST - 1):
        assert held.holds(first)
        held.open()
    assert held.holds(first)
    assert not held.holds(second)
