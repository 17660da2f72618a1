"""The Data page as its reader meets it: nothing imported, an import at work, sets to look at, and what buttons do."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from bir_core import jobs, uploads
from bir_core.data import image_set, importing
from bir_core.data.image_set import ImageSet
from bir_core.data.import_request import ImportRequest
from dashboard import image_sets, imports, set_charts
from dashboard.components import set_report
from tests import own_images
from tests.dashboard.conftest import OpenView, texts, wait_until


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixty digits as a folder of class folders inside a root that may be named."""
    monkeypatch.setenv("BIR_DATA_ROOTS", str(tmp_path / "root"))
    return own_images.write_folder(tmp_path / "root" / "my-digits", range(60))


def component(app: AppTest, name: str) -> dict[str, Any]:
    (found,) = (one for one in app.get("bidi_component") if one.proto.component_name == name)
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def finish(runs_root: Path) -> jobs.Job:
    return wait_until(lambda: jobs.list_jobs(runs_root)[0], lambda job: job.state not in jobs.ACTIVE)


def zipped(folder: Path) -> bytes:
    """Every file of a folder as an archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    return content.getvalue()


class TestEmpty:
    @pytest.mark.usefixtures("runs_root")
    def test_it_says_what_is_expected(self, open_view: OpenView) -> None:
        app = open_view("data")
        assert not app.exception
        for words in ("one folder per class", "`path` and `label`", "30 clean images per class", "five minutes"):
            assert words in texts(app)
        assert app.button(key="import_go").disabled

    @pytest.mark.usefixtures("runs_root")
    def test_without_a_folder_to_name_it_says_where_to_put_one(self, open_view: OpenView) -> None:
        assert "There is nothing in" in texts(open_view("data"))

    @pytest.mark.usefixtures("runs_root")
    def test_a_link_to_a_set_that_is_not_there(self, open_view: OpenView, digits: ImageSet) -> None:
        app = open_view("data", set="../../etc")
        assert not app.exception
        assert "set=../../etc" in app.toast[0].value
        assert app.selectbox(key="set").value == digits.name


class TestImporting:
    def test_a_folder_becomes_a_set(self, open_view: OpenView, runs_root: Path, folder: Path) -> None:
        app = open_view("data")
        assert app.selectbox(key="import_path_inside").options == ["my-digits/"]
        app.selectbox(key="import_path_inside").select("my-digits/").run()
        assert app.text_input(key="import_path").value == str(folder)
        assert app.selectbox(key="import_path_inside").options == [f"{label}/" for label in range(10)]
        assert f"python -m bir_core images my-digits --from {folder}" in texts(app)
        app.button(key="import_go").click().run()
        assert not app.exception
        assert not app.error
        assert finish(runs_root).state == "finished"
        app.run()
        assert app.selectbox(key="set").value == "my-digits"
        assert [(one.label, one.value) for one in app.metric] == [
            ("Training images", "60"),
            ("Reserved images", "0"),
            ("Test images", "0"),
            ("Classes", "10"),
        ]
        assert any("pick some before a run" in one.value for one in app.warning)

    @pytest.mark.usefixtures("runs_root")
    def test_up_leads_to_the_root_and_no_further(self, open_view: OpenView, folder: Path) -> None:
        app = open_view("data")
        app.text_input(key="import_path").set_value(str(folder / "3")).run()
        for expected in (folder, folder.parent):
            app.button(key="import_path_up").click().run()
            assert app.text_input(key="import_path").value == str(expected)
        assert app.button(key="import_path_up").disabled

    @pytest.mark.usefixtures("runs_root")
    def test_of_several_roots_each_is_a_click_away(
        self, open_view: OpenView, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        places = [folder.parent, own_images.write_folder(tmp_path / "more", range(3))]
        own = Path(os.environ["BIR_DATA_DIR"])
        (own / "of-the-data-folder").mkdir(parents=True)
        monkeypatch.setenv("BIR_DATA_ROOTS", os.pathsep.join(map(str, [*places, tmp_path / "absent"])))
        app = open_view("data")
        begin = app.selectbox(key="import_path_inside")
        assert (begin.label, begin.options) == ("Begin in", [*map(str, places), str(own.resolve())])
        assert app.button(key="import_path_up").disabled
        begin.select(str(own.resolve())).run()
        assert app.text_input(key="import_path").value == str(own.resolve())
        assert app.selectbox(key="import_path_inside").options == ["of-the-data-folder/"]
        app.button(key="import_path_up").click().run()
        assert app.selectbox(key="import_path_inside").label == "Begin in"
        assert not app.exception
        assert not app.error

    @pytest.mark.parametrize("path", ["/etc", "~", "../..", "//server/share", "C:\\images", "my-digits/../../.."])
    def test_other_paths_are_refused_in_a_sentence(
        self, open_view: OpenView, runs_root: Path, folder: Path, path: str
    ) -> None:
        app = open_view("data")
        app.text_input(key="import_path").set_value(path).run()
        assert not app.exception
        (error,) = app.error
        assert "may not be named here" in error.value
        assert str(folder.parent) in error.value
        assert app.button(key="import_go").disabled
        assert jobs.list_jobs(runs_root) == []

    def test_reserved_images_of_their_own_and_what_cannot_be_read(
        self, open_view: OpenView, runs_root: Path, folder: Path
    ) -> None:
        own_images.write_folder(folder.parent / "clean", range(100, 150))
        (folder / "0" / "broken.png").write_bytes(b"no picture")
        app = open_view("data")
        app.text_input(key="import_path").set_value(str(folder)).run()
        app.toggle(key="import_has_reserved").set_value(True).run()
        assert app.button(key="import_go").disabled, "not said yet where they lie"
        app.text_input(key="import_reserved").set_value(str(folder.parent / "clean"))
        app.text_input(key="import_name").set_value("mine").run()
        app.button(key="import_go").click().run()
        failed = finish(runs_root)
        assert failed.state == "failed"
        app.run()
        (error,) = (one.value for one in app.error if "1 of 111 files cannot be read" in one.value)
        assert app.toggle(key="import_skip").label.lower() in error
        app.toggle(key="import_skip").set_value(True).run()
        assert f"--reserved {folder.parent / 'clean'} --skip-unreadable" in texts(app)
        app.button(key="import_go").click().run()
        assert finish(runs_root).state == "finished"
        app.run()
        assert not app.exception
        found = image_set.open_set("mine")
        assert len(found.rows_of("reserved")) == 50
        app.segmented_control(key="data_section").set_value("Report").run()
        assert "1 file could not be read" in texts(app)

    def test_a_zip_is_unpacked_and_imported(self, open_view: OpenView, runs_root: Path, folder: Path) -> None:
        app = open_view("data")
        app.segmented_control(key="import_from").set_value("Upload a zip").run()
        app.file_uploader(key="import_archive").set_value(("My digits.zip", zipped(folder), "application/zip")).run()
        app.button(key="import_go").click().run()
        assert not app.exception
        assert not app.error
        assert finish(runs_root).state == "finished"
        app.run()
        assert app.selectbox(key="set").value == "My-digits"
        assert len(image_set.open_set("My-digits")) == 60

    def test_a_second_zip_of_that_name_renews_the_set(
        self, open_view: OpenView, runs_root: Path, folder: Path, tmp_path: Path
    ) -> None:
        fewer = own_images.write_folder(tmp_path / "fewer", range(40))
        for sent, number in ((folder, 60), (fewer, 40)):
            app = open_view("data")
            app.segmented_control(key="import_from").set_value("Upload a zip").run()
            app.file_uploader(key="import_archive").set_value(("digits.zip", zipped(sent), "application/zip")).run()
            app.button(key="import_go").click().run()
            assert not app.error
            assert finish(runs_root).state == "finished"
            assert len(image_set.open_set("digits")) == number
        assert sorted(path.name for path in uploads.root().iterdir()) == ["digits", "digits-2"]
        app.run()
        assert app.selectbox(key="upload").options == ["digits", "digits-2"]
        assert "60 files, " in texts(app)
        assert "No image set is made of it." in texts(app)
        assert app.button(key="delete_upload").disabled
        app.checkbox(key="sure_digits").check().run()
        app.button(key="delete_upload").click().run()
        assert not app.exception
        assert "The upload digits is deleted" in app.success[0].value
        assert uploads.names() == app.selectbox(key="upload").options == ["digits-2"]
        assert "Image sets made of it: **digits**." in texts(app)
        assert app.button(key="delete_upload").disabled
        app.button(key="delete_set").click().run()
        assert not app.exception
        assert app.selectbox(key="upload").options == ["digits-2"]
        assert "No image set is made of it." in texts(app)

    def test_a_zip_that_leads_out_is_refused(self, open_view: OpenView, runs_root: Path, tmp_path: Path) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("../evil/1.png", own_images.png(1))
        app = open_view("data")
        app.segmented_control(key="import_from").set_value("Upload a zip").run()
        app.file_uploader(key="import_archive").set_value(("evil.zip", content.getvalue(), "application/zip")).run()
        app.button(key="import_go").click().run()
        assert not app.exception
        assert len(app.error) == 1
        assert jobs.list_jobs(runs_root) == []
        assert not list(tmp_path.rglob("1.png"))

    @pytest.mark.usefixtures("runs_root", "folder")
    def test_an_impossible_name_is_said(self, open_view: OpenView, folder: Path) -> None:
        app = open_view("data")
        app.text_input(key="import_path").set_value(str(folder))
        app.text_input(key="import_name").set_value("../evil").run()
        assert any("cannot be the name of an image set" in error.value for error in app.error)
        assert app.button(key="import_go").disabled

    @pytest.mark.usefixtures("runs_root")
    def test_a_folder_that_proposes_no_name_asks_for_one(self, open_view: OpenView, folder: Path) -> None:
        app = open_view("data")
        app.text_input(key="import_path").set_value(str(folder.rename(folder.parent / "木"))).run()
        assert [error.value.split(":")[0] for error in app.error] == ["The image set needs a name"]


@pytest.mark.usefixtures("runs_root")
class TestSets:
    def test_counts_pictures_and_report(self, open_view: OpenView, digits: ImageSet) -> None:
        app = open_view("data", set="digits")
        assert not app.exception
        assert "10 classes with" in texts(app)
        (table,) = (found.value for found in app.table if "Train" in found.value)
        assert table["Train"].astype(int).tolist() == [int((digits.labels == label).sum()) for label in range(10)]
        app.segmented_control(key="data_section").set_value("Pictures").run()
        app.selectbox(key="class_digits").select_index(3).run()
        shown = component(app, "bir_thumbnails")
        assert shown["version"] == digits.fingerprint[:20]
        assert [digits.labels[one["row"]] for one in shown["rows"]] == [3] * int((digits.labels == 3).sum())
        assert all(one["key"] == digits.value("key", one["row"]) for one in shown["rows"])
        app.segmented_control(key="data_section").set_value("Report").run()
        assert "All images have 28 × 28 pixels." in texts(app)
        assert "no picture is there twice" in texts(app)

    def test_links_name_the_set(self, open_view: OpenView, digits: ImageSet) -> None:
        links = {
            link.proto.page: link.proto.query_string for link in open_view("data", set=digits.name).get("page_link")
        }
        assert links["pick"] == "set=digits"
        assert links["new_run"] == "data=digits"

    def test_delete_asks_first_and_leaves_the_originals(self, open_view: OpenView, digits: ImageSet) -> None:
        files = sorted((digits.path.parents[2] / "digits").rglob("*.png"))
        app = open_view("data")
        assert image_set.names() == ["digits"]
        app.button(key="delete_set").click().run()
        assert not app.exception
        assert image_set.names() == []
        assert "The image set digits is deleted" in app.success[0].value
        assert len(files) == 60
        assert all(file.is_file() for file in files)

    def test_import_again_takes_up_what_is_new(self, open_view: OpenView, runs_root: Path, digits: ImageSet) -> None:
        own_images.write_folder(digits.path.parents[2] / "digits", range(60, 70))
        app = open_view("data")
        next(button for button in app.button if button.label == "Import again").click().run()
        assert finish(runs_root).state == "finished"
        app.run()
        assert app.metric[0].value == "70"

    def test_a_damaged_set_is_one_sentence_and_the_others_are_there(
        self, open_view: OpenView, digits: ImageSet, tmp_path: Path
    ) -> None:
        own_images.imported("other", own_images.write_folder(tmp_path / "other", range(30)))
        (digits.path / "set.json").write_text("{")
        app = open_view("data", set="digits")
        assert not app.exception
        assert any("import it again" in error.value for error in app.error)
        (table,) = (found.value for found in app.table if "Name" in found.value)
        assert table["Name"].tolist() == ["digits", "other"]


def test_many_classes_are_a_table_and_no_bars(open_view: OpenView, runs_root: Path, tmp_path: Path) -> None:  # noqa: ARG001
    for label in range(45):
        place = tmp_path / "many" / f"class {label:04}"
        place.mkdir(parents=True)
        (place / "1.png").write_bytes(own_images.png(label))
    own_images.imported("many", tmp_path / "many")
    app = open_view("data")
    assert not app.exception
    assert len(app.get("plotly_chart")) == 0
    (table,) = (found.value for found in app.dataframe)
    assert len(table) == 45
    assert "45 classes with 1 training images each." in texts(app)


SPLITS = {"train": {"a": 5, "b": 1}, "reserved": {"a": 2, "b": 0}}


def test_counts_are_stacked_by_part() -> None:
    train, reserved = set_charts.counts(SPLITS, {"a": "Apple", "b": "Bee"}).data
    assert (train.name, list(train.x), list(train.y)) == ("train", ["Apple", "Bee"], [5, 1])
    assert (reserved.name, list(reserved.y)) == ("reserved", [2, 0])
    table = set_charts.table(SPLITS, {"a": "Apple", "b": "Bee"})
    assert table.to_dict("list") == {"Class": ["Apple", "Bee"], "Train": [5, 1], "Reserved": [2, 0], "All": [7, 1]}
    assert set_charts.in_words(SPLITS) == "2 classes with 1 to 5 training images each, 3 in the middle."


def test_sizes_in_words() -> None:
    assert set_charts.sizes({"num": 1, "smallest": [28, 20], "largest": [28, 20], "common": [[28, 20, 9]]}) == (
        "All images have 28 × 20 pixels."
    )
    found = {"num": 2, "smallest": [10, 10], "largest": [2000, 10], "common": [[2000, 10, 7], [10, 10, 2]]}
    assert set_charts.sizes(found) == (
        "2 sizes from 10 × 10 to 2,000 × 10 pixels; most frequent: 2,000 × 10 (7), 10 × 10 (2)."
    )


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (10**16, "10,000.0 TB")],
)
def test_size_of_files_in_words(size: int, words: str) -> None:
    assert set_report.amount(size) == words


@pytest.mark.parametrize(
    ("path", "name"), [("/data/My cats!", "My-cats"), ("/data/labels.csv", "labels"), ("/", ""), ("/data/..", "")]
)
def test_proposed_names(path: str, name: str) -> None:
    assert imports.proposed_name(path) == name


def test_the_command_line_quotes() -> None:
    asked = imports.ImportRequest(name="a", path="/my data/x", skip_unreadable=True)
    assert imports.command(asked) == "python -m bir_core images a --from '/my data/x' --skip-unreadable"


def test_an_upload_is_behind_every_set_that_reads_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where only the reserved images came with it, and where the data folder is a link."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("BIR_DATA_DIR", str(tmp_path / "link"))
    mine = own_images.write_folder(tmp_path / "mine", range(60))
    for name in ("clean", "cleaner"):
        sent = own_images.write_folder(tmp_path / name, range(100, 130))
        uploads.receive_archive(name, io.BytesIO(zipped(sent)))
    reserved = (uploads.root() / "clean").resolve()
    importing.import_images(ImportRequest(name="mine", path=str(mine), reserved=str(reserved)))
    assert image_sets.made_of("clean") == ["mine"]
    assert image_sets.made_of("cleaner") == []
    assert image_sets.extent_of_upload("clean")[0] == 30
