"""A ``torch.export`` program as a module: its graph is walked step by step, and only known operators are called.

Parameters keep their names, and gradients flow to them and to the pixels: a program can be scored, aligned and
fine-tuned on chosen layers. It was exported in eval mode, so it cannot be trained from the start: dropout is gone and
batch norm keeps its statistics.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import grouping, program_files
from bir_core.models.operators import NUMBERS, OPERATORS
from bir_core.models.program_files import DTYPES, Description

ATEN = "torch.ops.aten."


class Program(nn.Module):
    """An exported program. Its mode changes nothing."""

    def __init__(self, description: Description) -> None:
        super().__init__()
        self.nodes: Sequence[Mapping[str, Any]] = description.graph["nodes"]
        self.outputs = [one["as_tensor"]["name"] for one in description.graph["outputs"]]
        self.names: dict[str, str] = {}
        for spec in description.signature["input_specs"]:
            for kind, key in (("parameter", "parameter_name"), ("buffer", "buffer_name")):
                if kind in spec:
                    self._take(spec[kind]["arg"]["name"], spec[kind][key], description, learnt=kind == "parameter")
            if "tensor_constant" in spec:
                constant = spec["tensor_constant"]
                self._take(constant["arg"]["name"], constant["tensor_constant_name"], description, learnt=False)
            if "user_input" in spec:
                self.input: str = spec["user_input"]["arg"]["as_tensor"]["name"]
        self.linear = self._linear_layers()
        self.last_use = {name: at for at, node in enumerate(self.nodes) for name in _names(node["inputs"])}

    def _take(self, placeholder: str, name: str, description: Description, *, learnt: bool) -> None:
        """A parameter or buffer under its own name, in modules that are there for the name alone."""
        holder: nn.Module = self
        *path, last = name.split(".")
        for part in path:
            if part not in dict(holder.named_children()):
                holder.add_module(part, nn.Module())
            holder = holder.get_submodule(part)
        value = description.tensors[name].clone()
        if learnt:
            holder.register_parameter(last, nn.Parameter(value.float()))
        else:
            holder.register_buffer(last, value.float() if value.is_floating_point() else value)
        self.names[placeholder] = name

    def _linear_layers(self) -> dict[int, str]:
        """Where a linear layer is called, by step; it becomes a module: features are what the last one receives."""
        found = {}
        for at, node in enumerate(self.nodes):
            if node["target"] != f"{ATEN}linear.default":
                continue
            _, *given = (self.names.get(one["arg"].get("as_tensor", {}).get("name", "")) for one in node["inputs"])
            path = (given[0] or "").rpartition(".")[0]
            own = [f"{path}.{name}" for name, _ in self.get_submodule(path).named_parameters()]
            if not path or [name for name in given if name] != own or own[0] != f"{path}.weight":
                continue  # no layer of its own, such as a projection inside of attention
            holder = self.get_submodule(path)
            if not isinstance(holder, nn.Linear):
                layer = nn.Linear(1, 1, bias=False)
                layer.out_features, layer.in_features = holder.get_parameter("weight").shape
                for name, value in holder.named_parameters():
                    layer.register_parameter(name, value)
                parent, _, last = path.rpartition(".")
                self.get_submodule(parent).add_module(last, layer)
            found[at] = path
        return found

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(N, C, H, W) to what the program returns."""
        known: dict[str, Any] = {self.input: images}
        state = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        for at, node in enumerate(self.nodes):
            values = [
                (one["kind"], one["name"], _value(one["arg"], known, state, self.names, images))
                for one in node["inputs"]
            ]
            if at in self.linear:
                found = self.get_submodule(self.linear[at])(values[0][2])
            else:
                found = _operator(node["target"])(
                    *(value for kind, _, value in values if kind == 1),
                    **{name: value for kind, name, value in values if kind != 1},
                )
            _keep(known, node["outputs"], found)
            for name in _names(node["inputs"]):
                if self.last_use[name] == at and name not in self.outputs:
                    known.pop(name, None)
        results = tuple(known[name] for name in self.outputs)
        return results[0] if len(results) == 1 else results


def load(path: Path, like: ModelState) -> Program:
    """The program in a file, checked against what the engine does with it.

    Raises:
        InputError: see ``program_files.read``; or it uses an operator that is not known here, was exported in training
            mode, for one batch size, or for other images.
    """
    description = program_files.read(path)
    try:
        _check(description, path, like)
        return Program(description)
    except (LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no exported program of a classifier of images ({error!r})") from None


def _check(description: Description, path: Path, like: ModelState) -> None:
    nodes = description.graph["nodes"]
    unknown = sorted({node["target"] for node in nodes if not _is_known(node["target"])})
    if unknown:
        raise InputError(
            f"{path} calls {grouping.listed(unknown)}, which is not run here: only operators that are known to be "
            "arithmetic are called. Name the network by torchvision:, timm: or factory: instead"
        )
    if any(
        one["name"] in ("training", "train") and one["arg"].get("as_bool") for node in nodes for one in node["inputs"]
    ):
        raise InputError(f"{path} was exported in training mode: call model.eval() and export it again")
    others = {kind for spec in description.signature["output_specs"] for kind in spec} - {"user_output"}
    inputs = [spec["user_input"] for spec in description.signature["input_specs"] if "user_input" in spec]
    if others or len(inputs) != 1:
        raise InputError(
            f"{path} has {len(inputs)} inputs{' and changes its own buffers' if others else ''}: expected a "
            "program that takes images and returns logits"
        )
    sizes = description.graph["tensor_values"][inputs[0]["arg"]["as_tensor"]["name"]]["sizes"]
    if "as_int" in sizes[0]:
        raise InputError(
            f"{path} was exported for batches of {sizes[0]['as_int']} alone: export it again with a free batch axis, "
            'dynamic_shapes=({0: torch.export.Dim("batch")},)'
        )
    wanted = tuple(size.get("as_int", given) for size, given in zip(sizes[1:], like.image_shape, strict=True))
    if wanted != like.image_shape:
        taken, given = (" x ".join(map(str, shape)) for shape in (wanted, like.image_shape))
        raise InputError(f"{path} takes images of {taken}, and these are {given}: give that size in base.card")


def _is_known(target: str) -> bool:
    packet, _, overload = target.removeprefix(ATEN).partition(".")
    return target in NUMBERS or (target.startswith(ATEN) and packet in OPERATORS.get(overload, ()))


def _operator(target: str) -> Callable[..., Any]:
    if target in NUMBERS:
        return NUMBERS[target]
    packet, overload = target.removeprefix(ATEN).split(".")
    found: Callable[..., Any] = getattr(getattr(torch.ops.aten, packet), overload)
    return found


def _value(
    argument: Mapping[str, Any],
    known: Mapping[str, Any],
    state: Mapping[str, Tensor],
    names: Mapping[str, str],
    images: Tensor,
) -> Any:
    """An argument of a step: a number, a word, or something that was computed before."""

    def of(name: str) -> Any:
        return known[name] if name in known else state[names[name]]

    kind, value = next(iter(argument.items()))
    plain: dict[str, Callable[[], Any]] = {
        "as_none": lambda: None,
        "as_tensor": lambda: of(value["name"]),
        "as_tensors": lambda: [of(one["name"]) for one in value],
        "as_optional_tensors": lambda: [of(one["as_tensor"]["name"]) if "as_tensor" in one else None for one in value],
        "as_sym_int": lambda: _size(value, known),
        "as_sym_ints": lambda: [_size(one, known) for one in value],
        "as_scalar_type": lambda: DTYPES[value],
        "as_device": lambda: images.device,
        "as_memory_format": lambda: torch.contiguous_format if value == 1 else torch.preserve_format,
    }
    if kind in plain:
        return plain[kind]()
    if kind not in ("as_int", "as_ints", "as_float", "as_floats", "as_bool", "as_bools", "as_string"):
        raise InputError(f"an exported program with an argument of kind {kind} is not run here")
    return value


def _size(value: Mapping[str, Any], known: Mapping[str, Any]) -> Any:
    return value["as_int"] if "as_int" in value else known[value["as_name"]]


def _keep(known: dict[str, Any], outputs: Sequence[Mapping[str, Any]], found: Any) -> None:
    """What a step has computed, under the names that the graph gives it."""
    if len(outputs) == 1 and "as_tensors" in outputs[0]:
        names = [one["name"] for one in outputs[0]["as_tensors"]]
        known.update(zip(names, found, strict=True))
        return
    names = [one["as_tensor"]["name"] if "as_tensor" in one else one["as_sym_int"]["as_name"] for one in outputs]
    known.update({names[0]: found} if len(names) == 1 else dict(zip(names, found, strict=False)))


def _names(inputs: Sequence[Mapping[str, Any]]) -> set[str]:
    """Everything that the arguments of a step refer to by name."""
    found = set[str]()
    for one in inputs:
        kind, value = next(iter(one["arg"].items()))
        if kind in ("as_tensor", "as_sym_int"):
            found |= {value[key] for key in ("name", "as_name") if key in value}
        elif kind in ("as_tensors", "as_sym_ints"):
            found |= {part[key] for part in value for key in ("name", "as_name") if key in part}
        elif kind == "as_optional_tensors":
            found |= {part["as_tensor"]["name"] for part in value if "as_tensor" in part}
    return found
