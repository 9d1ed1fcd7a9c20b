"""The branches of a conditional space: which hyperparameters may be active together."""
from collections.abc import Callable, Mapping

import numpy as np
import scipy

from d2l_hpo.spaces.space import CheckedSpace, snap_unit_cube

DRAWS = 512  # in which branches are found; rarer ones are not


class Branches:
    """The sets of active hyperparameters of a space, where there are several.

    `active` has a row for each branch and says of each side of the unit cube whether it is active.
    """

    def __init__(self, space: CheckedSpace) -> None:
        sides = len(space.varying)
        self.draws, self.active = np.empty((0, sides)), np.ones((1, sides), bool)
        if space.is_conditional and sides:
            draws = scipy.stats.qmc.Sobol(sides, rng=0).random(DRAWS)
            self.draws = snap_unit_cube(space, draws)
            self.active = np.unique(~np.isnan(self.draws), axis=0)

    def contains(self, points: np.ndarray, branch: np.ndarray | None) -> np.ndarray:
        """Say of each snapped point, shape (n, d), whether it is in a branch; None: in any."""
        if branch is None:
            return np.full(len(points), True)
        return (~np.isnan(points) == branch).all(axis=1)

    def in_turn(self, points: Mapping[str, np.ndarray],
                is_new: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
        """Return the branch with the fewest of these points, of those that have new ones.

        None if there is no choice between branches. `is_new` says which snapped points are new.
        """
        if len(self.active) < 2:
            return None
        known, left = np.array(list(points.values())), self.draws[is_new(self.draws)]
        open_ones = [branch for branch in self.active if self.contains(left, branch).any()]
        return min(open_ones, key=lambda branch: self.contains(known, branch).sum(), default=None)
