"""When a Gaussian process is fitted again: at each proposal at first, then as the trials grow."""
from collections.abc import Callable

import numpy as np

from d2l_hpo.searchers.gaussian_process import GaussianProcess
from d2l_hpo.searchers.process_fit import fit_gaussian_process
from d2l_hpo.searchers.process_growth import grow_process

FITTED_ALWAYS = 100  # up to so many trials
GROWTH = 1.05  # beyond, of the number of trials since the last fit
LARGEST_FIT = 200  # trials
SURPRISE = 10  # in units of the logarithm of a probability: a trial 4.5 deviations from its mean


class ProcessKeeper:
    """Keeps the Gaussian process of one number, such as the error, from proposal to proposal.

    Up to 100 trials its theta is fitted to all of them each time. Among more, a new one changes
    theta little, as a rule: then it is fitted when the number of trials has grown by a twentieth
    since the last fit, to at most 200 of them (`sample_rows`). In between the process keeps its
    theta, and its factor grows. But theta is fitted at once where the trials have become less
    probable under it, such as by the first good one on a plateau. Fewer trials than at the last fit
    are others, and are fitted to, too.

    All this follows from the calls, so that a search repeated from its journal proposes the same.
    """

    def __init__(self, groups: np.ndarray) -> None:
        self.groups = groups
        self.process: GaussianProcess | None = None
        """The last one."""
        self.fitted = 0
        """The number of trials at the last fit."""
        self.evidence = 0.0
        """The logarithm of their probability then."""

    def fit(self, points: np.ndarray, targets: np.ndarray,
            others: Callable[[int], list[np.ndarray]] = lambda n: []) -> GaussianProcess:
        """Return the process given the trials; a fit starts at the last theta and `others(n)`."""
        n, last = len(targets), self.process
        is_near = n > FITTED_ALWAYS and self.fitted <= n < GROWTH * self.fitted
        if last is not None and is_near:
            grown = grow_process(last, points, targets)
            if grown.evidence() > self.evidence * n / self.fitted - SURPRISE:
                self.process = grown
                return grown
        starts = ([] if last is None else [last.theta]) + others(n)
        rows, self.fitted = sample_rows(targets), n
        fitted = fit_gaussian_process(points[rows], targets[rows], self.groups, starts)
        self.process = (fitted if len(rows) == n
                        else GaussianProcess(points, targets, fitted.theta, self.groups))
        self.evidence = self.process.evidence()
        return self.process


def sample_rows(targets: np.ndarray) -> np.ndarray:
    """Return which of n trials a fit takes, all up to 200.

    Trials are sorted by configuration. Half of the choice are evenly spaced ones, so that all
    regions have a part. The other half are evenly spaced in the order of the targets, from the
    smallest to the largest: few good trials among many alike would be missed otherwise. Only the
    best ones, or the latest, would show a smaller region and smaller errors.
    """
    n = len(targets)
    if n <= LARGEST_FIT:
        return np.arange(n)
    spaced = np.linspace(0, n - 1, LARGEST_FIT // 2).round().astype(int)
    return np.union1d(spaced, np.argsort(targets, kind="stable")[spaced])
