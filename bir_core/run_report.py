"""The report of a run as people get it: under the run's own name and settings. No torch here."""

from typing import Any

from bir_core import run_folder, storage
from bir_core.run_folder import Run


def read(run: Run) -> dict[str, Any]:
    """The report of a run, which has one; its schema is in the README.

    A fork takes over the report of its parent, and settings that no figure of it depends on may have changed since. So
    a report that is fresh bears the settings that the run has now; a stale one keeps those that it was made under.

    Raises:
        RunDamaged: it cannot be read.
    """
    found = storage.load_report(run.path / "evaluate")
    config = run.config.model_dump(mode="json") if run_folder.is_fresh(run, "evaluate") else found["config"]
    return found | {"run": run.name, "config": config | {"name": run.name}}
