"""Searchers for a front: children of two good trials, and non-dominated sorting."""
from collections import Counter

import numpy as np

from d2l_hpo.measures.fronts import best_by_front
from d2l_hpo.measures.values import read_objectives
from d2l_hpo.searchers.searcher import HPOSearcher
from d2l_hpo.spaces.space import (
    configuration_key, from_unit_cube, sample_configuration, to_unit_cube,
)
from d2l_hpo.tools.arguments import check_int


class MultiObjectiveSearcher(HPOSearcher):
    """Proposes children of two good configurations, which a subclass chooses by `parents`.

    `objectives` names what is minimised: "error", and keys of the dictionary that the objective
    returns. A configuration that is reported again counts with its latest values. The first
    `population` trials are random.

    Arguments:

    - `config_space`, `initial_config`, `seed`, `initial_configs`: as in `HPOSearcher`.
    - `objectives`: a tuple of different names. The objective returns them all in its dictionary.
    - `population`: an integer of at least 2.

    ValueError for no name or equal ones, or a smaller population. In a search, ValueError where an
    objective is missing, TypeError where it is no number. A subclass defines `parents(values)`,
    which returns the indices of two rows of `values`, shape (n, objectives), where n grows by one
    with each new configuration; failed trials are rows of nan. It is called as soon as there are
    `population` rows, two of them without nan.

    >>> class FrontSearcher(MultiObjectiveSearcher):
    ...     def parents(self, values):
    ...         return self.rng.choice(pareto_front(values), 2)
    >>> searcher = FrontSearcher({"x": stats.uniform(0, 1)}, objectives=("error", "size"))
    >>> for _ in range(20):
    ...     config = searcher.sample_configuration()
    ...     searcher.update(config, config["x"], info={"size": 1 - config["x"]})
    >>> np.array([*searcher.values.values()]).shape
    (20, 2)
    """
    setting_names: tuple[str, ...] = ("objectives", "population")

    def __init__(self, config_space: dict, initial_config: dict | None = None, seed: int = 0, *,
                 objectives: tuple[str, ...], population: int = 16, initial_configs=()):
        super().__init__(config_space, initial_config, seed, initial_configs)
        if isinstance(objectives, str) or len({*objectives}) != len(objectives) or not objectives:
            raise ValueError(f"objectives are {objectives!r}, expected different names in a tuple")
        self.objectives = tuple(objectives)
        self.population = check_int("population", population, 2)
        self.points: dict[str, np.ndarray] = {}  # in the unit cube, by configuration
        self.values: dict[str, list[float]] = {}  # objectives, likewise
        self.reports: Counter = Counter()  # by configuration and epoch
        self.trials: Counter = Counter()  # by configuration

    def check_report(self, error: float, info: dict) -> None:
        """Raise ValueError for an objective that is missing, TypeError for what is no number."""
        read_objectives(self.objectives, error, info)

    def update(self, config: dict, error: float, epoch: int | None = None,
               info: dict | None = None) -> None:
        """Keep the configuration's objectives; ValueError if one is missing."""
        key = configuration_key(self.config_space, config)
        self.values[key] = read_objectives(self.objectives, error, info)
        self.points[key] = to_unit_cube(self.config_space, config)
        self.reports[key, epoch] += 1
        self.trials[key] = max(self.trials[key], self.reports[key, epoch])

    def child(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Cross two points of the unit cube; change a coordinate, others with probability 1/d."""
        d = len(first)
        crossed = np.where(self.rng.random(d) < 0.5, first, second)
        changed = self.rng.random(d) < 1 / d
        changed[self.rng.integers(d)] = True
        steps = np.clip(crossed + self.rng.normal(0, 0.1, d), 0, 1)
        new = np.where(self.rng.random(d) < 0.5, steps, self.rng.random(d))
        return np.where(changed, new, crossed)

    def parents(self, values: np.ndarray) -> list[int]:
        """Return the indices of two of the configurations, given all objectives, shape (n, m)."""
        raise NotImplementedError(f"{type(self).__name__} must define parents")

    def propose(self) -> dict:
        """Return a new child of two parents; a random configuration at first or if none is new."""
        values = np.array([*self.values.values()]).reshape(-1, len(self.objectives))
        if self.trials.total() >= self.population and np.isfinite(values).all(axis=1).sum() >= 2:
            points = list(self.points.values())
            first, second = (points[i] for i in self.parents(values))
            for _ in range(10):
                config = from_unit_cube(self.config_space, self.child(first, second))
                if configuration_key(self.config_space, config) not in self.values:
                    return config
        return sample_configuration(self.config_space, self.rng)


class NondominatedSortingSearcher(MultiObjectiveSearcher):
    """Breeds from the best `population` configurations, sorted by front and by crowding.

    Arguments: `config_space`, `initial_config`, `seed`, `objectives`, `population` and
    `initial_configs` as in `MultiObjectiveSearcher`. The order is that of NSGA-II (Deb et al.,
    2002): by `nondominated_ranks`, in one front by `crowding_distances`. Children are made one by
    one, so that workers do not wait for a generation.

    >>> space = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}
    >>> searcher = NondominatedSortingSearcher(space, objectives=("error", "size"), population=8)
    >>> for _ in range(60):
    ...     config = searcher.sample_configuration()
    ...     x, y = config["x"], config["y"]
    ...     searcher.update(config, x + y, info={"size": 1 - x + y})
    >>> hypervolume([*searcher.values.values()], [2, 2]) > 3
    True
    """
    def parents(self, values: np.ndarray) -> list[int]:
        """Return the indices of the winners of two tournaments of two survivors each."""
        survivors = best_by_front(values, self.population)
        rounds = self.rng.integers(len(survivors), size=(2, 2)).min(axis=1)  # the earlier one wins
        return [survivors[i] for i in rounds]
