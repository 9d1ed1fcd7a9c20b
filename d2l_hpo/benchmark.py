"""Recorded benchmarks: learning curves of real training, replayed in place of training.

    python -m d2l_hpo.benchmark record TASK    record a task: lenet, mlp or digits

A recording is one compressed file of plain arrays: a row a job (configuration and repetition), a
column an epoch. Curves end early, with nan, where training diverged. A configuration that was not
recorded is replayed from a surrogate, a regression on the recorded rows. Replaying needs no torch.
"""
import argparse
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from d2l_hpo.arguments import check_int
from d2l_hpo.files import write_file
from d2l_hpo.space import check_configuration, check_space, describe_space
from d2l_hpo.tuner import HPOSearcher
from d2l_hpo._task_spaces import SPACES

if TYPE_CHECKING:
    from d2l_hpo._surrogate import Surrogate

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
    content = io.BytesIO()
    np.savez_compressed(content, card=np.array(json.dumps(card)), **arrays)
    write_file(path, content.getbuffer())
    return Recording(card, by_key)


def read_recording(path: Path) -> Recording:
    """Read a recording.

    FileNotFoundError says how to record it, ValueError that the file is damaged or no recording.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path} does not exist; record it: python -m d2l_hpo.benchmark "
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
    """Fit the surrogate's kernels to a recording and store their parameters in its card."""
    from d2l_hpo._surrogate import Surrogate  # scikit-learn takes a second to import
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


class RecordedBenchmark:
    """A recorded task: learning curves by configuration, and an objective that looks them up.

    `curve(config)` of a recorded configuration is what was measured in its first repetition; of
    any other configuration in the space it is predicted by a surrogate, once, and then kept. With
    `measured=False` all curves are predicted, so that luck in a recorded training favours nobody.
    """

    task: str

    def __init__(self, path: Path | str | None = None, measured: bool = True):
        path = DATA / f"recording_{self.task}.npz" if path is None else Path(path)
        self.recording = read_recording(path)
        self.card = self.recording.card
        self.config_space = check_space(SPACES[self.task])
        for name, expected in (("task", self.task), ("space", describe_space(self.config_space))):
            if self.card.get(name) != expected:
                raise ValueError(f"{path} was recorded with {name} {self.card.get(name)!r}, "
                                 f"expected {expected!r}; record it again")
        self.max_epochs = self.card["epochs"]
        self._rows = [row for key, row in sorted(self.recording.rows.items()) if key[1] == 0]
        if not self._rows:
            raise ValueError(f"{path} holds no configuration yet; go on recording it: python -m "
                             f"d2l_hpo.benchmark record {self.task} --output {path}")
        self._values = itemgetter(*self.config_space)
        self._types = [type(value) for value in self._values(self._rows[0]["config"])]
        self._curves = {self._values(row["config"]): _measured_curve(row)
                        for row in self._rows if measured}

    @property
    def configs(self) -> list[dict[str, Any]]:
        """The recorded configurations, in the order of the design, as new dictionaries."""
        return [dict(row["config"]) for row in self._rows]

    def curve(self, config: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return validation errors and elapsed seconds after epochs 1, 2, ..., `max_epochs`.

        The arrays are read-only. Where training diverged, errors are nan and seconds stand still.
        ValueError or TypeError for a configuration outside the space.
        """
        try:
            values = self._values(config)
            # 64 and 64.0 are equal keys, but only one of them is a batch size
            if len(config) == len(values) and [*map(type, values)] == self._types:
                return self._curves[values]
        except (KeyError, TypeError):  # not known yet, or no configuration: found out next
            pass
        return self.curves([config])[0]

    def curves(self, configs: Sequence[Mapping[str, Any]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the curves of many configurations; faster than one after another."""
        checked = [check_configuration(self.config_space, config) for config in configs]
        keys = [self._values(config) for config in checked]
        new = {key: config for key, config in zip(keys, checked, strict=True)
               if key not in self._curves}
        if new:
            for key, *pair in zip(new, *self.surrogate.predict(list(new.values())), strict=True):
                self._curves.setdefault(key, _read_only(*pair))
        return [self._curves[key] for key in keys]

    def __call__(self, config: Mapping[str, Any], max_epochs: int | None = None) -> dict:
        """Return the error and the elapsed seconds after `max_epochs` epochs (None: all)."""
        epochs = self.max_epochs if max_epochs is None else check_int("max_epochs", max_epochs)
        if epochs > self.max_epochs:
            raise ValueError(f"max_epochs is {epochs}, but {self.max_epochs} epochs are recorded")
        errors, seconds = self.curve(config)
        return {"error": float(errors[epochs - 1]), "elapsed_time": float(seconds[epochs - 1])}

    def table(self, name: str) -> np.ndarray:
        """Return a column of the recording, one row for each of `configs`.

        "error", "loss" and "seconds" have shape (configurations, epochs), "class_errors" has
        (configurations, classes), "test_error", "parameters", "memory" (bytes) and "latency"
        (seconds) have (configurations,).
        """
        self._check_column(name)
        return np.array([row[name] for row in self._rows])

    def repetitions(self, name: str) -> np.ndarray:
        """Return a column of the configurations that were trained with several seeds.

        The shape is that of `table` with one more axis: (configurations, seeds, ...). ValueError
        if no configuration of a partial recording has all its seeds.
        """
        self._check_column(name)
        rows = self.recording.rows
        seeds = range(1 + max(repetition for _, repetition in rows))
        complete = [index for index in sorted({index for index, _ in rows})
                    if all((index, seed) in rows for seed in seeds)]
        if len(seeds) == 1 or not complete:
            raise ValueError("no configuration has been recorded with all its seeds yet; go on "
                             f"recording: python -m d2l_hpo.benchmark record {self.task}")
        return np.array([[rows[index, seed][name] for seed in seeds] for index in complete])

    def _check_column(self, name: str) -> None:
        columns = [*CURVES, *SCALARS[2:], "class_errors"]
        if name not in columns:
            raise ValueError(f"unknown column {name!r}; the recording has {columns}")

    @cached_property
    def surrogate(self) -> "Surrogate":
        """The regression on all recorded rows that predicts unrecorded configurations."""
        from d2l_hpo._surrogate import Surrogate  # scikit-learn takes a second to import
        return Surrogate.of_rows(self.config_space, self.recording.rows.values(),
                                 self.card.get("kernels"))

    def surrogate_quality(self, folds: int = 8) -> dict[str, Any]:
        """Cross-validate the surrogate: Kendall's tau and R2 of errors by epoch, and of seconds.

        ValueError if there are fewer configurations than `folds`.
        """
        return self.surrogate.quality([index for index, _ in self.recording.rows], folds)


class LeNetBenchmark(RecordedBenchmark):
    """LeNet on the small Fashion-MNIST: 256 configurations, 27 epochs."""

    task = "lenet"


class MLPBenchmark(RecordedBenchmark):
    """A perceptron with dropout on the small Fashion-MNIST: 512 configurations, 27 epochs."""

    task = "mlp"


class DigitsBenchmark(RecordedBenchmark):
    """A small perceptron on scikit-learn's digits: 512 configurations, 27 epochs."""

    task = "digits"


class RecordedSearcher(HPOSearcher):
    """Proposes the recorded configurations in random order, each once, then None.

    The initial configuration comes first; it need not be a recorded one.
    """

    def __init__(self, benchmark: RecordedBenchmark,
                 initial_config: Mapping[str, Any] | None = None, seed: int = 0):
        super().__init__(benchmark.config_space, initial_config, seed)
        self.task, configs = benchmark.task, benchmark.configs
        self.configurations = len(configs)
        self.left = [configs[i] for i in self.rng.permutation(len(configs))
                     if configs[i] != self.initial_config]

    def propose(self) -> dict[str, Any] | None:
        """Return the next recorded configuration, or None if there is none left."""
        return self.left.pop() if self.left else None

    def settings(self) -> dict[str, Any]:
        """Return what else, beside space and seed, makes this search what it is."""
        return {**super().settings(), "task": self.task, "configurations": self.configurations}


def _measured_curve(row: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return errors and elapsed seconds of a row; the seconds stand still after a divergence."""
    seconds = np.array(row["seconds"])
    return _read_only(np.array(row["error"]), np.fmax.accumulate(seconds))


def _read_only(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return arrays that cannot be changed, since every caller gets the same ones."""
    for array in arrays:
        array.setflags(write=False)
    return arrays


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
