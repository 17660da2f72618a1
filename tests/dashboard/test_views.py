"""Every view in the states that a reader meets: no run, a job at work, a failed one, a finished run."""

import hashlib
import html
import json
import os
import re
import shutil
import urllib.parse
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bir_core import jobs, run_folder, storage, verdicts
from bir_core.config import LANDMARKS, ReviewConfig, RunConfig
from bir_core.jobs import Job
from bir_core.review import BAND_EDGES
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from dashboard import batches, security
from dashboard.frames import MODEL_TITLES
from tests.dashboard.conftest import VIEWS, OpenView, go_to, texts

WITH_RUN = tuple(view for view in VIEWS if view != "jobs")


def gallery_data(app: AppTest) -> dict[str, Any]:
    """What the page hands to the gallery."""
    (gallery,) = (found for found in app.get("bidi_component") if found.proto.component_name == "bir_gallery")
    data: dict[str, Any] = json.loads(gallery.proto.json)
    return data


def live_jobs(app: AppTest) -> list[dict[str, Any]]:
    """What the page hands to the progress of each job that works or waits."""
    found = (one for one in app.get("bidi_component") if one.proto.component_name == "bir_job_progress")
    return [data for one in found if "token" in (data := json.loads(one.proto.json))]


def buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.usefixtures("runs_root")
class TestNoRun:
    @pytest.mark.parametrize("view", WITH_RUN)
    def test_offers_one_button(self, open_view: OpenView, view: str) -> None:
        app = open_view(view)
        assert not app.exception
        assert buttons(app) == ["Run the demo"]

    def test_jobs_says_that_there_is_none(self, open_view: OpenView) -> None:
        app = open_view("jobs")
        assert not app.exception
        assert "No job has run here yet" in texts(app)

    def test_folder_that_cannot_be_written(self, runs_root: Path, open_view: OpenView) -> None:
        runs_root.rmdir()
        runs_root.write_text("a file where the folder should be")
        app = open_view("overview")
        app.button[0].click().run()
        assert not app.exception
        assert "cannot" in app.error[0].value


class TestRunning:
    @pytest.mark.parametrize("view", VIEWS)
    def test_hands_the_job_to_the_browser(self, open_view: OpenView, shown_running: Job, view: str) -> None:
        app = open_view(view)
        assert not app.exception
        (data,) = live_jobs(app)
        assert (data["job"]["id"], data["job"]["state"]) == (shown_running.id, "running")
        assert data["job"]["title"] == "Train the base model ..."
        assert data["token"] == security.TOKEN
        assert data["drawn"] == [[shown_running.id, "running"]]
        assert data["all"] == (view == "jobs")
        waited_for = {"overview": None, "jobs": None, "scores": "score", "export": "identify", "compare": "evaluate"}
        if view in waited_for:
            assert data["until"] == waited_for[view]

    def test_of_several_jobs_the_running_one_asks(
        self, runs_root: Path, open_view: OpenView, tiny_config: RunConfig, running: Job
    ) -> None:
        run_folder.create(runs_root, tiny_config)
        waiting = jobs.submit(runs_root, tiny_config.name)
        drawn = {data["job"]["id"]: data["drawn"] for data in live_jobs(open_view("jobs"))}
        jobs.cancel(runs_root, waiting.id)
        assert drawn == {waiting.id: [], running.id: [[waiting.id, "queued"], [running.id, "running"]]}

    def test_cancelled_then_resumed(self, runs_root: Path, open_view: OpenView, running: Job) -> None:
        jobs.cancel(runs_root, running.id)
        app = open_view("overview")
        assert live_jobs(app) == []
        assert "Finished stages are kept" in texts(app)
        next(button for button in app.button if button.label == "Resume").click().run()
        assert jobs.find(runs_root, running.id).state in jobs.ACTIVE

    def test_second_resume_is_refused_in_words(self, runs_root: Path, open_view: OpenView, running: Job) -> None:
        jobs.cancel(runs_root, running.id)
        here, there = open_view("overview"), open_view("overview")
        next(button for button in here.button if button.label == "Resume").click().run()
        next(button for button in there.button if button.label == "Resume").click().run()
        assert not there.exception
        assert any("only a failed or cancelled job can be resumed" in error.value for error in there.error) or any(
            "wait for it" in error.value for error in there.error
        ), [error.value for error in there.error]


class TestFailed:
    @pytest.mark.parametrize("view", VIEWS)
    def test_says_why_and_how_to_go_on(self, open_view: OpenView, shown_failed: Job, view: str) -> None:
        app = open_view(view)
        assert not app.exception
        assert shown_failed.error
        assert any(shown_failed.error[1:] in error.value for error in app.error)
        assert "Resume" in buttons(app)
        assert app.code, "the end of the log"


class TestComplete:
    @pytest.mark.parametrize("view", VIEWS)
    def test_opens_without_a_fault(self, open_view: OpenView, complete: Run, view: str) -> None:
        app = open_view(view)
        assert not app.exception
        assert not app.error
        assert app.selectbox(key="run").value == complete.name

    def test_overview_has_the_numbers_of_the_report(self, open_view: OpenView, complete: Run) -> None:
        report = storage.load_report(complete.path / "evaluate")
        shown = texts(open_view("overview"))
        assert report["conclusion"] in shown
        for part in ("all", "clean", "noisy"):
            before, after = report["models"]["base"], report["models"]["bir"]
            assert f"{before[part]:.1f} → {after[part]:.1f} %" in shown
            low, high = after["intervals"][part]
            assert f"after {low:.1f} to {high:.1f}" in shown

    def test_overview_of_a_changed_config_says_so(self, open_view: OpenView, complete: Run) -> None:
        identify = complete.config.identify.model_copy(update={"threshold": 0.5})
        run_folder.update_config(complete, complete.config.model_copy(update={"identify": identify}))
        assert "settings of this run were changed" in texts(open_view("overview"))

    def test_overview_without_a_suspect_does_not_doubt_the_truth(self, open_view: OpenView, complete: Run) -> None:
        path = complete.path / "evaluate" / "report.json"
        report = json.loads(path.read_text())
        found, num_corrupted = report["identification"], report["data"]["num_corrupted"]
        for facts, sentence in (
            (
                {"num_suspects": 0, "precision": None, "recall": 0.0},
                f"None of the {num_corrupted} truly corrupted samples is",
            ),
            ({"precision": None, "recall": None}, "so no suspect is known to be wrong."),
        ):
            rewrite_report(complete, report | {"identification": found | facts})
            shown = texts(open_view("overview"))
            assert sentence in shown
            assert "Nobody knows" not in shown

    def test_present_tells_the_story_in_the_numbers_of_the_report(self, open_view: OpenView, complete: Run) -> None:
        report = storage.load_report(complete.path / "evaluate")
        shown = texts(open_view("present"))
        for name in ("base", "bir"):
            assert f'<div class="figure">{report["models"][name]["all"]:.1f} %</div>' in shown
        assert f'<div class="figure">{report["identification"]["num_suspects"]:,}</div>' in shown
        assert html.escape(report["conclusion"]) in shown
        assert shown.count('alt="a suspect"') == 8
        rival = max(set(report["models"]) - {"base", "bir"}, key=lambda name: report["models"][name]["all"])
        assert f"Best alternative: {MODEL_TITLES[rival]}, {report['models'][rival]['all']:.1f} %." in shown

    def test_suspects_hands_the_whole_ranking_to_the_gallery(self, open_view: OpenView, complete: Run) -> None:
        labels = storage.load_part(complete.path / "data", "train").labels
        data = gallery_data(open_view("suspects", t="-100"))
        assert data["run"] == complete.name
        assert data["token"] == security.TOKEN
        assert data["total"] == len(labels)
        assert data["filters"] == {"t": "-100.0", "given": "", "believed": "", "sort": "score"}
        assert data["class_names"] == list(storage.load_class_names(complete.path / "data"))
        assert (data["image_width"], data["image_height"]) == (28, 28)

    def test_suspects_filters(self, open_view: OpenView, complete: Run) -> None:
        labels = storage.load_part(complete.path / "data", "train").labels
        app = open_view("suspects", t="-100", given=["7"], sort="Lowest score first")
        assert app.multiselect(key="believed").label == "Believed class"
        assert app.selectbox(key="sort").options == [
            "Highest score first",
            "Lowest score first",
            "By given class",
            "By believed class",
        ]
        assert f"{int((labels == 7).sum())} of {len(labels)} suspects" in texts(app)
        assert gallery_data(app)["total"] == int((labels == 7).sum())
        assert gallery_data(app)["filters"] == {"t": "-100.0", "given": "7", "believed": "", "sort": "lowest"}

    def test_suspects_by_what_people_have_said(self, open_view: OpenView, complete: Run) -> None:
        verdicts.record(complete, [Decision(sample=n, verdict="remove") for n in (3, 5)], reviewer="ada", key="1")
        verdicts.record(complete, [Decision(sample=5, verdict="keep")], reviewer="bob", key="2")
        app = open_view("suspects", t="-100")
        assert "Filter again" not in buttons(app)
        app.multiselect(key="verdict").set_value(["conflict", "remove"]).run()
        data = gallery_data(app)
        assert (data["total"], sorted(data["told"])) == (2, [3, 5])
        assert (data["filters"]["verdict"], data["filters"]["asof"]) == ("remove,conflict", "3")
        assert data["what"].endswith(", remove or in conflict when filtered")
        assert app.query_params["asof"] in ("3", ["3"])

    def test_the_filter_by_verdict_stays_until_it_is_set_anew(self, open_view: OpenView, complete: Run) -> None:
        def asof(app: AppTest) -> str:
            assert not app.exception
            return str(gallery_data(app)["filters"]["asof"])

        def one_more(sample: int) -> None:
            verdicts.record(complete, [Decision(sample=sample, verdict="keep")], reviewer="ada", key=str(sample))

        one_more(3)
        app = open_view("suspects", t="-100", verdict="Undecided")
        assert (asof(app), gallery_data(app)["total"]) == ("1", 179)
        one_more(5)
        assert asof(app.run()) == "1"
        assert asof(go_to(go_to(app, "sample"), "suspects")) == "1"
        app.button(key="filter_again").click().run()
        assert (asof(app), gallery_data(app)["total"]) == ("2", 178)
        one_more(6)
        app.multiselect(key="given").set_value(["7"]).run()
        assert asof(app) == "3"
        one_more(7)
        app.multiselect(key="verdict").set_value([]).run()
        assert "asof" not in gallery_data(app)["filters"]
        assert "asof" not in app.query_params
        app.multiselect(key="verdict").set_value(["undecided"]).run()
        assert asof(app) == "4"

    @pytest.mark.parametrize(("asked", "shown"), [("1", "1"), ("3", "2"), ("x", "2")])
    def test_a_link_shows_the_verdicts_of_then(
        self, open_view: OpenView, complete: Run, asked: str, shown: str
    ) -> None:
        for sample in (3, 5):
            verdicts.record(complete, [Decision(sample=sample, verdict="keep")], reviewer="ada", key=str(sample))
        app = open_view("suspects", t="-100", verdict="Keep", asof=asked)
        assert gallery_data(app)["filters"]["asof"] == shown
        assert any(f"asof={asked}" in toast.value for toast in app.toast) == (asked != shown)

    @pytest.mark.usefixtures("complete")
    def test_nothing_said_is_said_and_can_be_filtered_again(self, open_view: OpenView) -> None:
        app = open_view("suspects", t="-100", verdict="In conflict")
        assert "None of the 180 suspects passes these filters" in texts(app)
        assert "Filter again" in buttons(app)

    def test_a_random_batch_is_drawn_and_measured(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("suspects", t="-100")
        app.selectbox(key="sampled_band").set_value(len(BAND_EDGES) - 2).run()
        next(button for button in app.button if button.label == "Draw").click().run()
        assert not app.exception
        scores = storage.load_scores(complete.path / "score").score
        batch = batches.parse(app.query_params["batch"])
        assert batch is not None
        drawn = gallery_data(app)["only"]
        assert drawn == batch.drawn(scores).tolist()
        assert "None is judged yet" in texts(app)
        half = len(drawn) // 2
        verdicts.record(complete, [Decision(sample=n, verdict="keep") for n in drawn[:half]], reviewer="ada", key="1")
        verdicts.record(complete, [Decision(sample=drawn[-1], verdict="remove")], reviewer="ada", key="2")
        app.button(key="count_batch").click().run()
        assert f"{half + 1} judged, 1 of them detrimental: precision **{100 / (half + 1):.0f} %**" in texts(app)
        app.button(key="end_batch").click().run()
        assert gallery_data(app)["only"] is None

    @pytest.mark.usefixtures("complete")
    def test_a_link_to_no_batch_says_so(self, open_view: OpenView) -> None:
        app = open_view("suspects", batch="7 of 9")
        assert any("batch=7 of 9" in toast.value for toast in app.toast)
        assert gallery_data(app)["only"] is None

    def test_no_suspects_is_said_in_scores_suspects_and_repair(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("suspects", run=complete.name, t="1000")
        assert "No sample has a score above 1000" in texts(app)
        assert "no-op" in texts(go_to(app, "repair"))

    def test_launching_a_repair_makes_a_run_beside(self, runs_root: Path, open_view: OpenView, complete: Run) -> None:
        app = open_view("repair", t=str(LANDMARKS["log 1.01"]))
        app.radio(key="repair_eta").set_value("0").run()
        next(button for button in app.button if button.label == "Start the repair").click().run()
        (made,) = set(run_folder.names(runs_root)) - {complete.name}
        child = run_folder.open_run(runs_root, made)
        job = jobs.latest(runs_root, made)
        assert job is not None
        jobs.cancel(runs_root, job.id)
        assert child.parent == complete.name
        assert child.config.align.eta == 0
        assert child.config.identify.threshold == LANDMARKS["log 1.01"]
        assert run_folder.is_fresh(child, "score")
        assert os.path.samefile(child.path / "score" / "scores.npy", complete.path / "score" / "scores.npy")
        assert app.session_state["run"] == made

    def test_a_step_of_ones_own_is_shown_and_taken_as_typed(
        self, runs_root: Path, open_view: OpenView, complete: Run
    ) -> None:
        app = open_view("repair")
        app.radio(key="repair_eta").set_value("other").run()
        app.number_input(key="repair_eta_value").set_value(0.04648).run()
        box = app.number_input(key="repair_eta_value")
        assert box.proto.format % box.value == "0.04648"
        next(button for button in app.button if button.label == "Start the repair").click().run()
        (made,) = set(run_folder.names(runs_root)) - {complete.name}
        job = jobs.latest(runs_root, made)
        assert job is not None
        jobs.cancel(runs_root, job.id)
        assert run_folder.open_run(runs_root, made).config.align.eta == 0.04648

    def test_scores_link_each_pair_of_classes_to_its_suspects(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("scores", t="0")
        app.button_group(key="scores_section").set_value("Given and believed").run()
        found = storage.load_scores(complete.path / "score")
        labels = storage.load_part(complete.path / "data", "train").labels
        links = re.findall(r'href="suspects\?(.*?)".*?>([\d,]+)</a>', texts(app))
        counts = {}
        for query, num in links:
            asked = urllib.parse.parse_qs(html.unescape(query))
            assert (asked["run"], asked["t"]) == ([complete.name], ["0.0"])
            counts[int(asked["given"][0]), int(asked["believed"][0])] = int(num)
        suspects = found.score > 0
        expected = Counter(zip(labels[suspects].tolist(), found.predictions[suspects].tolist(), strict=True))
        assert counts == expected
        given, believed = max(expected, key=lambda pair: expected[pair])
        app = open_view("suspects", t="0.0", given=[str(given)], believed=[str(believed)])
        assert f"{expected[given, believed]}" in texts(app)

    def test_scores_say_how_often_reviewers_found_the_flags_right(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("scores")
        assert "What the reviewers found" not in texts(app)
        scores = storage.load_scores(complete.path / "score").score
        flagged = np.flatnonzero(scores > 0).tolist()[:3]
        decided = [Decision(sample=sample, verdict="remove") for sample in flagged[:2]]
        decided.append(Decision(sample=flagged[2], verdict="keep"))
        verdicts.record(complete, decided, reviewer="ada", key="k")
        app.run()
        assert "**2 of 3** reviewed samples with a positive score" in texts(app)
        table = next(table.value for table in app.table if "Detrimental" in table.value)
        assert table["Samples"].sum() == (scores > 0).sum()
        assert (table["Reviewed"].sum(), table["Detrimental"].sum()) == (3, 2)

    def test_a_repair_of_relabelled_samples_alone_is_no_noop_and_few(self, open_view: OpenView, complete: Run) -> None:
        scores = storage.load_scores(complete.path / "score").score
        highest = int(scores.argmax())
        decided = [Decision(sample=highest, verdict="keep"), Decision(sample=int(scores.argmin()), verdict="remove")]
        verdicts.record(complete, decided, reviewer="ada", key="1")
        app = open_view("repair", run=complete.name, t=repr(float(np.sort(scores)[-2])))
        assert "**1 suspect** at this threshold; with the verdicts, 0 of them and 0 relabelled" in texts(app)
        assert "No sample is left to treat at this threshold, so most repairs would be a no-op" in texts(app)
        relabelled = [Decision(sample=sample, verdict="relabel", label=7) for sample in range(3)]
        verdicts.record(complete, relabelled, reviewer="ada", key="2")
        app.number_input(key="t").set_value(1000.0).run()
        assert "**0 suspects** at this threshold; with the verdicts, 0 of them and 3 relabelled" in texts(app)
        assert "no-op" not in texts(app)
        assert "train on 3 treated and as many other samples alone" in texts(app)
        app.checkbox(key="repair_heed").set_value(False).run()
        assert "No sample is suspect at this threshold, so most repairs would be a no-op" in texts(app)
        assert "Training on so few" not in texts(app)

    @pytest.mark.parametrize("heeded", [True, False])
    def test_a_repair_heeds_the_verdicts_or_not(
        self, runs_root: Path, open_view: OpenView, complete: Run, *, heeded: bool
    ) -> None:
        app = open_view("repair")
        assert "repair_heed" not in [box.key for box in app.checkbox]
        steps = {"ada": [Decision(sample=3, verdict="keep"), Decision(sample=5, verdict="relabel", label=7)]}
        steps["bob"] = [Decision(sample=3, verdict="remove"), Decision(sample=8, verdict="remove")]
        for reviewer, decisions in steps.items():
            verdicts.record(complete, decisions, reviewer=reviewer, key=reviewer)
        app.run()
        box = app.checkbox(key="repair_heed")
        assert box.label == "Heed the verdicts: 1 remove, 1 relabel"
        assert "1 more have two different verdicts" in texts(app)
        box.set_value(heeded).run()
        next(button for button in app.button if button.label == "Start the repair").click().run()
        (made,) = set(run_folder.names(runs_root)) - {complete.name}
        job = jobs.latest(runs_root, made)
        assert job is not None
        jobs.cancel(runs_root, job.id)
        expected = ReviewConfig(remove=(8,), relabel=((5, 7),)) if heeded else ReviewConfig()
        assert run_folder.open_run(runs_root, made).config.review == expected


class TestDamaged:
    @pytest.mark.parametrize(("view", "stage"), [("overview", "evaluate"), ("scores", "score"), ("suspects", "data")])
    def test_truncated_result_is_one_sentence(self, open_view: OpenView, complete: Run, view: str, stage: str) -> None:
        spoil(next(path for path in sorted((complete.path / stage).iterdir()) if path.name != "stage.json"))
        app = open_view(view)
        assert not app.exception
        assert "bytes instead of" in app.error[0].value
        assert "Compute it again" in buttons(app)

    @pytest.mark.parametrize("view", WITH_RUN)
    def test_foreign_run_json(self, open_view: OpenView, complete: Run, view: str) -> None:
        (complete.path / "run.json").write_text('{"format": 99}')
        app = open_view(view)
        assert not app.exception
        assert "not of this program's format" in app.error[0].value

    def test_foreign_content_under_a_right_size(self, open_view: OpenView, complete: Run) -> None:
        path = complete.path / "evaluate" / "report.json"
        size = path.stat().st_size
        path.unlink()
        path.write_bytes(b"x" * size)
        # The record may be cached under the digest that stage.json still claims; another digest makes it be read.
        description = complete.path / "evaluate" / "stage.json"
        text = description.read_text().replace('"digest": "', '"digest": "0')
        description.unlink()
        description.write_text(text)
        app = open_view("overview")
        assert not app.exception
        assert "cannot be read as JSON" in app.error[0].value

    @pytest.mark.parametrize("view", WITH_RUN)
    def test_missing_stages_are_offered(self, runs_root: Path, open_view: OpenView, tiny_run: Run, view: str) -> None:
        run_folder.create(runs_root, tiny_run.config)
        app = open_view(view)
        assert not app.exception
        assert "Compute this run" in buttons(app)


def rewrite_report(run: Run, report: dict[str, Any]) -> None:
    """Put another report in the place of the run's, as if the stage had made it."""
    path, description = run.path / "evaluate" / "report.json", run.path / "evaluate" / "stage.json"
    content = json.dumps(report).encode()
    stage = json.loads(description.read_text())
    stage["files"][path.name] |= {"size": len(content)}
    # Records are kept by the digest that stage.json claims.
    stage["digest"] = hashlib.sha256(content).hexdigest()
    for file, text in ((path, content), (description, json.dumps(stage).encode())):
        file.unlink()
        file.write_bytes(text)


def spoil(path: Path) -> None:
    """Cut a file in half without touching the ones that are hard-linked to it."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])


class TestCompare:
    def test_has_the_numbers_of_the_report(self, open_view: OpenView, complete: Run) -> None:
        report = storage.load_report(complete.path / "evaluate")
        shown = texts(open_view("compare"))
        before, after = report["models"]["base"], report["models"]["bir"]
        for part in ("all", "clean", "noisy"):
            assert f"{before[part]:.1f} → {after[part]:.1f} %" in shown
        assert f"{100 * before['calibration_error']:.1f} → {100 * after['calibration_error']:.1f}" in shown

    def test_any_two_models_by_link(self, open_view: OpenView, complete: Run) -> None:
        models = storage.load_report(complete.path / "evaluate")["models"]
        app = open_view("compare", before="Enhanced model", after="Retrain without suspects")
        assert f"{models['enhanced']['all']:.1f} → {models['retrain']['all']:.1f} %" in texts(app)

    @pytest.mark.usefixtures("complete")
    def test_the_same_model_twice_is_said(self, open_view: OpenView) -> None:
        app = open_view("compare", before="BIR")
        assert "Both are the same model" in texts(app)
        assert not app.exception

    @pytest.mark.usefixtures("complete")
    @pytest.mark.parametrize("section", ["Classes", "Mistakes", "Changed images", "Calibration"])
    def test_every_section(self, open_view: OpenView, section: str) -> None:
        app = open_view("compare")
        app.button_group(key="compare_section").set_value(section).run()
        assert app.button_group(key="compare_section").value == section
        assert not app.exception
        assert not app.error

    def test_changed_images_are_those_of_the_two_models(self, open_view: OpenView, complete: Run) -> None:
        labels = storage.load_part(complete.path / "data", "test").labels
        right = {
            name: storage.load_probabilities(complete.path / "evaluate", "test", name).argmax(1) == labels
            for name in storage.load_report(complete.path / "evaluate")["models"]
        }
        gained = {(one, other): int((~right[one] & right[other]).sum()) for one in right for other in right}
        before, after = max(gained, key=lambda pair: gained[pair])
        app = open_view("compare", before=MODEL_TITLES[before], after=MODEL_TITLES[after])
        app.button_group(key="compare_section").set_value("Changed images").run()
        assert gained[before, after] > 0
        assert f"{gained[before, after]:,} images" in texts(app)

    def test_class_by_class(self, open_view: OpenView, complete: Run) -> None:
        table = next(table.value for table in open_view("compare").table if "Class" in table.value)
        assert list(table["Class"]) == list(storage.load_class_names(complete.path / "data"))

    def test_model_of_another_run_on_the_same_data(self, open_view: OpenView, complete: Run) -> None:
        shutil.copytree(complete.path, complete.path.parent / "twin")
        app = open_view("compare", run=complete.name)
        assert "BIR of twin" in app.selectbox(key="after").options

    def test_report_of_before_offers_to_compute_it_again(self, open_view: OpenView, complete: Run) -> None:
        path = complete.path / "evaluate" / "stage.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 1}))
        app = open_view("compare")
        assert any("another version of this program" in error.value for error in app.error)
        assert "Compute it again" in buttons(app)
