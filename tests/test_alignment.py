import numpy as np
import pytest

from bir_core import alignment, base
from bir_core.base_config import BaseConfig
from bir_core.config import AlignConfig
from bir_core.model_records import ModelState
from bir_core.records import Aligned, LabelledImages
from tests import cases

SAMPLES = cases.digits(60)
EVERY = np.arange(60)


@pytest.fixture(scope="module")
def model() -> ModelState:
    config = BaseConfig(preset="memorised", memorised_epochs=20, learning_rate=3e-3, batch_size=16)
    return base.train_base(SAMPLES, SAMPLES, 10, config, seed=0, device=cases.CPU).state


def align(model: ModelState, samples: LabelledImages = SAMPLES, eta: float = 0.05, batch_size: int = 500) -> Aligned:
    indices = np.arange(len(samples))
    return alignment.align(model, samples, indices, eta=eta, clamp=False, device=cases.CPU, batch_size=batch_size)


def test_batch_size_changes_nothing(model: ModelState) -> None:
    """The commonest mistake, differentiating the batch mean, would divide the step by the batch size."""
    whole, pieces = align(model), align(model, batch_size=7)
    np.testing.assert_allclose(whole.images, pieces.images, atol=1e-6)
    np.testing.assert_allclose(whole.soft_labels, pieces.soft_labels, atol=1e-5)
    assert np.abs(whole.images - SAMPLES.images).max() > 1e-3


def test_permuted_data_gives_permuted_results(model: ModelState) -> None:
    order = np.random.default_rng(0).permutation(60)
    np.testing.assert_allclose(align(model, SAMPLES.take(order)).images, align(model).images[order], atol=1e-6)


def test_a_constant_added_to_all_logits_moves_nothing(model: ModelState) -> None:
    tensors: dict[str, np.ndarray] = {name: value.copy() for name, value in model.tensors.items()}
    tensors["layer5.0.bias"] += np.float32(3)
    lifted = ModelState(network=model.network, image_shape=model.image_shape, num_classes=10, tensors=tensors)
    ours, plain = align(lifted), align(model)
    np.testing.assert_allclose(ours.images, plain.images, atol=1e-5)
    np.testing.assert_allclose(ours.soft_labels, plain.soft_labels, atol=1e-5)
    np.testing.assert_allclose(ours.energy_before, plain.energy_before - 3, atol=1e-4)


def test_no_step_leaves_the_inputs_and_gives_soft_labels(model: ModelState) -> None:
    still = align(model, eta=0)
    assert np.array_equal(still.images, SAMPLES.images)
    np.testing.assert_array_equal(still.energy_before, still.energy_after)
    np.testing.assert_allclose(still.soft_labels.sum(axis=1), 1, atol=1e-6)


def test_a_small_step_never_raises_the_energy_and_the_labels_play_no_part(model: ModelState) -> None:
    relabelled = LabelledImages(images=SAMPLES.images, labels=(SAMPLES.labels + 1) % 10, ids=SAMPLES.ids)
    ours = align(model, eta=0.01)
    assert (ours.energy_after <= ours.energy_before + 1e-6).all()
    assert np.array_equal(align(model, relabelled, eta=0.01).images, ours.images)


def test_automatic_step_keeps_its_bound(model: ModelState) -> None:
    eta = alignment.step_size(model, SAMPLES, EVERY, AlignConfig(relative_step=0.01), device=cases.CPU)
    moved = align(model, eta=eta)
    assert 0 < eta < 1
    assert moved.relative_step.mean() == pytest.approx(0.01, rel=1e-3)


def test_automatic_step_never_exceeds_the_papers(model: ModelState) -> None:
    assert alignment.step_size(model, SAMPLES, EVERY, AlignConfig(relative_step=1e9), device=cases.CPU) == 1.0


def test_black_images_do_not_break_the_automatic_step(model: ModelState) -> None:
    images = np.array(SAMPLES.images)
    images[:30] = 0
    half_black = LabelledImages(images=images, labels=SAMPLES.labels, ids=SAMPLES.ids)
    eta = alignment.step_size(model, half_black, EVERY, AlignConfig(relative_step=0.01), device=cases.CPU)
    moved = align(model, half_black, eta=eta)
    assert np.isfinite(moved.images).all()
    assert moved.relative_step[30:].mean() == pytest.approx(0.01, rel=1e-3)


def test_clamp_keeps_pixels_in_range_and_its_absence_does_not(model: ModelState) -> None:
    free = align(model, eta=1.0)
    clamped = alignment.align(model, SAMPLES, EVERY, eta=1.0, clamp=True, device=cases.CPU)
    assert alignment.out_of_range(free.images) > 0
    assert alignment.out_of_range(clamped.images) == 0
    np.testing.assert_allclose(clamped.images, free.images.clip(0, 1), atol=1e-6)


def test_no_samples_give_an_empty_record(model: ModelState) -> None:
    nothing = alignment.align(model, SAMPLES, EVERY[:0], eta=0.1, clamp=False, device=cases.CPU)
    assert (len(nothing), nothing.images.shape, nothing.soft_labels.shape) == (0, (0, 1, 16, 16), (0, 10))


def test_everything_is_aligned_where_it_fits_else_the_most_suspect() -> None:
    ranking = np.array([4, 2, 0, 1, 3])
    assert alignment.which_to_align(ranking, 2, 10, 1000).tolist() == [0, 1, 2, 3, 4]
    assert alignment.which_to_align(ranking, 2, 10, 35).tolist() == [0, 2, 4]
    assert alignment.which_to_align(ranking, 2, 10, 1).tolist() == [2, 4]
