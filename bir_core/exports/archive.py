"""Zip files that are the same, byte for byte, whenever they are made from the same content."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that the format knows; the true date would make each archive another one."""


def write(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write (name, content) pairs in their order; nothing is compressed twice, text is compressed once."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name, date_time=DATE)
            entry.external_attr = 0o644 << 16
            entry.compress_type = (
                zipfile.ZIP_STORED if name.endswith((".png", ".parquet", ".safetensors")) else zipfile.ZIP_DEFLATED
            )
            archive.writestr(entry, content)
