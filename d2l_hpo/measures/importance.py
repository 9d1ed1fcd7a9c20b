"""Which hyperparameters matter: how much of the errors' spread each one is involved in."""
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from d2l_hpo.tools.installation import needs

LEVEL = 0.9
"""Of the intervals."""
MOST_TRIALS = 2000
TREES = 12  # of a forest that is fitted to a bootstrap sample
ALL_TREES = 100  # of the forest that says how much can be explained
SETTINGS = {"min_samples_leaf": 2}
FEWEST_TRIALS = 20


class Importance(NamedTuple):
    """Estimates and the ends of their intervals, shape (d,) each, and what the model explains."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    explained: float


def hyperparameter_importance(points: ArrayLike, errors: ArrayLike, seed: int = 0,
                              replicates: int = 40) -> Importance | None:
    """Estimate the total effect of each hyperparameter on the ranks of the errors.

    The total effect (Homma and Saltelli, 1996) is the part of the variance that would go if all
    others were fixed; those of hyperparameters that work together add up to more than 1. It is
    that of a random forest, over the trials that were run: the mean squared change of its
    prediction when the values of one hyperparameter are exchanged between trials, divided by twice
    its variance (Jansen, 1999), and at most 1. Values are exchanged only where the hyperparameter
    is active.

    Arguments:

    - `points`: shape (n, d), such as configurations in the unit cube; nan where a hyperparameter
      is inactive.
    - `errors`: shape (n,), finite; only their ranks count.
    - `seed`: an integer of at least 0.
    - `replicates`: so many forests, each on a bootstrap sample of the trials, give the estimates,
      their means, and 90 % percentile intervals.

    `explained` is the coefficient of determination on trials that the trees have not seen (out of
    bag). None where nothing can be estimated: fewer than 20 trials or than 4 d, or equal errors.
    ImportError without scikit-learn. Of more than 2,000 trials it takes 2,000 at random.

    >>> x = np.random.default_rng(0).random((60, 2))
    >>> importance = hyperparameter_importance(x, x[:, 0])
    >>> bool(importance.mean[0] > 0.8), bool(importance.mean[1] < 0.2)
    (True, True)
    """
    points, errors = np.asarray(points, float), np.asarray(errors, float)
    if len(points) < FEWEST_TRIALS:
        return None
    n, d = points.shape
    if n < 4 * d or d == 0 or np.ptp(errors) == 0:
        return None
    with needs("sklearn", "hyperparameter_importance"):
        from sklearn.ensemble import RandomForestRegressor  # it takes a second to load
    rng = np.random.default_rng(seed)
    if n > MOST_TRIALS:
        chosen = rng.choice(n, MOST_TRIALS, replace=False)
        points, errors = points[chosen], errors[chosen]
    ranks = rankdata(errors) / len(errors)
    active = ~np.isnan(points)
    # Where it is inactive, a hyperparameter is to say nothing about those that it depends on.
    points = np.where(active, points, [np.median(column[kept]) if kept.any() else 0.0
                                       for column, kept in zip(points.T, active.T, strict=True)])
    forest = RandomForestRegressor(ALL_TREES, oob_score=True, random_state=int(rng.integers(2**31)),
                                   **SETTINGS)
    explained = forest.fit(points, ranks).oob_score_
    effects = []
    for _ in range(replicates):
        rows = rng.integers(len(points), size=len(points))
        predict = _fit_forest(points[rows], ranks[rows], rng)
        effects.append(_total_effects(predict, points, active, rng))
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(effects, [tail, 100 - tail], axis=0)
    return Importance(np.mean(effects, axis=0), low, high, float(explained))


def _fit_forest(points: np.ndarray, ranks: np.ndarray,
                rng: np.random.Generator) -> Callable[[np.ndarray], np.ndarray]:
    """Fit trees to bootstrap samples, without the costs of a large forest; return `predict`."""
    with needs("sklearn", "hyperparameter_importance"):
        from sklearn.tree import DecisionTreeRegressor
    trees = []
    for _ in range(TREES):
        rows = rng.integers(len(points), size=len(points))
        tree = DecisionTreeRegressor(random_state=int(rng.integers(2**31)), **SETTINGS)
        trees.append(tree.fit(points[rows], ranks[rows]).tree_)

    def predict(points: np.ndarray) -> np.ndarray:
        points = points.astype(np.float32)
        return np.mean([tree.predict(points)[:, 0] for tree in trees], axis=0)
    return predict


def _total_effects(predict: Callable[[np.ndarray], np.ndarray], points: np.ndarray,
                   active: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return Jansen's estimate for each column, shape (d,)."""
    before = predict(points)
    exchanged = []
    for i in range(points.shape[1]):
        changed = points.copy()
        rows = np.flatnonzero(active[:, i])
        changed[rows, i] = points[rng.permutation(rows), i]
        exchanged.append(changed)
    after = predict(np.concatenate(exchanged)).reshape(points.shape[1], -1)
    changes: np.ndarray = ((after - before) ** 2).mean(axis=1) / (2 * before.var() or 1.0)
    return np.minimum(changes, 1.0)  # the exchange is random, and may be a little more
