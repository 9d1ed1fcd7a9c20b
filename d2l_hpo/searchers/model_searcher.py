"""What searchers with a model share: points, pending trials, errors of several epochs."""
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import scipy  # its parts, which take long to load, when they are used

from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.space import (
    configuration_key, configurations_to_unit_cube, describe_space, from_unit_cube,
    list_unit_cube, snap_unit_cube,
)
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.threads import one_thread

NUMPY_DEFAULTS: dict[str, Any] = {"divide": "warn", "over": "warn", "under": "ignore",
                                  "invalid": "warn"}
"""What NumPy does about floating-point errors unless a program calls `np.seterr`."""


def numbers_of_choices(config_space: Mapping[str, Any]) -> list[int]:
    """Return for each side of the unit cube the number of its choices, 0 where it is a number."""
    return [len(domain.get("choices", [])) for domain in describe_space(config_space)
            if domain["kind"] != "constant"]


def encode_choices(points: np.ndarray, choices: list[int]) -> np.ndarray:
    """Turn snapped points, shape (n, d), into the model's: a choice becomes one-hot columns.

    Two different choices are at distance 1. An inactive number (nan) becomes 0.5, an inactive
    choice zeros.
    """
    columns = []
    for values, k in zip(points.T, choices, strict=True):
        hot = [np.abs(values * k - i - 0.5) < 0.5 for i in range(k)]
        columns += [column * math.sqrt(0.5) for column in hot] or [np.nan_to_num(values, nan=0.5)]
    return np.column_stack(columns)


class ModelSearcher(HPOSearcher):
    """Proposes a quasi-random design first, then what the subclass's `propose_point` chooses.

    A configuration is proposed once. A space of at most 1,000 configurations is exhausted at last.
    The model sees errors of all `epochs`, moved to the last one, or of "one" epoch only.

    Arguments:

    - `config_space`, `initial_config`, `seed`, `initial_configs`: as in `HPOSearcher`.
    - `initial_points`: how many configurations are known before the model is asked, at least 1,
      initial ones included. The others are points of a scrambled Sobol sequence. The model waits
      for the first trial that succeeds, too.
    - `epochs`: "all" or "one". With "all" each trial counts with its error at the largest epoch
      that it has reached, to which the mean change from there to the last epoch is added. With
      "one" only errors of one epoch count: the largest that `initial_points` trials have reached
      (Falkner, Klein and Hutter, 2018).

    ValueError for other values. A subclass defines `propose_point()`, which returns a point of the
    unit cube, shape (d,), where d is the number of hyperparameters that are no constants. It finds
    what it needs here:

    - `training_set()`: points (n, d) with errors (n,), and points of failed trials (m, d). An
      inactive hyperparameter is nan.
    - `pending`: names of the configurations that were proposed and not reported; `points[name]` is
      such a configuration's point.
    - `is_new(points)`: of each point, shape (d,), whether its configuration is new.
    - `explore()`: the next new point of the Sobol sequence.

    >>> class NearestSearcher(ModelSearcher):
    ...     def propose_point(self):
    ...         points, errors, failed = self.training_set()
    ...         draws = self.rng.random((64, points.shape[1]))
    ...         best = points[errors.argmin()]
    ...         return draws[np.linalg.norm(draws - best, axis=1).argmin()]
    >>> searcher = NearestSearcher({"x": stats.uniform(0, 1)}, initial_points=4)
    >>> for _ in range(20):
    ...     config = searcher.sample_configuration()
    ...     searcher.update(config, abs(config["x"] - 0.8))
    >>> points, errors, failed = searcher.training_set()
    >>> points.shape, errors.shape, failed.shape
    ((20, 1), (20,), (0, 1))
    >>> bool(errors.min() < 0.05)
    True
    """
    setting_names: tuple[str, ...] = ("initial_points", "epochs")

    def __init__(self, config_space: Mapping[str, Any],
                 initial_config: Mapping[str, Any] | None = None, seed: int = 0,
                 initial_points: int = 8, epochs: str = "all",
                 initial_configs: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(config_space, initial_config, seed, initial_configs)
        self.initial_points = check_int("initial_points", initial_points)
        if epochs not in ("all", "one"):
            raise ValueError(f"epochs is {epochs!r}, expected 'all' or 'one'")
        self.epochs = epochs
        self.choices = numbers_of_choices(self.config_space)
        self.sequence = scipy.stats.qmc.Sobol(len(self.choices), rng=self.rng)
        self.all_points = list_unit_cube(self.config_space, 1_000)
        # by configuration's key, all that were proposed or reported
        self.points: dict[str, np.ndarray] = {}
        self.reports: dict[str, list[tuple[int, float]]] = {}  # likewise, of (epoch, error)
        self.pending: list[str] = []

    def sample_configuration(self) -> dict | None:
        """Return the next configuration, or None if there is none left; it is pending now."""
        config = HPOSearcher.sample_configuration(self)
        if config is not None:
            self.pending.append(self.remember(config))
        return config

    def remember(self, config: dict) -> str:
        """Note where a configuration lies in the unit cube, and return its key."""
        key = configuration_key(self.config_space, config)
        if key not in self.points:
            self.points[key] = configurations_to_unit_cube(self.config_space, [config])[0]
        return key

    def update(self, config: dict, error: float, epoch: int | None = None,
               info: dict | None = None) -> None:
        """Learn that `config` had this error after `epoch` (nan: it failed)."""
        key = self.remember(config)
        if key in self.pending:
            self.pending.remove(key)
        self.reports.setdefault(key, []).append((epoch or 0, float(error)))

    def training_set(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return points (n, d) with their errors (n,), and the points of failed trials (m, d)."""
        found = {name: usable_reports(reports) for name, reports in sorted(self.reports.items())}
        valid = {name: reports for name, reports in found.items() if reports}
        curves = {name: dict(reports) for name, reports in valid.items()}
        if curves and self.epochs == "one":
            chosen = largest_epoch(list(curves.values()), self.initial_points)
            seen = [(name, error) for name, reports in valid.items()
                    for epoch, error in reports if epoch == chosen]
        else:
            changes = changes_to_the_end(list(curves.values()))
            seen = [(name, error + changes[epoch]) for name, reports in valid.items()
                    for epoch, error in reports if epoch == max(curves[name])]
        failed = [self.points[name] for name, reports in found.items() if not reports]
        points, errors = [self.points[name] for name, _ in seen], [error for _, error in seen]
        shape = (-1, len(self.choices))
        return np.reshape(points, shape), np.array(errors), np.reshape(failed, shape)

    def is_new(self, points: np.ndarray) -> np.ndarray:
        """Say of each snapped point whether its configuration was neither proposed nor reported."""
        if not self.points:
            return np.full(len(points), True)
        known = np.nan_to_num(list(self.points.values()), nan=-1)
        cdist = scipy.spatial.distance.cdist
        return cdist(np.nan_to_num(points, nan=-1), known, "chebyshev").min(axis=1) > 1e-9

    @one_thread
    def propose(self) -> dict | None:
        """Return a point of the design or, once there are errors, what the model chooses."""
        with np.errstate(**NUMPY_DEFAULTS):  # a program may raise errors in its own arithmetic
            point = self.next_point()
            return None if point is None else from_unit_cube(self.config_space, point)

    def next_point(self) -> np.ndarray | None:
        """Return the point of the next configuration; None if there is none left."""
        if self.all_points is not None:
            self.all_points = self.all_points[self.is_new(self.all_points)]
            if len(self.all_points) == 0:
                return None
        learned = any(map(usable_reports, self.reports.values()))
        ready = learned and len(self.points) >= self.initial_points
        point = self.choose_point() if ready else self.explore()
        return np.nan_to_num(point, nan=0.5)

    def choose_point(self) -> np.ndarray:
        """Return what `propose_point` chooses; a hook around it."""
        return self.propose_point()

    def explore(self) -> np.ndarray:
        """Return the next new point of the Sobol sequence, of a small space any new point."""
        for _ in range(100):
            point = snap_unit_cube(self.config_space, self.sequence.random(1))
            if self.is_new(point)[0]:
                return point[0]
        return point[0] if self.all_points is None else self.rng.choice(self.all_points)

    def propose_point(self) -> np.ndarray:
        """Return the point of the unit cube that the model chooses, given at least one error."""
        raise NotImplementedError(f"{type(self).__name__} must define propose_point")


def largest_epoch(curves: list[dict[int, float]], enough: int) -> int:
    """Return the largest epoch at which `enough` curves have an error, else that with most."""
    counts = Counter(epoch for curve in curves for epoch in curve)
    reached = [epoch for epoch, n in counts.items() if n >= enough]
    return max(reached) if reached else max(counts, key=lambda epoch: (counts[epoch], epoch))


def changes_to_the_end(curves: list[dict[int, float]]) -> dict[int, float]:
    """Return by epoch how much an error changes from there to the last epoch of all curves.

    That is a sum of the mean changes from epoch to epoch, each over the curves that have both.
    """
    epochs = sorted({epoch for curve in curves for epoch in curve}, reverse=True)
    changes = dict.fromkeys(epochs[:1], 0.0)
    for later, epoch in pairwise(epochs):
        both = [curve[later] - curve[epoch] for curve in curves if {epoch, later} <= set(curve)]
        changes[epoch] = changes[later] + (float(np.mean(both)) if both else 0.0)
    return changes


def usable_reports(reports: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return the finite ones of a trial's reports, sorted; none if the last one is a failure."""
    finite = sorted(report for report in reports if math.isfinite(report[1]))
    failed = not finite or finite[-1][0] < max(epoch for epoch, _ in reports)
    return [] if failed else finite
