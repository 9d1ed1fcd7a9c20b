"""Bayesian optimization under constraints, and per second of training."""

import math
import operator
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from d2l_hpo.measures.values import read_objectives
from d2l_hpo.searchers.acquisition import log_improvement
from d2l_hpo.searchers.bayesian import BayesianSearcher
from d2l_hpo.searchers.gaussian_process import GaussianProcess
from d2l_hpo.searchers.model_searcher import encode_choices
from d2l_hpo.searchers.process_refit import ProcessKeeper
from d2l_hpo.tools.arguments import check_positive


LARGEST = 1e100  # of transformed numbers: the square of a larger one may be no float


@dataclass(frozen=True)
class Prediction:
    """What a model of standardised numbers says in their own unit; None: no number is known."""

    mean: float
    deviation: float
    model: GaussianProcess | None = None

    def __call__(self, points: np.ndarray) -> list[np.ndarray]:
        """Return means and standard deviations at encoded points (q, p), each of shape (q,)."""
        standard = ((np.zeros(len(points)), np.ones(len(points))) if self.model is None
                    else self.model.predict(points))
        return [shift + self.deviation * part
                for shift, part in zip((self.mean, 0.0), standard, strict=True)]


class InformedSearcher(BayesianSearcher):
    """Bayesian optimization that also models numbers which the objective returns beside the error.

    `names` are keys of the dictionary of results. Subclasses say what the models are for.
    """
    setting_names = ("names",)

    def __init__(self, config_space: dict, initial_config: dict | None = None, seed: int = 0, *,
                 names, **settings):
        super().__init__(config_space, initial_config, seed, **settings)
        self.names = list(names)
        self.numbers: dict[str, list[float]] = {}  # by configuration, written out; nan: it failed
        self.keepers = {name: ProcessKeeper(self.groups) for name in self.names}

    def check_report(self, error: float, info: dict) -> None:
        """Raise ValueError for a number that is missing, TypeError for what is none."""
        read_objectives(self.names, error, info)

    def update(self, config: dict, error: float, epoch: int | None = None,
               info: dict | None = None) -> None:
        """Learn the error and the numbers, after `check_report`."""
        self.check_report(error, info or {})
        self.numbers[self.remember(config)] = read_objectives(self.names, error, info)
        super().update(config, error, epoch, info)

    def encoded(self, keys) -> np.ndarray:
        """Return known configurations as inputs of a Gaussian process."""
        points = np.reshape([self.points[key] for key in keys], (-1, len(self.choices)))
        return encode_choices(points, self.choices)

    def model_number(self, name: str, transform):
        """Fit a Gaussian process to transformed numbers; return its `Prediction`."""
        column = self.names.index(name)
        known = [key for key in sorted(self.numbers) if math.isfinite(self.numbers[key][column])]
        if not known:
            return Prediction(0.0, 1.0)
        values = transform(np.array([self.numbers[key][column] for key in known]))
        values = np.clip(values, -LARGEST, LARGEST)
        mean, deviation = values.mean(), values.std() or 1.0
        model = self.keepers[name].fit(self.encoded(known), (values - mean) / deviation)
        return Prediction(mean, deviation, model)


class ConstrainedSearcher(InformedSearcher):
    """Proposes where the improvement times the probability of keeping all `limits` is largest.

    `limits` are upper ones, positive, by name. Before the first feasible trial only the probability
    counts. A trial that keeps them not cannot be the best.

    Arguments:

    - `config_space`, `initial_config`, `seed`: as in `HPOSearcher`.
    - `limits`: a dictionary from names to limits, positive numbers in the unit of what they limit.
      The objective returns these numbers beside its error. A trial keeps a limit if its number is
      smaller.
    - `**settings`: `initial_points`, `epochs`, `fantasies` and `initial_configs`, as in
      `BayesianSearcher`.

    TypeError for `limits` that are no dictionary, ValueError for no limit or one that is not
    positive. In a search, ValueError where the objective does not return a number that is limited,
    TypeError where it returns something else in its place.

    A Gaussian process models each slack (equation `eq_slack` of the section on objectives,
    constraints and cost). The acquisition is equation `eq_feasible_improvement` there (Gardner et
    al., 2014). `feasible` says which rows of the records keep the limits.

    >>> searcher = ConstrainedSearcher({"units": stats.uniform(0, 100)}, limits={"memory": 2.0},
    ...                                initial_points=4)
    >>> for units in [5, 30, 60, 90]:
    ...     searcher.update({"units": units}, 1 - units / 100, info={"memory": 0.05 * units})
    >>> 30 < searcher.sample_configuration()["units"] < 42
    True
    """
    setting_names = ("limits",)

    def __init__(self, config_space: dict, initial_config: dict | None = None, seed: int = 0, *,
                 limits: dict[str, float], **settings):
        if not isinstance(limits, dict):
            raise TypeError(f"limits are {limits!r}, expected a dict such as {{'memory': 2.0}}")
        self.limits = {name: check_positive(f"the limit of {name!r}", limit)
                       for name, limit in limits.items()}
        if not self.limits:
            raise ValueError("limits is empty; give at least one, or use BayesianSearcher")
        super().__init__(config_space, initial_config, seed, names=self.limits, **settings)

    def score(self, config: dict, error: float, info: dict) -> float:
        """Return what is smallest for the best trial: its error; inf for one that is too large."""
        numbers = read_objectives(self.names, error, info)
        return error if all(map(operator.lt, numbers, self.limits.values())) else math.inf

    def propose_point(self) -> np.ndarray:
        """Model the slack of each limit, then maximise the acquisition."""
        self.slacks = [self.model_number(name, lambda numbers, limit=limit: 1 - numbers / limit)
                       for name, limit in self.limits.items()]
        limits = np.array(list(self.limits.values()))
        kept = [key for key, numbers in sorted(self.numbers.items()) if (numbers < limits).all()]
        self.kept = self.encoded([key for key in kept if self.branches.contains(
            self.points[key][np.newaxis], self.branch)[0]])
        return super().propose_point()

    def acquisition(self, model, points: np.ndarray) -> np.ndarray:
        """Return the log of the expected improvement times the probability of feasibility."""
        total = np.zeros(len(points))
        for slack in self.slacks:
            mean, deviation = slack(points)
            total += log_ndtr(mean / np.maximum(deviation, 1e-9))
        if len(self.kept):
            means = model.kernel(self.kept, model.points) @ model.weights
            total += log_improvement(model, points, means.min(axis=0))
        return total


class CostAwareSearcher(InformedSearcher):
    """Proposes where the expected improvement per second of training is largest.

    `cost` names the seconds, or another positive price, in the dictionary of results.

    Arguments:

    - `config_space`, `initial_config`, `seed`: as in `HPOSearcher`.
    - `cost`: the default is what `simulate` and the recorded benchmarks report: the seconds of all
      epochs so far. An objective of your own has to return it.
    - `**settings`: `initial_points`, `epochs`, `fantasies` and `initial_configs`, as in
      `BayesianSearcher`.

    In a search, ValueError where the cost is missing or not positive, TypeError where it is no
    number. A Gaussian process models the logarithm of the cost. The acquisition is equation
    `eq_improvement_per_second` of the section on objectives, constraints and cost (Snoek,
    Larochelle and Adams, 2012).

    >>> searcher = CostAwareSearcher({"x": stats.uniform(0, 1)}, cost="price", initial_points=4)
    >>> for x in [0.1, 0.4, 0.6, 0.9]:  # best in the middle, and dearer to the right
    ...     searcher.update({"x": x}, (x - 0.5) ** 2, info={"price": 1 + 10 * x})
    >>> round(searcher.sample_configuration()["x"], 1)
    0.5
    >>> searcher.update({"x": 0.25}, 0.1, info={"seconds": 3.0})
    Traceback (most recent call last):
        ...
    ValueError: the objective 'price' is missing from ['error', 'seconds']; ...
    """
    def __init__(self, config_space: dict, initial_config: dict | None = None, seed: int = 0, *,
                 cost: str = "elapsed_time", **settings):
        super().__init__(config_space, initial_config, seed, names=[cost], **settings)

    def check_report(self, error: float, info: dict) -> None:
        """Raise an error for a cost that is missing or no number; ValueError if it is 0 or less."""
        if read_objectives(self.names, error, info)[0] <= 0:
            raise ValueError(f"{self.names[0]!r} is not positive in {info}; a cost is")

    def propose_point(self) -> np.ndarray:
        """Model the logarithm of the cost, then maximise the acquisition."""
        self.log_cost = self.model_number(self.names[0], np.log)
        return super().propose_point()

    def acquisition(self, model, points: np.ndarray) -> np.ndarray:
        """Return the log of the expected improvement divided by the predicted cost."""
        return super().acquisition(model, points) - self.log_cost(points)[0]
