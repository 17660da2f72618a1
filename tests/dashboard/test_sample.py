"""The page of one sample: what it says is what the run's results say, and a verdict given there is in the log."""

import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from bir_core import run_folder, storage, verdicts
from bir_core.run_folder import Run
from bir_core.verdicts import Decision
from dashboard import dossier, runs, sample_charts
from tests.dashboard.conftest import OpenView, go_to, texts

SCRIPT = "<script>window.hacked = 1</script>"


def ranking(run: Run, threshold: float = math.log(1.05)) -> list[int]:
    scores = storage.load_scores(run.path / "score").score
    order = np.argsort(-scores, kind="stable")
    return order[: int((scores > threshold).sum())].tolist()


def shown(app: AppTest) -> int | None:
    value = app.number_input(key="sample").value
    return None if value is None else int(value)


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def name_oneself(app: AppTest, name: str = "ann") -> AppTest:
    return app.text_input(key="reviewer").set_value(name).run()


def said(run: Run) -> list[tuple[int, str, str | None, int | None]]:
    return [(entry.sample, entry.reviewer, entry.verdict, entry.label) for entry in verdicts.entries(run)]


def rewritten(path: Path, text: str) -> None:
    """Another content without touching the files that are hard-linked to it."""
    path.unlink()
    path.write_text(text)


def log(app: AppTest) -> str:
    """Who said what, newest first."""
    (found,) = (one.proto.body for one in app.get("html") if "When (UTC)" in one.proto.body)
    return str(found)


class TestWhatItSays:
    def test_figures_are_those_of_the_results(self, open_view: OpenView, complete: Run) -> None:
        scores, aligned = storage.load_scores(complete.path / "score"), storage.load_aligned(complete.path / "align")
        sample = ranking(complete, -100)[3]
        app = open_view("sample", sample=str(sample))
        assert not app.exception
        text = " ".join(re.sub(r"<[^>]*>", " ", texts(app)).split())
        assert f"Score {scores.score[sample]:.4g} nats" in text
        assert f"{scores.loss_before[sample]:.4g} → {scores.loss_after[sample]:.4g}" in text
        assert f"Rank 4 of {len(scores)}" in text
        row = int(np.searchsorted(aligned.indices, sample))
        assert f"{aligned.energy_before[row]:.3f} → {aligned.energy_after[row]:.3f}" in text
        assert f"{100 * aligned.relative_step[row]:.2f} %" in text
        assert f"Step size eta {aligned.eta:.4g}" in text
        assert [picture.captions for picture in app.image[:2]] == [["original"], ["aligned"]]
        assert re.fullmatch(r"difference × \d+", app.image[2].captions[0])

    def test_a_score_below_the_threshold_is_said(self, open_view: OpenView, complete: Run) -> None:
        last = ranking(complete, -100)[-1]
        text = texts(open_view("sample", sample=str(last)))
        assert "not above the threshold" in text
        assert "Not among the" in text

    def test_the_nearest_are_those_of_a_dense_reference(self, open_view: OpenView, complete: Run) -> None:
        sample = ranking(complete, -100)[0]
        embedding = storage.load_embedding(complete.path / "embed")
        labels = storage.load_part(complete.path / "data", "reserved").labels
        given = storage.load_part(complete.path / "data", "train").labels[sample]
        believed = storage.load_scores(complete.path / "score").predictions[sample]
        cosines = []
        for row in embedding.reserved_features.astype(np.float64):
            one = embedding.features[sample].astype(np.float64)
            cosines.append(float(row @ one / math.sqrt((row @ row) * (one @ one))))
        found = dossier.of(complete, sample).nearest
        assert found is not None
        for kind, members in (
            (dossier.GIVEN, np.flatnonzero(labels == given)),
            (dossier.BELIEVED, np.flatnonzero(labels == believed)),
            (dossier.ANY, np.arange(len(labels))),
        ):
            expected = sorted(members, key=lambda at: -cosines[at])[: dossier.MOST_NEAREST]
            assert [one.reserved for one in found[kind]] == [int(at) for at in expected], kind
            np.testing.assert_allclose([one.cosine for one in found[kind]], [cosines[at] for at in expected], atol=1e-9)
            assert [one.label for one in found[kind]] == labels[expected].tolist()
        page = texts(open_view("sample", sample=str(sample)))
        assert page.count("<figure>") == sum(len(found[kind]) for kind in found)
        assert f"cos {found[dossier.ANY][0].cosine:.3f}" in page

    def test_truth_is_said_where_it_is_known(self, open_view: OpenView, complete: Run) -> None:
        truth = storage.load_truth(complete.path / "data")
        wrong, right = (int(np.flatnonzero(truth.corrupted == flag)[0]) for flag in (True, False))
        assert "the given label is wrong" in texts(open_view("sample", sample=str(wrong)))
        text = texts(open_view("sample", sample=str(right)))
        assert "the given label is wrong" not in text
        assert "clean" in text

    def test_markup_in_names_is_text(self, open_view: OpenView, complete: Run) -> None:
        rewritten(complete.path / "data" / "classes.json", str([SCRIPT] * 10).replace("'", '"'))
        description = complete.path / "data" / "stage.json"
        size = (complete.path / "data" / "classes.json").stat().st_size
        text = re.sub(r'("classes.json": \{"size": )\d+', rf"\g<1>{size}", description.read_text())
        text = re.sub(r'("classes.json": \{\s*"size": )\d+', rf"\g<1>{size}", text)
        rewritten(description, text.replace('"digest": "', '"digest": "0'))
        sample = ranking(complete, -100)[0]
        verdicts.record(complete, [Decision(sample=sample, verdict="remove")], reviewer=SCRIPT, key="k")
        app = open_view("sample", sample=str(sample))
        assert not app.exception
        assert not app.error
        bodies = " ".join(part.proto.body for part in app.get("html"))
        assert "&lt;script&gt;" in bodies
        assert SCRIPT not in bodies


class TestChart:
    def test_bars_are_the_shares_and_the_given_class_is_marked(self) -> None:
        shares = {"enhanced": np.array([0.1, 0.9], np.float32), "base": np.array([0.75, 0.25], np.float32)}
        figure = sample_charts.beliefs(shares, ["cat", "<b>dog</b>"], given=0)
        assert [bar.name for bar in figure.data] == ["Base model", "Enhanced model"]
        np.testing.assert_allclose(figure.data[0].x, [75, 25])
        assert figure.layout.yaxis.ticktext == ("<b>cat (given)</b>", "&lt;b&gt;dog&lt;/b&gt;")

    def test_of_many_classes_the_likeliest_and_the_given_one_are_drawn(self) -> None:
        first, second = np.zeros(100, np.float32), np.zeros(100, np.float32)
        first[[50, 3]] = 0.6, 0.4
        second[[99]] = 1
        drawn = sample_charts.classes_to_draw([first, second], given=42)
        assert len(drawn) == sample_charts.MOST_CLASSES
        assert {3, 42, 50, 99} <= set(drawn)
        assert drawn == sorted(drawn)


class TestWhichSample:
    def test_link(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("sample", run=complete.name, sample="17")
        assert shown(app) == 17
        assert app.query_params["sample"] in ("17", ["17"])

    @pytest.mark.parametrize("asked", ["180", "-1", "seven", "1e3", "99999999999999999999999", SCRIPT, ""])
    def test_what_is_no_sample_is_one_sentence_and_a_way_on(
        self, open_view: OpenView, complete: Run, asked: str
    ) -> None:
        app = open_view("sample", sample=asked)
        assert not app.exception
        assert len(app.warning) == 1
        assert "numbered 0 to 179" in app.warning[0].value
        assert shown(app) is None
        press(app, "Show the most suspect sample")
        assert shown(app) == ranking(complete)[0]
        assert not app.warning
        assert not app.exception

    def test_unknown_run(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("sample", run="gone", sample="3")
        assert not app.exception
        assert "no run named 'gone'" in app.warning[0].value
        assert complete.name in app.selectbox(key="run").options

    def test_without_a_number_the_most_suspect_is_shown(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("sample")
        assert shown(app) == ranking(complete)[0]
        assert app.query_params["sample"] in (str(shown(app)), [str(shown(app))])

    def test_next_and_previous_follow_the_ranking(self, open_view: OpenView, complete: Run) -> None:
        order = ranking(complete)
        app = open_view("sample", sample=str(order[0]))
        assert next(button for button in app.button if button.label == "Previous").disabled
        for expected in order[1:4]:
            press(app, "Next")
            assert shown(app) == expected
        press(app, "Previous")
        assert shown(app) == order[2]
        assert f"Number 3 of the {len(order)} suspects" in texts(app)
        last = open_view("sample", sample=str(order[-1]))
        assert next(button for button in last.button if button.label == "Next").disabled

    def test_with_the_filters_of_the_link(self, open_view: OpenView, complete: Run) -> None:
        labels = storage.load_part(complete.path / "data", "train").labels
        sevens = [sample for sample in ranking(complete, -100) if labels[sample] == 7][::-1]
        app = open_view("sample", t="-100", given="7", sort="Lowest score first", sample=str(sevens[0]))
        assert f"Number 1 of the {len(sevens)} suspects above -100, given 7, lowest score first" in texts(app)
        assert shown(press(app, "Next")) == sevens[1]

    def test_with_the_filters_of_the_gallery(self, open_view: OpenView, complete: Run) -> None:
        labels = storage.load_part(complete.path / "data", "train").labels
        threes = [sample for sample in ranking(complete, -100) if labels[sample] == 3]
        app = go_to(open_view("suspects", t="-100", given=["3"]), "sample")
        assert shown(app) == threes[0]
        assert shown(press(app, "Next")) == threes[1]
        assert (app.query_params["t"], app.query_params["given"]) == ("-100.0", "3")
        assert go_to(app, "suspects").multiselect(key="given").value == ["3"]

    def test_with_the_filter_by_verdict_as_of_then(self, open_view: OpenView, complete: Run) -> None:
        order = ranking(complete, -100)
        verdicts.record(complete, [Decision(sample=order[1], verdict="keep")], reviewer="ann", key="1")
        app = go_to(open_view("suspects", t="-100", verdict="Undecided"), "sample")
        assert (
            f"Number 1 of the {len(order) - 1} suspects above -100, undecided when filtered, highest score first"
            in texts(app)
        )
        verdicts.record(complete, [Decision(sample=order[2], verdict="keep")], reviewer="ann", key="2")
        assert shown(press(app, "Next")) == order[2]
        assert app.query_params["verdict"] in ("Undecided", ["Undecided"])
        assert go_to(app, "suspects").multiselect(key="verdict").value == ["undecided"]

    @pytest.mark.parametrize("query", [{"t": "x"}, {"t": "nan"}, {"given": "no such"}, {"sort": "?"}, {"verdict": "?"}])
    def test_impossible_filters_count_as_none(self, open_view: OpenView, complete: Run, query: dict[str, str]) -> None:
        app = open_view("sample", sample="5", **query)
        assert not app.exception
        assert f"{len(ranking(complete))} suspects above 0.04879, highest score first" in texts(app)

    def test_nobody_above_the_threshold(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("sample", t="1e9")
        assert not app.exception
        assert shown(app) == ranking(complete, -100)[0]
        assert "Not among the 0 suspects" in texts(app)

    def test_the_number_of_another_run_that_is_smaller(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("sample", run=complete.name, sample="17")
        app.query_params["sample"] = "500"
        app.session_state["sample"] = 500
        app.run()
        assert not app.exception
        assert "'500' is not one" in app.warning[0].value


class TestVerdict:
    def test_without_a_name_nobody_decides(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("sample", sample="5")
        disabled = {button.label for button in app.button if button.disabled}
        assert {"Keep", "Remove", "Relabel", "Undo"} <= disabled
        assert verdicts.entries(complete) == ()

    def test_decide_and_undo(self, open_view: OpenView, complete: Run) -> None:
        app = name_oneself(open_view("sample", sample="5"))
        press(app, "Keep")
        press(app, "Remove")
        app.selectbox(key="class_5").set_value(4).run()
        press(app, "Relabel")
        steps: list[tuple[int, str, str | None, int | None]] = [
            (5, "ann", "keep", None),
            (5, "ann", "remove", None),
            (5, "ann", "relabel", 4),
        ]
        assert said(complete) == steps
        history = log(app)
        assert history.index("relabel → 4") < history.index("remove") < history.index("keep")
        press(app, "Undo")
        assert verdicts.standing(complete)[5].verdict == "remove"
        assert "undo: remove" in log(app)

    def test_the_name_stays_for_the_next_sample_and_after_another_page(
        self, open_view: OpenView, complete: Run
    ) -> None:
        app = name_oneself(open_view("sample", sample=str(ranking(complete)[0])))
        press(app, "Next")
        press(app, "Remove")
        assert said(complete) == [(ranking(complete)[1], "ann", "remove", None)]
        assert go_to(go_to(app, "scores"), "sample").text_input(key="reviewer").value == "ann"

    def test_undo_says_which_sample_it_was_about(self, open_view: OpenView, complete: Run) -> None:
        app = name_oneself(open_view("sample", sample="5"))
        verdicts.record(complete, [Decision(sample=9, verdict="keep")], reviewer="ann", key="one")
        press(app, "Undo")
        assert app.toast[0].value == "Taken back: your last step, on sample 9."
        press(app, "Undo")
        assert app.toast[0].value == "You have no step to take back here."

    def test_a_conflict_is_shown_and_can_be_settled(self, open_view: OpenView, complete: Run) -> None:
        verdicts.record(complete, [Decision(sample=5, verdict="keep")], reviewer="ben", key="one")
        verdicts.record(complete, [Decision(sample=5, verdict="remove")], reviewer="cat", key="two")
        app = name_oneself(open_view("sample", sample="5"))
        assert "The reviewers differ" in texts(app)
        app.checkbox(key="settle_5").check().run()
        press(app, "Remove")
        held = verdicts.standing(complete)[5]
        assert (held.conflict, held.verdict, held.reviewers) == (False, "remove", ("ann",))
        assert "The reviewers differ" not in texts(app)

    def test_a_locked_database_is_one_sentence(
        self, open_view: OpenView, complete: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = name_oneself(open_view("sample", sample="5"))
        monkeypatch.setenv("BIR_DATABASE_URL", "sqlite:////nowhere/at/all.db")
        press(app, "Keep")
        assert not app.exception
        assert app.error
        monkeypatch.delenv("BIR_DATABASE_URL")
        assert verdicts.entries(complete) == ()


class TestFaults:
    def test_the_run_is_deleted_while_open(self, open_view: OpenView, complete: Run) -> None:
        app = name_oneself(open_view("sample", sample="5"))
        run_folder.delete(complete.path.parent, complete.name)
        press(app, "Keep")
        assert not app.exception
        assert any("no run named" in part.value for part in [*app.error, *app.warning])

    @pytest.mark.parametrize(
        ("stage", "name"), [("data", "train_images.npy"), ("align", "images.npy"), ("embed", "features.npy")]
    )
    @pytest.mark.parametrize("is_gone", [True, False])
    def test_images_or_features_gone_or_cut(
        self, open_view: OpenView, complete: Run, stage: str, name: str, *, is_gone: bool
    ) -> None:
        path = complete.path / stage / name
        content = path.read_bytes()
        path.unlink()
        if not is_gone:
            path.write_bytes(content[:100])
        app = open_view("sample", sample="5")
        assert not app.exception
        assert len(app.error) == 1
        assert name in app.error[0].value
        assert "Compute it again" in [button.label for button in app.button]

    def test_features_of_other_data_are_named(self, open_view: OpenView, complete: Run) -> None:
        found = storage.load_embedding(complete.path / "embed")

        def write(folder: Path) -> None:
            fewer = {name: getattr(found, name)[:7] for name in ("features", "coordinates")}
            storage.save_embedding(
                folder, type(found)(**fewer, reserved_features=found.reserved_features, layout="pca")
            )

        run_folder.save_stage(complete, "embed", write, seconds=0, peak_memory_mb=0, device="cpu")
        app = open_view("sample", sample="5")
        assert not app.exception
        assert "features of other images than its own" in app.error[0].value

    @pytest.mark.parametrize("stage", ["align", "embed", "evaluate"])
    def test_without_a_later_result_the_rest_is_shown(self, open_view: OpenView, complete: Run, stage: str) -> None:
        shutil.rmtree(complete.path / stage)
        app = open_view("sample", sample="5")
        assert not app.exception
        assert not app.error
        assert "What the models believe" in texts(app)
        if stage == "embed":
            press(app, "Compute it")
            job = runs.latest_job(complete.name)
            assert job is not None
            assert job.stages == ("embed",)
            runs.cancel(job.id)
