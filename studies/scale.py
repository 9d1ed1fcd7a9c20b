"""Record the searches on 1 to 10,000 simulated workers that advanced-scale.md draws.

    python -m studies.scale [--methods ASHA,...] [--seeds 20]
                            [--output d2l_hpo/data/studies/scale.npz]

The task is LeNet's, all curves predicted by the surrogate. Time counts in average trainings: a
search has the time of 4, and on few workers the time in which 80 trainings' work is done. Random
search and ASHA draw from 524,288 random configurations, without repetition; Bayesian optimization
proposes what it likes, on at most 100 workers. The file holds `regret` in percentage points over
the best error found by any search, (methods, workers, seeds, times), nan where nothing was run or
nothing had ended; `jobs`, how many jobs began, (methods, workers, seeds); the names and values
along these axes; `best`, that error; and `full`, the seconds of an average training. It takes about
half an hour on one core. With `--methods` the others' searches stay as they are in the file. A test
repeats a part of it and compares.
"""
import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from d2l_hpo import (
    ASHAScheduler,
    BasicScheduler,
    BayesianSearcher,
    HPOScheduler,
    LeNetBenchmark,
    PoolSearcher,
    RecordedBenchmark,
    incumbent_errors,
    sample_configurations,
    simulate,
)
from d2l_hpo.simulation.studies import STUDIES
from studies.command import names_of

WORKERS = [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000]
TIMES = 2.0 ** (np.arange(-3 * 16, 6 * 16 + 1) / 16)  # from an eighth of a training to 64
BLOCK = 4096


class Stream(PoolSearcher):
    """Draws from a pool; the benchmark predicts the curves of a block of draws at once."""

    def __init__(self, benchmark: RecordedBenchmark, pool: list[dict], seed: int):
        super().__init__(benchmark.config_space, pool, seed)
        self.benchmark, self.drawn = benchmark, 0

    def propose(self) -> dict | None:
        """Return the next configuration, or None if there is none left."""
        if self.drawn % BLOCK == 0:
            self.benchmark.curves(self.left[-BLOCK:])
        self.drawn += 1
        return super().propose()


Make = Callable[[RecordedBenchmark, list[dict], int], HPOScheduler]
METHODS: dict[str, tuple[Make, int]] = {  # with the largest number of workers
    "random search": (lambda benchmark, pool, seed: BasicScheduler(
        Stream(benchmark, pool, seed), 27), 10_000),
    "ASHA": (lambda benchmark, pool, seed: ASHAScheduler(
        Stream(benchmark, pool, seed), 3, 1, 27), 10_000),
    "Bayesian optimization": (lambda benchmark, pool, seed: BasicScheduler(
        BayesianSearcher(benchmark.config_space, seed=seed), 27), 100),
}


def load() -> tuple[RecordedBenchmark, list[dict], float]:
    """Return the benchmark, the pool, and the seconds of an average training."""
    benchmark = LeNetBenchmark(measured=False)
    rng = np.random.default_rng(0)
    pool = sample_configurations(benchmark.config_space, 2 ** 19, rng)
    return benchmark, pool, np.mean([seconds[-1] for _, seconds in benchmark.curves(pool[:BLOCK])])


def search(make: Make, benchmark: RecordedBenchmark, pool: list[dict], full: float, workers: int,
           seed: int) -> tuple[np.ndarray, int]:
    """Return the incumbent's error at all times (nan: not known), and the number of jobs."""
    end = max(4.0, 80 / workers)
    records = simulate(make(benchmark, pool, seed), benchmark, workers, max_time=end * full)
    errors = incumbent_errors(records, TIMES * full)
    return np.where(TIMES <= end, errors, np.nan), len(records)


def main() -> None:
    """Run all searches and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--methods", type=names_of(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--output", type=Path, default=STUDIES / "scale.npz")
    options = parser.parse_args()
    benchmark, pool, full = load()
    shape = (len(METHODS), len(WORKERS), options.seeds)
    errors, jobs = np.full((*shape, len(TIMES)), np.nan), np.zeros(shape, int)
    if {*METHODS} - {*options.methods}:
        with np.load(options.output) as kept:
            errors, jobs = kept["regret"] / 100 + kept["best"], kept["jobs"]
        if jobs.shape != shape:
            parser.error(f"{options.output} holds {jobs.shape[-1]} seeds; give --seeds "
                         f"{jobs.shape[-1]}, or record all methods")
    for i, (method, (make, most)) in enumerate(METHODS.items()):
        if method not in options.methods:
            continue
        for j, workers in enumerate(WORKERS):
            for seed in range(options.seeds if workers <= most else 0):
                errors[i, j, seed], jobs[i, j, seed] = search(make, benchmark, pool, full, workers,
                                                              seed)
            print(f"{method}, {workers} workers: {jobs[i, j].mean():.0f} jobs", flush=True)
    best = np.nanmin(errors)
    np.savez_compressed(options.output, regret=np.float32(100 * (errors - best)).round(4),
                        jobs=jobs, methods=list(METHODS), workers=WORKERS, times=TIMES, best=best,
                        full=full)


if __name__ == "__main__":
    main()
