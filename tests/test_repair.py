import numpy as np
import pytest

from bir_core import alignment, base, evaluation, repair, review
from bir_core.base_config import BaseConfig
from bir_core.config import RepairConfig, ReviewConfig
from bir_core.errors import StageFailed
from bir_core.model_records import ModelState
from bir_core.records import Suspects, Treated
from tests import cases

SAMPLES = cases.digits(80)
LAYERS = ("layer2", "layer3")
CONFIG = RepairConfig(max_epochs=3)
NOBODY = SAMPLES.take(np.zeros(0, dtype=np.int64))


def treated(suspects: np.ndarray, **verdicts: object) -> Treated:
    found = Suspects(indices=suspects.astype(np.int64), rule="top_k", threshold=None)
    return review.treat(found, ReviewConfig.model_validate(verdicts))


@pytest.fixture(scope="module")
def model() -> ModelState:
    config = BaseConfig(preset="memorised", memorised_epochs=3)
    return base.train_base(SAMPLES, SAMPLES, 10, config, seed=0, device=cases.CPU).state


def test_only_the_chosen_layers_differ_from_the_base(model: ModelState) -> None:
    suspects = np.array([5, 3, 8])
    aligned = alignment.align(model, SAMPLES, suspects, eta=0.1, clamp=False, device=cases.CPU)
    kept = repair.draw_remaining(SAMPLES, treated(suspects), seed=0)
    before = {name: value.copy() for name, value in model.tensors.items()}
    after = repair.repair(model, LAYERS, aligned, NOBODY, kept, config=CONFIG, seed=0, device=cases.CPU)
    for name, value in after.state.tensors.items():
        assert np.array_equal(value, before[name]) == (name.split(".")[0] not in LAYERS), name
    assert all(np.array_equal(before[name], model.tensors[name]) for name in before)
    again = repair.repair(model, LAYERS, aligned, NOBODY, kept, config=CONFIG, seed=0, device=cases.CPU)
    assert all(np.array_equal(value, again.state.tensors[name]) for name, value in after.state.tensors.items())


def test_no_suspects_is_no_repair(model: ModelState) -> None:
    nothing = np.zeros(0, dtype=np.int64)
    aligned = alignment.align(model, SAMPLES, nothing, eta=1, clamp=False, device=cases.CPU)
    kept = repair.draw_remaining(SAMPLES, treated(nothing), seed=0)
    assert len(kept) == 0
    outcome = repair.repair(model, LAYERS, aligned, NOBODY, kept, config=CONFIG, seed=0, device=cases.CPU)
    assert outcome.epochs == ()
    assert outcome.state is model
    assert repair.fine_tune(model, kept, CONFIG, seed=0, device=cases.CPU).state is model


def test_as_many_remaining_as_suspects_and_none_of_them() -> None:
    suspects = np.arange(30)
    kept = repair.draw_remaining(SAMPLES, treated(suspects), seed=1)
    assert len(kept) == 30
    assert not set(kept.ids.tolist()) & set(suspects.tolist())
    assert len(np.unique(kept.ids)) == 30
    assert not np.array_equal(kept.ids, repair.draw_remaining(SAMPLES, treated(suspects), seed=2).ids)


def test_all_remaining_are_taken_when_they_are_fewer_than_the_suspects() -> None:
    kept = repair.draw_remaining(SAMPLES, treated(np.arange(70)), seed=0)
    assert kept.ids.tolist() == list(range(70, 80))


def test_fine_tuning_updates_every_layer(model: ModelState) -> None:
    kept = repair.draw_remaining(SAMPLES, treated(np.arange(20)), seed=0)
    after = repair.fine_tune(model, kept, CONFIG, seed=0, device=cases.CPU).state
    assert all(not np.array_equal(value, model.tensors[name]) for name, value in after.tensors.items())


def test_nothing_left_to_retrain_on_is_refused() -> None:
    with pytest.raises(StageFailed, match=r"every training sample is a suspect.*raise the threshold"):
        repair.cleaned(SAMPLES, treated(np.arange(80)))


def test_selected_alignments_come_in_the_wanted_order(model: ModelState) -> None:
    every = alignment.align(model, SAMPLES, np.array([2, 5, 9, 40]), eta=0.1, clamp=False, device=cases.CPU)
    some = repair.select_aligned(every, np.array([40, 5]))
    assert some.indices.tolist() == [40, 5]
    assert np.array_equal(some.images, every.images[[3, 1]])


def test_people_overrule_the_score() -> None:
    found = treated(np.array([8, 3, 5, 1]), keep=[3], remove=[5, 40], relabel=[[1, 6], [50, 2]])
    assert found.soft.tolist() == [8]
    assert (found.relabelled.tolist(), found.labels.tolist()) == ([1, 50], [6, 2])
    assert found.others_than.tolist() == [1, 5, 8, 40, 50]
    assert len(found) == 3
    kept = repair.draw_remaining(SAMPLES, treated(np.arange(79), keep=[3], remove=[79]), seed=0)
    assert kept.ids.tolist() == [3]


def test_relabelled_samples_have_their_new_label_and_their_own_image() -> None:
    found = repair.relabel(SAMPLES, treated(np.array([1]), relabel=[[1, 6], [50, 2]]))
    assert found.labels.tolist() == [6, 2]
    assert np.array_equal(found.images, SAMPLES.images[[1, 50]])


def test_cleaned_data_has_no_suspects_and_no_removed_samples_but_the_relabelled_ones() -> None:
    cleaned = repair.cleaned(SAMPLES, treated(np.arange(10), keep=[3], remove=[40], relabel=[[1, 6]]))
    assert sorted(cleaned.ids.tolist()) == sorted({*range(80)} - {*range(10), 40} | {3, 1})
    assert dict(zip(cleaned.ids.tolist(), cleaned.labels.tolist(), strict=True))[1] == 6


def test_relabelled_samples_alone_are_worth_a_repair(model: ModelState) -> None:
    nothing = np.zeros(0, dtype=np.int64)
    aligned = alignment.align(model, SAMPLES, nothing, eta=1, clamp=False, device=cases.CPU)
    hard = repair.relabel(SAMPLES, treated(nothing, relabel=[[1, 6]]))
    outcome = repair.repair(model, LAYERS, aligned, hard, NOBODY, config=CONFIG, seed=0, device=cases.CPU)
    expected = repair.repair(model, LAYERS, aligned, NOBODY, hard, config=CONFIG, seed=0, device=cases.CPU)
    assert len(outcome.epochs) == 3
    assert expected.state is model


def test_the_repair_learns_the_hard_label(model: ModelState) -> None:
    """A long repair on one relabelled digit alone makes the model believe it."""
    nothing = np.zeros(0, dtype=np.int64)
    aligned = alignment.align(model, SAMPLES, nothing, eta=1, clamp=False, device=cases.CPU)
    for label in (2, 6):
        hard = repair.relabel(SAMPLES, treated(nothing, relabel=[[1, label]]))
        after = repair.repair(
            model, LAYERS, aligned, hard, NOBODY, config=RepairConfig(max_epochs=60), seed=0, device=cases.CPU
        )
        assert evaluation.believe(after.state, SAMPLES.images[[1]], device=cases.CPU).argmax(1).tolist() == [label]
