"""What a Gaussian process has beside conditioning: checked arguments, likelihood, fantasies."""
import math
from typing import Any, Self

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.spatial.distance import cdist

from d2l_hpo.tools.arguments import check_int


class ProcessBase:
    """Holds points (n, p), targets (n,) or (n, m), and what theta says; ValueError names errors.

    A subclass defines `kernel`, and its constructor computes `signal`, the covariances of the
    values at the points, `factor`, the Cholesky factor of signal + noise, and `weights`, the
    solution of signal + noise for the targets.
    """

    signal: np.ndarray
    factor: np.ndarray
    weights: np.ndarray

    def __init__(self, points: Any, targets: Any, theta: Any, groups: Any = None) -> None:
        self.points, self.targets = np.asarray(points, float), np.asarray(targets, float)
        self.groups = np.arange(np.shape(points)[-1]) if groups is None else np.asarray(groups)
        self.theta = np.asarray(theta, float)
        self.check()
        self.lengths = np.exp(self.theta)[self.groups]
        self.variance, self.noise = np.exp(self.theta[-2:])

    def check(self) -> None:
        """Raise ValueError where shapes do not match or a number is not finite."""
        shape, n = self.points.shape, len(self.targets) if self.targets.ndim else 0
        if len(shape) != 2 or 0 in shape or shape[0] != n:
            raise ValueError(f"points has shape {shape} and targets {self.targets.shape}, expected "
                             "(n, p) and (n,) with n, p > 0")
        if self.groups.shape != shape[1:] or self.theta.shape != (self.groups.max() + 3,):
            raise ValueError(f"groups has shape {self.groups.shape}, theta {self.theta.shape}; "
                             "expected a group for each column of points, and a theta for each "
                             "group and two more")
        if not all(np.isfinite(array).all() for array in (self.points, self.targets, self.theta)):
            raise ValueError("points, targets and theta must be finite; leave failed trials out")

    def kernel(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the covariance of the values at two sets of points."""
        raise NotImplementedError(f"{type(self).__name__} must define kernel")

    def log_likelihood(self) -> tuple[float, np.ndarray]:
        """Return log p(targets | theta), for targets (n,), and its gradient.

        These are equations `eq_evidence` of the section on Bayesian optimization and
        `eq_evidence_gradient` of the appendix, for the Matern-5/2 kernel.
        """
        n, scaled = len(self.points), self.points / self.lengths
        inner = np.outer(self.weights, self.weights) - cho_solve((self.factor, True), np.eye(n))
        s = math.sqrt(5) * cdist(scaled, scaled)
        slope = inner * self.variance * 5 / 3 * (1 + s) * np.exp(-s)
        # sum over pairs of slope * (x - x')^2 for each column, without an array of all differences
        columns = slope.sum(axis=1) @ scaled**2 - (scaled * (slope @ scaled)).sum(axis=0)
        lengths = np.bincount(self.groups, columns, len(self.theta) - 2)
        variance, noise = 0.5 * (inner * self.signal).sum(), 0.5 * self.noise * inner.trace()
        return self.evidence(), np.concatenate([lengths, [variance, noise]])

    def evidence(self) -> float:
        """Return log p(targets | theta), for targets (n,), without the gradient."""
        return float(-0.5 * self.targets @ self.weights - np.log(self.factor.diagonal()).sum()
                     - 0.5 * len(self.points) * math.log(2 * math.pi))

    def fantasise(self, points: np.ndarray, draws: int, rng: np.random.Generator) -> Self:
        """Return the process that has also seen `draws` imagined targets at points (q, p)."""
        covariance = self.kernel(points, self.points)
        half = solve_triangular(self.factor, covariance.T, lower=True)
        joint = self.kernel(points, points) - half.T @ half + self.noise * np.eye(len(points))
        normal = rng.standard_normal((len(points), check_int("draws", draws)))
        imagined = (covariance @ self.weights)[:, np.newaxis] + cholesky(joint, lower=True) @ normal
        targets = np.vstack([np.repeat(self.targets[:, np.newaxis], draws, axis=1), imagined])
        return self.extended(points, targets)

    def extended(self, points: np.ndarray, targets: np.ndarray) -> Self:
        """Return the process that has also seen points (q, p), given the targets of all."""
        return type(self)(np.vstack([self.points, points]), targets, self.theta, self.groups)
