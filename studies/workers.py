"""Record the comparison of schedulers on 1 to 64 simulated workers that hyperband-async.md draws.

    python -m studies.workers [--seeds 100] [--output d2l_hpo/data/studies/workers.npz]

Every search draws from 8,192 random configurations of a task, whose curves the surrogate predicts,
and has the time of four average trainings. The file holds `regret` in percentage points over the
best of the pool after one of the rungs, (tasks, methods, workers, seeds, times); `busy`, the part
of the workers' time in which they trained, (tasks, methods, workers, seeds); and the names and
values along these axes. It takes about two minutes on one core. The section repeats a part of it
and compares.
"""
import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from d2l_hpo import (
    ASHAScheduler,
    BasicScheduler,
    DigitsBenchmark,
    HPOScheduler,
    HPOSearcher,
    HyperbandScheduler,
    LeNetBenchmark,
    MLPBenchmark,
    PoolSearcher,
    RecordedBenchmark,
    SuccessiveHalvingScheduler,
    incumbent_errors,
    sample_configurations,
    simulate,
)
from d2l_hpo.simulation.studies import STUDIES

TASKS = {"LeNet": LeNetBenchmark, "perceptron": MLPBenchmark, "digits": DigitsBenchmark}
WORKERS = [1, 4, 16, 64]
POOL = 8192
TRAININGS = np.linspace(0, 4, 41)
RUNGS = [1, 3, 9, 27]  # after these epochs the methods see errors
Make = Callable[[HPOSearcher], HPOScheduler]
METHODS: dict[str, Make] = {
    "random search": lambda searcher: BasicScheduler(searcher, max_epochs=27),
    "one bracket at a time": lambda searcher: SuccessiveHalvingScheduler(
        searcher, 3, 1, 27, open_brackets=1),
    "successive halving": lambda searcher: SuccessiveHalvingScheduler(searcher, 3, 1, 27),
    "Hyperband": lambda searcher: HyperbandScheduler(searcher, 3, 1, 27),
    "ASHA": lambda searcher: ASHAScheduler(searcher, 3, 1, 27),
    "ASHA, stopping": lambda searcher: ASHAScheduler(searcher, 3, 1, 27, mode="stopping"),
}


def random_pool(benchmark: RecordedBenchmark) -> tuple[list[dict], float, float]:
    """Return random configurations, the mean seconds of a training, and the smallest error.

    The smallest that a method can see: after one of the rungs, not after other epochs.
    """
    pool = sample_configurations(benchmark.config_space, POOL, np.random.default_rng(0))
    errors, seconds = np.array(benchmark.curves(pool)).transpose(1, 0, 2)
    return pool, seconds[:, -1].mean(), float(np.nanmin(errors[:, np.array(RUNGS) - 1]))


def study(benchmark: RecordedBenchmark, make: Make, workers: int, pool: list[dict], full: float,
          seeds: int, job_time: Callable[[int], Any] | None = None
          ) -> tuple[np.ndarray, np.ndarray]:
    """Return incumbents' errors, shape (seeds, times), and the busy part of the time (seeds,).

    `job_time(seed)` is the function that `simulate` takes; None: jobs last as recorded.
    """
    errors, busy = [], []
    for seed in range(seeds):
        searcher = PoolSearcher(benchmark.config_space, pool, seed=seed)
        records = simulate(make(searcher), benchmark, workers, max_time=4 * full,
                           job_time=None if job_time is None else job_time(seed))
        errors.append(incumbent_errors(records, TRAININGS * full))
        spent = (records["end"].clip(upper=4 * full) - records["start"]).sum()
        busy.append(spent / (4 * full * workers))
    return np.array(errors), np.array(busy)


def main() -> None:
    """Run all searches and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--output", type=Path, default=STUDIES / "workers.npz")
    options = parser.parse_args()
    shape = (len(TASKS), len(METHODS), len(WORKERS), options.seeds)
    regret, busy = np.empty((*shape, len(TRAININGS)), np.float32), np.empty(shape, np.float32)
    for i, (task, benchmark_class) in enumerate(TASKS.items()):
        benchmark = benchmark_class(measured=False)
        pool, full, best = random_pool(benchmark)
        for j, (method, make) in enumerate(METHODS.items()):
            for k, workers in enumerate(WORKERS):
                found, busy[i, j, k] = study(benchmark, make, workers, pool, full, options.seeds)
                regret[i, j, k] = np.round(100 * (found - best), 4)
            print(f"{task}, {method}: {regret[i, j, :, :, -1].mean(1).round(2)} points", flush=True)
    np.savez_compressed(options.output, regret=regret, busy=busy.round(4), tasks=list(TASKS),
                        methods=list(METHODS), workers=WORKERS, trainings=TRAININGS)


if __name__ == "__main__":
    main()
