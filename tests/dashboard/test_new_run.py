"""The New run page: what is chosen is what is shown as a file, and what is shown is what is started."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from bir_core import config, inspection, jobs, run_folder
from bir_core.card import Card
from bir_core.config import RunConfig
from bir_core.data import image_set
from bir_core.data.image_set import ImageSet
from bir_core.data_config import OwnDataConfig
from bir_core.errors import InputError
from bir_core.run_folder import Run
from dashboard import new_runs
from dashboard.components import config_form
from tests.dashboard.conftest import OpenView, go_to, texts
from tests.dashboard.test_views import live_jobs

DIGITS = "mnist5k-label-lenet-early_stop-seed0"


@pytest.fixture
def data_root() -> Path:
    root = Path(os.environ["BIR_DATA_DIR"])
    root.mkdir(parents=True)
    return root.resolve()


@pytest.fixture
def leaves(data_root: Path) -> str:
    """An imported image set, as far as this page looks at it."""
    folder = data_root / "sets" / "leaves"
    folder.mkdir(parents=True)
    (folder / "set.json").write_text(json.dumps({"class_names": ["oak", "ash_*"]}))
    return "leaves"


@pytest.fixture
def page(runs_root: Path, open_view: OpenView) -> AppTest:
    """The page on a computer without any run."""
    assert run_folder.names(runs_root) == []
    app = open_view("new_run")
    assert not app.exception
    return app


def shown(app: AppTest) -> RunConfig:
    """The config that the page shows as a file."""
    assert not app.exception
    assert not app.error, [error.value for error in app.error]
    return config.parse(tomllib.loads(app.code[0].value), origin="the page")


def start_button(app: AppTest) -> Any:
    return app.button(key="new_go")


def complaint(app: AppTest) -> str:
    """Why nothing can be started."""
    assert not app.exception
    assert start_button(app).disabled
    assert app.code.len == 0, "no file is shown for settings that cannot be started"
    (error,) = app.error
    assert start_button(app).help == error.value
    return str(error.value)


def put(app: AppTest, key: str, value: object) -> AppTest:
    """Set a number or a text by its key."""
    boxes = [*app.number_input, *app.text_input]
    return next(box for box in boxes if box.key == key).set_value(value).run()


def typed(app: AppTest, key: str, path: str) -> AppTest:
    """Type what a box does not offer; AppTest looks up what is chosen among the options."""
    box = app.selectbox(key=key)
    box.options.append(path)
    return box.set_value(path).run()


class TestTheNetwork:
    def test_it_is_looked_at_and_shown_until_the_settings_change(self, page: AppTest) -> None:
        assert page.table.len == 0
        page.button(key="new_check").click().run(timeout=150)
        shown_config = shown(page)
        table = page.table[0].value
        numbers = [layer.num_parameters for layer in inspection.inspect(shown_config).layers]
        assert table["Parameters"].tolist() == [f"{number:,}" for number in numbers]
        assert sum(map(float, table["%"])) == pytest.approx(100, abs=0.3)
        assert "starts from scratch" in texts(page)
        page.number_input(key="new_run_seed").set_value(5).run()
        assert page.table.len == 0

    @pytest.mark.usefixtures("runs_root")
    def test_what_was_said_of_images_goes_when_they_are_imported_anew(
        self, open_view: OpenView, leaves: str, data_root: Path
    ) -> None:
        page = open_view("new_run", data=leaves)
        page.button(key="new_check").click().run(timeout=150)
        assert [error.value.split()[:3] for error in page.run().error] == [["Image", "set", "'leaves'"]]
        file = data_root / "sets" / leaves / "set.json"
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
        assert not page.run().error

    def test_what_is_wrong_with_it_is_said_in_its_own_words(self, page: AppTest) -> None:
        page.selectbox(key="new_origin").set_value("torchvision").run()
        put(page, "new_network_torchvision", "resnet18")
        page.button(key="new_check").click().run(timeout=150)
        assert not page.exception
        (error,) = page.error
        assert str(error.value).startswith("The images are 1 x 28 x 28, and torchvision:resnet18 takes 3 x 224 x 224")
        assert not start_button(page).disabled, "a check is no condition"


class TestChoosing:
    def test_the_usual_settings_are_the_defaults(self, page: AppTest) -> None:
        assert shown(page) == RunConfig(name=DIGITS)
        assert page.code[0].value == f'name = "{DIGITS}"\n'.strip()
        assert page.code[1].value == f"python -m bir_core run {DIGITS}.toml"
        assert page.title[0].value == "New run"
        assert not start_button(page).disabled

    def test_what_differs_is_marked_and_written(self, page: AppTest) -> None:
        rate = page.number_input(key="new_base_learning_rate").set_value(0.01).run().number_input
        assert rate(key="new_base_learning_rate").label == f"Learning rate {config_form.MARK}"
        assert rate(key="new_enhance_learning_rate").label == "Learning rate"
        page.text_input(key="new_align_eta").set_value("0.5")
        page.toggle(key="new_align_clamp").set_value(True)
        page.number_input(key="new_identify_top_k").set_value(7)
        page.selectbox(key="new_data_corruption").set_value("input")
        page.number_input(key="new_methods_trak_projection").set_value(64)
        page.selectbox(key="new_run_device").set_value("cpu").run()
        assert tomllib.loads(page.code[0].value) == {
            "name": "mnist5k-input-lenet-early_stop-seed0",
            "device": "cpu",
            "data": {"corruption": "input"},
            "base": {"learning_rate": 0.01},
            "identify": {"top_k": 7},
            "align": {"eta": 0.5, "clamp": True},
            "methods": {"trak": {"projection": 64}},
        }

    def test_a_field_has_the_description_and_bounds_of_the_config(self, page: AppTest) -> None:
        seed = page.number_input(key="new_run_seed")
        assert (seed.help, seed.min, seed.max) == ("root of every random draw", 0, 2**32 - 1)
        assert page.number_input(key="new_run_threads").value is None

    def test_everything_survives_another_page_and_goes_back(self, page: AppTest) -> None:
        page.number_input(key="new_run_seed").set_value(5)
        page.selectbox(key="new_base_preset").set_value("memorised")
        page.selectbox(key="data").set_value("cifar10")
        page.text_input(key="new_name").set_value("mine").run()
        chosen = shown(page)
        assert (chosen.name, chosen.seed, chosen.base.preset, chosen.data.source) == ("mine", 5, "memorised", "cifar10")
        assert shown(go_to(go_to(page, "jobs"), "new_run")) == chosen
        next(button for button in page.button if button.label == "Back to the defaults").click().run()
        assert (shown(page).seed, shown(page).name) == (0, "cifar10-label-lenet-early_stop-seed0")

    def test_a_library_network_with_a_card_of_its_own(self, page: AppTest) -> None:
        page.selectbox(key="new_origin").set_value("torchvision").run()
        assert "torchvision:resnet18" in complaint(page)
        page.text_input(key="new_network_torchvision").set_value("resnet18").run()
        assert (shown(page).base.network, shown(page).base.card) == ("torchvision:resnet18", None)
        page.toggle(key="new_own_card").set_value(True).run()
        assert page.text_input(key="new_card_False_mean").value == "0.485, 0.456, 0.406"
        page.text_input(key="new_card_False_size").set_value("64, 64").run()
        card = shown(page).base.card
        assert card is not None
        assert (card.size, card.mean, card.resize) == ((64, 64), (0.485, 0.456, 0.406), 256)

    def test_a_card_of_a_built_in_network_begins_with_plain_pixels(self, page: AppTest) -> None:
        page.toggle(key="new_own_card").set_value(True).run()
        assert shown(page).base.card == Card()

    @pytest.mark.usefixtures("runs_root")
    def test_the_start_page_leads_here(self, open_view: OpenView) -> None:
        links = [link.proto.page for link in open_view("overview").get("page_link")]
        assert links == ["new_run"]


class TestOwnImages:
    @pytest.mark.usefixtures("runs_root")
    def test_a_link_chooses_them_and_nobody_knows_what_is_wrong(self, open_view: OpenView, leaves: str) -> None:
        app = open_view("new_run", data=leaves)
        chosen = shown(app)
        assert chosen.data == OwnDataConfig(images=leaves)
        assert chosen.name == "leaves-lenet-early_stop-seed0"
        assert not app.toast
        assert app.multiselect(key="new_own_leaves_noisy_classes").options == ["oak", "ash_*"]
        app.multiselect(key="new_own_leaves_noisy_classes").set_value(["ash_*"]).run()
        assert shown(app).data == OwnDataConfig(images=leaves, noisy_classes=("ash_*",))
        assert app.query_params["data"] in (leaves, [leaves])

    @pytest.mark.usefixtures("runs_root")
    def test_without_a_reserved_image_nothing_can_be_started(self, open_view: OpenView, digits: ImageSet) -> None:
        sentence = "The image set 'digits' has no reserved image: import a folder of clean images with --reserved, "
        app = open_view("new_run", data=digits.name)
        assert complaint(app).startswith(sentence)
        assert app.error[0].proto.title == "This cannot be started yet"
        image_set.with_reserved(digits.name, range(20))
        assert shown(app.run()).data == OwnDataConfig(images=digits.name)

    @pytest.mark.usefixtures("runs_root", "leaves")
    @pytest.mark.parametrize("asked", ["nowhere", "../leaves", "leaves/set.json"])
    def test_a_link_to_none_says_so(self, open_view: OpenView, asked: str) -> None:
        app = open_view("new_run", data=asked)
        assert any(f"data={asked}" in toast.value for toast in app.toast)
        assert shown(app).name == DIGITS


class TestFiles:
    def test_weights_below_the_roots(self, page: AppTest, data_root: Path) -> None:
        (data_root / "weights").mkdir()
        file = data_root / "weights" / "mine.safetensors"
        file.write_bytes(b"")
        page.selectbox(key="new_start").set_value("file").run()
        assert "is no path" in complaint(page)
        assert page.selectbox(key="new_file").options == [str(file)]
        page.selectbox(key="new_file").set_value(str(file)).run()
        assert shown(page).base.start == str(file)
        page.selectbox(key="new_base_preset").set_value("trained").run()
        assert tomllib.loads(page.code[0].value)["base"] == {"start": str(file), "preset": "trained"}
        assert shown(typed(page, "new_file", "weights/mine.safetensors")).base.start == str(file)

    def test_an_exported_program_is_taken_as_it_is(self, page: AppTest, data_root: Path) -> None:
        (data_root / "net.pt2").write_bytes(b"")
        page.selectbox(key="new_origin").set_value("export").run()
        page.selectbox(key="new_program").set_value(str(data_root / "net.pt2")).run()
        base = shown(page).base
        assert (base.network, base.preset) == (f"export:{data_root}/net.pt2", "trained")
        assert shown(page).name == "mnist5k-label-net-trained-seed0"

    @pytest.mark.parametrize(
        "text", ["/etc/passwd.pt", "../secret.pt", "linked.pt", "~/x.pt", "a\0b.pt", "//host/x.pt", "absent.pt"]
    )
    @pytest.mark.parametrize("where", [("start", "file", "file"), ("origin", "export", "program")])
    def test_elsewhere_is_refused(self, page: AppTest, data_root: Path, text: str, where: tuple[str, str, str]) -> None:
        switch, kind, box = where
        (data_root.parent / "secret.pt").write_bytes(b"")
        (data_root / "linked.pt").symlink_to(data_root.parent / "secret.pt")
        page.selectbox(key=f"new_{switch}").set_value(kind).run()
        assert str(data_root) in complaint(typed(page, f"new_{box}", text))

    def test_a_folder_is_no_file(self, data_root: Path) -> None:
        (data_root / "weights").mkdir()
        with pytest.raises(InputError, match="'weights' is a folder"):
            new_runs.allowed_file("weights")

    def test_code_is_never_named_in_the_browser(self, page: AppTest) -> None:
        values = {"data": {}, "base": {"network": "factory:os:abort", "start": "scratch"}}
        with pytest.raises(InputError, match="only a config file may ask for"):
            new_runs.parse(values)
        page.selectbox(key="new_origin").set_value("timm").run()
        page.text_input(key="new_network_timm").set_value("factory:os:abort").run()
        assert "expected the form timm:" in complaint(page)


class TestStarting:
    def test_what_is_shown_is_what_is_computed(self, page: AppTest, runs_root: Path) -> None:
        page.number_input(key="new_data_num_train").set_value(200)
        page.number_input(key="new_base_memorised_epochs").set_value(1_000_000)
        page.selectbox(key="new_base_preset").set_value("memorised").run()
        wanted = shown(page)
        start_button(page).click().run()
        assert not page.exception
        (name,) = run_folder.names(runs_root)
        job = jobs.latest(runs_root, name)
        assert job is not None
        drawn = live_jobs(page)
        jobs.cancel(runs_root, job.id)
        assert run_folder.open_run(runs_root, name).config == wanted
        assert page.session_state["run"] == name
        assert [one["job"]["id"] for one in drawn] == [job.id], "its progress is shown on the Overview"
        again = shown(go_to(page, "new_run"))
        assert again == wanted.model_copy(update={"name": f"{name}-2"}), "the settings are still there"

    def test_a_taken_name_is_said(self, open_view: OpenView, complete: Run) -> None:
        app = open_view("new_run")
        app.text_input(key="new_name").set_value(complete.name).run()
        assert complaint(app) == "A run named 'tiny' exists already: choose another name, or leave it empty."

    def test_a_name_that_is_taken_meanwhile_is_said(self, page: AppTest, runs_root: Path) -> None:
        run_folder.create(runs_root, RunConfig(name=DIGITS))
        start_button(page).click().run()
        assert not page.exception
        assert any("exists in" in error.value for error in page.error)
        assert jobs.list_jobs(runs_root) == []
        assert page.title[0].value == "New run"

    @pytest.mark.parametrize(
        ("key", "value", "sentence"),
        [
            ("new_base_learning_rate", 0.0, "Base.learning_rate: Input should be greater than 0, got 0.0."),
            ("new_data_num_train", 2995, "must be a multiple of 10"),
            ("new_align_eta", "much", "Align.eta: must be \"auto\" or a number of at least 0, got 'much'."),
            ("new_name", "a/b", "Name: 'a/b' cannot be a name: give 1 to 80 letters, digits, dots, dashes or under"),
        ],
    )
    def test_a_wrong_value_is_said_by_the_engine(self, page: AppTest, key: str, value: object, sentence: str) -> None:
        assert sentence in complaint(put(page, key, value))
