"""Recorded tasks: real training, replayed in place of training, without torch.

A configuration that was not recorded is replayed from a surrogate, a regression on the recorded
rows. The last three tasks also tell latency, size or the worst class's error; they predict all
curves, so that luck in a recorded training favours nobody.
"""
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from d2l_hpo.simulation.recordings import CURVES, DATA, SCALARS, read_recording
from d2l_hpo.simulation.task_spaces import SPACES
from d2l_hpo.spaces.space import check_configuration, check_space, describe_space
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.searchers.searcher import HPOSearcher

if TYPE_CHECKING:
    from d2l_hpo.simulation.surrogate import Surrogate


class RecordedBenchmark:
    """A recorded task: learning curves by configuration, and an objective that looks them up.

    `curve(config)` of a recorded configuration is what was measured in its first repetition; of
    any other configuration in the space it is predicted by a surrogate, once, and then kept. With
    `measured=False` all curves are predicted, so that luck in a recorded training favours nobody.

    Arguments, which the three tasks `LeNetBenchmark`, `MLPBenchmark` and `DigitsBenchmark` have,
    too; each is a subclass that names its `task`:

    - `path`: the recording; None: the one of the package.
    - `measured`: whether recorded configurations have their measured curves.

    FileNotFoundError where there is no file, ValueError where it is damaged, empty or of another
    task or space. The first prediction takes seconds, since it fits the surrogate.

    Attributes: `config_space`, `max_epochs`, `configs` (a list of the recorded ones) and `card`,
    which says how the recording was made. Errors are fractions of misclassified validation
    examples. Seconds are those of training alone, of one thread of a processor.

    Calling the benchmark gives the error and the seconds as an objective of `HPOTuner` does;
    ValueError for more epochs than were recorded. The idea of a surrogate in place of training is
    that of Eggensperger et al. (2015).

    >>> benchmark = DigitsBenchmark()
    >>> config = benchmark.configs[0]
    >>> errors, seconds = benchmark.curve(config)
    >>> errors.shape, seconds.shape
    ((27,), (27,))
    >>> benchmark(config, max_epochs=9)["error"] == float(errors[8])
    True
    """

    task = ""

    def __init__(self, path: Path | str | None = None, measured: bool = True):
        if not self.task:
            raise TypeError(f"{type(self).__name__} names no task; use LeNetBenchmark, "
                            "MLPBenchmark or DigitsBenchmark")
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
                             f"d2l_hpo.simulation record {self.task} --output {path}")
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
                             f"recording: python -m d2l_hpo.simulation record {self.task}")
        return np.array([[rows[index, seed][name] for seed in seeds] for index in complete])

    def noise(self, within: float = 0.05) -> float:
        """Return the standard deviation of a good configuration's final error over seeds.

        The root mean variance over the seeds of the configurations whose mean error is less than
        `within` above the smallest; as `repetitions`, which also says the errors.

        >>> from d2l_hpo import DigitsBenchmark
        >>> round(DigitsBenchmark().noise(), 3)
        0.016
        """
        errors = self.repetitions("error")[:, :, -1]
        means = errors.mean(axis=1)
        good = errors[means < np.nanmin(means) + within]
        return float(np.sqrt(good.var(axis=1, ddof=1).mean()))

    def _check_column(self, name: str) -> None:
        columns = [*CURVES, *SCALARS[2:], "class_errors"]
        if name not in columns:
            raise ValueError(f"unknown column {name!r}; the recording has {columns}")

    @cached_property
    def surrogate(self) -> "Surrogate":
        """The regression on all recorded rows that predicts unrecorded configurations."""
        from d2l_hpo.simulation.surrogate import Surrogate  # scikit-learn takes a second to import
        return Surrogate.of_rows(self.config_space, self.recording.rows.values(),
                                 self.card.get("kernels"))

    def surrogate_quality(self, folds: int = 8) -> dict[str, Any]:
        """Cross-validate the surrogate: Kendall's tau and R2 of errors by epoch, and of seconds.

        ValueError if there are fewer configurations than `folds`.
        """
        return self.surrogate.quality([index for index, _ in self.recording.rows], folds)


class LeNetBenchmark(RecordedBenchmark):
    """LeNet on the small Fashion-MNIST: 256 configurations, 27 epochs.

    Arguments: `path` and `measured`, as in `RecordedBenchmark`.

    >>> list(LeNetBenchmark().config_space)
    ['learning_rate', 'batch_size', 'momentum', 'weight_decay', 'width', 'activation']
    """

    task = "lenet"


class MLPBenchmark(RecordedBenchmark):
    """A perceptron with dropout on the small Fashion-MNIST: 512 configurations, 27 epochs.

    It has two hidden layers. Arguments: `path` and `measured`, as in `RecordedBenchmark`.

    >>> list(MLPBenchmark().config_space)
    ['learning_rate', 'batch_size', 'units_1', 'units_2', 'dropout_1', 'dropout_2']
    """

    task = "mlp"


class DigitsBenchmark(RecordedBenchmark):
    """A small perceptron on scikit-learn's digits: 512 configurations, 27 epochs.

    It has one hidden layer. Arguments: `path` and `measured`, as in `RecordedBenchmark`.

    >>> list(DigitsBenchmark().config_space)
    ['learning_rate', 'batch_size', 'momentum', 'weight_decay', 'units']
    """

    task = "digits"


class RecordedSearcher(HPOSearcher):
    """Proposes the recorded configurations in random order, each once, then None.

    Initial configurations come first; they need not be recorded ones.

    Arguments:

    - `benchmark`: the recorded task; its space is that of the search.
    - `initial_config`, `seed`, `initial_configs`: as in `HPOSearcher`.

    >>> searcher = RecordedSearcher(DigitsBenchmark(), seed=1)
    >>> searcher.sample_configuration() in DigitsBenchmark().configs
    True
    """

    setting_names = ("task", "configurations")

    def __init__(self, benchmark: RecordedBenchmark,
                 initial_config: Mapping[str, Any] | None = None, seed: int = 0,
                 initial_configs: Iterable[Mapping[str, Any]] = ()):
        super().__init__(benchmark.config_space, initial_config, seed, initial_configs)
        self.task, configs = benchmark.task, benchmark.configs
        self.configurations = len(configs)
        self.left = [configs[i] for i in self.rng.permutation(len(configs))
                     if configs[i] not in self.initial_configs]

    def propose(self) -> dict[str, Any] | None:
        """Return the next recorded configuration, or None if there is none left."""
        return self.left.pop() if self.left else None


def _measured_curve(row: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return errors and elapsed seconds of a row; the seconds stand still after a divergence."""
    seconds = np.array(row["seconds"])
    return _read_only(np.array(row["error"]), np.fmax.accumulate(seconds))


def _read_only(errors: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve that cannot be changed, since every caller gets the same one."""
    for array in (errors, seconds):
        array.setflags(write=False)
    return errors, seconds


class TimedLeNet(LeNetBenchmark):
    """LeNet, with the latency of its architecture in milliseconds: the median of the recordings.

    It is a `LeNetBenchmark` whose curves are all predicted. The latency is the time of a
    prediction for one image. It depends on `width` and `activation` alone.

    >>> benchmark = TimedLeNet()
    >>> narrow, wide = ({**benchmark.configs[0], "width": width} for width in (1, 2))
    >>> benchmark.measure(narrow)["latency"] < benchmark.measure(wide)["latency"]
    True
    """

    def __init__(self) -> None:
        super().__init__(measured=False)
        table = pd.DataFrame(self.configs).assign(latency=1000 * self.table("latency"))
        self.latencies = table.groupby(["width", "activation"])["latency"].median().to_dict()

    def measure(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Return the latency of one image."""
        return {"latency": self.latencies[config["width"], config["activation"]]}


class SizedPerceptron(MLPBenchmark):
    """The perceptron, with the decimal logarithm of its number of parameters as its size.

    It is an `MLPBenchmark` whose curves are all predicted.

    >>> size = SizedPerceptron().measure({"units_1": 128, "units_2": 64})["size"]
    >>> round(10 ** size)  # 785 * 128 + 129 * 64 + 65 * 10
    109386
    """

    def __init__(self) -> None:
        super().__init__(measured=False)

    def measure(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Return the logarithm of the number of weights and biases."""
        units = [784, config["units_1"], config["units_2"], 10]
        return {"size": math.log10(sum((a + 1) * b for a, b in pairwise(units)))}


class LimitedLeNet(LeNetBenchmark):
    """LeNet, with predictions of the memory of training in MiB and of the worst class's error.

    It is a `LeNetBenchmark` whose curves are all predicted. Making one takes seconds, since that
    fits the surrogates. `measure(config)` returns the two numbers::

        benchmark = LimitedLeNet()
        searcher = ConstrainedSearcher(benchmark.config_space,
                                       limits={"worst_class": 0.45, "memory": 2.0})
        records = simulate(BasicScheduler(searcher), benchmark, number_of_trials=20)
        print(feasible_errors(records, searcher.limits))
    """

    def __init__(self) -> None:
        from d2l_hpo.simulation.surrogate import Surrogate  # scikit-learn takes a second to import
        super().__init__(measured=False)
        worst = self.table("class_errors").max(axis=1, keepdims=True)
        memory = self.table("memory")[:, np.newaxis] / 2**20
        # as errors and seconds after one epoch, with the kernels fitted to these
        self.others = Surrogate(self.config_space, self.configs, worst, memory,
                                self.surrogate.kernels)

    def measure(self, config: Mapping[str, Any]) -> dict[str, float]:
        """Return the error of the worst class, a fraction, and the memory."""
        worst, memory = self.others.predict([config])
        return {"worst_class": float(worst[0, 0]), "memory": float(memory[0, 0])}
