"""A run is a folder: created, listed, locked, deleted here; a stage's result is whole in it or not there at all.

    RUNS/NAME/run.json            config and provenance
    RUNS/NAME/STAGE/stage.json    fingerprint of what the result was made from, and every file's size and sha256
    RUNS/NAME/STAGE/...           the result itself (``storage`` writes and reads it)

A result is written to ``STAGE.part``, flushed to disk and renamed, so a killed process leaves no half result.
No torch here: the dashboard reads runs.
"""

import datetime
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bir_core import config as run_config
from bir_core import database, durable, flow, outside, run_lock, run_provenance, stage_result
from bir_core.config import RunConfig
from bir_core.errors import InputError, RunDamaged, RunNotFound
from bir_core.sections import NAME_PATTERN
from bir_core.stage_result import FORMAT, MadeOf, StageResult

lock = run_lock.lock
provenance = run_provenance.provenance


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run folder, as its ``run.json`` describes it."""

    path: Path
    config: RunConfig
    created: str
    parent: str | None
    provenance: dict[str, Any]

    @property
    def name(self) -> str:
        """The run's name, which is its folder's."""
        return self.path.name


def runs_root(given: str | Path | None = None) -> Path:
    """The folder of all runs: as given, else ``BIR_RUNS``, else ``runs/`` where the command was typed."""
    return Path(given or os.environ.get("BIR_RUNS") or "runs").expanduser().resolve()


# ---------------------------------------------------------------- create, open, list, delete


def create(root: Path, config: RunConfig, *, parent: str | None = None) -> Run:
    """Make the folder of a new run.

    Raises:
        InputError: the name is taken or the folder cannot be written.
    """
    path = root / config.name
    if path.exists():
        raise InputError(f"a run named {config.name!r} exists in {root}: choose another name, or delete it first")
    description = {
        "format": FORMAT,
        "created": _now(),
        "parent": parent,
        "config": config.model_dump(),
        "provenance": provenance(),
    }
    draft = root / f".{config.name}.{os.getpid()}.part"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        durable.write_json(draft / "run.json", description)
        draft.rename(path)
    except OSError as error:
        raise InputError(f"cannot write in {root}: {error.strerror}. Choose another --runs or BIR_RUNS.") from None
    return open_run(root, config.name)


def open_run(root: Path, name: str) -> Run:
    """The run called ``name``.

    Raises:
        RunNotFound: there is no such folder, or the name is not a plain folder name.
        RunDamaged: its ``run.json`` is missing, truncated or not ours.
    """
    path = root / name
    if not _is_name(name) or not path.is_dir():
        known = ", ".join(names(root)) or "none yet"
        raise RunNotFound(f"no run named {name!r} in {root} (there: {known})")
    values = _read_description(path)
    try:
        config = run_config.parse(values["config"], origin=str(path / "run.json"))
        return Run(
            path=path,
            config=config.model_copy(update={"name": name}),
            created=str(values["created"]),
            parent=values["parent"],
            provenance=dict(values["provenance"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RunDamaged(
            f"{path / 'run.json'} is not a run description ({error}): delete the run with 'delete {name}'"
        ) from None


def names(root: Path) -> list[str]:
    """Names of the folders in ``root`` that hold a ``run.json``, newest first."""
    if not root.is_dir():
        return []
    found = [(_changed(path), path.name) for path in root.iterdir() if _is_name(path.name)]
    return [name for _, name in sorted(found, reverse=True) if (root / name / "run.json").is_file()]


def fork(parent: Run, config: RunConfig) -> Run:
    """A new run beside ``parent`` under another config; results that it need not compute again are hard-linked."""
    run = create(parent.path.parent, config, parent=parent.name)
    for stage in flow.STAGES:
        if not (parent.path / stage.name / "stage.json").is_file():
            continue
        part = run.path / f"{stage.name}.part"
        try:
            shutil.copytree(parent.path / stage.name, part, copy_function=durable.link)
        except OSError:
            # The parent is being computed and has replaced this result meanwhile: the new run computes its own.
            durable.remove(part)
            break
        part.rename(run.path / stage.name)
        if not is_fresh(run, stage.name):
            durable.remove(run.path / stage.name)
    return run


def update_config(run: Run, config: RunConfig) -> Run:
    """Write another config into an existing run; stages that read a changed section become stale."""
    values = _read_description(run.path)
    values["config"] = config.model_copy(update={"name": run.name}).model_dump()
    part = run.path / "run.json.part"
    durable.write_json(part, values)
    part.rename(run.path / "run.json")
    return open_run(run.path.parent, run.name)


def delete(root: Path, name: str) -> None:
    """Remove a run and everything in it.

    Raises:
        RunNotFound: there is no such run.
        RunBusy: a process computes it now.
    """
    path = root / name
    if not _is_name(name) or not (path / "run.json").is_file():
        open_run(root, name)
    with lock(path):
        gone = root / f".{name}.{os.getpid()}.deleted"
        path.rename(gone)
    shutil.rmtree(gone)


# ---------------------------------------------------------------- the result of one stage


def save_stage(
    run: Run,
    stage: str,
    write: Callable[[Path], None],
    *,
    seconds: float,
    peak_memory_mb: float,
    device: str,
    made: MadeOf | None = None,
) -> StageResult:
    """Let ``write`` fill a fresh folder, then make it the result of ``stage`` in one rename.

    Args:
        run: the run.
        stage: name of a stage.
        write: what fills the folder.
        seconds: that the computation took.
        peak_memory_mb: the most memory of its process meanwhile.
        device: that it ran on.
        made: of what, as it was when the computation began; None = as it is now.

    Raises:
        InputError: the folder cannot be written, or the disk is full.
        StageFailed: the result holds a number that is not finite where it must be.
    """
    made = made or made_of(run, stage)
    facts = {"seconds": seconds, "peak_memory_mb": peak_memory_mb, "device": device}
    try:
        return _save_stage(run, stage, write, made.__dict__ | facts)
    except OSError as error:
        shutil.rmtree(run.path / f"{stage}.part", ignore_errors=True)  # a full disk needs the room
        raise InputError(
            f"cannot write stage {stage!r} in {run.path}: {error.strerror or error}. "
            "Make room on the disk, or give yourself write access."
        ) from None


def _save_stage(run: Run, stage: str, write: Callable[[Path], None], facts: dict[str, Any]) -> StageResult:
    part = run.path / f"{stage}.part"
    durable.remove(part)
    part.mkdir()
    write(part)
    files = {
        path.name: {"size": path.stat().st_size, "sha256": durable.sha256(path)} for path in sorted(part.iterdir())
    }
    result = StageResult(stage=stage, digest=durable.digest(files), files=files, finished=_now(), **facts)
    forms = {"format": FORMAT, "version": flow.find(stage).version}
    durable.write_json(part / "stage.json", forms | result.__dict__)
    for path in part.iterdir():
        durable.flush(path)
    durable.flush(part)
    durable.replace(part, run.path / stage)
    return result


def read_stage(run: Run, stage: str, *, verify: bool = False) -> StageResult | None:
    """What is known of the result of ``stage``, or None when there is none yet.

    Args:
        run: the run.
        stage: name of a stage.
        verify: also compare every file's checksum, not only its size.

    Raises:
        RunDamaged: a file of the result is missing, truncated or not the one that was written.
    """
    folder = run.path / stage
    if not folder.is_dir():
        return None
    remedy = f"compute it again with 'stage {stage} {run.name} --force'"
    path = folder / "stage.json"
    try:
        facts = path.stat()
        result = stage_result.parse(path, flow.find(stage).version, facts.st_mtime_ns, facts.st_ino, facts.st_size)
    except OSError:
        raise RunDamaged(f"{path} is missing or cannot be read: {remedy}") from None
    except stage_result.OtherVersion:
        raise RunDamaged(f"{folder} was written by another version of this program: {remedy}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RunDamaged(f"{path} is not a stage description: {remedy}") from None
    for name, fact in result.files.items():
        durable.check(folder / name, fact["size"], fact["sha256"] if verify else None, remedy=remedy)
    return result


def is_fresh(run: Run, stage: str) -> bool:
    """Whether the result of ``stage`` is there, whole, and made from the run's present config and inputs."""
    return stage in fresh_stages(run)


def fresh_stages(run: Run) -> tuple[str, ...]:
    """Names of the stages that need no computing, in flow order."""
    fresh: list[str] = []
    for stage in flow.STAGES:
        try:
            result = read_stage(run, stage.name)
        except RunDamaged:
            continue
        inputs_are_fresh = all(need in fresh for need in flow.needs(stage, run.config))
        if result is not None and inputs_are_fresh and _is_unchanged(result, made_of(run, stage.name)):
            fresh.append(stage.name)
    return tuple(fresh)


def _is_unchanged(result: StageResult, now: MadeOf) -> bool:
    return result.fingerprint == now.fingerprint and not outside.changed(result.outside, now.outside)


def made_of(run: Run, stage: str) -> MadeOf:
    """What the result of ``stage`` would be made of now."""
    return MadeOf(fingerprint=expected_fingerprint(run, stage), outside=outside.state(stage, run.config))


def expected_fingerprint(run: Run, stage: str) -> str:
    """Digest of everything that the result of ``stage`` is made from: config sections, seed, device, inputs."""
    description = flow.find(stage)
    values = run.config.model_dump()
    made_from = {
        "format": FORMAT,
        "stage": stage,
        "seed": run.config.seed,
        "device": run.config.device,
        "threads": run.config.threads,
        "config": {section: _section(values, section) for section in flow.sections(description, run.config)},
        "inputs": {need: input_digest(run, need) for need in flow.needs(description, run.config)},
    }
    if description.heeds_verdicts:
        made_from["verdicts"] = database.newest_verdict(run.path.parent, data=input_digest(run, "data"))
    if description.heeds_settings:
        made_from["run"] = values
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _section(values: dict[str, Any], name: str) -> Any:
    """A section of a dumped config; "methods.rdia" is the section ``rdia`` of the section ``methods``."""
    for part in name.split("."):
        values = values[part]
    return values


def input_digest(run: Run, need: str) -> str:
    """Digest of the result of the stage ``need``; raises InputError when there is none yet."""
    result = read_stage(run, need)
    if result is None:
        raise InputError(
            f"run {run.name!r} has no result of stage {need!r} yet: compute it with 'stage {need} {run.name}'"
        )
    return result.digest


def _read_description(path: Path) -> dict[str, Any]:
    try:
        values = json.loads((path / "run.json").read_text(encoding="utf-8"))
    except OSError:
        raise RunDamaged(
            f"{path} has no readable run.json: it is not a run folder, or was damaged; remove it by hand"
        ) from None
    except ValueError:
        raise RunDamaged(
            f"{path / 'run.json'} is truncated or not JSON: delete the run with 'delete {path.name}'"
        ) from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise RunDamaged(
            f"{path / 'run.json'} is not of this program's format {FORMAT}: delete the run with 'delete {path.name}'"
        )
    return values


def _is_name(name: str) -> bool:
    return re.fullmatch(NAME_PATTERN, name) is not None


def _changed(path: Path) -> int:
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return 0


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
