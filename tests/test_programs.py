"""Exported programs: the same numbers as torch gives, nothing of the file is run, and what cannot be done is said."""

import contextlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bir_core import alignment, base, embedding, enhancement, scoring
from bir_core.base_config import BaseConfig
from bir_core.config import EnhanceConfig
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import layers, networks
from tests import cases, tiny_networks
from tests.test_foreign_models import own, samples

Change = Callable[[dict[str, bytes]], None]


def export(
    path: Path,
    module: nn.Module,
    *,
    free_batch: bool = True,
    example: tuple[torch.Tensor] = (torch.rand(2, *tiny_networks.SHAPE),),
) -> Path:
    shapes = ({0: torch.export.Dim("batch")},) if free_batch else None
    torch.export.save(torch.export.export(module, example, dynamic_shapes=shapes), path)
    return path


def describe(path: Path, num_classes: int = tiny_networks.NUM_CLASSES) -> ModelState:
    return networks.describe(f"export:{path}", tiny_networks.SHAPE, num_classes)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny ResNet, exported."""
    module = own("resnet", tiny_networks.stirred("resnet"))
    return export(tmp_path_factory.mktemp("programs") / "resnet.pt2", module)


@pytest.mark.parametrize("name", ["resnet", "group_normed", "mobilenet", "efficientnet", "convnext", "vit", "plain"])
@pytest.mark.filterwarnings("ignore")  # torch's own, while it exports
def test_a_program_gives_the_bits_of_its_network_and_its_gradient(name: str, tmp_path: Path) -> None:
    module = own(name, tiny_networks.stirred(name))
    network = networks.as_exported(describe(export(tmp_path / "a.pt2", module))).eval()
    one, two = (torch.tensor(samples(7).images).requires_grad_() for _ in range(2))
    expected, found = module(one), network(two)
    assert torch.equal(found, expected)
    expected.logsumexp(1).sum().backward()
    found.logsumexp(1).sum().backward()
    assert one.grad is not None
    assert two.grad is not None
    torch.testing.assert_close(two.grad, one.grad)


def test_a_program_is_scored_aligned_and_fine_tuned_but_not_trained_anew(resnet: Path) -> None:
    settings = BaseConfig(network=f"export:{resnet}", preset="trained")
    data = samples()
    found = base.base_model(data, data, 5, settings, seed=0, device=cases.CPU)
    assert found.start.startswith("a file: resnet.pt2, sha256 ")
    assert np.array_equal(found.state.tensors["conv1.weight"], tiny_networks.stirred("resnet").tensors["conv1.weight"])
    network = networks.restore(found.state, cases.CPU)
    assert layers.names(network) == ("stem", "layer1", "layer2", "layer3", "layer4", "head")
    brief = EnhanceConfig(max_epochs=1)
    enhanced = enhancement.enhance(found.state, data, ("head",), brief, seed=0, device=cases.CPU).state
    changed = {key for key, value in enhanced.tensors.items() if not np.array_equal(value, found.state.tensors[key])}
    assert changed == {"fc.weight", "fc.bias"}
    assert np.abs(scoring.score(found.state, enhanced, data, device=cases.CPU).score).max() > 0
    assert alignment.align(enhanced, data, np.arange(4), eta=0.1, clamp=True, device=cases.CPU).relative_step.min() > 0
    assert embedding.features(network, data.images, 8).shape == (20, 512)
    with pytest.raises(
        InputError, match=r"cannot be trained anew: .* scored, aligned, and fine-tuned on chosen layers"
    ):
        base.train_base(data, data, 5, settings, seed=0, device=cases.CPU)


def rewritten(source: Path, target: Path, change: Change) -> Path:
    """A program's archive with something changed in its files, by their names without the root."""
    with zipfile.ZipFile(source) as archive:
        root = archive.namelist()[0].split("/")[0]
        files = {name.removeprefix(f"{root}/"): archive.read(name) for name in archive.namelist()}
    change(files)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{root}/{name}", content)
    return target


def in_model(change: Callable[[dict[str, Any]], None]) -> Change:
    def within(files: dict[str, bytes]) -> None:
        values = json.loads(files["models/model.json"])
        change(values)
        files["models/model.json"] = json.dumps(values).encode()

    return within


class _Writes:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"echo owned > {self.target}",)


def armed(target: Path) -> dict[str, Change]:
    """Ways in which a file can make ``torch.export.load`` run code of the file."""
    buffer = io.BytesIO()
    torch.save((((torch.zeros(1),), {}), _Writes(target)), buffer)

    def sample_inputs(files: dict[str, bytes]) -> None:
        files["data/sample_inputs/model.pt"] = buffer.getvalue()

    def pickled_weight(files: dict[str, bytes]) -> None:
        config = json.loads(files["data/weights/model_weights_config.json"])
        config["config"]["fc.bias"] |= {"use_pickle": True}
        files[f"data/weights/{config['config']['fc.bias']['path_name']}"] = buffer.getvalue()
        files["data/weights/model_weights_config.json"] = json.dumps(config).encode()

    def constant(files: dict[str, bytes]) -> None:
        entry = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        files["data/constants/model_constants_config.json"] = json.dumps({"config": {"c": entry}}).encode()
        files["data/constants/opaque_obj_0"] = pickle.dumps(_Writes(target))

    def expression(values: dict[str, Any]) -> None:
        text = f"__import__('os').system('echo owned > {target}')"
        for meta in values["graph_module"]["graph"]["tensor_values"].values():
            meta["sizes"] = [
                {"as_expr": {"expr_str": text, "hint": None}} if "as_expr" in s else s for s in meta["sizes"]
            ]

    def call(values: dict[str, Any]) -> None:
        node = values["graph_module"]["graph"]["nodes"][0]
        node["target"] = "torch.os.system"
        node["inputs"] = [{"name": "x", "arg": {"as_string": f"echo owned > {target}"}, "kind": 1}]

    def guard(values: dict[str, Any]) -> None:
        values["guards_code"] = [f"__import__('os').system('echo owned > {target}') == 0"]

    return {
        "sample inputs": sample_inputs,
        "pickled weight": pickled_weight,
        "constant": constant,
        "expression": in_model(expression),
        "call": in_model(call),
        "guard": in_model(guard),
    }


@pytest.mark.parametrize("way", ["sample inputs", "pickled weight", "constant", "expression", "call", "guard"])
def test_nothing_of_a_file_is_run(way: str, resnet: Path, tmp_path: Path) -> None:
    target = tmp_path / "owned"
    path = rewritten(resnet, tmp_path / "a.pt2", armed(target)[way])
    refused = {
        "pickled weight": r"holds pickled objects \(fc.bias\), and loading them could run code: it is refused",
        "constant": r"holds pickled objects \(c\), and loading them could run code: it is refused",
        "call": "calls torch.os.system, which is not run here",
    }
    if way in refused:
        with pytest.raises(InputError, match=refused[way]):
            networks.as_exported(describe(path))
    else:  # what would be run is not even read, and the rest is the program
        images = torch.tensor(samples(3).images)
        found = networks.as_exported(describe(path)).eval()(images)
        assert torch.equal(found, networks.as_exported(describe(resnet)).eval()(images))
    assert not target.exists()


@pytest.mark.filterwarnings("ignore")
def test_torchs_own_loader_would_have_run_it(resnet: Path, tmp_path: Path) -> None:
    target = tmp_path / "owned"
    with contextlib.suppress(Exception):  # it stumbles afterwards, when the code has run
        torch.export.load(rewritten(resnet, tmp_path / "a.pt2", armed(target)["sample inputs"]))
    assert target.exists()


@pytest.mark.filterwarnings("ignore")
def test_programs_that_do_not_fit_are_said(resnet: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has 5 outputs, the images 7 classes"):
        networks.as_exported(describe(resnet, 7))
    small = networks.describe(f"export:{resnet}", (3, 8, 8), 5)
    with pytest.raises(InputError, match=r"takes images of 3 x 16 x 16, and these are 3 x 8 x 8"):
        networks.as_exported(small)
    fixed = export(tmp_path / "fixed.pt2", tiny_networks.plain(5).eval(), free_batch=False)
    with pytest.raises(InputError, match="exported for batches of 2 alone: export it again with a free batch axis"):
        networks.as_exported(describe(fixed))
    training = export(tmp_path / "training.pt2", tiny_networks.plain(5).train())
    with pytest.raises(InputError, match=r"was exported in training mode: call model\.eval"):
        networks.as_exported(describe(training))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (in_model(lambda values: values.clear()), r"no exported program that can be read \('schema_version'\)"),
        (in_model(lambda values: values["schema_version"].update(major=9)), "version 9 of the format, expected 8"),
        (in_model(lambda values: values["graph_module"]["graph"].pop("nodes")), "no exported program of a classifier"),
        (lambda files: files.pop("models/model.json"), "holds 0 programs, expected one"),
        (lambda files: files.update({"data/weights/weight_0": b"1"}), "no exported program that can be read"),
    ],
)
def test_damaged_programs_are_said(change: Change, sentence: str, resnet: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        networks.as_exported(describe(rewritten(resnet, tmp_path / "a.pt2", change)))


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.pt2").write_bytes(b"hello")
    with pytest.raises(InputError, match="no exported program that can be read"):
        networks.as_exported(describe(tmp_path / "a.pt2"))
    with pytest.raises(InputError, match=r"cannot read the exported program .*absent.pt2: No such file"):
        networks.as_exported(describe(tmp_path / "absent.pt2"))


def test_a_compressed_archive_is_refused(resnet: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(resnet) as source, zipfile.ZipFile(tmp_path / "a.pt2", "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(InputError, match=r"is compressed, which torch\.export\.save never does"):
        networks.as_exported(describe(tmp_path / "a.pt2"))
