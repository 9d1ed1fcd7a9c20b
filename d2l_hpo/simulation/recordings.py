"""Recordings on disk: learning curves of real training, one compressed file of plain arrays a task.

A row is a job (configuration and repetition), a column an epoch. Curves end early, with nan, where
training diverged. `python -m d2l_hpo.simulation record TASK` makes a recording.
"""
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from d2l_hpo.simulation.task_spaces import SPACES
from d2l_hpo.tools.files import write_file

DATA = Path(__file__).parents[1] / "data"
CURVES = ("error", "loss", "seconds")
SCALARS = ("index", "repetition", "test_error", "parameters", "memory", "latency")


@dataclass(frozen=True)
class Recording:
    """The rows of a recording by (index, repetition), and the card that says how it was made.

    Fields, which are the arguments:

    - `card`: a dictionary with `task`, `space` (as `describe_space` gives it), `epochs`, `device`
      and others, and with `kernels`, once `fit_surrogate` has run.
    - `rows`: from pairs of the configuration's index and its repetition to dictionaries. A row has
      `config`; `error`, `loss` and `seconds`, lists with a number for each epoch; `test_error`,
      `class_errors`, `parameters`, `memory` (bytes) and `latency` (seconds).

    >>> recording = DigitsBenchmark().recording
    >>> recording.card["epochs"], len(recording.rows[0, 0]["error"])
    (27, 27)
    """

    card: dict[str, Any]
    rows: dict[tuple[int, int], dict[str, Any]]


def write_recording(path: Path, card: dict[str, Any], rows: Iterable[dict[str, Any]]) -> Recording:
    """Write rows to a compressed file in one step, sorted, and return what was written.

    Arguments:

    - `path`: the file, .npz; it is replaced if it exists.
    - `card`: says how the recording was made; it has `epochs`. Plain values, for JSON.
    - `rows`: dictionaries with `index`, `repetition` and what `Recording` says. Their lists may
      end early, where training diverged. Of rows with equal index and repetition the last counts.

    KeyError for a row that lacks an entry, OSError where the file cannot be written.

    >>> import tempfile
    >>> row = {"index": 0, "repetition": 0, "config": {"x": 0.5}, "error": [0.5], "loss": [0.7],
    ...        "seconds": [1.5], "test_error": 0.5, "class_errors": [0.4, 0.6], "parameters": 2,
    ...        "memory": 16, "latency": 0.001}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = write_recording(Path(folder, "one.npz"), {"epochs": 2}, [row])
    ...     read = read_recording(Path(folder, "one.npz"))
    >>> read.rows[0, 0]["error"]  # it ended after one of two epochs
    [0.5, nan]
    """
    by_key = {(row["index"], row["repetition"]): row for row in rows}
    rows = [by_key[key] for key in sorted(by_key)]
    arrays: dict[str, Any] = {name: _padded([row[name] for row in rows], card["epochs"])
                              for name in CURVES}
    arrays |= {name: np.array([row[name] for row in rows], float) for name in SCALARS}
    arrays["class_errors"] = np.array([row["class_errors"] for row in rows], float)
    arrays["config"] = np.array([json.dumps(row["config"]) for row in rows])
    content = io.BytesIO()
    arrays["card"] = np.array(json.dumps(card))
    np.savez_compressed(content, **arrays)
    write_file(path, content.getbuffer())
    return Recording(card, by_key)


def read_recording(path: Path) -> Recording:
    """Read a recording.

    FileNotFoundError says how to record it, ValueError that the file is damaged or no recording.

    Arguments:

    - `path`: the file, .npz, as `write_recording` has written it.

    >>> from d2l_hpo.simulation.recordings import DATA
    >>> recording = read_recording(DATA / "recording_digits.npz")
    >>> recording.card["task"]
    'digits'
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist; record it: python -m d2l_hpo.simulation "
                                f"record TASK --output {path} (TASK: {', '.join(SPACES)})")
    with open(path, "rb") as file:
        try:
            return _parse(file)
        except Exception as error:  # damaged bytes make zip, zlib, npy and JSON fail in many ways
            raise ValueError(f"{path} is damaged or no recording; record it again") from error


def _parse(file: IO[bytes]) -> Recording:
    """Read a recording from an open file; any exception if it is damaged."""
    with np.load(file, allow_pickle=False) as arrays:
        card = json.loads(str(arrays["card"]))
        columns = {name: arrays[name] for name in (*CURVES, *SCALARS, "class_errors", "config")}
    for name in CURVES:
        columns[name] = columns[name].astype(float).round(7)
        if columns[name].shape[1:] != (card["epochs"],):
            raise ValueError(f"{name} has shape {columns[name].shape}, not {card['epochs']} epochs")
    rows = {}
    for values in zip(*(column.tolist() for column in columns.values()), strict=True):
        row = dict(zip(columns, values, strict=True))
        row |= {name: int(row[name]) for name in ("index", "repetition", "parameters", "memory")}
        row["config"] = json.loads(row["config"])
        rows[row["index"], row["repetition"]] = row
    return Recording(card, rows)


def fit_surrogate(path: Path) -> Recording:
    """Fit the surrogate's kernels to a recording and store their parameters in its card.

    It returns the recording with the new card, which is in the file, too. Fitting takes some
    seconds, and scikit-learn. Errors are those of `read_recording`; KeyError for a task that is
    none of "lenet", "mlp" and "digits".

    Arguments:

    - `path`: the recording, which is written again.

    After rows were added by hand, for instance::

        write_recording(path, recording.card, [*recording.rows.values(), new_row])
        recording = fit_surrogate(path)
    """
    from d2l_hpo.simulation.surrogate import Surrogate  # scikit-learn takes a second to import
    recording = read_recording(path)
    card = {name: value for name, value in recording.card.items() if name != "kernels"}
    surrogate = Surrogate.of_rows(SPACES[card["task"]], recording.rows.values())
    return write_recording(path, card | {"kernels": surrogate.kernels}, recording.rows.values())


def _padded(curves: list[list[float | None]], epochs: int) -> np.ndarray:
    """Stack curves, shape (rows, epochs), with nan after a divergence."""
    table = np.full((len(curves), epochs), np.nan, np.float32)
    for row, curve in zip(table, curves, strict=True):
        row[: len(curve)] = np.array(curve, float)
    return table
