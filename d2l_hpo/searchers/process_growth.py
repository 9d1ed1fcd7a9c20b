"""A Gaussian process that gets more trials: its Cholesky factor is extended, not computed anew."""
from collections import defaultdict
from typing import Self

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from d2l_hpo.searchers.gaussian_process import GaussianProcess
from d2l_hpo.searchers.process_base import ProcessBase


class GrownProcess(GaussianProcess):
    """An `earlier` process with further `points` (q, p), and new `targets` (n + q, ...) for all.

    Its factor has the rows of the earlier one, L, and q more:

        L    0
        B^T  C    where L B = K(earlier points, points) and C C^T = K(points, points) - B^T B,

    the latter with the noise's variance on the diagonal. That takes a time of order n**2 for each
    point. It is a step of the factorisation by blocks, so no error of rounding builds up.
    """

    def __init__(self, earlier: GaussianProcess, points: np.ndarray, targets: np.ndarray) -> None:
        ProcessBase.__init__(self, np.vstack([earlier.points, points]), targets, earlier.theta,
                             earlier.groups)
        signal, factor = earlier.signal, earlier.factor
        if len(points):
            between, within = self.kernel(earlier.points, points), self.kernel(points, points)
            half = solve_triangular(factor, between, lower=True)
            corner = cholesky(within + self.noise * np.eye(len(points)) - half.T @ half, lower=True)
            signal = np.block([[signal, between], [between.T, within]])
            factor = np.block([[factor, np.zeros_like(between)], [half.T, corner]])
        self.signal, self.factor = signal, factor
        self.weights = cho_solve((factor, True), self.targets)

    def extended(self, points: np.ndarray, targets: np.ndarray) -> Self:
        """Return the process that has also seen points (q, p), given the targets of all."""
        return type(self)(self, points, targets)


def grow_process(earlier: GaussianProcess, points: np.ndarray,
                 targets: np.ndarray) -> GaussianProcess:
    """Return the process with the theta of an earlier one, given all trials now, in any order.

    Its first points are those of the earlier one. Where one of them is gone, the factor is computed
    anew.
    """
    rows = rows_after(earlier.points, points)
    if rows is None:
        return GaussianProcess(points, targets, earlier.theta, earlier.groups)
    return GrownProcess(earlier, points[rows[len(earlier.points):]], targets[rows])


def rows_after(known: np.ndarray, points: np.ndarray) -> list[int] | None:
    """Return all rows of `points`, first those equal to `known` ones, in the order of these.

    None if a known one is missing. Points may be equal, since a trial may be reported twice.
    """
    left = defaultdict(list)
    for row, point in enumerate(points):
        left[point.tobytes()].append(row)
    first = [left[point.tobytes()].pop(0) for point in known if left[point.tobytes()]]
    if len(first) < len(known):
        return None
    return first + sorted(set(range(len(points))) - set(first))
