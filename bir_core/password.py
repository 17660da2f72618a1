"""The dashboard's password: kept as a scrypt hash, so that whoever reads the server's settings cannot log in with them.

A hash reads ``scrypt:LOG2_COST:BLOCK:PARALLEL:SALT:KEY``, salt and key in URL-safe base64; it has no ``$``, which
shells and Compose files would take for a variable.
"""

import base64
import binascii
import hashlib
import secrets
import unicodedata
from dataclasses import dataclass

from bir_core.errors import InputError

SHORTEST = 12
LONGEST = 1024
"""A longer one would only keep the server busy."""

VARIABLE = "BIR_PASSWORD_HASH"
HOW_TO_MAKE = "make one with 'python -m bir_core password'"

_LOG2_COST, _BLOCK, _PARALLEL = 15, 8, 3
"""32 MB and about a quarter of a second for each guess."""

_LARGEST = (20, 32, 16)
_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What is kept of a password.

    Attributes:
        log2_cost: base-2 logarithm of scrypt's N.
        block: scrypt's r.
        parallel: scrypt's p.
        salt: random bytes.
        key: what the right password derives.
    """

    log2_cost: int
    block: int
    parallel: int
    salt: bytes
    key: bytes

    def fits(self, attempt: str) -> bool:
        """Whether ``attempt`` is the password; takes equally long for every wrong one."""
        if len(attempt) > LONGEST:
            return False
        derived = _derive(attempt, self.log2_cost, self.block, self.parallel, self.salt)
        return secrets.compare_digest(derived, self.key)


def make(password: str) -> str:
    """The hash of a new password, with a salt of its own.

    Raises:
        InputError: it is too short to withstand guessing, or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InputError(
            f"a password must have {SHORTEST} to {LONGEST} characters, got {len(password)}: several words that have "
            "nothing to do with each other are long and easy to remember"
        )
    salt = secrets.token_bytes(16)
    key = _derive(password, _LOG2_COST, _BLOCK, _PARALLEL, salt)
    return ":".join(("scrypt", str(_LOG2_COST), str(_BLOCK), str(_PARALLEL), _text(salt), _text(key)))


def parse(text: str) -> Stored:
    """Read a hash that ``make`` has made.

    Raises:
        InputError: it is none; the text is not repeated, because it may be a password that was put there by mistake.
    """
    try:
        name, *numbers, salt, key = text.strip().split(":")
        log2_cost, block, parallel = (int(number) for number in numbers)
        stored = Stored(
            log2_cost=log2_cost,
            block=block,
            parallel=parallel,
            salt=base64.b64decode(salt, altchars=b"-_", validate=True),
            key=base64.b64decode(key, altchars=b"-_", validate=True),
        )
    except (ValueError, binascii.Error):
        raise _foreign() from None
    within = all(1 <= got <= most for got, most in zip((log2_cost, block, parallel), _LARGEST, strict=True))
    if name != "scrypt" or not within or len(stored.key) != _KEY_BYTES or len(stored.salt) < 16:
        raise _foreign()
    return stored


def _foreign() -> InputError:
    return InputError(f"{VARIABLE} is not a hash of this program, which looks like scrypt:15:8:3:...: {HOW_TO_MAKE}")


def _derive(password: str, log2_cost: int, block: int, parallel: int, salt: bytes) -> bytes:
    # Keyboards and systems write the same accented letter in two ways.
    same = unicodedata.normalize("NFKC", password).encode("utf-8", errors="surrogatepass")
    cost = 1 << log2_cost
    memory = 128 * block * (cost + parallel + 2) + (1 << 20)
    return hashlib.scrypt(same, salt=salt, n=cost, r=block, p=parallel, maxmem=memory, dklen=_KEY_BYTES)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode()
