"""The rules of the layout, read from the source itself: each must hold, and each must catch a planted violation."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import bir_core
from tests.rooms import ENGINE_DOORS, LAYERS, STAGES, TORCH_FREE

ROOT = Path(bir_core.__file__).parents[1]
PACKAGES = ("bir_core", "dashboard")
MAX_LINES = 350


@dataclass(frozen=True)
class Module:
    """One source file."""

    tree: ast.Module
    num_lines: int


Project = dict[str, Module]
Rule = Callable[[Project], list[str]]


def parse(source: str) -> Module:
    return Module(tree=ast.parse(source), num_lines=source.count("\n"))


def read_project() -> Project:
    project = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            project[name] = parse(path.read_text())
    return project


def all_imports(tree: ast.AST) -> Iterator[str]:
    """Every imported name, ``from a import b`` as ``a.b``; a relative import begins with a dot."""
    for node in ast.walk(tree):
        yield from _names(node)


def load_time_imports(tree: ast.AST) -> Iterator[str]:
    """The imports that run when the module is imported: not those in a function or under ``TYPE_CHECKING``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (name for branch in node.orelse for name in load_time_imports(ast.Module([branch], [])))
            continue
        yield from _names(node)
        yield from load_time_imports(node)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def resolve(name: str, project: Project) -> str | None:
    """The project's module that an imported name is or lies in."""
    while name and name not in project:
        name = name.rpartition(".")[0]
    return name or None


def engine_is_below_the_dashboard(project: Project) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, source in project.items()
        if within(module, "bir_core")
        for name in all_imports(source.tree)
        if within(name, "streamlit") or within(name, "dashboard")
    ]


def stages_stand_alone(project: Project) -> list[str]:
    """A stage is a pure function: it knows no other stage, no storage and nobody who calls it."""
    forbidden = STAGES | {
        f"bir_core.{name}" for name in ("storage", "run_folder", "pipeline", "jobs", "worker", "report")
    }
    return [
        f"{module} imports {name}"
        for module in sorted(STAGES & project.keys())
        for name in all_imports(project[module].tree)
        if resolve(name, project) in forbidden - {module}
    ]


def only_the_pipeline_knows_stages_and_storage(project: Project) -> list[str]:
    found = []
    for module, source in project.items():
        targets = {resolve(name, project) for name in all_imports(source.tree)}
        if (
            module not in ("bir_core.stages", "bir_core.judging", "bir_core.extras", "bir_core.method_stages")
            and targets & STAGES
            and "bir_core.storage" in targets
        ):
            found.append(f"{module} imports both stages and the storage")
    return found


def torch_free_modules_stay_light(project: Project) -> list[str]:
    """Nothing that the server or ``--help`` imports may pull in torch, directly or through another module."""
    return [
        f"{module} imports torch when it is loaded: {' -> '.join(chain)}"
        for module in sorted((TORCH_FREE | {name for name in project if within(name, "dashboard")}) & project.keys())
        if (chain := _chain_to_torch(module, project, set()))
    ]


def _chain_to_torch(module: str, project: Project, seen: set[str]) -> list[str]:
    """How loading a module loads torch; nothing of what was ``seen`` does, so no module is looked at twice."""
    seen.add(module)
    for name in load_time_imports(project[module].tree):
        if within(name, "torch") or within(name, "torchvision"):
            return [module, name]
        target = resolve(name, project)
        if target and target not in seen:
            chain = _chain_to_torch(target, project, seen)
            if chain:
                return [module, *chain]
    return []


def dashboard_never_touches_torch(project: Project) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, source in project.items()
        if within(module, "dashboard")
        for name in all_imports(source.tree)
        if within(name, "torch") or within(name, "torchvision")
    ]


def dashboard_layers_point_down(project: Project) -> list[str]:
    found = []
    for module, source in project.items():
        layer = _layer(module)
        if layer is None:
            continue
        if layer not in LAYERS:
            found.append(f"{module} belongs to no layer: put it in one of {', '.join(LAYERS)}")
            continue
        for name in all_imports(source.tree):
            target = _layer(name)
            if target is not None and target != module.split(".")[1] and target not in LAYERS[layer]:
                found.append(f"{module} imports {name}")
    return found


def _layer(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "dashboard" and len(parts) > 1 else None


def dashboard_has_few_doors_to_the_engine(project: Project) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, source in project.items()
        if within(module, "dashboard") and module not in ENGINE_DOORS
        for name in all_imports(source.tree)
        if within(name, "bir_core")
    ]


def figures_are_made_without_streamlit(project: Project) -> list[str]:
    return [
        f"{module} imports {name}"
        for module in (
            f"dashboard.{name}"
            for name in (
                "charts",
                "comparison_charts",
                "sample_charts",
                "sensitivity_chart",
                "sizes_chart",
                "set_charts",
                "thumbnails",
                "gaussian_example",
                "agreement_chart",
                "clouds",
                "form_fields",
                "frames",
                "method_frames",
                "pictures",
                "progress",
            )
        )
        if module in project
        for name in all_imports(project[module].tree)
        if within(name, "streamlit")
    ]


def imports_are_absolute(project: Project) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, source in project.items()
        for name in all_imports(source.tree)
        if name.startswith(".")
    ]


def modules_are_short(project: Project) -> list[str]:
    return [f"{name} has {m.num_lines} lines" for name, m in project.items() if m.num_lines > MAX_LINES]


def names_say_something(project: Project) -> list[str]:
    return [name for name in project if {"utils", "helpers", "common", "manager"} & set(name.split("."))]


def nothing_is_unpickled(project: Project) -> list[str]:
    """No pickle, and no loader of torch or NumPy that could fall back to one."""
    found = []
    for module, source in project.items():
        roots = {name.split(".")[0] for name in all_imports(source.tree)}
        found += [f"{module} imports {name}" for name in roots & {"pickle", "cPickle", "dill", "cloudpickle", "shelve"}]
        found += [
            f"{module}, line {node.lineno}: {ast.unparse(node)}"
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Call) and _could_unpickle(node)
        ]
    return found


def _could_unpickle(call: ast.Call) -> bool:
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if ast.unparse(call.func) == "torch.load":
        return keywords.get("weights_only") != "True"
    return keywords.get("allow_pickle", "False") != "False"


def public_engine_is_documented(project: Project) -> list[str]:
    found = []
    for module, source in project.items():
        if not within(module, "bir_core"):
            continue
        if ast.get_docstring(source.tree) is None:
            found.append(f"{module} has no docstring")
        found += [
            f"{module}.{node.name} has no docstring" for node in _public(source.tree) if not ast.get_docstring(node)
        ]
    return found


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)


RULES: tuple[Rule, ...] = (
    engine_is_below_the_dashboard,
    stages_stand_alone,
    only_the_pipeline_knows_stages_and_storage,
    torch_free_modules_stay_light,
    dashboard_never_touches_torch,
    dashboard_layers_point_down,
    dashboard_has_few_doors_to_the_engine,
    figures_are_made_without_streamlit,
    imports_are_absolute,
    modules_are_short,
    names_say_something,
    nothing_is_unpickled,
    public_engine_is_documented,
)

# (rule, module that is added or replaced, its source): the smallest source that breaks the rule.
VIOLATIONS: tuple[tuple[Rule, str, str], ...] = (
    (engine_is_below_the_dashboard, "bir_core.scoring", "import streamlit as st\n"),
    (engine_is_below_the_dashboard, "bir_core.flow", "def f():\n    from dashboard import runs\n"),
    (stages_stand_alone, "bir_core.scoring", "from bir_core import repair\n"),
    (stages_stand_alone, "bir_core.alignment", "def f():\n    from bir_core.storage import load_scores\n"),
    (stages_stand_alone, "bir_core.data.splits", "from bir_core.data import corruptions\n"),
    (only_the_pipeline_knows_stages_and_storage, "bir_core.jobs", "from bir_core import scoring, storage\n"),
    (torch_free_modules_stay_light, "bir_core.records", "from torch import Tensor\n"),
    (torch_free_modules_stay_light, "bir_core.storage", "from bir_core import devices\n"),
    (torch_free_modules_stay_light, "bir_core.storage", "try:\n    import torch\nexcept ImportError:\n    pass\n"),
    (torch_free_modules_stay_light, "dashboard.runs", "from bir_core import pipeline\n"),
    (dashboard_never_touches_torch, "dashboard.views.scores", "def f():\n    import torch\n"),
    (dashboard_layers_point_down, "dashboard.components.planted", "from dashboard.views import scores\n"),
    (dashboard_layers_point_down, "dashboard.charts", "from dashboard import session\n"),
    (dashboard_layers_point_down, "dashboard.views.scores", "import dashboard.routes\n"),
    (dashboard_layers_point_down, "dashboard.profile", "x = 1\n"),
    (dashboard_has_few_doors_to_the_engine, "dashboard.views.scores", "from bir_core import storage\n"),
    (figures_are_made_without_streamlit, "dashboard.frames", "import streamlit\n"),
    (imports_are_absolute, "bir_core.scoring", "from . import losses\n"),
    (modules_are_short, "bir_core.scoring", "x = 1\n" * (MAX_LINES + 1)),
    (names_say_something, "bir_core.numerics.utils", "x = 1\n"),
    (nothing_is_unpickled, "bir_core.storage", "import pickle\n"),
    (nothing_is_unpickled, "bir_core.storage", "torch.load(path)\n"),
    (nothing_is_unpickled, "bir_core.storage", "torch.load(path, weights_only=False)\n"),
    (nothing_is_unpickled, "bir_core.storage", "np.load(path, allow_pickle=True)\n"),
    (public_engine_is_documented, "bir_core.scoring", '"""Doc."""\n\n\ndef score():\n    pass\n'),
    (
        public_engine_is_documented,
        "bir_core.scoring",
        '"""Doc."""\n\n\nclass A:\n    """Doc."""\n\n    def f(self):\n        pass\n',
    ),
)

# What looks like a violation and is none.
ALLOWED: tuple[tuple[Rule, str, str], ...] = (
    (torch_free_modules_stay_light, "bir_core.worker", "def work():\n    from bir_core import pipeline\n"),
    (torch_free_modules_stay_light, "bir_core.jobs", "if TYPE_CHECKING:\n    from torch import Tensor\n"),
    (dashboard_layers_point_down, "dashboard.views.scores", "from dashboard.components import gallery\n"),
    (
        nothing_is_unpickled,
        "bir_core.storage",
        "torch.load(path, weights_only=True)\nnp.load(path, allow_pickle=False)\n",
    ),
    (public_engine_is_documented, "bir_core.scoring", '"""Doc."""\n\n\ndef _private():\n    pass\n'),
)


@pytest.fixture(scope="module")
def project() -> Project:
    return read_project()


@pytest.mark.parametrize("rule", RULES)
def test_rule_holds(rule: Rule, project: Project) -> None:
    assert rule(project) == []


@pytest.mark.parametrize(("rule", "name", "source"), VIOLATIONS)
def test_rule_catches_a_planted_violation(rule: Rule, name: str, source: str, project: Project) -> None:
    found = rule(project | {name: parse(source)})
    assert any(name in line for line in found), found


@pytest.mark.parametrize(("rule", "name", "source"), ALLOWED)
def test_rule_lets_the_allowed_pass(rule: Rule, name: str, source: str, project: Project) -> None:
    assert [line for line in rule(project | {name: parse(source)}) if name in line] == []


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule for rule, _, _ in VIOLATIONS} == set(RULES)


def test_project_is_read_whole(project: Project) -> None:
    """Guards the rules against passing on nothing: the modules that they name are there."""
    certain = {
        "bir_core.stages",
        "bir_core.pipeline",
        "bir_core.jobs",
        "bir_core.storage",
        "dashboard.runs",
        "dashboard.charts",
    }
    assert project.keys() >= STAGES | certain


def _imported_modules(statement: str, folder: Path) -> set[str]:
    """What a fresh interpreter, started outside the repository, has loaded after ``statement``."""
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_torch_free_modules_do_not_load_torch(project: Project, tmp_path: Path) -> None:
    """The same rule seen from outside; it also shows that the package is installed, not just beside the tests."""
    loaded = _imported_modules(f"import {', '.join(sorted(TORCH_FREE & project.keys()))}", tmp_path)
    assert "bir_core.storage" in loaded
    assert "torch" not in loaded


def test_loading_torch_would_be_seen(tmp_path: Path) -> None:
    assert "torch" in _imported_modules("import bir_core.devices", tmp_path)
