"""The paper's numbers, read off its pages by hand and asked for by our names."""

from pathlib import Path

import pytest

from bir_core import config, methods, paper
from bir_core.errors import InputError


@pytest.mark.parametrize(
    ("method", "dataset", "network", "corruption", "expected"),
    [
        ("none", "mnist", "lenet", "label", (82.46, 96.10, 62.00)),
        ("bir_repair", "mnist5k", "lenet", "label", (95.60, 95.93, 95.10)),
        ("linear_influence_repair", "mnist", "conv4", "adv", (92.86, 98.43, 84.50)),
        ("rdia_repair", "cifar10", "resnet50", "input", (76.24, 87.33, 59.60)),
        ("ewc_repair", "cifar10n", "resnet20", "worst", (71.80, None, None)),
        ("bir_repair", "cifar10", "resnet20", "aggregate", (89.60, None, None)),
        ("bir_repair", "cifar10n", "resnet50", "worst", None),
        ("bir_repair", "mnist", "resnet20", "label", None),
        ("bir_repair", "mnist", "lenet", "none", None),
        ("bir_repair", "somebody-s-own", "lenet", "label", None),
        ("fine_tune", "mnist", "lenet", "label", None),
    ],
)
def test_a_method_with_its_own_suspects(
    method: str, dataset: str, network: str, corruption: str, expected: tuple[float, float, float] | None
) -> None:
    assert paper.accuracy(method, dataset=dataset, network=network, corruption=corruption) == expected


@pytest.mark.parametrize(
    ("treatment", "suspects", "expected"),
    [
        ("none", "true_set", (96.38, 97.33, 94.95)),
        ("retrain", "true_set", (96.96, 97.53, 96.10)),
        ("retrain", "mixed_75_25", None),
        ("newton_removal", "true_set", (96.50, 97.33, 95.25)),
        ("bir", "mixed_75_25", (96.62, 96.80, 96.35)),
        ("hard_relabel", "true_set", None),
    ],
)
def test_a_treatment_of_given_suspects(
    treatment: str, suspects: paper.Suspects, expected: tuple[float, float, float] | None
) -> None:
    known = paper.accuracy(treatment, dataset="mnist", network="lenet", corruption="adv", suspects=suspects)
    assert known == expected
    assert paper.accuracy(treatment, dataset="mnist", network="conv4", corruption="adv", suspects=suspects) is None


def test_auc_is_that_of_the_layers_that_the_rule_chooses() -> None:
    assert [paper.auc("mnist5k", "lenet", kind) for kind in ("label", "input", "adv")] == [0.99, 0.71, 0.70]
    assert [paper.auc("cifar10", "resnet20", kind) for kind in ("label", "input", "adv")] == [0.87, 0.84, 0.68]
    assert paper.auc("mnist", "conv4", "label") is None
    assert paper.auc("mnist", "lenet", "none") is None


def test_table_11_says_the_same_of_300_reserved_images() -> None:
    for kind in ("label", "input", "adv"):
        found, *accuracies = paper.table(11)["300"][kind]
        assert found == paper.auc("mnist", "lenet", kind)
        assert tuple(accuracies) == paper.accuracy("bir_repair", dataset="mnist", network="lenet", corruption=kind)


def test_counts_are_asked_for_by_our_names_of_the_thresholds() -> None:
    found = [paper.num_suspects("mnist", "label", name) for name in config.LANDMARKS]
    assert found == [1115, 531, 487, 469]
    assert paper.num_suspects("cifar10", "input", "truth") == 5400
    assert paper.num_suspects("mnist", "none", "0") is None
    assert paper.num_suspects("mnist", "label", "log 7") is None


def test_every_row_of_the_paper_has_one_of_our_names() -> None:
    assert set(paper.OWN) - {"none"} == {one.name for one in methods.METHODS}
    assert set(paper.OWN.values()) == set(paper.table(3))
    treatments = {one.name for one in methods.TREATMENTS}
    for number in (4, 5):
        for suspects in ("true_set", "mixed_75_25"):
            assert set(paper.table(number)[suspects]) <= treatments


def test_where_the_paper_contradicts_itself_is_said_only_of_such_runs() -> None:
    assert "74.80" in paper.notes("cifar10", "resnet20", "label")[0]
    assert "copied" in paper.notes("mnist5k", "lenet", "adv")[0]
    assert paper.notes("mnist5k", "conv4", "adv") == ()
    assert paper.notes("somebody-s-own", "lenet", "adv") == ()


def test_a_table_that_there_is_not() -> None:
    with pytest.raises(InputError, match="tables 1 to 11"):
        paper.table(12)


def test_a_damaged_file_says_how_to_restore_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "paper_tables.json"
    broken.write_text("{", encoding="utf-8")
    monkeypatch.setattr(paper, "FILE", broken)
    paper._tables.cache_clear()
    try:
        with pytest.raises(InputError, match="git checkout"):
            paper.table(1)
    finally:
        paper._tables.cache_clear()
