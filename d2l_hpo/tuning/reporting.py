"""A search's report: what was searched, for how long, and how good the result is."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from d2l_hpo.measures.intervals import mean_interval
from d2l_hpo.tools.arguments import check_int
from d2l_hpo.tools.words import count
from d2l_hpo.tuning.records import Results
from d2l_hpo.tuning.tuner import HPOTuner

if TYPE_CHECKING:
    import pandas as pd


def spell_domain(domain: dict) -> str:
    """Write an entry of `describe_space` for a reader: its name and what it may be."""
    if domain["kind"] == "constant":
        text = repr(domain["value"])
    elif domain["kind"] == "categorical":
        text = " or ".join(map(repr, domain["choices"]))
    else:
        parts = domain["parameters"].items()
        numbers = ", ".join(f"{name}={value:.12g}" for name, value in parts
                            if len(parts) < 3 or (name, value) not in (("loc", 0), ("scale", 1)))
        text = f"{domain['distribution']}({numbers})"
    return f"`{domain['name']}`: {text}" + (", under a condition" if "tests" in domain else "")


def describe_effort(records: "pd.DataFrame") -> str:
    """Say how many trials, jobs, workers and seconds a search took, and how many trials failed."""
    failed = records.loc[records["status"] == "failed", "trial_id"].nunique()
    work = (records["end"] - records["start"]).sum()
    return (f"{count(records['trial_id'].nunique(), 'trial')} in {count(len(records), 'job')} on "
            f"{count(records['worker'].nunique(), 'worker')}, {records['end'].max():.0f} s "
            f"({work:.0f} s of jobs); {count(failed, 'trial')} failed")


def search_report(tuner: HPOTuner, new_errors: Sequence[float] | np.ndarray, test_error: float,
                  test_examples: int) -> str:
    """Return a Markdown table about a search that is done, and about its incumbent.

    `new_errors` are its validation errors with new seeds; `test_error` is the fraction that the
    final model misclassifies. ValueError if no trial succeeded or a number cannot be.

    Arguments:

    - `tuner`: an `HPOTuner` whose search is done.
    - `new_errors`: at least two finite numbers, one a seed, shape (seeds,): the errors of the
      incumbent, trained anew with seeds that the search did not use.
    - `test_error`: the error on the test set, which is looked at once.
    - `test_examples`: how many examples the test set has, at least 1.

    The table has six rows: space, method, effort, incumbent, errors of the new trainings with
    their 95 % t interval, and the test error with its binomial standard error,
    sqrt(p (1 - p) / n).

    >>> scheduler = BasicScheduler(RandomSearcher({"x": stats.uniform(0, 1)}, seed=0))
    >>> tuner = HPOTuner(scheduler, lambda config: abs(config["x"] - 0.5))
    >>> tuner.run(number_of_trials=5)
    >>> report = search_report(tuner, [0.1, 0.2, 0.3], test_error=0.25, test_examples=300)
    >>> print(report.splitlines()[-1])
    | test, once | error 0.2500, standard error 0.0250 |
    """
    if tuner.incumbent is None:
        raise ValueError("no trial has succeeded; run the search first")
    if not 0 <= test_error <= 1:
        raise ValueError(f"test_error is {test_error!r}, expected a fraction in [0, 1]")
    mean, low, high = mean_interval(new_errors)
    deviation = math.sqrt(test_error * (1 - test_error) / check_int("test_examples", test_examples))
    rows = {**report_rows(tuner, tuner.scheduler.describe()),
            "trained anew": f"mean error {mean:.4f}, 95 % interval {low:.4f} to {high:.4f}, "
                            f"{len(new_errors)} new seeds",
            "test, once": f"error {test_error:.4f}, standard error {deviation:.4f}"}
    lines = ["| {} | {} |".format(name, row.replace("|", r"\|")) for name, row in rows.items()]
    return "\n".join(["| Item | Value |", "|---|---|", *lines])


def report_rows(results: Results, description: Mapping[str, Any] | None) -> dict[str, str]:
    """Return what a report says of the search itself: item by item, in words.

    They are space and method, where the `description` of the scheduler is known, the effort, and
    the incumbent, where there is one.
    """
    rows = {}
    if description is not None:
        rows["space"] = "; ".join(map(spell_domain, description["space"]))
        rows["method"] = (f"{description['class']}, seed {description['seed']}, "
                          f"{description['settings']}")
    rows["effort"] = describe_effort(results.records)
    if results.incumbent is not None:
        rows["incumbent"] = (f"{results.incumbent}, error {results.incumbent_error:.4f} "
                             "in the search")
    return rows
