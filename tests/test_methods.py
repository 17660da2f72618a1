"""The tables of methods hold together: facts, functions, files, options, stages, the README and the paper's names."""

from pathlib import Path

import pytest

import bir_core
from bir_core import detection, flow, methods, paper, treatment
from bir_core.errors import InputError
from bir_core.method_config import MethodsConfig

PACKAGE = Path(bir_core.__file__).parent
README = (PACKAGE.parent / "README.md").read_text()
DETECTORS = [one.name for one in methods.DETECTORS]
TREATMENTS = [one.name for one in methods.TREATMENTS]


def test_every_detector_and_treatment_has_its_function() -> None:
    assert list(detection.DETECT) == DETECTORS
    assert list(treatment.TREAT) == TREATMENTS


def test_one_file_per_method() -> None:
    assert {path.stem for path in (PACKAGE / "detectors").glob("*.py")} == {*DETECTORS, "__init__", "evidence"}
    files = {path.stem for path in (PACKAGE / "treatments").glob("*.py")}
    assert files == {*TREATMENTS, "__init__", "case"} - {"rdia_static"}


def test_options_belong_to_methods_and_make_their_stage_stale() -> None:
    options = set(MethodsConfig.model_fields)
    assert options <= {*DETECTORS, *TREATMENTS}
    read = {section for stage in flow.STAGES for section in stage.sections if section.startswith("methods.")}
    assert read == {f"methods.{name}" for name in options}


def test_what_is_not_part_of_a_whole_run_has_a_stage_of_its_own() -> None:
    expected = (
        {f"detect-{one.name}" for one in methods.DETECTORS if not one.free}
        | {f"treat-{one.name}" for one in methods.TREATMENTS if one.stage is None}
        | {f"method-{one.name}" for one in methods.METHODS if not one.whole_run}
    )
    found = {stage.name for stage in flow.STAGES if stage.name.split("-")[0] in ("detect", "treat", "method")}
    assert found == expected
    assert {one.stage for one in methods.TREATMENTS if one.stage} <= set(flow.NAMES)


def test_named_methods_are_pairs_of_what_there_is_and_the_papers_rows() -> None:
    for one in methods.METHODS:
        assert one.detector in DETECTORS
        assert one.treatment in TREATMENTS
    printed = paper.table(1)["lenet"]
    assert {paper.OWN[one.name] for one in methods.METHODS} == set(printed) - {"base"}


@pytest.mark.parametrize("name", [*DETECTORS, *TREATMENTS])
def test_the_readme_names_every_method(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("find", [methods.detector, methods.treatment, methods.method])
def test_an_unknown_name_is_told_what_there_is(find: object) -> None:
    assert callable(find)
    with pytest.raises(InputError, match=r"unknown \w+ 'xyzzy': choose one of"):
        find("xyzzy")


@pytest.mark.parametrize(
    ("given", "meant"), [("ewc_influense", "ewc_influence"), ("knnshapley", "knn_shapley"), ("marign", "margin")]
)
def test_a_mistyped_detector_gets_the_nearest_name(given: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"did you mean {meant}"):
        methods.detector(given)
