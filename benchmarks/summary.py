"""One table of many tasks: mean rank and normalised regret, with intervals over tasks and seeds."""
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import stats

from d2l_hpo import mean_interval

RESAMPLES = 1_000
Regrets = Mapping[tuple[str, str], np.ndarray]


def stack(regret: Regrets, methods: Sequence[str], budget: int) -> np.ndarray:
    """Return the regrets after a budget, shape (tasks, methods, seeds), of the seeds all have."""
    tasks = list(dict.fromkeys(task for task, _ in regret))
    common = min(len(regret[task, method]) for task in tasks for method in methods)
    return np.array([[regret[task, method][:common, budget - 1] for method in methods]
                     for task in tasks])


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of the methods (1 is best, ties share their mean), of the same shape.

    Errors of kept searches have nine digits, so what differs behind the seventh decimal is equal.
    """
    return stats.rankdata(values.round(7), axis=1)


def normalised(values: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return regrets in parts of a scale, one a task; where that is zero all are zero."""
    scale = scale[:, np.newaxis, np.newaxis]
    return np.divide(values, scale, out=np.zeros_like(values), where=scale > 0)


def over_tasks_and_seeds(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return for each method the mean and a 95 % bootstrap interval, shape (methods, 3).

    Tasks are resampled, and for each that is drawn its seeds; `values` is (tasks, methods, seeds).
    """
    rng, (tasks, _, seeds) = np.random.default_rng(seed), values.shape
    means = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(tasks, size=tasks)
        weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=tasks) / seeds
        means.append(np.einsum("tms,ts->m", values[drawn], weights) / tasks)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return np.column_stack([values.mean(axis=(0, 2)), low, high])


def summary_rows(regret: Regrets, methods_to: Callable[[int], Sequence[str]],
                 budgets: Sequence[int], baseline: str) -> dict[str, dict[str, str]]:
    """Return by method the columns "rank at n" and "regret at n" for each budget.

    `methods_to(n)` are the methods whose searches have n evaluations. Regrets are in parts of the
    baseline's mean regret on the same task after the smallest budget.
    """
    first = stack(regret, [baseline], budgets[0]).mean(axis=(1, 2))
    rows: dict[str, dict[str, str]] = {method: {} for method in methods_to(budgets[0])}
    for n in budgets:
        methods = methods_to(n)
        values = stack(regret, methods, n)
        for name, each in (("rank", ranks(values)), ("regret", normalised(values, first))):
            for method, (mean, low, high) in zip(methods, over_tasks_and_seeds(each), strict=True):
                rows[method][f"{name} at {n}"] = f"{mean:.2f} ({low:.2f} to {high:.2f})"
    return rows


def wins(regret: Regrets, ours: str, other: str, budget: int) -> str:
    """Write which part of its searches a method wins against another, ties half, with interval.

    Of the seeds that both have, over tasks and seeds; unlike a rank it depends on these two only.
    """
    values = stack(regret, [ours, other], budget)
    won = 2 - ranks(values)[:, [0]]
    [(mean, low, high)] = 100 * over_tasks_and_seeds(won)
    return f"{mean:.0f} ({low:.0f} to {high:.0f})"


def duels(regret: Regrets, ours: str, others: Sequence[str], budget: int,
          together: bool = True) -> dict[str, tuple[list[str], list[str]]]:
    """Return by opponent the tasks on which ours is clearly better, and clearly worse.

    Student's intervals of the mean difference over the seeds that both have, paired, at the 95 %
    level: for all tasks and opponents together, or for each.
    """
    tasks = list(dict.fromkeys(task for task, _ in regret))
    comparisons = len(tasks) * len(others) if together else 1
    found: dict[str, tuple[list[str], list[str]]] = {}
    for other in others:
        better, worse = found[other] = [], []
        for task in tasks:
            n = min(len(regret[task, ours]), len(regret[task, other]))
            differences = (regret[task, ours][:n, budget - 1] - regret[task, other][:n, budget - 1])
            _, low, high = mean_interval(differences, comparisons)
            if high < 0:
                better.append(task)
            if low > 0:
                worse.append(task)
    return found
