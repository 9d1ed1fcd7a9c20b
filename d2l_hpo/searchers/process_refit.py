"""When a Gaussian process is fitted again: at each proposal at first, then as the trials grow."""
from collections.abc import Callable

import numpy as np

from d2l_hpo.searchers.gaussian_process import GaussianProcess
from d2l_hpo.searchers.process_fit import fit_gaussian_process
from d2l_hpo.searchers.process_growth import grow_process

FITTED_ALWAYS = 100  # up to so many trials
GROWTH = 1.05  # beyond, of the number of trials since the last fit
LARGEST_FIT = 200  # trials


class ProcessKeeper:
    """Keeps the Gaussian process of one number, such as the error, from proposal to proposal.

    Up to 100 trials its theta is fitted to all of them each time. Among more, a new one changes
    theta little: then it is fitted when the number of trials has grown by a twentieth since the
    last fit, to at most 200 of them (`sample_rows`). In between the process keeps its theta, and
    its factor grows. Fewer trials than at the last fit are others, and are fitted to, too.

    All this follows from the calls, so that a search repeated from its journal proposes the same.
    """

    def __init__(self, groups: np.ndarray) -> None:
        self.groups = groups
        self.process: GaussianProcess | None = None
        """The last one."""
        self.fitted = 0
        """The number of trials at the last fit."""

    def fit(self, points: np.ndarray, targets: np.ndarray,
            others: Callable[[int], list[np.ndarray]] = lambda n: []) -> GaussianProcess:
        """Return the process given the trials; a fit starts at the last theta and `others(n)`."""
        n, last = len(targets), self.process
        is_near = n > FITTED_ALWAYS and self.fitted <= n < GROWTH * self.fitted
        if last is not None and is_near:
            self.process = grow_process(last, points, targets)
            return self.process
        starts = ([] if last is None else [last.theta]) + others(n)
        rows, self.fitted = sample_rows(n), n
        fitted = fit_gaussian_process(points[rows], targets[rows], self.groups, starts)
        self.process = (fitted if len(rows) == n
                        else GaussianProcess(points, targets, fitted.theta, self.groups))
        return self.process


def sample_rows(n: int) -> np.ndarray:
    """Return which of n trials a fit takes: evenly spaced ones, all up to 200.

    Trials are sorted by configuration. So all regions have a part in the choice, and errors have
    none. The best trials, or the latest, would show a smaller region and smaller errors.
    """
    return np.linspace(0, n - 1, min(n, LARGEST_FIT)).round().astype(int)
