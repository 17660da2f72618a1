"""The pictures of a run, original and aligned, each read when it is asked for. No Streamlit."""

from dataclasses import dataclass, field

import numpy as np

from bir_core.array_files import Rows
from bir_core.pictures import Pictures
from bir_core.records import Flags, Floats, Integers
from dashboard.frames import Positions


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The pictures of a run. Two with the same version are equal, so that encoded sprites can be kept by it."""

    version: str
    originals: Rows | Pictures = field(compare=False)
    indices: Integers = field(compare=False)
    aligned: Rows | None = field(compare=False)

    def aligned_image(self, sample: int) -> Floats | None:
        """(C, H, W), or None when it was not computed."""
        row = int(np.searchsorted(self.indices, sample))
        if self.aligned is None or row == len(self.indices) or self.indices[row] != sample:
            return None
        return self.aligned[row]

    def has_aligned(self, samples: Positions) -> Flags:
        """Of which samples there is an aligned image."""
        return self._rows_of(samples)[1]

    def pairs(self, samples: Positions) -> tuple[Floats, Floats]:
        """(K, C, H, W) original and aligned images; black where there is no aligned one."""
        rows, is_there = self._rows_of(samples)
        originals = self.originals.take(samples.tolist())
        moved = np.zeros_like(originals)
        if self.aligned is not None:
            moved[is_there] = self.aligned.take(rows[is_there].tolist())
        return originals, moved

    def _rows_of(self, samples: Positions) -> tuple[Integers, Flags]:
        if not len(self.indices):
            return np.zeros(len(samples), dtype=np.int64), np.zeros(len(samples), dtype=np.bool_)
        rows = np.minimum(np.searchsorted(self.indices, samples), len(self.indices) - 1)
        return rows, np.asarray(self.indices[rows] == samples)
