"""The fit of a Gaussian process: priors of its parameters, and the most probable ones."""
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

from d2l_hpo.searchers.gaussian_process import GaussianProcess
from d2l_hpo.tools.arguments import check_int


def theta_prior(groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the means and standard deviations of theta's normal priors."""
    means = [math.log(0.5)] * check_int("groups", groups) + [0.0, math.log(1e-3)]
    return np.array(means), np.array([0.7] * groups + [1.0, 2.0])


def fit_gaussian_process(points: Any, targets: Any, groups: Any = None,
                         starts: Sequence[np.ndarray] = ()) -> GaussianProcess:
    """Return the process with the largest posterior density of theta found.

    L-BFGS-B starts at each of `starts`, by default at the prior's mean, and stays within three
    standard deviations of that.

    Arguments:

    - `points`, `targets`, `groups`: as in `GaussianProcess`, with `targets` of shape (n,). The
      priors suit points of the unit cube, and targets with mean 0 and standard deviation 1.
    - `starts`: a list of values of theta, shape (groups + 2,) each.

    The priors of theta are normal: length scales around 0.5, the variance around 1, the noise's
    around 0.001. The likelihood is equation `eq_evidence` of the section on Bayesian optimization.
    Time grows with n**3. ValueError as in `GaussianProcess`.

    >>> rng = np.random.default_rng(0)
    >>> points = rng.random((20, 2))
    >>> targets = np.sin(6 * points[:, 0])  # the second coordinate does not matter
    >>> process = fit_gaussian_process(points, targets)
    >>> bool(process.lengths[1] > 3 * process.lengths[0])
    True
    """
    groups = np.arange(np.shape(points)[-1]) if groups is None else groups
    mean, deviation = theta_prior(max(groups) + 1)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = GaussianProcess(points, targets, theta, groups).log_likelihood()
        z = (theta - mean) / deviation
        return 0.5 * z @ z - value, z / deviation - gradient

    bounds = np.column_stack([mean - 3 * deviation, mean + 3 * deviation])
    found = [minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
             for start in (starts or [mean])]
    return GaussianProcess(points, targets, min(found, key=lambda result: result.fun).x, groups)
