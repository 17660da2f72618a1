import numpy as np
import pytest

from bir_core import evaluation
from tests import cases


def test_groups_are_told_apart_by_class_and_nothing_is_noisy_when_nothing_was_corrupted() -> None:
    labels = np.array([0, 1, 2, 1])
    groups = evaluation.group_flags(labels, (1,))
    assert groups["noisy"].tolist() == [False, True, False, True]
    assert groups["clean"].tolist() == [True, False, True, False]
    nothing = evaluation.group_flags(labels, ())
    assert nothing["all"].all()
    assert not nothing["clean"].any()
    assert not nothing["noisy"].any()


def test_figures_by_hand() -> None:
    test = cases.digits(20)
    predictions = test.labels.copy()
    predictions[[1, 11]] = 7
    figures = evaluation.model_figures(predictions, test, (1, 7), 10)
    assert (figures["all"], figures["clean"], figures["noisy"]) == (90, 100, 50)
    assert figures["num"] == {"all": 20, "clean": 16, "noisy": 4}
    assert figures["confusion"][1][7] == 2
    assert [row["accuracy"] for row in figures["per_class"]] == [100, 0, *[100] * 8]


def test_every_model_is_compared_with_the_base_and_the_headline_with_every_model() -> None:
    test = cases.digits(20)
    wrong = (test.labels + 1) % 10
    rows = evaluation.differences({"base": wrong, "bir": test.labels, "retrain": test.labels}, "bir", test, (1, 7))
    assert [(row["model"], row["minus"]) for row in rows] == [("bir", "base"), ("bir", "retrain"), ("retrain", "base")]
    assert [row["all"]["difference"] for row in rows] == [100, 0, 100]


def test_prediction_does_not_depend_on_the_batch_size() -> None:
    model, images = cases.fresh_model(), cases.digits(33).images
    whole = evaluation.predict(model, images, device=cases.CPU)
    assert whole.tolist() == evaluation.predict(model, images, device=cases.CPU, batch_size=4).tolist()


def test_missing_class_has_no_accuracy_and_breaks_nothing() -> None:
    test = cases.digits(5)
    figures = evaluation.model_figures(test.labels, test, (), 10)
    assert figures["per_class"][9] == {"label": 9, "accuracy": None, "low": None, "high": None, "num": 0}
    assert figures["all"] == pytest.approx(100)
