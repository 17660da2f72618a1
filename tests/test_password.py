"""The password's hash: what fits and what does not, and the command that makes one without showing it."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bir_core import password
from bir_core.errors import InputError

RIGHT = "correct horse battery staple"
HOME = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def stored() -> str:
    return password.make(RIGHT)


def test_the_password_fits_and_nothing_else(stored: str) -> None:
    read = password.parse(f" {stored}\n")
    assert read.fits(RIGHT)
    for wrong in ("", RIGHT[:-1], f"{RIGHT} ", RIGHT.upper(), stored, "x" * (password.LONGEST + 1), "\udcff\0"):
        assert not read.fits(wrong)


def test_the_hash_hides_the_password_and_has_a_salt_of_its_own(stored: str) -> None:
    assert not any(word in stored for word in RIGHT.split())
    assert password.make(RIGHT) != stored
    assert "$" not in stored
    assert stored.isascii()


def test_an_accent_may_be_typed_in_two_ways() -> None:
    assert password.parse(password.make("ein schöner Tag")).fits("ein scho\u0308ner Tag")


@pytest.mark.parametrize("short", ["", "hunter2", "x" * 11, "x" * 2000])
def test_short_and_endless_passwords_are_refused(short: str) -> None:
    with pytest.raises(InputError, match="must have 12 to 1024 characters"):
        password.make(short)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "my secret password",
        "scrypt",
        "scrypt:15:8:3:AAAA",
        "scrypt:15:8:3:AAAAAAAAAAAAAAAAAAAAAA==:AAAA",
        "pbkdf2:15:8:3:{salt}:{key}",
        "scrypt:40:8:3:{salt}:{key}",
        "scrypt:0:8:3:{salt}:{key}",
        "scrypt:15:8:-3:{salt}:{key}",
        "scrypt:15:8:3:!!!!:{key}",
    ],
)
def test_what_is_no_hash_is_refused_and_not_repeated(text: str, stored: str) -> None:
    *_, salt, key = stored.split(":")
    with pytest.raises(InputError, match="python -m bir_core password") as caught:
        password.parse(text.format(salt=salt, key=key))
    assert "my secret" not in str(caught.value)


def ask(*typed: str) -> tuple[int, str, str]:
    """Exit code, standard output, and all that a terminal shows while somebody types these lines."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "bir_core", "password"],
        cwd=HOME,
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    for line in typed:
        _read_until(ours, b": ")
        time.sleep(0.2)  # the terminal must have stopped echoing
        os.write(ours, line.encode() + b"\n")
    out, _ = child.communicate(timeout=60)
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return child.returncode, out, shown.decode()


def _read_until(terminal: int, end: bytes) -> None:
    seen = b""
    while not seen.endswith(end):
        seen += os.read(terminal, 1)


def test_command_asks_twice_and_prints_the_hash_alone() -> None:
    code, out, shown = ask(RIGHT, RIGHT)
    assert code == 0
    assert password.parse(out).fits(RIGHT)
    assert RIGHT not in shown + out


def test_command_refuses_a_short_password_in_one_sentence() -> None:
    code, out, shown = ask("short", "short")
    assert (code, out) == (1, "")
    assert "must have 12 to 1024 characters" in shown
