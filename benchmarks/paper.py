"""The paper's Table 1 beside ours: python -m benchmarks.paper --table 1 --methods base,bir --seeds 5

Full MNIST is read from BIR_DATA_DIR. Every cell is an ordinary run in a folder of runs, so an interrupted table goes
on where it stopped. Two protocols are run on the same base and enhanced models:

* ``paper``: the top K = 432 (the known number of corrupted samples) and the literal step, eta = 1;
* ``product``: what a user gets by default, the threshold log 1.05 and eta = auto.

Nothing is chosen by looking at the test images.
"""

import importlib.metadata
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from scipy import stats

from bir_core import config, pipeline, run_folder, storage
from bir_core.config import AlignConfig, DataConfig, IdentifyConfig, RunConfig
from bir_core.errors import InputError
from bir_core.run_folder import Run

RESULTS = Path(__file__).parent / "results"
CORRUPTIONS = ("label", "input", "adv")
PROTOCOLS = ("paper", "product")
METHODS = ("base", "enhanced", "bir", "bir_with_reserved", "fine_tune", "retrain")
GROUPS = ("all", "clean", "noisy")
NUM_CORRUPTED = 432

PAPER: dict[str, dict[str, dict[str, tuple[float, float, float]]]] = {
    "lenet": {
        "base": {"label": (82.46, 96.10, 62.00), "input": (96.46, 97.10, 95.50), "adv": (96.38, 97.33, 94.95)},
        "bir": {"label": (95.60, 95.93, 95.10), "input": (96.16, 96.20, 96.10), "adv": (96.44, 96.47, 96.40)},
        "fine_tune": {"label": (95.56, 96.90, 93.55), "input": (96.42, 97.17, 95.30), "adv": (96.26, 97.17, 94.90)},
        "retrain": {"label": (96.66, 97.43, 95.50), "input": (96.84, 97.57, 95.75), "adv": (96.96, 97.53, 96.10)},
    },
    "conv4": {
        "base": {"label": (83.96, 97.87, 63.10), "input": (98.00, 98.57, 97.15), "adv": (97.82, 98.57, 96.70)},
        "bir": {"label": (96.36, 97.10, 95.25), "input": (98.02, 98.93, 96.65), "adv": (98.12, 98.43, 97.65)},
    },
}
"""Percent on all, clean and noisy classes: Table 1 (base, bir), Table 4 (fine_tune, retrain with the true set)."""

PAPER_AUC = {"label": 0.99, "input": 0.71, "adv": 0.70}
"""Identification AUC of BIR with LeNet, Table 6."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of the table."""

    protocol: str
    corruption: str
    seed: int
    report: dict[str, Any]


def main(  # noqa: PLR0917 - typer reads the command line from these
    table: Annotated[int, typer.Option(help="table of the paper; 1 is there")] = 1,
    methods: Annotated[str, typer.Option(help="models to print, by comma")] = ",".join(METHODS),
    networks: Annotated[str, typer.Option(help="lenet, conv4 or both, by comma")] = "lenet",
    corruptions: Annotated[str, typer.Option(help="label, input, adv, by comma")] = ",".join(CORRUPTIONS),
    protocols: Annotated[str, typer.Option(help="paper, product, by comma")] = ",".join(PROTOCOLS),
    seeds: Annotated[int, typer.Option(min=1, help="seeds 0 to N - 1")] = 5,
    runs: Annotated[Path, typer.Option(help="folder of the runs behind the table")] = Path("runs/paper"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps")] = "auto",
) -> None:
    """Run what is missing of the table, print it, and write it to benchmarks/results as JSON and Markdown."""
    wanted = _known(methods, METHODS, "methods")
    if table != 1:
        raise SystemExit(f"table {table} is not written yet; --table 1 is")
    if "BIR_DATA_DIR" not in os.environ:
        raise SystemExit("set BIR_DATA_DIR to a folder with MNIST's four IDX files")
    chosen = _known(protocols, PROTOCOLS, "protocols")
    for network in _known(networks, tuple(PAPER), "networks"):
        cells: list[Cell] = []
        for corruption in _known(corruptions, CORRUPTIONS, "corruptions"):
            for seed in range(seeds):
                for protocol, run in _compute(
                    network, corruption, seed, root=runs.resolve(), device=device, protocols=chosen
                ).items():
                    report = storage.load_report(run.path / "evaluate")
                    cells.append(Cell(protocol=protocol, corruption=corruption, seed=seed, report=report))
                print(f"{network} {corruption} seed {seed} done", flush=True)
        _write(network, cells, wanted)


def _compute(
    network: str, corruption: str, seed: int, *, root: Path, device: str, protocols: tuple[str, ...]
) -> dict[str, Run]:
    """One finished run per protocol; the second shares the first one's base and enhanced model."""
    paper = RunConfig.model_validate(
        {
            **config.demo(corruption, network, "memorised", seed).model_dump(),  # type: ignore[arg-type]
            "name": f"{corruption}-{network}-seed{seed}-paper",
            "device": device,
            "data": DataConfig.model_validate({"source": "mnist", "corruption": corruption}),
            "identify": IdentifyConfig(top_k=NUM_CORRUPTED),
            "align": AlignConfig(eta=1.0),
        }
    )
    product = paper.model_copy(
        update={
            "name": paper.name.replace("-paper", "-product"),
            "identify": IdentifyConfig(),
            "align": AlignConfig(),
        }
    )
    finished: dict[str, Run] = {}
    for protocol, wanted in (("paper", paper), ("product", product)):
        if protocol not in protocols:
            continue
        if (root / wanted.name).exists():
            run = run_folder.open_run(root, wanted.name)
        elif finished:
            run = run_folder.fork(next(iter(finished.values())), wanted)
        else:
            run = run_folder.create(root, wanted)
        pipeline.compute(run)
        finished[protocol] = run
    return finished


def _write(network: str, cells: list[Cell], methods: tuple[str, ...]) -> None:
    rows = []
    for protocol in PROTOCOLS:
        for corruption in CORRUPTIONS:
            chosen = [cell for cell in cells if cell.protocol == protocol and cell.corruption == corruption]
            if chosen:
                rows.append(_row(protocol, corruption, network, chosen, methods))
    values = {"table": 1, "network": network, "machine": _machine(), "rows": rows}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"table1_{network}.json").write_text(json.dumps(values, indent=1) + "\n")
    text = _markdown(values)
    (RESULTS / f"table1_{network}.md").write_text(text)
    Console(width=200).print(text, markup=False)


def _row(protocol: str, corruption: str, network: str, cells: list[Cell], methods: tuple[str, ...]) -> dict[str, Any]:
    models = {}
    for method in methods:
        paper = PAPER[network].get(method, {}).get(corruption)
        models[method] = {
            group: {
                **_summary([cell.report["models"][method][group] for cell in cells]),
                "paper": paper[column] if paper else None,
            }
            for column, group in enumerate(GROUPS)
        }
    found = [cell.report["identification"] for cell in cells]
    return {
        "protocol": protocol,
        "corruption": corruption,
        "seeds": [cell.seed for cell in cells],
        "models": models,
        "auc": _summary([one["auc"] for one in found]),
        "auc_enhanced_loss": _summary([one["auc_enhanced_loss"] for one in found]),
        "num_suspects": _summary([one["num_suspects"] for one in found]),
        "precision": _summary([one["precision"] for one in found]),
        "recall": _summary([one["recall"] for one in found]),
        "layers": [cell.report["selection"]["label"] for cell in cells],
        "eta": [cell.report["alignment"]["eta"] for cell in cells],
        "seconds": [sum(cell.report["seconds"].values()) for cell in cells],
    }


def _summary(values: list[float]) -> dict[str, Any]:
    """Mean over the seeds with its 95 % t interval, None for a single one; the values themselves stay visible."""
    half = None
    if len(values) > 1:
        half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return {"mean": float(np.mean(values)), "half_width": half, "values": values}


def _markdown(values: dict[str, Any]) -> str:
    lines = [
        f"# Table 1, MNIST with {values['network']}, ours beside the paper",
        "",
        "Percent of the 5,000 class-balanced test images; mean over seeds and 95 % t interval; base preset",
        "`memorised`. *paper* protocol: top K = 432, eta = 1. *product* protocol: threshold log 1.05, eta = auto.",
        "The paper's fine_tune and retrain figures (Table 4) are for the true set; ours use the identified one.",
        f"Machine: {values['machine']}.",
        "",
    ]
    for row in values["rows"]:
        lines += [
            f"## {row['corruption']}, {row['protocol']} protocol, seeds {', '.join(map(str, row['seeds']))}",
            "",
            f"Identification AUC {_mean(row['auc'], 3)}"
            + (f" (paper {PAPER_AUC[row['corruption']]:.2f})" if values["network"] == "lenet" else "")
            + f"; loss under the enhanced model alone {row['auc_enhanced_loss']['mean']:.3f}; "
            f"{row['num_suspects']['mean']:.0f} suspects, precision {row['precision']['mean']:.2f}, "
            f"recall {row['recall']['mean']:.2f}; layers {', '.join(row['layers'])}.",
            "",
            "| model | all | paper | deviation | clean | paper | deviation | noisy | paper | deviation |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for method, groups in row["models"].items():
            lines.append(f"| {method} | " + " | ".join(_cells(groups[group]) for group in GROUPS) + " |")
        lines.append("")
    return "\n".join(lines)


def _cells(figure: dict[str, Any]) -> str:
    ours = _mean(figure, 2)
    if figure["paper"] is None:
        return f"{ours} | - | -"
    return f"{ours} | {figure['paper']:.2f} | {figure['mean'] - figure['paper']:+.2f}"


def _mean(figure: dict[str, Any], digits: int) -> str:
    """One seed has no interval."""
    mean, half = figure["mean"], figure["half_width"]
    return f"{mean:.{digits}f}" + ("" if half is None else f" +- {half:.{digits}f}")


def _known(given: str, known: tuple[str, ...], name: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in given.split(","))
    unknown = [part for part in chosen if part not in known]
    if unknown:
        raise SystemExit(f"unknown {name}: {', '.join(unknown)}; choose from {', '.join(known)}")
    return chosen


def _machine() -> str:
    versions = f"Python {platform.python_version()}, torch {importlib.metadata.version('torch')}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {versions}"


if __name__ == "__main__":
    try:
        typer.run(main)
    except InputError as error:
        raise SystemExit(str(error)) from None
