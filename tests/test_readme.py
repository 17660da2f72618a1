"""The README keeps up with the product: what it must name is asked of the product itself."""

import importlib.metadata
import re
from pathlib import Path

import pytest
import typer
import typer.main

import bir_core
from bir_core import __main__ as command_line
from bir_core import config, flow, storage
from bir_core.run_folder import Run

ROOT = Path(bir_core.__file__).parents[1]
COMMANDS = (
    "pip install -r requirements.txt && streamlit run dashboard/app.py",
    "pip install -r requirements-dev.txt && pytest",
)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text()


def command_names() -> list[str]:
    app = next(value for value in vars(command_line).values() if isinstance(value, typer.Typer))
    group = typer.main.get_group(app)
    return sorted(name for name, command in group.commands.items() if not command.hidden)


def names_in_code(text: str) -> set[str]:
    """Words inside backticks and code blocks; prose that happens to use a word does not count."""
    pieces = re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL)
    return {word for piece in pieces for word in re.findall(r"[\w.-]+", piece)}


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_quotes_the_two_commands(command: str, readme: str) -> None:
    assert command in readme


def test_ci_runs_the_checks_that_the_readme_names(readme: str) -> None:
    script = (ROOT / ".ci" / "run").read_text()
    for check in ("ruff check .", "ruff format --check .", "mypy", "pytest"):
        assert f"check {check}\n" in script
        assert check in readme
    assert "pip install --quiet --disable-pip-version-check -r requirements-dev.txt\n" in script


@pytest.mark.parametrize("stage", flow.NAMES)
def test_readme_names_every_stage(stage: str, readme: str) -> None:
    assert stage in names_in_code(readme)


@pytest.mark.parametrize("command", command_names())
def test_readme_shows_every_command(command: str, readme: str) -> None:
    assert f"python -m bir_core {command}" in readme


def test_readme_documents_the_keys_of_the_report(readme: str, tiny_run: Run) -> None:
    """Those of the object itself, of the part that scripts read most, and the names of all models."""
    report = storage.load_report(tiny_run.path / "evaluate")
    keys = set(report) | set(report["identification"]) | set(report["models"])
    assert {"identification", "auc", "bir", "seconds"} <= keys
    assert sorted(keys - names_in_code(readme)) == []


def test_readme_names_every_section_of_a_config(readme: str) -> None:
    assert set(config.RunConfig.model_fields) <= names_in_code(readme)


def test_files_that_the_readme_links_to_exist(readme: str) -> None:
    links = LINK.findall(readme)
    assert links, "the README shows at least one picture of the dashboard"
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_words_outside_code_do_not_count() -> None:
    assert names_in_code("we score and `align` it\n```bash\nrun x.toml\n```") == {"align", "bash", "run", "x.toml"}


def test_requirements_end_with_the_package_itself_and_pin_everything_else() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert lines[-1] == "-e ."
    pins = [line for line in lines[:-1] if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[\w-]+==[\w.]+", line)] == []


def test_every_pinned_package_is_installed() -> None:
    pins = re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    assert len(pins) > 10
    found = {name: importlib.metadata.version(name) for name, _ in pins}
    assert found == dict(pins)
