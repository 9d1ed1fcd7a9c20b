"""Record searches on workers that are slow, unequal or lost, which hyperband-async.md draws.

    python -m studies.disturbances [--seeds 100] [--processes 2] [--output FILE]

The searches are those of `studies.workers` on 4, 16 and 64 workers, with other durations of their
jobs: more uneven ones, but with the same work in the mean, so that as much can be finished in the
time as without. The file holds `regret` in points after the time of two and of four average
trainings, (disturbances, tasks, methods, workers, seeds, times), and the names and values along
these axes. It takes a quarter of an hour on two cores.
"""
import argparse
import os
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np

from d2l_hpo import Trial
from d2l_hpo.simulation.studies import STUDIES
from studies.command import at_least, run_all
from studies.workers import METHODS, TASKS, TRAININGS, random_pool, study

WORKERS = [4, 16, 64]
JobTime = Callable[[Trial, int, float], float]


def stragglers(seed: int) -> JobTime:
    """One job in ten takes ten times as long."""
    def job_time(trial: Trial, worker: int, seconds: float) -> float:
        return seconds * (10 if draws(seed, trial).random() < 0.1 else 1) / 1.9
    return job_time


def heavy_tails(seed: int) -> JobTime:
    """Most jobs are short and some very long, by a factor of a Pareto distribution."""
    def job_time(trial: Trial, worker: int, seconds: float) -> float:
        return seconds * (1 + draws(seed, trial).pareto(1.5)) / 3
    return job_time


def unequal_workers(seed: int) -> JobTime:
    """Every second worker takes five times as long as the others."""
    def job_time(trial: Trial, worker: int, seconds: float) -> float:
        return seconds * (5 if worker % 2 else 1) * 0.6
    return job_time


def lost_workers(seed: int) -> JobTime:
    """An attempt is lost with probability 0.3, at a random moment, and the job begins again."""
    def job_time(trial: Trial, worker: int, seconds: float) -> float:
        rng = draws(seed, trial)
        return seconds * (1 + rng.random(rng.geometric(0.7) - 1).sum()) / (1 + 0.3 / 0.7 / 2)
    return job_time


def draws(seed: int, trial: Trial) -> np.random.Generator:
    """Return random numbers that belong to a job, whoever schedules it and when."""
    return np.random.default_rng((seed, trial.trial_id, trial.max_epochs))


TIMES = [2, 4]  # trainings
DISTURBANCES = {"stragglers": stragglers, "heavy tails": heavy_tails,
                "unequal workers": unequal_workers, "lost workers": lost_workers}


def regrets(disturbance: str, task: str, seeds: int) -> np.ndarray:
    """Return regrets of all methods in points, shape (methods, workers, seeds, times)."""
    benchmark = TASKS[task](measured=False)
    pool, full, best = random_pool(benchmark)
    columns = np.searchsorted(TRAININGS, TIMES)
    found = [[study(benchmark, make, workers, pool, full, seeds, DISTURBANCES[disturbance])[0]
              for workers in WORKERS] for make in METHODS.values()]
    return np.round(100 * (np.array(found)[..., columns] - best), 4)


def main() -> None:
    """Run all searches and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=at_least(2), default=100)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=STUDIES / "disturbances.npz")
    options = parser.parse_args()
    jobs = list(product(DISTURBANCES, TASKS, [options.seeds]))
    found = np.array(run_all(regrets, jobs, options.processes), np.float32)
    regret = found.reshape(len(DISTURBANCES), len(TASKS), *found.shape[1:])
    for disturbance, means in zip(DISTURBANCES, regret[..., -1].mean((1, 3, 4)), strict=True):
        print(disturbance, dict(zip(METHODS, means.round(2).tolist(), strict=True)))
    np.savez_compressed(options.output, regret=regret, tasks=list(TASKS), times=TIMES,
                        disturbances=list(DISTURBANCES), methods=list(METHODS), workers=WORKERS)


if __name__ == "__main__":
    main()
