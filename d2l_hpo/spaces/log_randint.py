"""Integers whose logarithm is about uniform, as a distribution of `scipy.stats`.

It loads `scipy.stats`, which takes longer than all else, so `lograndint` imports it when called.
"""
import numpy as np
from scipy.stats import rv_discrete


class LogRandInt(rv_discrete):
    """Integers low..high, P(k) proportional to log((k + 1) / k): floor of a log-uniform float."""

    def _argcheck(self, low, high):
        return (low >= 1) & (high >= low) & (low == np.floor(low)) & (high == np.floor(high))

    def _get_support(self, low, high):
        return low, high

    def _pmf(self, k, low, high):
        return np.log1p(1 / k) / np.log((high + 1) / low)

    def _cdf(self, k, low, high):
        return np.log((np.floor(k) + 1) / low) / np.log((high + 1) / low)

    def _ppf(self, q, low, high):
        k = np.clip(np.ceil(low * ((high + 1) / low) ** q) - 1, low, high)
        below = np.maximum(k - 1, low)  # rounding may have gone one too far
        return np.where(self._cdf(below, low, high) >= q, below, k)


LOG_RANDINT = LogRandInt(name="lograndint")
