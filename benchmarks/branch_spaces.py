"""Random spaces with branches: a choice says which hyperparameters there are beside shared ones.

Each branch has a smooth function of its own with one well, and a plateau around it. Some
hyperparameters matter, others do not. Of a "deceptive" space, the smallest error lies in the branch
whose mean error is the largest. Of a "plain" one all branches are drawn alike, and the smallest
error lies where it happens to be.
"""
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import stats
from scipy.optimize import minimize

from d2l_hpo import categorical, when
from d2l_hpo.spaces.space import check_space, configurations_to_unit_cube

KINDS = ("deceptive", "plain")
DESIGN = 4096


def is_branch(name: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return the test whether a configuration is in this branch."""
    return lambda config: config["branch"] == name


def space_of(shared: int, own: Sequence[int]) -> dict[str, Any]:
    """Return a space with a choice of the branch, shared hyperparameters, and those of branches.

    The first shared one is a choice of three, the first of a branch is one of two where the branch
    has three or more.
    """
    space: dict[str, Any] = {"branch": categorical([f"b{b}" for b in range(len(own))])}
    for i in range(shared):
        space[f"shared_{i}"] = stats.uniform(0, 1) if i else categorical(["x", "y", "z"])
    for b, number in enumerate(own):
        for i in range(number):
            domain = categorical(["x", "y"]) if number > 2 and i == 0 else stats.uniform(0, 1)
            space[f"b{b}_{i}"] = when(is_branch(f"b{b}"), domain)
    return space


class Well:
    """A random function on the unit cube: about `floor` in a well, and `height` more far from it.

    It depends on one to four of its dimensions. Sums of cosines lie on it, of at most a twentieth
    of the height.
    """

    def __init__(self, dimensions: int, floor: float, height: float, width: float,
                 rng: np.random.Generator) -> None:
        self.floor, self.height = floor, height
        relevant = rng.permutation(dimensions)[:rng.integers(1, min(dimensions, 4) + 1)]
        self.scales = np.full(dimensions, np.inf)
        self.scales[relevant] = width * rng.uniform(0.7, 1.5, len(relevant))
        self.centre = rng.uniform(0.05, 0.95, dimensions)
        self.frequencies = rng.normal(0, 4, (4, dimensions))
        self.phases = rng.uniform(0, 2 * np.pi, 4)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Return the values at points (n, dimensions)."""
        far = (((points - self.centre) / self.scales) ** 2).sum(axis=1)
        waves = np.cos(points @ self.frequencies.T + self.phases).mean(axis=1)
        return self.floor + self.height * (1 - np.exp(-far / 2) + 0.05 * waves)

    def smallest(self, points: np.ndarray, is_number: Sequence[bool]) -> float:
        """Return the smallest value found from the best five points on, with their choices."""
        starts = points[np.argsort(self(points))[:5]]
        return min(minimize(lambda x: self(x[np.newaxis])[0], start, bounds=[
            (0, 1) if number else (x, x) for number, x in zip(is_number, start, strict=True)]).fun
            for start in starts)


class BranchTask:
    """A random space and its errors.

    `best` is the number of the branch with the smallest error, `smallest` that error, and `unit`
    how much more the best of 40 random configurations has on average.
    """

    def __init__(self, kind: str, rng: np.random.Generator) -> None:
        branches, shared = int(rng.integers(2, 5)), int(rng.integers(0, 3))
        self.own = rng.integers(1, 5, branches).tolist()
        self.space = check_space(space_of(shared, self.own))
        self.shared = shared
        first = 1 + shared + np.cumsum([0, *self.own])
        self.columns = [[*range(1, 1 + shared), *range(start, start + number)]
                        for start, number in zip(first, self.own, strict=False)]
        chosen = int(rng.integers(branches))
        self.wells = []
        for b, columns in enumerate(self.columns):
            floor, height, width = rng.uniform(0, 0.3), rng.uniform(0.3, 1.5), rng.uniform(0.2, 0.5)
            if kind == "deceptive":
                is_chosen = b == chosen
                floor = 0.0 if is_chosen else rng.uniform(0.1, 0.3)
                height = rng.uniform(0.8, 1.5) if is_chosen else rng.uniform(0.2, 0.6)
            self.wells.append(Well(len(columns), floor, height, width, rng))
        draws = stats.qmc.Sobol(len(self.space), scramble=False).random(DESIGN)
        sides = [hyperparameter.side for hyperparameter in self.space.varying]
        points = np.column_stack([s.snap(column) for s, column in zip(sides, draws.T, strict=True)])
        errors, places = self.values(points), self.branch(points)
        self.best = int(places[errors.argmin()])
        means = [errors[places == b].mean() for b in range(branches)]
        self.deceives = self.best == int(np.argmax(means))
        numbers = [side.size == np.inf for side in sides]
        self.smallest = min(
            well.smallest(points[places == b][:, columns], [numbers[i] for i in columns])
            for b, (well, columns) in enumerate(zip(self.wells, self.columns, strict=True)))
        above = (1 - np.arange(DESIGN + 1) / DESIGN) ** 40  # that all 40 are at least the i-th
        self.unit = float(-np.diff(above) @ np.sort(errors) - self.smallest)

    def branch(self, points: np.ndarray) -> np.ndarray:
        """Return the number of each point's branch."""
        return (points[:, 0] * len(self.own)).astype(int)

    def values(self, points: np.ndarray) -> np.ndarray:
        """Return the errors at points of the unit cube."""
        values, places = np.empty(len(points)), self.branch(points)
        for b, (well, columns) in enumerate(zip(self.wells, self.columns, strict=True)):
            values[places == b] = well(points[places == b][:, columns])
        return values

    def errors(self, configs: Sequence[Mapping[str, Any]]) -> np.ndarray:
        """Return the errors of configurations."""
        return self.values(configurations_to_unit_cube(self.space, configs))


@cache
def branch_task(kind: str, number: int, generator: int = 0) -> BranchTask:
    """Return a space of this kind; other numbers and generators are other ones."""
    rng = np.random.default_rng([generator, number, KINDS.index(kind)])
    while True:
        task = BranchTask(kind, rng)
        if kind == "plain" or task.deceives:
            return task
