"""HPOSearchCV beside RandomizedSearchCV and HalvingRandomSearchCV, on data that scikit-learn ships.

    python -m benchmarks.search_cv [--equal time] [--budget 27] [--seeds 20] [--data iris wine ...]

A third of each data set is set apart: no search sees it, and what counts is the error on it of the
estimator that a search has fitted to the rest. A seed is one split and one seed of each search.

All searches have equal time on a data set: the seconds in which `RandomizedSearchCV` validates
`--budget` candidates on three folds, the median of three measurements. Random search and ours begin
candidates until that time is over. A halving search cannot be told a time, so its users choose how
many candidates it begins with: here, after a first such search has shown how many take that time,
which does not count. Run it on an otherwise idle machine.

With `--equal fits` all have an equal budget of fits, whatever they cost: `--budget` candidates on
three folds each. A fit to a part of the examples counts as that part; with factor 3 and three
rungs, three times as many candidates cost as much, and get a ninth, a third and all of the
examples.

The estimator is a support vector machine on standardised features, with two numbers to choose.
Prints a Markdown table: ranks (1 is best, ties share their mean) over all data sets, with 95 % t
intervals over seeds, the time of a search in parts of the equal time (or its seconds), how many
candidates it validated, and the mean error on each data set (regression: 1 - R2).
"""
import argparse
import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    HalvingRandomSearchCV, ParameterSampler, RandomizedSearchCV, train_test_split,
)
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
MANY = 10**6  # candidates, more than any time has room for

Make = Callable[[Any, int, int, int], Any]
"""Makes a search of an estimator, a number of candidates, of examples, and a seed."""


class TimedRandomizedSearchCV(RandomizedSearchCV):
    """scikit-learn's random search, which begins candidates until `seconds` are over."""

    seconds = float("inf")

    def _run_search(self, evaluate_candidates: Callable[..., Any]) -> None:
        start = time.perf_counter()
        for params in ParameterSampler(self.param_distributions, self.n_iter,
                                       random_state=self.random_state):
            evaluate_candidates([params])
            if time.perf_counter() - start >= self.seconds:
                return


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
    return TimedRandomizedSearchCV(estimator, SPACE, n_iter=budget, cv=FOLDS, random_state=seed)


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
HALVING = {name for name in METHODS if "alving" in name}


class Task:
    """A data set, split by a seed, with the estimator that is tuned."""

    def __init__(self, name: str, seed: int) -> None:
        X, y = DATA[name](return_X_y=True)
        strata = None if name in REGRESSION else y
        self.X, self.X_test, self.y, self.y_test = train_test_split(
            X, y, test_size=1 / 3, random_state=seed, stratify=strata)
        svm = SVR() if name in REGRESSION else SVC()
        self.estimator, self.seed = Pipeline([("scale", StandardScaler()), ("svm", svm)]), seed

    def search(self, make: Make, budget: int) -> Any:
        """Return a search that has not begun."""
        return make(self.estimator, budget, len(self.X), self.seed)

    def measure(self, search: Any) -> tuple[float, float, int]:
        """Run a search; return the error on unseen examples, its seconds and its candidates."""
        start = time.perf_counter()
        search.fit(self.X, self.y)
        seconds = time.perf_counter() - start
        return (1 - search.score(self.X_test, self.y_test), seconds,
                len(search.cv_results_["params"]))


def time_of(name: str, budget: int) -> float:
    """Return the seconds in which random search validates so many candidates on a data set."""
    tasks = [Task(name, seed) for seed in range(3)]
    return float(np.median([task.measure(task.search(randomized, budget))[1] for task in tasks]))


def in_time(method: str, task: Task, budget: int, seconds: float) -> Any:
    """Return a search that takes about so many seconds; `budget` is where a guess begins."""
    make = METHODS[method]
    if method in HALVING:
        _, taken, _ = task.measure(task.search(make, budget))
        least = ETA ** (RUNGS - 1) / RUNGS  # one candidate on the last rung
        return task.search(make, max(math.ceil(least), round(budget * seconds / taken)))
    search = task.search(make, MANY)
    if isinstance(search, HPOSearchCV):
        return search.set_params(n_trials=None, max_wallclock_time=seconds)
    search.seconds = seconds
    return search


def measure(method: str, name: str, seed: int, budget: int,
            seconds: float | None) -> tuple[float, float, int]:
    """Return the error, the time (in parts of `seconds`, if given) and the candidates of a search.
    """
    task = Task(name, seed)
    if seconds is None:
        return task.measure(task.search(METHODS[method], budget))
    error, taken, candidates = task.measure(in_time(method, task, budget, seconds))
    return error, taken / seconds, candidates


def table(found: np.ndarray, data: list[str], is_timed: bool) -> list[str]:
    """Return the table's lines; `found` has shape (data sets, methods, seeds, 3), as `measure`."""
    errors, times, candidates = np.moveaxis(found, -1, 0)
    unit = "of the time" if is_timed else "seconds"
    lines = [f"| search | mean rank (95 %) | {unit} | candidates | {' | '.join(data)} |",
             "|---" * (4 + len(data)) + "|"]
    by_seed = ranks(errors).mean(axis=0)
    for i, method in enumerate(METHODS):
        mean, low, high = mean_interval(by_seed[i])
        means = " | ".join(f"{error:.3f}" for error in errors[:, i].mean(axis=1))
        lines.append(f"| {method} | {mean:.2f} ({low:.2f} to {high:.2f}) | "
                     f"{times[:, i].mean():.2f} | {candidates[:, i].mean():.0f} | {means} |")
    return lines


def main(arguments: list[str] | None = None) -> None:
    """Run all searches and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--equal", choices=["time", "fits"], default="time")
    parser.add_argument("--budget", type=int, default=27, help="candidates on all examples")
    parser.add_argument("--seeds", type=int, default=20, help="at least 2")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), metavar="NAME")
    options = parser.parse_args(arguments)
    if options.seeds < 2:
        parser.error(f"--seeds is {options.seeds}; an interval needs at least 2")
    warnings.simplefilter("ignore")
    is_timed, budget = options.equal == "time", options.budget
    times = {name: time_of(name, budget) if is_timed else None for name in options.data}
    found = np.array([[[measure(method, name, seed, budget, times[name])
                        for seed in range(options.seeds)] for method in METHODS]
                      for name in options.data])
    spent = ", ".join(f"{name} {seconds:.2f}" for name, seconds in times.items()
                      if seconds is not None)
    equal = (f"equal time, that of {budget} random candidates on {FOLDS} folds, in seconds: {spent}"
             if is_timed else
             f"equal fits, {budget} candidates on {FOLDS} folds or as much in parts")
    print(f"{describe('scikit-learn', 'numpy', 'scipy')}; {options.seeds} seeds; {equal}\n")
    print("\n".join(table(found, options.data, is_timed)))


if __name__ == "__main__":
    main()
