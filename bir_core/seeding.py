"""Seeds: every stage draws from its own stream, so that adding one method never shifts another's numbers."""

import hashlib


def derive(root: int, *names: str) -> int:
    """A seed in [0, 2**63) for the stream called ``names`` under the root seed."""
    text = "/".join((str(root), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
