"""Record the comparison of searchers that learn inside ASHA and Hyperband: hyperband-async.md.

    python -m studies.composition [--seeds 50] [--processes 2]

Every search has four simulated workers for the time of four average trainings. ASHA with a
Gaussian process (in the manner of MOBSTER) and Hyperband with TPE (of BOHB) are recorded with
three ways to feed the model errors of several epochs, beside their counterparts with random
search: "all", moved to the last epoch; of "one" epoch only; "mixed", each trial's last error as it
is. d2l_hpo/data/studies/composition.npz holds `regret` in percentage points over the smallest
error known, (tasks, methods, seeds, times), the number of `trials`, (tasks, methods, seeds), and
the names and values along these axes.
"""
import argparse
import math
import os
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

from d2l_hpo import (
    ASHAScheduler,
    BasicScheduler,
    BayesianSearcher,
    HPOScheduler,
    HyperbandScheduler,
    ModelSearcher,
    RandomSearcher,
    TPESearcher,
    incumbent_errors,
    simulate,
)
from d2l_hpo.simulation.studies import STUDIES
from studies.command import at_least, run_all
from studies.workers import TASKS, random_pool

WORKERS = 4
TRAININGS = np.linspace(0, 4, 41)


class MixedReports(ModelSearcher):
    """Sees each trial's last error as it is, whatever its epoch."""

    def training_set(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return points (n, d), their last errors (n,), and the points of failed trials (m, d)."""
        last = {name: max(reports) for name, reports in sorted(self.reports.items())}
        valid = [name for name, (_, error) in last.items() if math.isfinite(error)]
        failed = [self.points[name] for name in last if name not in valid]
        shape = (-1, len(self.choices))
        return (np.reshape([self.points[name] for name in valid], shape),
                np.array([last[name][1] for name in valid]), np.reshape(failed, shape))


class MixedBayesian(MixedReports, BayesianSearcher):
    """A Gaussian process of mixed errors."""


class MixedTPE(MixedReports, TPESearcher):
    """TPE of mixed errors."""


ASHA = partial(ASHAScheduler, eta=3, r_min=1, r_max=27)
HYPERBAND = partial(HyperbandScheduler, eta=3, r_min=1, r_max=27)
METHODS: dict[str, tuple[Callable[..., HPOScheduler], Callable[..., ModelSearcher]]] = {
    "random search": (partial(BasicScheduler, max_epochs=27), RandomSearcher),
    "Bayesian optimization": (partial(BasicScheduler, max_epochs=27), BayesianSearcher),
    "ASHA": (ASHA, RandomSearcher),
    "ASHA, all": (ASHA, BayesianSearcher),
    "ASHA, one": (ASHA, partial(BayesianSearcher, epochs="one")),
    "ASHA, mixed": (ASHA, MixedBayesian),
    "Hyperband": (HYPERBAND, RandomSearcher),
    "Hyperband, all": (HYPERBAND, TPESearcher),
    "Hyperband, one": (HYPERBAND, partial(TPESearcher, epochs="one")),
    "Hyperband, mixed": (HYPERBAND, MixedTPE),
}


def search(task: str, method: str, full: float, seed: int) -> tuple[np.ndarray, int]:
    """Return the incumbents' errors over time, and the number of trials."""
    benchmark = TASKS[task](measured=False)
    schedule, choose = METHODS[method]
    scheduler = schedule(choose(benchmark.config_space, seed=seed))
    records = simulate(scheduler, benchmark, WORKERS, max_time=TRAININGS[-1] * full)
    return incumbent_errors(records, TRAININGS * full), records["trial_id"].nunique()


def main() -> None:
    """Run all searches and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=at_least(2), default=50)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=STUDIES / "composition.npz")
    options = parser.parse_args()
    known = {task: random_pool(kind(measured=False))[1:] for task, kind in TASKS.items()}
    jobs = [(task, method, known[task][0], seed)
            for task, method, seed in product(TASKS, METHODS, range(options.seeds))]
    results = run_all(search, jobs, options.processes)
    shape = (len(TASKS), len(METHODS), options.seeds)
    errors = np.reshape([found for found, _ in results], (*shape, len(TRAININGS)))
    best = np.fmin([best for _, best in known.values()], np.nanmin(errors, axis=(1, 2, 3)))
    regret = 100 * (errors - best[:, np.newaxis, np.newaxis, np.newaxis])
    np.savez_compressed(options.output, regret=regret.round(4).astype(np.float32),
                        trials=np.reshape([n for _, n in results], shape).astype(np.int32),
                        tasks=list(TASKS), methods=list(METHODS), trainings=TRAININGS)


if __name__ == "__main__":
    main()
