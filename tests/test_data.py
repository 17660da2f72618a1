import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bir_core import base
from bir_core.config import BaseConfig, DataConfig
from bir_core.data import corruptions, sources, splits
from bir_core.errors import InputError
from bir_core.models import networks
from bir_core.records import LabelledImages, ModelState, Splits, Truth
from tests import cases

MNIST = Path(os.environ.get("BIR_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")) / "mnist"
needs_mnist = pytest.mark.skipif(
    not MNIST.is_dir(), reason=f"full MNIST is not in {MNIST}: set BIR_TEST_DATA to have it"
)


@pytest.fixture(scope="module")
def clean() -> Splits:
    return splits.split(sources.load("mnist5k"), DataConfig(), seed=0)


def test_parts_have_the_papers_sizes_and_are_balanced(clean: Splits) -> None:
    sizes = {"train": 270, "validation": 30, "reserved": 30, "test": 170}
    for name, per_class in sizes.items():
        assert np.bincount(getattr(clean, name).labels).tolist() == [per_class] * 10, name


def test_parts_are_disjoint_and_together_the_whole_source(clean: Splits) -> None:
    ids = np.concatenate([getattr(clean, name).ids for name in ("train", "validation", "reserved", "test")])
    assert sorted(ids.tolist()) == list(range(5000))


def test_one_seed_decides_the_split(clean: Splits) -> None:
    source = sources.load("mnist5k")
    assert np.array_equal(splits.split(source, DataConfig(), seed=0).train.ids, clean.train.ids)
    assert not np.array_equal(splits.split(source, DataConfig(), seed=1).train.ids, clean.train.ids)


def test_pixels_are_those_of_the_source_on_zero_to_one(clean: Splits) -> None:
    raw = sources.load("mnist5k").training.images[clean.test.ids[17]]
    assert np.array_equal((clean.test.images[17] * 255).round().astype(np.uint8), raw)
    assert clean.test.images.max() == 1.0


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"num_train": 6000}, "data.num_train=6000 needs 600 images of class 0, but the source has 500"),
        ({"num_train": 4800}, "data.num_reserved=300 needs 511 images of class 0"),
        ({"num_train": 20, "validation_fraction": 0.1}, "leaves 0 for validation"),
    ],
)
def test_more_than_the_source_has_is_refused(values: dict[str, float], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        splits.split(sources.load("mnist5k"), DataConfig.model_validate(values), seed=0)


def part(ids: list[int], labels: list[int]) -> LabelledImages:
    images = np.zeros((len(ids), 1, 4, 4), np.float32)
    return LabelledImages(images=images, labels=np.array(labels, dtype=np.int64), ids=np.array(ids, dtype=np.int64))


@pytest.mark.parametrize(
    ("reserved", "sentence"),
    [
        (part([], []), "the reserved set is empty"),
        (part([5], [0]), "the reserved set has no image of class b: add at least one of each class"),
        (part([1, 6], [0, 1]), r"1 images are in both the train and the reserved set \(first id 1\)"),
        (part([5, 6], [0, 2]), "the reserved set has labels outside 0..1"),
    ],
)
def test_impossible_reserved_sets_are_refused(reserved: LabelledImages, sentence: str) -> None:
    others: dict[str, Any] = {"train": part([0, 1], [0, 1]), "validation": part([2], [0]), "test": part([3], [1])}
    with pytest.raises(InputError, match=sentence):
        Splits(**others, reserved=reserved, class_names=("a", "b"))


def corrupt(clean: Splits, kind: str, **strength: float) -> tuple[Splits, Truth]:
    config = DataConfig.model_validate({"corruption": kind, **strength})
    return corruptions.corrupt(clean, config, seed=3)


@pytest.mark.parametrize("kind", ["label", "input"])
def test_108_of_each_target_class_and_12_of_its_validation_part(clean: Splits, kind: str) -> None:
    _, truth = corrupt(clean, kind)
    assert np.bincount(truth.original_labels[truth.corrupted], minlength=10).tolist() == [
        0, 108, 0, 0, 0, 0, 108, 108, 0, 108
    ]  # fmt: skip
    assert (truth.num_validation_corrupted, truth.noisy_classes) == (48, (1, 6, 7, 9))


def test_label_corruption_flips_in_pairs_and_leaves_the_pixels(clean: Splits) -> None:
    noisy, truth = corrupt(clean, "label")
    assert np.array_equal(noisy.train.images, clean.train.images)
    before, after = clean.train.labels, noisy.train.labels
    assert np.array_equal(before != after, truth.corrupted)
    flips = set(zip(before[truth.corrupted].tolist(), after[truth.corrupted].tolist(), strict=True))
    assert flips == {(1, 7), (7, 1), (6, 9), (9, 6)}
    assert np.array_equal(truth.original_labels, before)


def test_input_corruption_replaces_a_fifth_of_the_pixels_half_black_half_white(clean: Splits) -> None:
    noisy, truth = corrupt(clean, "input")
    assert np.array_equal(noisy.train.labels, clean.train.labels)
    changed = (noisy.train.images != clean.train.images).any(axis=(1, 2, 3))
    assert np.array_equal(changed, truth.corrupted)
    assert np.array_equal(truth.original_images, clean.train.images[truth.corrupted])
    grey = (truth.original_images > 0) & (truth.original_images < 1)
    after = noisy.train.images[truth.corrupted][grey]
    assert ((after == 0).mean(), (after == 1).mean()) == pytest.approx((0.1, 0.1), abs=0.01)


def test_reserved_and_test_parts_are_never_corrupted(clean: Splits) -> None:
    noisy, _ = corrupt(clean, "input")
    assert noisy.reserved is clean.reserved
    assert noisy.test is clean.test


def test_no_corruption_changes_nothing_and_knows_no_noisy_class(clean: Splits) -> None:
    same, truth = corrupt(clean, "none")
    assert same.train is clean.train
    assert not truth.corrupted.any()
    assert truth.noisy_classes == ()


@pytest.fixture(scope="module")
def victim(clean: Splits) -> ModelState:
    config = BaseConfig(preset="memorised", memorised_epochs=3)
    return base.train_base(clean.train, clean.validation, 10, config, seed=0, device=cases.CPU).state


def test_attack_is_one_signed_step_that_fools_the_victim(clean: Splits, victim: ModelState) -> None:
    config = DataConfig(corruption="adv")
    noisy, truth = corruptions.corrupt(clean, config, seed=3, victim=victim, device=cases.CPU)
    step = noisy.train.images[truth.corrupted] - truth.original_images
    assert np.abs(step).max() <= 0.3 + 1e-6
    inside = (noisy.train.images[truth.corrupted] > 0) & (noisy.train.images[truth.corrupted] < 1) & (step != 0)
    np.testing.assert_allclose(np.abs(step[inside]), 0.3, atol=1e-6)
    network = networks.restore(victim, cases.CPU).eval()
    beliefs = network(torch.tensor(noisy.train.images[truth.corrupted])).argmax(1).numpy()
    assert np.array_equal(noisy.train.labels[truth.corrupted], beliefs)
    assert (beliefs != truth.original_labels[truth.corrupted]).mean() > 0.5


def test_attack_can_keep_the_true_label(clean: Splits, victim: ModelState) -> None:
    config = DataConfig(corruption="adv", adv_label="true")
    noisy, _ = corruptions.corrupt(clean, config, seed=3, victim=victim, device=cases.CPU)
    assert np.array_equal(noisy.train.labels, clean.train.labels)


def test_attack_without_a_victim_is_refused(clean: Splits) -> None:
    with pytest.raises(InputError, match="needs a victim"):
        corruptions.corrupt(clean, DataConfig(corruption="adv"), seed=0)


def test_damaged_bundled_digits_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = (sources.ASSETS / "mnist5k" / "mnist5k.npz").read_bytes()
    folder = tmp_path / "mnist5k"
    folder.mkdir()
    monkeypatch.setattr(sources, "ASSETS", tmp_path)
    with pytest.raises(InputError, match="cannot read the bundled digits"):
        sources.load("mnist5k")
    (folder / "mnist5k.npz").write_bytes(whole[:-100])
    with pytest.raises(InputError, match=r"are damaged .*restore it from the repository"):
        sources.load("mnist5k")


def test_mnist_without_a_folder_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIR_DATA_DIR", raising=False)
    with pytest.raises(InputError, match="set BIR_DATA_DIR"):
        sources.load("mnist")
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"holds no MNIST: expected train-images-idx3-ubyte.gz"):
        sources.load("mnist")


@needs_mnist
def test_full_mnist_gives_the_papers_test_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIR_DATA_DIR", str(MNIST))
    found = splits.split(sources.load("mnist"), DataConfig(source="mnist"), seed=0)
    assert np.bincount(found.test.labels).tolist() == [500] * 10
    assert np.bincount(found.train.labels).tolist() == [270] * 10
    assert found.train.ids.max() < 60_000 <= min(found.test.ids.min(), found.reserved.ids.min())


@needs_mnist
@pytest.mark.parametrize("damage", ["truncated", "altered", "not gzip"])
def test_damaged_mnist_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    for path in MNIST.glob("*.gz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    labels = tmp_path / "t10k-labels-idx1-ubyte.gz"
    content = bytearray(gzip.decompress(labels.read_bytes()))
    content[100] ^= 1
    new = {"truncated": labels.read_bytes()[:-50], "altered": gzip.compress(bytes(content)), "not gzip": b"hello"}
    labels.write_bytes(new[damage])
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte.gz.*get the file again"):
        sources.load("mnist")
