"""Recorded benchmarks: learning curves of real training, replayed in place of training.

    python -m d2l_hpo.benchmark record TASK    record a task: lenet, mlp or digits

A recording is one compressed file of plain arrays: a row a job (configuration and repetition), a
column an epoch. Curves end early, with nan, where training diverged.
"""
import argparse
import json
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).with_name("data")
CURVES = ("error", "loss", "seconds")
SCALARS = ("index", "repetition", "test_error", "parameters", "memory", "latency")


@dataclass(frozen=True)
class Recording:
    """The rows of a recording by (index, repetition), and the card that says how it was made."""

    card: dict[str, Any]
    rows: dict[tuple[int, int], dict[str, Any]]


def write_recording(path: Path, card: dict[str, Any], rows: Iterable[dict[str, Any]]) -> Recording:
    """Write rows to a compressed file in one step, sorted, and return what was written."""
    by_key = {(row["index"], row["repetition"]): row for row in rows}
    rows = [by_key[key] for key in sorted(by_key)]
    arrays = {name: _padded([row[name] for row in rows], card["epochs"]) for name in CURVES}
    arrays |= {name: np.array([row[name] for row in rows], float) for name in SCALARS}
    arrays["class_errors"] = np.array([row["class_errors"] for row in rows], float)
    arrays["config"] = np.array([json.dumps(row["config"]) for row in rows])
    partial = path.with_name(f".{path.name}.partial")
    try:
        with open(partial, "wb") as file:
            np.savez_compressed(file, card=np.array(json.dumps(card)), **arrays)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return Recording(card, by_key)


def read_recording(path: Path) -> Recording:
    """Read a recording; ValueError with the file's name if it is damaged or truncated."""
    try:
        with np.load(path, allow_pickle=False) as file:
            card = json.loads(str(file["card"]))
            columns = {name: file[name] for name in (*CURVES, *SCALARS, "class_errors", "config")}
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged or no recording; record it again") from error
    rows = {}
    for i in range(len(columns["index"])):
        row = {name: columns[name][i].tolist() for name in (*CURVES, *SCALARS, "class_errors")}
        row |= {name: int(row[name]) for name in ("index", "repetition", "parameters", "memory")}
        row["config"] = json.loads(str(columns["config"][i]))
        rows[row["index"], row["repetition"]] = row
    return Recording(card, rows)


def _padded(curves: list[list[float | None]], epochs: int) -> np.ndarray:
    """Stack curves, shape (rows, epochs), with nan after a divergence."""
    table = np.full((len(curves), epochs), np.nan, np.float32)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = np.array(curve, float)
    return table


def _main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m d2l_hpo.benchmark",
                                     description="Record learning curves of real training.")
    command = parser.add_subparsers(required=True).add_parser("record", help="record a task")
    command.add_argument("task", choices=["lenet", "mlp", "digits"])
    command.add_argument("--configurations", type=int, default=256, help="a power of two")
    command.add_argument("--processes", type=int, default=os.cpu_count())
    command.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    command.add_argument("--folder", type=Path, help="of unfinished jobs; default: recordings/TASK")
    command.add_argument("--output", type=Path, help="default: the package's data folder")
    options = parser.parse_args(arguments)
    from d2l_hpo._recording import record  # imports torch, which replaying does not need
    recording = record(options.task, options.configurations, options.processes, options.device,
                       options.folder or Path("recordings", options.task),
                       options.output or DATA / f"recording_{options.task}.npz")
    print(f"{len(recording.rows)} jobs recorded")


if __name__ == "__main__":
    _main()
