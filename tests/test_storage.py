"""Every record comes back as it was saved; a damaged or foreign file has a name."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from bir_core import array_files, flow, identification, storage
from bir_core.array_files import Rows
from bir_core.errors import RunDamaged, StageFailed
from bir_core.model_records import CandidateSubset, Epoch, LayerChoice, ModelState, TrainedModel
from bir_core.records import Aligned, Embedding, LabelledImages, Scores, Splits, Suspects, Truth
from bir_core.run_folder import Run


def same(left: Any, right: Any) -> bool:
    """Equal to the last bit, types of arrays included."""
    if dataclasses.is_dataclass(left):
        return type(left) is type(right) and all(
            same(getattr(left, field.name), getattr(right, field.name)) for field in dataclasses.fields(left)
        )
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def images(first: int, num: int, rng: np.random.Generator, size: int = 3) -> LabelledImages:
    return LabelledImages(
        images=rng.random((num, 1, size, size), dtype=np.float32), labels=np.arange(num) % 2, ids=first + np.arange(num)
    )


def records() -> dict[str, tuple[Any, Callable[[Path, Any], None], Callable[[Path], Any]]]:
    rng = np.random.default_rng(0)
    part = images(0, 400, rng, size=28)  # more than 1 MiB, so that this one is mapped
    splits = Splits(
        train=part,
        validation=images(400, 2, rng),
        reserved=images(402, 2, rng),
        test=images(404, 3, rng),
        class_names=("zéro", "one"),
    )
    truth = Truth(
        corrupted=np.array([True, False, True]),
        original_labels=np.array([1, 0, 1]),
        original_images=rng.random((2, 1, 3, 3), dtype=np.float32),
        noisy_classes=(1,),
        corruption="label",
        num_validation_corrupted=4,
    )
    tensors = {"a.weight": rng.random((2, 3), dtype=np.float32), "a.num": np.array(7), "b": np.zeros((0,), np.float32)}
    state = ModelState(network="lenet", image_shape=(1, 3, 3), num_classes=2, tensors=tensors)
    model = TrainedModel(state=state, epochs=(Epoch(loss=1.5), Epoch(loss=0.1, validation_loss=0.2)), kept_epoch=2)
    choice = LayerChoice(
        label="1-2",
        layers=("a", "b"),
        chosen_by="engine",
        candidates=(CandidateSubset(label="1", layers=("a",), loss=0.3, num_parameters=6),),
    )
    scores = Scores(
        loss_before=np.array([0.1, 1 / 3]),
        loss_after=np.array([2.0, 1e-300]),
        base_predictions=np.array([1, 0]),
        soft_labels=rng.random((2, 12), dtype=np.float32),
    )
    aligned = Aligned(
        indices=np.array([0, 5]),
        images=rng.random((2, 1, 3, 3), dtype=np.float32),
        soft_labels=rng.random((2, 12), dtype=np.float32),
        energy_before=rng.random(2),
        energy_after=rng.random(2),
        relative_step=rng.random(2),
        eta=1 / 3,
    )
    embedding = Embedding(
        features=rng.random((5, 3), dtype=np.float32),
        reserved_features=rng.random((2, 3), dtype=np.float32),
        coordinates=rng.random((5, 2), dtype=np.float32),
        layout="pca",
    )
    suspects = Suspects(indices=np.array([4, 1]), rule="threshold", threshold=0.05)
    nobody = Suspects(indices=np.array([], dtype=np.int64), rule="top_k", threshold=None)
    return {
        "splits": (splits, storage.save_splits, storage.load_splits),
        "truth": (truth, storage.save_truth, storage.load_truth),
        "model": (
            model,
            lambda folder, record: storage.save_model(folder, "base", record),
            lambda folder: storage.load_model(folder, "base"),
        ),
        "layer choice": (choice, storage.save_layer_choice, storage.load_layer_choice),
        "scores": (scores, storage.save_scores, load_scores_and_ranking),
        "embedding": (embedding, storage.save_embedding, storage.load_embedding),
        "suspects": (suspects, storage.save_suspects, storage.load_suspects),
        "no suspects": (nobody, storage.save_suspects, storage.load_suspects),
        "aligned": (aligned, storage.save_aligned, storage.load_aligned),
        "report": ({"a": [1, None, "é"]}, storage.save_report, storage.load_report),
    }


def load_scores_and_ranking(folder: Path) -> Scores:
    """Both lie in one folder, so that a damaged file is of the one or of the other."""
    storage.load_ranking(folder)
    return storage.load_scores(folder)


@pytest.mark.parametrize("name", records())
def test_a_record_comes_back_to_the_last_bit(tmp_path: Path, name: str) -> None:
    record, save, load = records()[name]
    save(tmp_path, record)
    assert same(load(tmp_path), record)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 foreign", None, "half"])
@pytest.mark.parametrize("name", [name for name in records() if name != "no suspects"])
def test_each_damaged_file_of_a_record_is_named(tmp_path: Path, name: str, damage: bytes | str | None) -> None:
    record, save, load = records()[name]
    save(tmp_path, record)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        if damage is None:
            path.unlink()
        else:
            path.write_bytes(whole[: len(whole) // 2] if isinstance(damage, str) else damage)
        with pytest.raises(RunDamaged, match=r"compute the stage again with --force") as caught:
            load(tmp_path)
        assert path.name in str(caught.value)
        path.write_bytes(whole)
    assert same(load(tmp_path), record)


def test_a_whole_file_of_another_record_is_foreign(tmp_path: Path) -> None:
    every = records()
    for name in ("suspects", "aligned"):
        every[name][1](tmp_path, every[name][0])
    (tmp_path / "step.json").write_text('{"colour": "red"}')
    with pytest.raises(RunDamaged, match="holds a file that this program has not written"):
        storage.load_aligned(tmp_path)
    (tmp_path / "rule.json").write_text('{"colour": "red"}')
    with pytest.raises(RunDamaged, match="colour"):
        storage.load_suspects(tmp_path)


def test_images_of_another_number_are_foreign(tmp_path: Path) -> None:
    every = records()
    for name in ("aligned", "truth"):
        every[name][1](tmp_path, every[name][0])
    for name in ("images.npy", "soft_labels.npy", "truth_original_images.npy"):
        np.save(tmp_path / name, np.zeros((5, 1, 3, 3), np.float32))
    for load in (storage.load_aligned, storage.load_truth):
        with pytest.raises(RunDamaged, match=r"images\.npy has 5 rows instead of 2"):
            load(tmp_path)


def test_columns_of_different_lengths_are_foreign(tmp_path: Path) -> None:
    every = records()
    every["scores"][1](tmp_path, every["scores"][0])
    for name, load in (("loss_after", storage.load_scores), ("order", storage.load_ranking)):
        np.save(tmp_path / f"{name}.npy", np.zeros(5, np.uint32))
        with pytest.raises(RunDamaged, match=rf"{name}\.npy has 5 rows instead of 2"):
            load(tmp_path)


def test_the_ranking_is_that_of_the_scores(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    before, after = draw.integers(0, 4, (2, 300)).astype(np.float64)
    scores = Scores(
        loss_before=before,
        loss_after=after,
        base_predictions=np.zeros(300, dtype=np.int64),
        soft_labels=draw.random((300, 300), dtype=np.float32),
    )
    storage.save_scores(tmp_path, scores)
    ranking = storage.load_ranking(tmp_path)
    assert len(set(scores.score.tolist())) < 10, "most scores are equal"
    assert ranking.order.tolist() == identification.rank(scores.score).tolist()
    assert ranking.scores.tolist() == scores.score.tolist()
    assert ranking.predictions.tolist() == scores.predictions.tolist()
    assert ranking.predictions.dtype == np.uint16, "the smallest type that holds 300 classes"


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """An ``.npy`` file that is mapped."""
    np.save(tmp_path / "images.npy", np.random.default_rng(0).random((300, 3, 40, 40), dtype=np.float32))
    return tmp_path / "images.npy"


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def test_a_forgotten_array_takes_no_memory_and_reads_as_before(big: Path) -> None:
    mapped = array_files.read_array(big)
    assert isinstance(mapped, np.memmap)
    before = resident()
    total = float(mapped.sum(dtype=np.float64))
    held = resident() - before
    array_files.forget(mapped)
    freed = before + held - resident()
    assert held > 0.9 * mapped.nbytes, "reading takes memory"
    assert freed > 0.9 * mapped.nbytes
    assert float(mapped.sum(dtype=np.float64)) == total


def test_rows_are_read_one_by_one_and_not_kept(big: Path) -> None:
    rows, whole = Rows(big), np.load(big)
    before = resident()
    assert all(np.array_equal(rows[at], whole[at]) for at in range(len(whole)))
    assert resident() - before < 0.2 * whole.nbytes
    assert rows.shape == whole.shape
    assert len(rows) == len(whole)
    assert np.array_equal(rows.take([5, 2, 5]), whole[[5, 2, 5]])
    assert rows.take([]).shape == (0, 3, 40, 40)


def test_rows_of_a_small_file_are_the_same(tmp_path: Path) -> None:
    values = np.arange(12, dtype=np.int64).reshape(4, 3)
    np.save(tmp_path / "few.npy", values)
    np.save(tmp_path / "none.npy", values[:0])
    rows = Rows(tmp_path / "few.npy")
    assert rows.take(range(4)).tolist() == values.tolist()
    assert rows[-1].tolist() == values[-1].tolist()
    assert len(Rows(tmp_path / "none.npy")) == 0
    with pytest.raises(IndexError):
        Rows(tmp_path / "none.npy")[0]


def test_rows_outlive_the_name_of_their_file_and_notice_that_it_was_cut(big: Path) -> None:
    rows, whole = Rows(big), np.load(big)
    for row in (300, -301):
        with pytest.raises(IndexError, match=f"row {row} of 300"):
            rows[row]
    assert np.array_equal(rows[-1], whole[-1])
    other = big.with_name("other.npy")
    os.link(big, other)
    big.unlink()
    assert np.array_equal(rows[299], whole[299])
    os.truncate(other, other.stat().st_size // 2)
    assert np.array_equal(rows[3], whole[3])
    with pytest.raises(RunDamaged, match=r"images\.npy has become shorter"):
        rows[299]


def test_a_part_is_read_without_its_images_or_without_its_labels(tmp_path: Path) -> None:
    record, save, _load = records()["splits"]
    save(tmp_path, record)
    assert storage.load_labels(tmp_path, "train").tolist() == record.train.labels.tolist()
    assert np.array_equal(storage.load_images(tmp_path, "train").take([1]), record.train.images[[1]])
    for name, read in (("train_labels", storage.load_labels), ("train_images", storage.load_images)):
        (tmp_path / f"{name}.npy").write_bytes(b"PAR1")
        with pytest.raises(RunDamaged, match=rf"{name}\.npy cannot be read as an array"):
            read(tmp_path, "train")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    every = records()
    every["aligned"][1](tmp_path, every["aligned"][0])
    np.save(tmp_path / "images.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RunDamaged, match="pickle"):
        storage.load_aligned(tmp_path)


def test_a_log_with_nan_is_refused(tmp_path: Path) -> None:
    model = dataclasses.replace(records()["model"][0], epochs=(Epoch(loss=float("nan")),))
    with pytest.raises(StageFailed, match=r"base\.json .*not finite"):
        storage.save_model(tmp_path, "base", model)


def test_big_images_are_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    record, save, load = records()["splits"]
    save(tmp_path, record)
    loaded = load(tmp_path).train.images
    assert isinstance(loaded, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        loaded[0] = 0


def test_every_record_of_a_real_run_is_there(tiny_run: Run) -> None:
    splits = storage.load_splits(tiny_run.path / "data")
    scores = storage.load_scores(tiny_run.path / "score")
    suspects = storage.load_suspects(tiny_run.path / "identify")
    assert len(scores) == len(splits.train) == len(storage.load_truth(tiny_run.path / "data").corrupted)
    assert suspects.threshold is not None
    assert set(suspects.indices) == set(np.flatnonzero(scores.score > suspects.threshold))
    assert set(suspects.indices) <= set(storage.load_aligned(tiny_run.path / "align").indices)
    report = storage.load_report(tiny_run.path / "evaluate")
    assert set(report["seconds"]) >= set(flow.find("evaluate").needs)
