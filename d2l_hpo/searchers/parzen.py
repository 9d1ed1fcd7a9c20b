"""A density on the unit cube: the sum of a kernel around each point, for numbers and choices."""
import math

import numpy as np
import scipy  # its parts, which take long to load, when they are used


class ParzenEstimator:
    """A density on the unit cube: a kernel around each snapped point (n, d), and a uniform one.

    Arguments:

    - `points`: shape (n, d), with n at least 0; points of the unit cube as a `ModelSearcher` holds
      them, with integers and choices in the middle of their bins and nan where inactive.
    - `choices`: d integers: of each coordinate the number of its choices, 0 where it is a number.

    Methods: `log_density(points)` has shape (q,), and `sample(n, rng)` shape (n, d). The bandwidth
    of numbers is 0.2 n**(-1 / (d + 4)); a choice changes with probability 0.3. `TPESearcher`
    compares two such densities, equation `eq_tpe` of the section on searchers that learn. Their
    ratio is from Bergstra et al. (2011), one density of all numbers and choices together from
    BOHB (Falkner et al., 2018).

    >>> density = ParzenEstimator(np.array([[0.2], [0.3]]), choices=[0])
    >>> bool(np.diff(density.log_density(np.array([[0.25], [0.9]])))[0] < 0)
    True
    >>> density.sample(3, np.random.default_rng(0)).shape
    (3, 1)
    """
    width, change = 0.2, 0.3  # of a number's kernel; the probability that a choice is redrawn

    def __init__(self, points: np.ndarray, choices: list[int]) -> None:
        n, d = points.shape
        uniform = np.full((1, len(choices)), np.nan)
        self.centres, self.choices = np.vstack([points, uniform]), np.array(choices)
        self.bandwidth = self.width * max(n, 1) ** (-1 / (d + 4))

    def log_density(self, points: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density at snapped points, shape (q, d)."""
        total = np.zeros((len(points), len(self.centres)))
        for values, centres, k in zip(points.T, self.centres.T, self.choices, strict=True):
            factor = self.log_kernel(values[:, np.newaxis], centres, k)
            total += np.where(np.isnan(factor), 0, factor)
        return scipy.special.logsumexp(total, axis=1) - math.log(len(self.centres))

    def log_kernel(self, values: np.ndarray, centres: np.ndarray, k: int) -> np.ndarray:
        """Return the log density of a coordinate around each centre; nan where inactive."""
        if k:
            same = np.where(np.abs(values - centres) * k < 0.5, 1 - self.change, 0)
            inactive = np.isnan(values) | np.isnan(centres)
            return np.where(inactive, np.nan, np.log(k * same + self.change))
        h = self.bandwidth
        inside = scipy.special.ndtr((1 - centres) / h) - scipy.special.ndtr(-centres / h)
        return scipy.stats.norm.logpdf(values, centres, h) - np.log(inside)

    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw n points of the unit cube; where a centre's coordinate is inactive, uniformly."""
        points = rng.random((n, len(self.choices)))
        centres = self.centres[rng.integers(len(self.centres), size=n)]
        ndtr, ndtri = scipy.special.ndtr, scipy.special.ndtri
        low, high = ndtr(-centres / self.bandwidth), ndtr((1 - centres) / self.bandwidth)
        near = centres + self.bandwidth * ndtri(low + points * (high - low))
        kept = np.where(rng.random(points.shape) < self.change, points, centres)
        drawn = np.where(self.choices > 0, kept, np.clip(near, 0, 1))
        return np.where(np.isnan(centres), points, drawn)
