"""Does it cost quality that `BayesianSearcher` fits its model seldom beyond 100 trials?

    python -m benchmarks.refits [--tasks a,b] [--seeds 10] [--evaluations 200] [--processes 2]

The same searches run twice: as they are, and with a fit to all trials for each proposal. Up to the
hundredth trial they are equal. Printed are the regrets after so many evaluations and their
difference, in percentage points; below zero, fitting seldom is better.
"""
import argparse
import math
import os
from collections.abc import Sequence
from itertools import product

import numpy as np

from d2l_hpo.searchers import process_refit
from studies.command import at_least, names_of, run_all
from benchmarks.machine import describe
from benchmarks.search_quality import (
    COMMON_PACKAGES,
    OURS,
    incumbents,
    interval,
    markdown_table,
    search,
)
from benchmarks.tasks import OURS as TASKS

LIMITS = {"FITTED_ALWAYS": process_refit.FITTED_ALWAYS, "LARGEST_FIT": process_refit.LARGEST_FIT}


def best_errors(task: str, seed: int, evaluations: int, always: bool) -> np.ndarray:
    """Return the smallest errors so far of a search, shape (evaluations,)."""
    for name, limit in LIMITS.items():
        setattr(process_refit, name, math.inf if always else limit)
    return incumbents([search(task, OURS, seed, evaluations)], evaluations)[0]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tasks", type=names_of(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", type=at_least(2), default=10)
    parser.add_argument("--evaluations", type=at_least(2), default=200)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    options = parser.parse_args(arguments)
    jobs = [(task, seed, options.evaluations, always) for task, always, seed
            in product(options.tasks, (False, True), range(options.seeds))]
    found = np.reshape(run_all(best_errors, jobs, options.processes),
                       (len(options.tasks), 2, options.seeds, options.evaluations))
    print(describe(*COMMON_PACKAGES), end="\n\n")
    rows = []
    for task, both in zip(options.tasks, found, strict=True):
        for n in (options.evaluations * 3 // 4, options.evaluations):
            seldom, always = both[..., n - 1] - both.min()
            rows.append([task, str(n), interval(seldom), interval(always),
                         interval(seldom - always)])
    print(markdown_table(["task", "after", "fitted seldom", "always", "difference"], rows))


if __name__ == "__main__":
    main()
