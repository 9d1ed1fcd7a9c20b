"""A search with a journal that dies in one of its fits, as a program: JOURNAL N_WORKERS FITS.

It kills itself with SIGKILL in the fit of that number, counted in this process from 0; -1: never.
"""
import os
import signal
import sys

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator, ClassifierMixin

from d2l_hpo import HPOSearchCV

ROWS, LABELS = np.arange(24.0).reshape(-1, 1), np.arange(24) % 2
FITS = []


class Counted(ClassifierMixin, BaseEstimator):
    """A classifier whose score is its level, and which counts its fits; some end otherwise."""

    end = {-1: print}
    """What happens in a fit of a certain number."""

    def __init__(self, level=0.0, rounds=1, helper=None):
        self.level, self.rounds, self.helper = level, rounds, helper

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        number = len(FITS)
        FITS.append(self.level)
        if number in self.end:
            self.end[number]()
        if self.level > 0.95:
            raise RuntimeError("too high")
        return self

    def predict(self, X):
        return np.zeros(len(X), int)

    def score(self, X, y):
        return self.level * self.rounds


def search(journal, **arguments):
    """Return a search over levels; each candidate has two fits."""
    return HPOSearchCV(Counted(), {"level": stats.uniform(0, 1)}, journal=journal,
                       **{"n_trials": 8, "cv": 2, "searcher": "random", "random_state": 3,
                          "n_jobs": 1, **arguments})


if __name__ == "__main__":
    Counted.end = {int(sys.argv[3]): lambda: os.kill(os.getpid(), signal.SIGKILL)}
    search(sys.argv[1], n_workers=int(sys.argv[2])).fit(ROWS, LABELS)
