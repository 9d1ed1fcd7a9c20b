"""Means over seeds, with their intervals."""
import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from d2l_hpo.tools.arguments import check_int


def half_width(errors: np.ndarray, comparisons: int = 1) -> np.ndarray:
    """Return half the width of the t interval of the mean over seeds, the first axis.

    The level is 95 %, for all of so many `comparisons` together (Bonferroni's correction).
    """
    level = 1 - 0.05 / check_int("comparisons", comparisons)
    return stats.t.ppf((1 + level) / 2, len(errors) - 1) * stats.sem(errors)


def mean_interval(errors: ArrayLike, comparisons: int = 1) -> tuple[float, float, float]:
    """Return the mean of errors and its 95 % t interval; ValueError for fewer than two.

    Arguments:

    - `errors`: finite numbers, one a seed, shape (seeds,).
    - `comparisons`: how many intervals a statement counts, at least 1. With 95 % all of them are
      right together, as in `paired_bootstrap`; with few seeds and many comparisons this interval
      is the safer one of the two.

    It returns three numbers, the mean and the interval's low and high end. The interval supposes
    that the mean of so many seeds is about normal.

    >>> mean, low, high = mean_interval([0.1, 0.2, 0.3])
    >>> round(float(mean), 3), round(float(low), 3), round(float(high), 3)
    (0.2, -0.048, 0.448)
    """
    errors = np.asarray(errors, float)
    if errors.ndim != 1 or len(errors) < 2 or not np.isfinite(errors).all():
        raise ValueError(f"errors are {errors}, expected at least two finite numbers, one a seed")
    mean, half = errors.mean(), half_width(errors, comparisons)
    return mean, mean - half, mean + half
