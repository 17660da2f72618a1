import numpy as np
import pytest

from bir_core import alignment, base, repair
from bir_core.config import BaseConfig, RepairConfig
from bir_core.errors import StageFailed
from bir_core.records import ModelState
from tests import cases

SAMPLES = cases.digits(80)
LAYERS = ("layer2", "layer3")
CONFIG = RepairConfig(max_epochs=3)


@pytest.fixture(scope="module")
def model() -> ModelState:
    config = BaseConfig(preset="memorised", memorised_epochs=3)
    return base.train_base(SAMPLES, SAMPLES, 10, config, seed=0, device=cases.CPU).state


def test_only_the_chosen_layers_differ_from_the_base(model: ModelState) -> None:
    suspects = np.array([5, 3, 8])
    aligned = alignment.align(model, SAMPLES, suspects, eta=0.1, clamp=False, device=cases.CPU)
    kept = repair.draw_remaining(SAMPLES, suspects, seed=0)
    before = {name: value.copy() for name, value in model.tensors.items()}
    after = repair.repair(model, LAYERS, aligned, kept, CONFIG, seed=0, device=cases.CPU)
    for name, value in after.state.tensors.items():
        assert np.array_equal(value, before[name]) == (name.split(".")[0] not in LAYERS), name
    assert all(np.array_equal(before[name], model.tensors[name]) for name in before)
    again = repair.repair(model, LAYERS, aligned, kept, CONFIG, seed=0, device=cases.CPU)
    assert all(np.array_equal(value, again.state.tensors[name]) for name, value in after.state.tensors.items())


def test_no_suspects_is_no_repair(model: ModelState) -> None:
    nothing = np.zeros(0, dtype=np.int64)
    aligned = alignment.align(model, SAMPLES, nothing, eta=1, clamp=False, device=cases.CPU)
    kept = repair.draw_remaining(SAMPLES, nothing, seed=0)
    assert len(kept) == 0
    outcome = repair.repair(model, LAYERS, aligned, kept, CONFIG, seed=0, device=cases.CPU)
    assert outcome.epochs == ()
    assert outcome.state is model
    assert repair.fine_tune(model, kept, CONFIG, seed=0, device=cases.CPU).state is model


def test_as_many_remaining_as_suspects_and_none_of_them() -> None:
    suspects = np.arange(30)
    kept = repair.draw_remaining(SAMPLES, suspects, seed=1)
    assert len(kept) == 30
    assert not set(kept.ids.tolist()) & set(suspects.tolist())
    assert len(np.unique(kept.ids)) == 30
    assert not np.array_equal(kept.ids, repair.draw_remaining(SAMPLES, suspects, seed=2).ids)


def test_all_remaining_are_taken_when_they_are_fewer_than_the_suspects() -> None:
    kept = repair.draw_remaining(SAMPLES, np.arange(70), seed=0)
    assert kept.ids.tolist() == list(range(70, 80))


def test_fine_tuning_updates_every_layer(model: ModelState) -> None:
    kept = repair.draw_remaining(SAMPLES, np.arange(20), seed=0)
    after = repair.fine_tune(model, kept, CONFIG, seed=0, device=cases.CPU).state
    assert all(not np.array_equal(value, model.tensors[name]) for name, value in after.tensors.items())


def test_nothing_left_to_retrain_on_is_refused() -> None:
    with pytest.raises(StageFailed, match=r"every training sample is a suspect.*raise the threshold"):
        repair.without(SAMPLES, np.arange(80))


def test_selected_alignments_come_in_the_wanted_order(model: ModelState) -> None:
    every = alignment.align(model, SAMPLES, np.array([2, 5, 9, 40]), eta=0.1, clamp=False, device=cases.CPU)
    some = repair.select_aligned(every, np.array([40, 5]))
    assert some.indices.tolist() == [40, 5]
    assert np.array_equal(some.images, every.images[[3, 1]])
