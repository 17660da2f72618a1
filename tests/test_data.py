import gzip
import hashlib
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bir_core import base
from bir_core.base_config import BaseConfig
from bir_core.data import corruptions, human_labels, mnist, sources, splits
from bir_core.data_config import DataConfig
from bir_core.errors import InputError
from bir_core.model_records import ModelState
from bir_core.models import networks
from bir_core.records import LabelledImages, Splits, Truth
from tests import cases

DATA = Path(os.environ.get("BIR_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
MNIST, CIFAR10N = DATA / "mnist", DATA / "cifar10n"
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
    assert np.max(clean.test.images) == 1.0


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
    changed = np.not_equal(noisy.train.images, clean.train.images).any(axis=(1, 2, 3))
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


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_a_source_that_is_not_there_says_what_to_put_where(name: str) -> None:
    with pytest.raises(InputError, match=r"holds no .*: expected .*set BIR_DATA_DIR .*--download"):
        sources.load(name)


def test_an_unknown_source_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown data set 'cifar': did you mean cifar10"):
        sources.load("cifar")


def test_a_download_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(InputError, match=r"CIFAR-10 could not be downloaded to .*: check the connection"):
        sources.download(DataConfig(source="cifar10"))


def idx(values: np.ndarray) -> bytes:
    return b"\0\0\x08" + struct.pack(f">B{values.ndim}I", values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def small_fashion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """Content of the four files of a set of ten and ten images that passes for Fashion-MNIST."""
    draw = np.random.default_rng(0)
    files = {}
    for name in mnist.FILES:
        labels = np.arange(10, dtype=np.uint8)
        files[name] = idx(draw.integers(0, 256, (10, 28, 28), dtype=np.uint8) if "images" in name else labels)
    # Fashion-MNIST publishes MD5 checksums; they guard against accidents only.
    checksums = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in files.items()}
    for name, value in checksums.items():
        monkeypatch.setitem(mnist.FASHION.checksums, name, value)
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path))
    return files


def test_torchvisions_layout_and_loose_files_are_the_same(small_fashion: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in small_fashion.items():
        (tmp_path / "fashion-mnist").mkdir(exist_ok=True)
        (tmp_path / "fashion-mnist" / f"{name}.gz").write_bytes(gzip.compress(content))
    loose = sources.load("fashion_mnist")
    (tmp_path / "fashion-mnist").rename(tmp_path / "elsewhere")
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in small_fashion.items():
        (raw / name).write_bytes(content)
    theirs = sources.load("fashion_mnist")
    assert theirs.class_names[6] == "shirt"
    for one, other in ((loose.training, theirs.training), (loose.held_out, theirs.held_out)):
        assert np.array_equal(one.images, other.images)
        assert np.array_equal(one.ids, other.ids)
    altered = bytearray(small_fashion[mnist.FILES[0]])
    altered[-1] ^= 1
    (raw / mnist.FILES[0]).write_bytes(altered)
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte is truncated or altered .*get the file again"):
        sources.load("fashion_mnist")
    (raw / mnist.FILES[3]).unlink()
    with pytest.raises(InputError, match=r"is incomplete: t10k-labels-idx1-ubyte\.gz is not there"):
        sources.load("fashion_mnist")


def test_a_packed_file_that_is_damaged_inside_is_named(small_fashion: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in small_fashion.items():
        packed = bytearray(gzip.compress(content))
        packed[10] = 0xFF  # the first byte behind gzip's head: a block of a kind that there is not
        (tmp_path / "fashion-mnist").mkdir(exist_ok=True)
        (tmp_path / "fashion-mnist" / f"{name}.gz").write_bytes(packed)
    with pytest.raises(InputError, match=r"cannot read .*train-images-idx3-ubyte\.gz: Error -3 .*; get the file again"):
        sources.load("fashion_mnist")


@pytest.fixture
def small_cifar(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    cases.cifar_folder(tmp_path)
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path))
    return tmp_path / "cifar10"


def cifar_splits(**values: object) -> tuple[DataConfig, Splits]:
    config = DataConfig.model_validate({"source": "cifar10", "num_train": 200, "num_reserved": 20, **values})
    return config, splits.split(sources.load("cifar10"), config, seed=0)


def test_plain_cifar_arrays_are_taken_as_they_are_and_not_called_verified(small_cifar: Path) -> None:
    _, found = cifar_splits()
    raw = np.load(small_cifar / "train_images.npy")
    assert found.origin == "unverified arrays"
    assert found.train.images.shape == (180, 3, 32, 32)
    assert np.array_equal(np.rint(found.train.images[7] * 255), raw[found.train.ids[7]].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("name", "array", "sentence"),
    [
        (
            "train_images",
            np.zeros((200, 3, 32, 32), np.uint8),
            r"must hold uint8 images of N x 32 x 32 x 3, got uint8 200",
        ),
        ("train_images", np.zeros((200, 32, 32, 3)), "got float64 200 x 32 x 32 x 3"),
        ("test_labels", np.zeros(99, np.uint8), "must hold 100 uint8 labels from 0 to 9, got uint8 99"),
        ("test_labels", np.full(100, 10, np.uint8), "must hold 100 uint8 labels from 0 to 9"),
        ("test_images", None, "is incomplete: test_images.npy is not there"),
    ],
)
def test_wrong_cifar_arrays_are_refused(small_cifar: Path, name: str, array: np.ndarray | None, sentence: str) -> None:
    path = small_cifar / f"{name}.npy"
    path.unlink()
    if array is not None:
        np.save(path, array)
    with pytest.raises(InputError, match=sentence):
        sources.load("cifar10")


def test_altered_cifar_pickles_are_never_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path))
    published = tmp_path / "cifar-10-batches-py"
    published.mkdir()
    with pytest.raises(InputError, match="is incomplete: data_batch_1 is not there"):
        sources.load("cifar10")
    (published / "data_batch_1").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(InputError, match=r"data_batch_1 is truncated or altered \(md5 differs\)"):
        sources.load("cifar10")


@pytest.mark.usefixtures("small_cifar")
@pytest.mark.parametrize(("corruption", "each"), [("label", 7), ("input", 5)])
def test_target_classes_of_cifar_are_airplane_bird_cat_and_dog(corruption: str, each: int) -> None:
    """0.4 and, with noise on the pixels, 0.3 of the 18 images of a class; the paper's 1,800 and 1,350 of 4,500."""
    config, clean = cifar_splits(corruption=corruption)
    noisy, truth = corruptions.corrupt(clean, config, seed=0)
    counts = np.bincount(truth.original_labels[truth.corrupted], minlength=10)
    assert counts.tolist() == [each, 0, each, each, 0, each, 0, 0, 0, 0]
    flips = set(
        zip(truth.original_labels[truth.corrupted].tolist(), noisy.train.labels[truth.corrupted].tolist(), strict=True)
    )
    assert flips == ({(0, 2), (2, 0), (3, 5), (5, 3)} if corruption == "label" else {(at, at) for at in (0, 2, 3, 5)})


@pytest.mark.usefixtures("small_cifar")
def test_noise_on_colour_images_is_gaussian() -> None:
    config, clean = cifar_splits(corruption="input")
    noisy, truth = corruptions.corrupt(clean, config, seed=0)
    before, after = truth.original_images, noisy.train.images[truth.corrupted]
    inside = (before > 0.35) & (before < 0.65)
    assert (after - before)[inside].std() == pytest.approx(0.1, rel=0.05)
    assert (after - before)[inside].mean() == pytest.approx(0, abs=0.005)
    assert (after.min(), after.max()) == (0, 1)


@pytest.mark.usefixtures("small_cifar")
def test_in_place_gives_the_same_and_spares_the_copy() -> None:
    config, clean = cifar_splits(corruption="input")
    copied, truth = corruptions.corrupt(clean, config, seed=0)
    same, again = corruptions.corrupt(clean, config, seed=0, in_place=True)
    assert np.array_equal(copied.train.images, same.train.images)
    assert np.array_equal(truth.original_images, again.original_images)
    assert same.train.images is clean.train.images
    assert copied.train.images is not clean.train.images


@pytest.mark.parametrize(("source", "step"), [("mnist5k", 0.3), ("cifar10", 8 / 255)])
def test_an_attack_is_as_strong_as_usual_on_the_source(source: str, step: float) -> None:
    assert DataConfig.model_validate({"source": source}).attack_step == step
    assert DataConfig.model_validate({"source": source, "epsilon": 0.05}).attack_step == 0.05


def human_file(monkeypatch: pytest.MonkeyPatch, true: np.ndarray) -> dict[str, Any]:
    """Columns that pass for CIFAR-10N's: every tenth label is wrong in all of them."""
    wrong = np.where(np.arange(len(true)) % 10 == 3, (true + 1) % 10, true).astype(np.uint8)
    columns = {name: true.astype(np.uint8) if name == "clean_label" else wrong for name in human_labels.CHECKSUMS}
    for name, column in columns.items():
        monkeypatch.setitem(human_labels.CHECKSUMS, name, hashlib.sha256(column.tobytes()).hexdigest())
    return columns


def test_human_labels_replace_the_true_ones_by_id(small_cifar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, clean = cifar_splits(corruption="human", human_labels="random2")
    true = sources.load("cifar10").training.labels
    np.savez(small_cifar / human_labels.CONVERTED, **human_file(monkeypatch, true))
    given = human_labels.load("random2", true)
    noisy, truth = corruptions.corrupt(clean, config, seed=0, given=given)
    assert np.array_equal(truth.corrupted, clean.train.ids % 10 == 3)
    assert np.array_equal(noisy.train.labels, given[clean.train.ids])
    assert truth.noisy_classes == ()
    with pytest.raises(InputError, match="of another order than the CIFAR-10"):
        human_labels.load("random2", true[::-1])
    monkeypatch.setitem(human_labels.CHECKSUMS, "worse_label", "0" * 64)
    with pytest.raises(InputError, match=r"is altered .sha256 of worse_label differs"):
        human_labels.load("worst", true)


@pytest.mark.parametrize("numpy_1", [False, True])
def test_the_published_labels_are_converted_once(
    small_cifar: Path, monkeypatch: pytest.MonkeyPatch, numpy_1: bool
) -> None:
    true = sources.load("cifar10").training.labels
    columns = human_file(monkeypatch, true)
    published = small_cifar / human_labels.PUBLISHED
    torch.save({name: column.astype(np.int64) for name, column in columns.items()}, published)
    if numpy_1:
        _rename_numpy(published)
    with pytest.raises(InputError, match=r"CIFAR-10_human.pt is truncated or altered \(sha256"):
        human_labels.load("worst", true)
    monkeypatch.setattr(human_labels, "PUBLISHED_SHA256", hashlib.sha256(published.read_bytes()).hexdigest())
    assert np.array_equal(human_labels.load("worst", true), columns["worse_label"])
    published.unlink()
    assert np.array_equal(human_labels.load("worst", true), columns["worse_label"])


def test_a_damaged_copy_of_the_human_labels_is_made_again(small_cifar: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    true = sources.load("cifar10").training.labels
    columns = human_file(monkeypatch, true)
    published, converted = small_cifar / human_labels.PUBLISHED, small_cifar.parent / human_labels.CONVERTED
    torch.save({name: column.astype(np.int64) for name, column in columns.items()}, published)
    monkeypatch.setattr(human_labels, "PUBLISHED_SHA256", hashlib.sha256(published.read_bytes()).hexdigest())
    np.savez_compressed(converted, **columns)
    half = converted.read_bytes()[: converted.stat().st_size // 2]
    converted.write_bytes(half)
    assert np.array_equal(human_labels.load("worst", true), columns["worse_label"])
    published.unlink()
    assert np.array_equal(human_labels.load("worst", true), columns["worse_label"])
    assert [path.name for path in small_cifar.parent.iterdir() if path.is_file()] == [human_labels.CONVERTED]
    converted.write_bytes(half)
    with pytest.raises(
        InputError, match=r"cannot read .*cifar10n_labels\.npz: .*; delete it and get CIFAR-10N's labels"
    ):
        human_labels.load("worst", true)


def _rename_numpy(path: Path) -> None:
    """The names under which NumPy 1 pickled its arrays."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in content.items():
            archive.writestr(name, value.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))


@pytest.mark.skipif(not CIFAR10N.is_dir(), reason=f"CIFAR-10N is not in {CIFAR10N}: set BIR_TEST_DATA to have it")
@pytest.mark.parametrize(("which", "percent"), [("aggregate", 9.010), ("random2", 18.122), ("worst", 40.208)])
def test_people_mislabelled_as_many_as_was_published(
    monkeypatch: pytest.MonkeyPatch, which: str, percent: float
) -> None:
    monkeypatch.setenv("BIR_DATA_DIR", str(DATA))
    with np.load(CIFAR10N / human_labels.CONVERTED) as columns:
        true = columns["clean_label"].astype(np.int64)
    assert 100 * (human_labels.load(which, true) != true).mean() == pytest.approx(percent, abs=1e-9)
