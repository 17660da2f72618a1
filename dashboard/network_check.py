"""A run's network looked at before it is started. The engine's command line does it: the server never loads torch."""

import json
import re
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard import new_runs
from dashboard.new_runs import InputError, RunConfig

PATIENCE_S = 120
_one_at_a_time = threading.Lock()
"""Each check loads torch and builds a network; many at once would fill the server's memory."""

Network = dict[str, Any]
"""See ``bir_core.inspection.Inspection``."""


def inspect(config: RunConfig) -> Network:
    """What the network of a run will be; takes some seconds, as torch is loaded.

    Raises:
        InputError: network, weights, groups and data do not fit each other; or it takes too long.
    """
    with _one_at_a_time, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "run.toml"
        file.write_text(new_runs.toml(config), encoding="utf-8")
        try:
            done = subprocess.run(  # noqa: S603 - our own command line, and a file that was just written
                [sys.executable, "-m", "bir_core", "layers", str(file), "--json"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                env=new_runs.environment() | {"COLUMNS": "10000"},
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"the network was not built within {PATIENCE_S} seconds: is it a very large one?"
            ) from None
    if done.returncode:
        # A library may have warned before.
        raise InputError(re.split(r"^Error: ", done.stderr, flags=re.MULTILINE)[-1].strip() or "it could not be built")
    found: Network = json.loads(done.stdout)
    return found


def table(found: Network) -> pd.DataFrame:
    """The layer groups, first to last, with their parameters and the share that these are of all."""
    numbers = [layer["num_parameters"] for layer in found["layers"]]
    return pd.DataFrame(
        {
            "Layer": [str(number) for number in range(1, len(numbers) + 1)],
            "Group": [layer["name"] for layer in found["layers"]],
            "Parameters": [f"{number:,}" for number in numbers],
            "%": [f"{100 * number / sum(numbers):.1f}" for number in numbers],
        }
    )


def groups_toml(found: Network) -> str:
    """The layer groups as a config file would say them, for somebody to change; empty for a built-in network."""
    groups = {layer["name"]: layer["beginnings"] for layer in found["layers"] if layer["beginnings"]}
    lines = [f"{json.dumps(name)} = {json.dumps(beginnings)}" for name, beginnings in groups.items()]
    return "\n".join(["[base.groups]", *lines]) + "\n" if groups else ""
