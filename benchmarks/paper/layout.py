"""What a table is made of: rows in sections, each row a cell beside the paper's numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.paper.settings import Setting


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: a cell, and the paper's value of each metric of its section, where it gives any."""

    title: str
    cell: str
    paper: tuple[float | None, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """Rows that are measured on the same settings, one per seed."""

    title: str
    dataset: str
    network: str
    corruption: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]

    def settings(self, seeds: Sequence[int], *, quick: bool) -> list[Setting]:
        """One per seed; human labels are what they are, but split, weights and draws differ by the seed too."""
        return [
            Setting(dataset=self.dataset, network=self.network, corruption=self.corruption, seed=seed, quick=quick)
            for seed in seeds
        ]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table: what it is called on the command line, what it shows, and how to read it."""

    name: str
    title: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = field(default=())
