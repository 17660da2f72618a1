"""What leaves a run: read back by independent readers, the same bytes for the same run, and nothing half made."""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import torch
from PIL import Image
from torchvision.datasets import ImageFolder

from bir_core import evaluation, export, pipeline, run_folder, storage, verdicts
from bir_core.config import ReviewConfig
from bir_core.errors import InputError
from bir_core.exports import archive, catalogue, cleaned, drawing, names, page, sections, weights
from bir_core.exports.sections import Reviewed
from bir_core.models import networks
from bir_core.records import LabelledImages
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from tests import cases

HOSTILE = ("a/b", "../..", "", "=1", "w" * 10_000, "قطة", "🐈", "CON", "a b", "a_b")


NOBODY = Reviewed(counts={"keep": 0}, num_conflicts=0, num_reviewers=0, bands=(), stop=None)


@pytest.fixture
def run(tiny_run: Run, tmp_path: Path) -> Run:
    """A finished run in which the first three suspects are kept, removed and relabelled."""
    shutil.copytree(tiny_run.path, tmp_path / "root" / tiny_run.name)
    run = run_folder.open_run(tmp_path / "root", tiny_run.name)
    first = storage.load_suspects(run.path / "identify").indices[:3].tolist()
    decisions = [
        Decision(sample=first[0], verdict="keep"),
        Decision(sample=first[1], verdict="remove"),
        Decision(sample=first[2], verdict="relabel", label=4),
    ]
    verdicts.record(run, decisions, reviewer="ada", key="1")
    return run


def made(run: Run, name: str) -> Path:
    """The file of an export, made now if it must be."""
    wanted = catalogue.find(name)
    pipeline.compute(run, [wanted.stage])
    found = catalogue.path(run, wanted.files[0])
    assert found is not None
    return found


# ---------------------------------------------------------------- the cleaned data set


def test_image_folder_is_what_torchvision_reads(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(made(run, "cleaned")) as archived:
        archived.extractall(tmp_path / "out")
    folder = ImageFolder(str(tmp_path / "out" / "images"))
    table = pd.read_csv(tmp_path / "out" / "manifest.csv", keep_default_na=False)
    suspects = storage.load_suspects(run.path / "identify").indices.tolist()
    train = storage.load_part(run.path / "data", "train")
    expected = {sample: int(label) for sample, label in enumerate(train.labels) if sample not in suspects}
    expected |= {suspects[0]: int(train.labels[suspects[0]]), suspects[2]: 4}
    classes = json.loads((tmp_path / "out" / "classes.json").read_text())
    found = {int(Path(path).stem): int(classes[folder.classes[label]]) for path, label in folder.samples}
    assert found == expected
    for path, _ in folder.samples[:20]:
        pixels = np.asarray(Image.open(path), dtype=np.float32) / 255
        assert np.abs(pixels - train.images[int(Path(path).stem)][0]).max() < 1e-6, "8 bits come back as they were"
    reasons = table.set_index("sample")["reason"]
    assert [reasons[sample] for sample in suspects[:4]] == [
        "verdict: keep", "verdict: remove", "verdict: relabel", "suspect",
    ]  # fmt: skip
    assert len(table) == len(train)
    assert (table["file"] == "").sum() == len(train) - len(expected)


def test_manifest_as_parquet_is_the_one_in_the_archive(run: Run) -> None:
    file = made(run, "cleaned")
    ours = pd.read_parquet(file.with_name("manifest.parquet"))
    with zipfile.ZipFile(file) as archived:
        theirs = pd.read_csv(io.BytesIO(archived.read("manifest.csv")), keep_default_na=False, dtype={"given": str})
    assert ours["sample"].tolist() == theirs["sample"].tolist()
    assert ours["file"].tolist() == theirs["file"].tolist()
    train = storage.load_part(run.path / "data", "train")
    assert ours["id"].tolist() == train.ids.tolist()


def test_any_class_name_makes_a_folder_of_its_own_inside_the_archive() -> None:
    found = cleaned.folder_names(HOSTILE)
    assert len(set(found)) == len(HOSTILE)
    assert sorted(found) == found, "the order of the labels"
    assert all(re.fullmatch(r"\d(_[\w-]{1,40})?", name) for name in found), found


def test_class_names_in_the_manifest_are_no_formulas(tmp_path: Path) -> None:
    samples = cases.digits(2, num_classes=2)
    table = cleaned.manifest(samples, ["=1", "\rb"], np.zeros(2), np.zeros(0, dtype=np.int64), ReviewConfig())
    cleaned.write(tmp_path, samples, ["=1", "\rb"], table, lambda _done, _total: None)
    with zipfile.ZipFile(tmp_path / cleaned.ARCHIVE) as archived:
        found = pd.read_csv(io.BytesIO(archived.read("manifest.csv")))
    assert found["given"].tolist() == ["'=1", "'\rb"]
    assert table["given"].tolist() == ["=1", "\rb"], "the Parquet file has the names as they are"


def test_a_verdict_comes_before_the_score() -> None:
    samples = cases.digits(10)
    decided = ReviewConfig(keep=(1,), remove=(2,), relabel=((3, 9),))
    table = cleaned.manifest(samples, [str(n) for n in range(10)], np.zeros(10), np.array([1, 2, 3, 4]), decided)
    assert table["in_cleaned_set"].tolist() == [True, True, False, True, False, *[True] * 5]
    assert table["final"].tolist() == ["0", "1", "", "9", "", "5", "6", "7", "8", "9"]


def test_images_that_no_png_can_hold_are_named(tmp_path: Path) -> None:
    odd = LabelledImages(images=np.zeros((1, 2, 4, 4), np.float32), labels=np.array([0]), ids=np.array([0]))
    table = cleaned.manifest(odd, ["a"], np.zeros(1), np.zeros(0, dtype=np.int64), ReviewConfig())
    with pytest.raises(InputError, match="images of 2 channels cannot be written as PNG"):
        cleaned.write(tmp_path, odd, ["a"], table, lambda _done, _total: None)


# ---------------------------------------------------------------- aligned inputs, weights


def test_aligned_inputs_come_back(run: Run) -> None:
    with zipfile.ZipFile(made(run, "aligned")) as archived:
        tensors = safetensors.numpy.load(archived.read("aligned.safetensors"))
        table = pd.read_parquet(io.BytesIO(archived.read("aligned.parquet")))
    aligned = storage.load_aligned(run.path / "align")
    assert np.array_equal(tensors["images"], aligned.images)
    assert np.array_equal(tensors["soft_labels"], aligned.soft_labels)
    assert table["sample"].tolist() == aligned.indices.tolist()
    assert np.array_equal(table["energy_after"], aligned.energy_after)
    suspects = storage.load_suspects(run.path / "identify").indices
    assert sorted(table["sample"][table["suspect"]]) == sorted(suspects.tolist())


def test_weights_load_without_this_program_and_predict_the_same(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(made(run, "weights")) as archived:
        archived.extractall(tmp_path / "out")
    images = storage.load_part(run.path / "data", "test").images[:50]
    np.save(tmp_path / "out" / "images.npy", images)
    code = (
        "import sys, numpy, torch; from load_model import load\n"
        "with torch.no_grad(): found = load()(torch.tensor(numpy.load('images.npy'))).softmax(1).numpy()\n"
        "assert not any(name.startswith('bir_core') for name in sys.modules)\n"
        "numpy.save('found.npy', found)"
    )
    for command in (["-c", code], ["load_model.py"]):
        subprocess.run([sys.executable, *command], cwd=tmp_path / "out", check=True, capture_output=True)
    model = storage.load_model(run.path / "repair", "bir").state
    expected = evaluation.believe(model, images, device=cases.CPU)
    assert np.load(tmp_path / "out" / "found.npy") == pytest.approx(expected, abs=1e-6)
    facts = json.loads((tmp_path / "out" / "model.json").read_text())
    assert facts["method"] == "bir"
    assert facts["config"]["seed"] == run.config.seed
    assert facts["figures"]["bir"] == storage.load_report(run.path / "evaluate")["models"]["bir"]


def test_loader_builds_every_network() -> None:
    for network in ("lenet", "conv4", "resnet20", "resnet50-64"):
        scope: dict[str, object] = {"__file__": "here/load_model.py", "__name__": "load_model"}
        model = cases.fresh_model(network)
        exec(weights.loader(model), scope)  # noqa: S102 - our own text, as its reader runs it
        built = scope["build"]()  # type: ignore[operator]
        built.load_state_dict(networks.restore(model, cases.CPU).state_dict())
        images = torch.rand(2, *model.image_shape)
        torch.testing.assert_close(built.eval()(images), networks.restore(model, cases.CPU).eval()(images))
        assert {name: tuple(value.shape) for name, value in built.state_dict().items()} == {
            name: value.shape for name, value in model.tensors.items()
        }


# ---------------------------------------------------------------- the report


def test_report_has_the_figures_and_asks_nobody_for_anything(run: Run) -> None:
    text = made(run, "report").read_text()
    report = storage.load_report(run.path / "evaluate")
    assert "from <b>" not in text
    for name in ("base", "bir"):
        assert f"{report['models'][name]['all']:.1f}" in text
    assert "verdict: <b><bdi>relabel to 4</bdi></b>" in text
    assert re.findall(r"""(?:src|href)=['"](?!data:)""", text) == []
    assert "<script" not in text
    assert "url(" not in text
    assert len(text) < 1_500_000


def test_a_fork_exports_under_its_own_name_and_settings(run: Run) -> None:
    """It does not take over the page and the weights of its parent, though every figure is the same."""
    made(run, "weights")
    assert "<title>tiny" in made(run, "report").read_text()
    child = run_folder.fork(run, run.config.model_copy(update={"name": "child"}))
    text = made(child, "report").read_text()
    assert "<title>child" in text
    assert "&quot;name&quot;: &quot;child&quot;" in text
    with zipfile.ZipFile(made(child, "weights")) as archived:
        facts = next(json.loads(archived.read(name)) for name in archived.namelist() if name.endswith(".json"))
    assert (facts["run"], facts["config"]["name"]) == ("child", "child")


def test_report_escapes_every_name(run: Run) -> None:
    report = storage.load_report(run.path / "evaluate")
    evil = "<script>alert(1)</script>"
    report["data"]["class_names"] = [evil] * 10
    report["run"] = report["conclusion"] = report["selection"]["label"] = report["data"]["source"] = evil
    image = np.zeros((1, 4, 4), np.float32)
    example = page.Example(sample=0, image=image, aligned=None, given=evil, believed=evil, score=1.0, verdict=evil)
    provenance = {"created": evil, "system": evil, "versions": {evil: evil}}
    text = page.compose(report, np.linspace(-1, 1, 9), None, [example], reviewed=NOBODY, provenance=provenance)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 12


def test_report_has_every_model_with_its_intervals(run: Run) -> None:
    text = made(run, "report").read_text()
    report = storage.load_report(run.path / "evaluate")
    for model in report["models"].values():
        for group in ("all", "clean", "noisy"):
            low, high = model["intervals"][group]
            assert f"<td>{model[group]:.1f} <small>{low:.1f} to {high:.1f}</small></td>" in text
    gain = next(row["all"] for row in report["differences"] if (row["model"], row["minus"]) == ("bir", "base"))
    assert f"<td>{gain['difference']:+z.1f} <small>{gain['low']:+z.1f} to {gain['high']:+z.1f}</small></td>" in text


def test_report_on_untouched_data_doubts_no_known_truth(run: Run) -> None:
    report = storage.load_report(run.path / "evaluate")
    report["data"] |= {"corruption": "none", "num_corrupted": 0}
    report["identification"] |= {"auc": None, "precision": None, "recall": None}
    text = page.compose(
        report, np.linspace(-1, 1, 9), None, [], reviewed=NOBODY, provenance={"created": "", "versions": {}}
    )
    assert f"0 of {report['data']['num_train']:,} samples are known to be corrupted" in text
    assert "Nobody knows which samples are wrong" not in text


def test_report_says_what_the_reviewers_found(run: Run) -> None:
    assert "One reviewer has decided about 3 samples: 1 keep, 1 remove, 1 relabel." in made(run, "report").read_text()
    first = storage.load_suspects(run.path / "identify").indices[0]
    verdicts.record(run, [Decision(sample=int(first), verdict="remove")], reviewer="bob", key="2")
    text = made(run, "report").read_text()
    assert "2 reviewers have decided about 2 samples: 1 remove, 1 relabel. 1 more have two different verdicts." in text
    assert "Nobody has reviewed" in sections.reviewed(NOBODY)


def test_large_pictures_and_long_names_do_not_make_the_page_heavy(run: Run) -> None:
    """24 noisy photographs, which PNG cannot make smaller, and names of 10,000 characters."""
    report = storage.load_report(run.path / "evaluate")
    long = "\N{CAT FACE}\u202e" * 5_000
    report["data"]["class_names"] = [long] * 10
    draw = np.random.default_rng(0)
    examples = [
        page.Example(
            sample=sample,
            image=draw.random((3, 224, 301), dtype=np.float32),
            aligned=draw.random((3, 224, 301), dtype=np.float32),
            given=long,
            believed=long,
            score=1.0,
            verdict=f"relabel to {long}",
        )
        for sample in range(24)
    ]
    provenance = {"created": "2026-01-01T00:00:00+00:00", "versions": {}}
    text = page.compose(report, np.linspace(-1, 1, 9), None, examples, reviewed=NOBODY, provenance=provenance)
    assert len(text) < 1_500_000
    assert "\u202e" not in text, "nothing turns the text around it"


def test_names_are_as_wide_as_asked() -> None:
    assert names.shown("cat", 3) == "cat"
    assert names.shown("cats", 3) == "ca…"
    assert names.shown("ねこねこ", 8) == "ねこねこ"
    assert names.shown("ねこねこ", 7) == "ねこ…"
    assert names.shown(" a\n\u202eb\x00 ", 60) == "a b"
    assert names.in_html("<b>") == "<bdi>&lt;b&gt;</bdi>"


def test_scores_without_end_are_left_out_of_the_histogram() -> None:
    known = np.array([False, True, True])
    assert drawing.histogram("t", np.array([1.0, 2.0, np.inf]), known, None) == drawing.histogram(
        "t", np.array([1.0, 2.0]), known[:2], None
    )


def test_histogram_draws_every_sample_and_one_value_too() -> None:
    assert drawing.histogram("t", np.zeros(5), None, None).count("<rect") == 1
    both = drawing.histogram("t", np.array([-1.0, 1.0]), np.array([False, True]), 0.1)
    assert both.count("var(--clean)") == both.count("var(--wrong)") == 1
    assert "threshold 0.1" in both


# ---------------------------------------------------------------- when and where


@pytest.mark.parametrize("name", [one.name for one in catalogue.EXPORTS])
def test_the_same_run_makes_the_same_bytes(run: Run, name: str) -> None:
    first = made(run, name).read_bytes()
    pipeline.compute(run, [catalogue.find(name).stage], force=True)
    assert made(run, name).read_bytes() == first


def test_archive_dates_are_not_in_it(tmp_path: Path) -> None:
    archive.write(tmp_path / "a.zip", [("x.txt", b"content"), ("x.png", b"\x89PNG")])
    with zipfile.ZipFile(tmp_path / "a.zip") as archived:
        assert {entry.date_time for entry in archived.infolist()} == {archive.DATE}
        assert archived.read("x.txt") == b"content"


def test_new_verdicts_make_an_export_stale_and_no_stage_of_the_flow(run: Run) -> None:
    made(run, "cleaned")
    before = run_folder.fresh_stages(run)
    assert "export-cleaned" in before
    verdicts.record(run, [Decision(sample=0, verdict="remove")], reviewer="ada", key="2")
    assert set(before) - set(run_folder.fresh_stages(run)) == {"export-cleaned"}


def test_verdicts_about_other_data_leave_an_export_as_it_is(run: Run) -> None:
    made(run, "cleaned")
    made(run, "table")
    other = run_folder.create(run.path.parent, run.config.model_copy(update={"name": "other", "seed": 5}))
    pipeline.compute(other, ["data"])
    verdicts.record(other, [Decision(sample=0, verdict="remove")], reviewer="ada", key="other")
    assert {"export-cleaned", "export-table"} <= set(run_folder.fresh_stages(run))


def test_tables_made_by_a_job_are_those_made_at_once(run: Run, tmp_path: Path) -> None:
    for file in catalogue.find("table").files:
        export.write(export.samples(run), tmp_path / file)
    folder = made(run, "table").parent
    for file in catalogue.find("table").files:
        assert (folder / file).read_bytes() == (tmp_path / file).read_bytes()


def test_a_whole_run_makes_no_export(run: Run) -> None:
    pipeline.compute(run)
    assert [one.name for one in catalogue.EXPORTS if catalogue.path(run, one.files[0]) is not None] == []


def test_unknown_export_and_wrong_suffix_are_named() -> None:
    with pytest.raises(InputError, match="no export is called 'models': choose one of table, report, cleaned"):
        catalogue.find("models")
    with pytest.raises(InputError, match=r"its name must end in \.zip"):
        catalogue.file_for(catalogue.find("weights"), Path("weights.pt"))
    with pytest.raises(InputError, match=r"its name must end in \.zip or \.parquet"):
        catalogue.file_for(catalogue.find("cleaned"), Path("cleaned"))
    with pytest.raises(InputError, match=r"no export has a file '\.\./run\.json': there are samples\.csv"):
        catalogue.having("../run.json")
    assert catalogue.file_for(catalogue.find("cleaned"), Path("a/b.parquet")) == "manifest.parquet"


def test_no_two_exports_have_a_file_of_the_same_name() -> None:
    files = [file for one in catalogue.EXPORTS for file in one.files]
    assert len(set(files)) == len(files)


def test_a_copy_that_cannot_be_written_leaves_nothing(run: Run, tmp_path: Path) -> None:
    made(run, "report")
    with pytest.raises(InputError, match=r"cannot write .*missing"):
        catalogue.copy(run, "report.html", tmp_path / "missing" / "report.html")
