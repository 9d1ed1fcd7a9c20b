"""HPOSearchCV beside RandomizedSearchCV and HalvingRandomSearchCV, on data that scikit-learn ships.

    python -m benchmarks.search_cv [--budget 27] [--seeds 20] [--data iris wine ...]

A third of each data set is set apart: no search sees it, and what counts is the error on it of the
estimator that a search has fitted to the rest. A seed is one split and one seed of each search.

All searches have an equal budget of fits, not of seconds: `--budget` candidates on three folds
each. A fit to a part of the examples counts as that part; with factor 3 and three rungs, three
times as many candidates cost as much, and get a ninth, a third and all of the examples. Seconds are
reported, but decide nothing.

The estimator is a support vector machine on standardised features, with two numbers to choose.
Prints a Markdown table: ranks (1 is best, ties share their mean) over all data sets, with 95 % t
intervals over seeds, seconds of a search, and the mean error on each data set (regression: 1 - R2).
"""
import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from benchmarks.machine import describe
from benchmarks.summary import ranks
from d2l_hpo import HPOSearchCV, mean_interval

DATA: dict[str, Callable[..., Any]] = {
    "iris": datasets.load_iris, "wine": datasets.load_wine,
    "breast cancer": datasets.load_breast_cancer, "digits": datasets.load_digits,
    "diabetes": datasets.load_diabetes,
}
REGRESSION = {"diabetes"}
SPACE = {"svm__C": stats.loguniform(1e-3, 1e4), "svm__gamma": stats.loguniform(1e-6, 1e2)}
FOLDS, ETA, RUNGS = 3, 3, 3

Make = Callable[[Any, int, int, int], Any]


def at_once(searcher: str) -> Make:
    """Return how to make a search of ours in which each candidate gets all examples."""
    def make(estimator: Any, budget: int, examples: int, seed: int) -> HPOSearchCV:
        return HPOSearchCV(estimator, SPACE, searcher=searcher, n_trials=budget, cv=FOLDS,
                           random_state=seed)
    return make


def by_parts(searcher: str) -> Make:
    """Return how to make a search of ours by successive halving, with more examples a rung."""
    def make(estimator: Any, budget: int, examples: int, seed: int) -> HPOSearchCV:
        return HPOSearchCV(estimator, SPACE, searcher=searcher, scheduler="successive_halving",
                           resource="n_samples", eta=ETA, n_trials=RUNGS * budget, cv=FOLDS,
                           min_resources=smallest_part(examples), random_state=seed)
    return make


def smallest_part(examples: int) -> int:
    """Return the examples of the first rung."""
    return -(-examples // ETA ** (RUNGS - 1))


def randomized(estimator: Any, budget: int, examples: int, seed: int) -> RandomizedSearchCV:
    """Return scikit-learn's random search."""
    return RandomizedSearchCV(estimator, SPACE, n_iter=budget, cv=FOLDS, random_state=seed)


def halving(estimator: Any, budget: int, examples: int, seed: int) -> HalvingRandomSearchCV:
    """Return scikit-learn's successive halving, with the same rungs as ours."""
    return HalvingRandomSearchCV(estimator, SPACE, n_candidates=RUNGS * budget, factor=ETA,
                                 min_resources=examples // ETA ** (RUNGS - 1), cv=FOLDS,
                                 random_state=seed)


METHODS: dict[str, Make] = {
    "`RandomizedSearchCV`": randomized,
    "`HalvingRandomSearchCV`": halving,
    "`HPOSearchCV`": at_once("bayesian"),
    "`HPOSearchCV`, \"tpe\"": at_once("tpe"),
    "`HPOSearchCV`, \"random\"": at_once("random"),
    "`HPOSearchCV`, \"random\", halving": by_parts("random"),
    "`HPOSearchCV`, \"bayesian\", halving": by_parts("bayesian"),
}


def measure(make: Make, name: str, budget: int, seed: int) -> tuple[float, float]:
    """Return the error on examples that the search has not seen, and its seconds."""
    X, y = DATA[name](return_X_y=True)
    strata = None if name in REGRESSION else y
    X, X_test, y, y_test = train_test_split(X, y, test_size=1 / 3, random_state=seed,
                                            stratify=strata)
    svm = SVR() if name in REGRESSION else SVC()
    search = make(Pipeline([("scale", StandardScaler()), ("svm", svm)]), budget, len(X), seed)
    start = time.perf_counter()
    search.fit(X, y)
    return 1 - search.score(X_test, y_test), time.perf_counter() - start


def table(errors: np.ndarray, seconds: np.ndarray, data: list[str]) -> list[str]:
    """Return the table's lines; `errors` and `seconds` have shape (data sets, methods, seeds)."""
    lines = [f"| search | mean rank (95 %) | seconds | {' | '.join(data)} |",
             "|---" * (3 + len(data)) + "|"]
    by_seed = ranks(errors).mean(axis=0)
    for i, method in enumerate(METHODS):
        mean, low, high = mean_interval(by_seed[i])
        means = " | ".join(f"{error:.3f}" for error in errors[:, i].mean(axis=1))
        lines.append(f"| {method} | {mean:.2f} ({low:.2f} to {high:.2f}) | "
                     f"{seconds[:, i].mean():.2f} | {means} |")
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Run all searches and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--budget", type=int, default=27, help="candidates on all examples")
    parser.add_argument("--seeds", type=int, default=20, help="at least 2")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), metavar="NAME")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error(f"--seeds is {options.seeds}; an interval needs at least 2")
    warnings.simplefilter("ignore")
    found = np.array([[[measure(make, name, options.budget, seed) for seed in range(options.seeds)]
                       for make in METHODS.values()] for name in options.data])
    print(f"{describe('scikit-learn', 'numpy', 'scipy')}; {options.budget} candidates on "
          f"{FOLDS} folds or as much in parts, {options.seeds} seeds\n")
    print("\n".join(table(found[..., 0], found[..., 1], options.data)))


if __name__ == "__main__":
    main()
