"""Layer groups of any network: what its structure suggests, or what a config says, checked against its parameters.

Nothing is run here. A group is a name and the beginnings of its parameters' names: ("head", ("norm", "fc")).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from bir_core.errors import InputError, nearest
from bir_core.model_records import Groups

STAGES, THIRDS = 4, 3
"""How many groups a long row of layers is cut into; a row of equal blocks, as in a transformer, into thirds."""
NEARLY_ALL = 0.9
"""Share of the parameters of all rows; the last stage of a ResNet has three quarters."""
SHOWN = 10


@dataclass(frozen=True)
class _Piece:
    """A module with parameters, or a parameter that stands alone (no module), by its full name."""

    path: str
    module: nn.Module | None
    size: int

    def parts(self) -> list["_Piece"]:
        """What it is made of, in order; nothing where it is a single layer."""
        return [] if self.module is None or not _children(self.module) else _pieces(self.module, self.path)


def derive(network: nn.Module) -> Groups:
    """Stem, stages and head, read from the top of the network.

    Two rows of blocks or more are a stage each (ResNet); a single row, or one that holds nearly all, is cut into four
    parts of as many blocks, or into thirds where its blocks are alike (a transformer's encoder); without any row the
    layers themselves are cut. What comes before is the stem, what follows the last row the head.

    Raises:
        InputError: the network has no parameters.
    """
    pieces = _pieces(network, "")
    if not pieces:
        raise InputError("the network has no parameters, so there is nothing to update")
    rows = _rows(pieces)
    while not rows and (wide := _to_open(pieces)) is not None:
        at = pieces.index(wide)
        pieces[at : at + 1] = wide.parts()
        rows = _rows(pieces)
    rows = _stages(rows)
    found = _by_row(pieces, rows) if len(rows) > 1 else _cut(pieces, rows)
    return tuple((name, tuple(paths)) for name, paths in found if paths)


def owners(network: nn.Module, groups: Groups) -> dict[str, str]:
    """The group of every parameter, by name, in the network's order.

    Raises:
        InputError: a group names nothing, or a parameter belongs to no group or to two.
    """
    names = [name for name, _ in network.named_parameters()]
    found: dict[str, list[str]] = {name: [] for name in names}
    for group, beginnings in groups:
        for beginning in beginnings:
            matching = [name for name in names if name == beginning or name.startswith(f"{beginning}.")]
            if not matching:
                modules = [name for name, module in network.named_modules() if name and _size(module)][:200]
                raise InputError(
                    f"base.groups: {group} names {beginning!r}, which has no parameters in this network: "
                    f"{nearest(beginning, modules)}"
                )
            for name in matching:
                found[name].append(group)
    strays = [name for name, groups_of in found.items() if not groups_of]
    if strays:
        raise InputError(f"base.groups: every parameter needs a group, and {listed(strays)} have none")
    twice = [f"{name} ({' and '.join(groups_of)})" for name, groups_of in found.items() if len(groups_of) > 1]
    if twice:
        raise InputError(f"base.groups: every parameter needs one group, and these have two: {listed(twice)}")
    return {name: groups_of[0] for name, groups_of in found.items()}


def in_order(groups: Groups, owner: Mapping[str, str]) -> Groups:
    """The groups in the order in which the network has their first parameters."""
    first = {name: at for at, name in enumerate(dict.fromkeys(owner.values()))}
    return tuple(sorted(groups, key=lambda group: first[group[0]]))


def listed(names: Sequence[str]) -> str:
    """The first ten names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _pieces(module: nn.Module, path: str) -> list[_Piece]:
    start = f"{path}." if path else ""
    alone = [_Piece(start + name, None, value.numel()) for name, value in module.named_parameters(recurse=False)]
    return alone + [_Piece(start + name, child, _size(child)) for name, child in _children(module)]


def _children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, child) for name, child in module.named_children() if _size(child)]


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _rows(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The rows of blocks among the pieces, the last of which is the head: rows of modules, else of single layers."""
    rows = [piece for piece in pieces[:-1] if piece.module is not None and _is_row(piece.module)]
    blocks = [piece for piece in rows if any(part.parts() for part in piece.parts())]
    return blocks or [piece for piece in rows if len(_with_norms(piece.parts())) > 1]


def _stages(rows: list[_Piece]) -> list[_Piece]:
    """The rows that are stages: where one holds nearly all, the others are a stem or a head of several layers."""
    wide = max(rows, key=lambda row: row.size, default=None)
    if wide is not None and wide.size > NEARLY_ALL * sum(row.size for row in rows) and len(wide.parts()) > 1:
        return [wide]
    return rows


def _is_row(module: nn.Module) -> bool:
    """Modules one after another: a list of torch's, or what an exported program has left of one."""
    stems = {name.rstrip("0123456789") for name, _ in module.named_children()}
    return isinstance(module, nn.Sequential | nn.ModuleList) or (type(module) is nn.Module and len(stems) == 1)


def _to_open(pieces: Sequence[_Piece]) -> _Piece | None:
    """The piece that holds most of the network, where it can be opened."""
    wide = max(pieces, key=lambda piece: piece.size)
    return wide if 2 * wide.size > sum(piece.size for piece in pieces) and wide.parts() else None


def _with_norms(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """The pieces one by one, a norm with what it follows."""
    found: list[list[_Piece]] = []
    for piece in pieces:
        if found and piece.module is not None and _is_norm(piece):
            found[-1].append(piece)
        else:
            found.append([piece])
    return found


def _is_norm(piece: _Piece) -> bool:
    last = piece.path.rpartition(".")[2]
    return not piece.parts() and ("Norm" in type(piece.module).__name__ or last.startswith(("bn", "norm")))


def _by_row(pieces: Sequence[_Piece], rows: Sequence[_Piece]) -> Iterator[tuple[str, list[str]]]:
    """Every row is a group, with what follows it; before the first lies the stem, after the last the head."""
    names = [_name(row.path.rpartition(".")[2]) for row in rows]
    if len(set(names)) < len(names) or {"stem", "head"} & set(names):
        names = [_name(row.path) for row in rows]
    starts = [pieces.index(row) for row in rows]
    yield _free("stem", names), [piece.path for piece in pieces[: starts[0]]]
    ends = [*starts[1:], starts[-1] + 1]
    for name, start, end in zip(names, starts, ends, strict=True):
        yield name, [piece.path for piece in pieces[start:end]]
    yield _free("head", names), [piece.path for piece in pieces[starts[-1] + 1 :]]


def _cut(pieces: Sequence[_Piece], rows: Sequence[_Piece]) -> Iterator[tuple[str, list[str]]]:
    """One row, or the layers before the last one, cut into a few groups."""
    before, after = (list[_Piece](), [pieces[-1]])
    if rows:
        at = pieces.index(rows[0])
        before, after = list(pieces[:at]), list(pieces[at + 1 :])
    blocks = _with_norms(rows[0].parts() if rows else pieces[:-1])
    if not before and blocks:
        before, blocks = blocks[0], blocks[1:]
    kinds = {(type(block[0].module), block[0].size) for block in blocks}
    alike = len(kinds) == 1 and len(blocks) > 1 and bool(blocks[0][0].parts())
    yield "stem", [piece.path for piece in before]
    number = min(THIRDS if alike else STAGES, len(blocks))
    for at in range(number):
        part = blocks[at * len(blocks) // number : (at + 1) * len(blocks) // number]
        yield f"{'blocks' if alike else 'stage'}{at + 1}", [piece.path for block in part for piece in block]
    yield "head", [piece.path for piece in after]


def _name(path: str) -> str:
    """A path as the name of a group: letters, digits and underscores, a letter first."""
    name = re.sub(r"\W", "_", path)
    return name if name[0].isalpha() else f"stage{name}"


def _free(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else f"{name}_"
