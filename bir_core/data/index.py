"""The index of an image set: one row per image, in the order in which they were listed."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FILE = "index.parquet"
SCHEMA = pa.schema(
    {
        "id": pa.int64(),
        "key": pa.string(),
        "path": pa.string(),
        "row": pa.int64(),
        "root": pa.int32(),
        "label": pa.int32(),
        "true_label": pa.int32(),
        "split": pa.string(),
        "group": pa.string(),
        "sha256": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "bytes": pa.int64(),
        "mtime_ns": pa.int64(),
        "thumbnail_offset": pa.int64(),
        "thumbnail_bytes": pa.int64(),
    }
)
"""Columns of the index. ``path`` is below the root of that number; ``row`` is a position in an array of images, -1 =
the file is one picture; ``true_label`` is -1 where it is unknown; ``sha256`` is of the file, or of the row."""

_ROWS = 1 << 13
"""So many are in memory until they are written, and a dictionary of what never repeats would be with them."""


@contextmanager
def writer(folder: Path) -> Iterator[Callable[[pa.Table], None]]:
    """What rows are given to, some at a time, to be written into the folder of an unfinished set."""
    with pq.ParquetWriter(folder / FILE, SCHEMA, use_dictionary=["split", "group"]) as file:
        yield lambda rows: file.write_table(rows.select(SCHEMA.names).cast(SCHEMA), row_group_size=_ROWS)


def read(folder: Path) -> pa.Table:
    """All rows of a set, finished or not.

    Raises:
        OSError: there is no index.
        pyarrow.ArrowException: it is damaged.
    """
    return pq.read_table(folder / FILE, schema=SCHEMA)


def fingerprint(rows: pa.Table, class_names: Sequence[str]) -> str:
    """Digest of contents, labels, splits, keys and groups; paths and times do not count, nor how rows are chunked."""
    digest = hashlib.sha256(json.dumps(list(class_names)).encode())
    for name in ("key", "split", "group", "sha256"):
        for start in range(0, rows.num_rows, _ROWS):
            digest.update(json.dumps(rows[name].slice(start, _ROWS).to_pylist()).encode())
    for name in ("label", "true_label"):
        digest.update(rows[name].to_numpy().astype("<i4").tobytes())
    return digest.hexdigest()
