"""A network from elsewhere as the engine's ordered list of layer groups, with its own names kept.

Where the network is its children one after another, it becomes that list, and layers before the first selected one can
be computed once. That is not read from its source but **proven**: with weights moved away from any special value, both
must give the same bits, in eval mode and, dropout included, in training mode. Any other network stays whole: its groups
are then names of parameters alone, nothing is shared, and the result is the same.
"""

import copy
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bir_core.errors import InputError
from bir_core.model_records import Groups, ModelState
from bir_core.models import grouping, pixels

JITTER = 0.05
"""How far the proof moves weights, so that what a constructor has set to 0 or 1 hides no difference."""

_Atoms = list[tuple[str, str, nn.Module]]
"""(group, name in the network, module) of each step of a chain."""


class Foreign(nn.Sequential):
    """A network from elsewhere.

    Attributes:
        theirs: the network's own name of each of our parameters and buffers.
        owner: the group of each parameter, by its own name.
        groups: see ``model_records.Groups``, in the network's order.
        chained: whether the children are the groups; else the network is one whole.
    """

    def __init__(
        self,
        parts: "OrderedDict[str, nn.Module]",
        *,
        theirs: Mapping[str, str] | None = None,
        owner: Mapping[str, str] | None = None,
        groups: Groups = (),
        chained: bool = True,
    ) -> None:
        super().__init__(parts)
        self.theirs, self.owner = dict(theirs or {}), dict(owner or {})
        self.groups, self.chained = groups, chained


class Logits(nn.Module):
    """A network that may return more than logits; the logits alone."""

    def __init__(self, network: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.network, self.num_classes = network, num_classes

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, L)."""
        return logits_of(self.network(images), self.num_classes)


def logits_of(output: object, num_classes: int) -> Tensor:
    """The logits in what a network returns: a tensor, what is called ``logits``, or the only (N, L) tensor there.

    Raises:
        InputError: there is none, or more than one.
    """
    if isinstance(output, Tensor):
        return output
    named = output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    if isinstance(named, Tensor):
        return named
    values = output.values() if isinstance(output, Mapping) else output if isinstance(output, tuple | list) else ()
    fitting = [value for value in values if isinstance(value, Tensor) and value.shape[1:] == (num_classes,)]
    if len(fitting) != 1:
        raise InputError(
            f"the network returns a {type(output).__name__} with {len(fitting) or 'no'} tensors of {num_classes} "
            'columns (one per class): let it return the logits, alone or under the name "logits"'
        )
    return fitting[0]


def arrange(module: nn.Module, like: ModelState) -> Foreign:
    """``module`` as layer groups behind its card's normalisation; its parameters and buffers are used, not copied.

    Args:
        module: from elsewhere; in eval mode and with the same weights afterwards.
        like: shapes, card and groups.

    Raises:
        InputError: it does not take such images, does not give one logit per class, or the groups do not fit it.
    """
    front = None if like.card is None else pixels.of_card(like.card)
    module.eval()
    _check(module, front, like)
    groups = like.groups or grouping.derive(module)
    owner = grouping.owners(module, groups)
    groups = grouping.in_order(groups, owner)
    with _moved_weights(module):
        atoms = _chain(module, owner, _probe(like, front))
    if atoms is None:
        return _whole(module, front, like.num_classes, owner, groups)
    return _chained(atoms, front, owner, groups)


def _check(module: nn.Module, front: nn.Module | None, like: ModelState) -> None:
    """One pass of two images, whose result must be two rows of logits."""
    channels, height, width = like.image_shape
    try:
        with torch.no_grad():
            found = logits_of(module(_probe(like, front)), like.num_classes)
    except InputError as error:
        raise InputError(f"{like.network}: {error}") from None
    except Exception as error:  # somebody's network can fail in any way
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{like.network} does not take images of {channels} x {height} x {width} pixels ({reason}): give the "
            "channels and the size that it is made for in base.card"
        ) from None
    if found.ndim == 2 and len(found) == 2 and found.shape[1] != like.num_classes:
        raise InputError(
            f"{like.network} has {found.shape[1]} outputs, the images {like.num_classes} classes: give images of its "
            "classes, or a network with one output per class"
        )
    if found.shape != (2, like.num_classes) or not found.is_floating_point():
        raise InputError(
            f"{like.network} returns {found.dtype} of shape {tuple(found.shape)} for 2 images, expected logits of "
            f"shape (2, {like.num_classes})"
        )


def _probe(like: ModelState, front: nn.Module | None) -> Tensor:
    images = torch.rand(2, *like.image_shape, generator=torch.Generator().manual_seed(0))
    return images if front is None else front(images)


@contextmanager
def _moved_weights(module: nn.Module) -> Iterator[None]:
    """Every parameter a little off, and everything put back at the end, with eval mode."""
    kept = copy.deepcopy(module.state_dict())
    drawn = JITTER * torch.randn(65_537, generator=torch.Generator().manual_seed(1))
    try:
        with torch.no_grad():
            for parameter in module.parameters():
                times = parameter.numel() // len(drawn) + 1  # drawn once and repeated: a large layer has millions
                parameter.add_(drawn.repeat(times)[: parameter.numel()].view(parameter.shape))
            yield
    finally:
        module.load_state_dict(kept)
        module.eval()


def _chain(module: nn.Module, owner: Mapping[str, str], inputs: Tensor) -> _Atoms | None:
    """The steps that ``module`` is made of, where they are proven to be all that it does; else None."""
    try:
        atoms = _with_flatten(_atoms(module, owner), inputs)
        chain = nn.Sequential(*(atom for _, _, atom in atoms))
        expected, found = module(inputs), chain(inputs)
        same = _same(expected, found) and not torch.equal(found[0], found[1])
        module.train()
        return atoms if same and _same(_drawn(module, inputs), _drawn(chain, inputs)) else None
    except Exception:  # what cannot be taken apart is left whole; that it works was checked before
        return None


def _drawn(network: nn.Module, inputs: Tensor) -> object:
    """What comes out in training mode under one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return network(inputs)


def _same(expected: object, found: object) -> bool:
    return isinstance(expected, Tensor) and isinstance(found, Tensor) and torch.equal(expected, found)


def _atoms(module: nn.Module, owner: Mapping[str, str], path: str = "") -> _Atoms:
    """The children of ``module``, each opened as far as its parameters belong to several groups.

    Raises:
        LookupError: groups meet inside a module that has parameters of its own, or come back after another.
    """
    if list(module.parameters(recurse=False)):
        raise LookupError(path)
    found: _Atoms = []
    for name, child in module.named_children():
        inner = f"{path}.{name}" if path else name
        groups = {group for parameter, group in owner.items() if parameter.startswith(f"{inner}.")}
        if len(groups) > 1:
            found += _atoms(child, owner, inner)
        else:
            found.append((groups.pop() if groups else "", inner, child))
    return found if path else _grouped(found)


def _grouped(atoms: _Atoms) -> _Atoms:
    """Steps without parameters join the group before them, the first ones that after them."""
    current = next(group for group, _, _ in atoms if group)
    seen, found = [current], _Atoms()
    for group, path, module in atoms:
        if group and group != current:
            if group in seen:
                raise LookupError(group)
            current = group
            seen.append(group)
        found.append((current, path, module))
    return found


def _with_flatten(atoms: _Atoms, inputs: Tensor) -> _Atoms:
    """The same with what is often written between two layers: flattening, or pooling to one pixel and flattening."""
    found, values = _Atoms(), inputs
    for group, path, module in atoms:
        between: tuple[tuple[str, nn.Module], ...] = ()
        for tried in ((), (nn.Flatten(),), (nn.AdaptiveAvgPool2d(1), nn.Flatten())):
            between = tuple((f"{type(step).__name__} before {path}".replace(".", "/"), step) for step in tried)
            try:
                values = module(nn.Sequential(*tried)(values))
                break
            except Exception:
                if len(tried) == 2:
                    raise
        found += [(group, name, step) for name, step in between] + [(group, path, module)]
    return found


def _chained(atoms: _Atoms, front: nn.Module | None, owner: Mapping[str, str], groups: Groups) -> Foreign:
    parts: OrderedDict[str, OrderedDict[str, nn.Module]] = OrderedDict()
    theirs: dict[str, str] = {}
    for group, path, module in atoms:
        part, key = parts.setdefault(group, OrderedDict()), path.replace(".", "/")
        if front is not None and not part and len(parts) == 1:
            part["normalise"] = front
        part[key] = module
        theirs |= {f"{group}.{key}.{name}": f"{path}.{name}" for name in module.state_dict()}
    children = OrderedDict((name, nn.Sequential(part)) for name, part in parts.items())
    return Foreign(OrderedDict(children), theirs=theirs, owner=owner, groups=groups)


def _whole(
    module: nn.Module, front: nn.Module | None, num_classes: int, owner: Mapping[str, str], groups: Groups
) -> Foreign:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    if front is not None:
        parts["normalise"] = front
    parts["whole"] = Logits(module, num_classes)
    theirs = {f"whole.network.{name}": name for name in module.state_dict()}
    return Foreign(parts, theirs=theirs, owner=owner, groups=groups, chained=False)
