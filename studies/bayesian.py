"""Record what the section on Bayesian optimization shows of many searches: bayesian.npz.

    python -m studies.bayesian [--seeds 50] [--processes 2] [--peers a,b] [--tasks a,b]

With `--tasks` the other tasks stay in the file as they are. Three studies, all on functions without
noise and with their own seeds:

- methods: the smallest errors after 1, 2, ..., 50 evaluations on our tasks of search_quality.py,
  whose kept results are used. Peers that have no kept result for a task are left out there.
- targets: BayesianSearcher with softened errors (as above), plain ones and ranks, after 50
  evaluations.
- workers: BayesianSearcher on one worker (as above) and on 8 simulated ones, with fantasies and
  without: errors after 48 trials, and the part of the suggestions that nearly repeat a pending one.
"""
import argparse
import os
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

import d2l_hpo.searchers.bayesian
from d2l_hpo import BasicScheduler, BayesianSearcher, simulate
from d2l_hpo.simulation.studies import STUDIES, read_study
from studies.command import at_least, names_of, one_thread, run_all
from benchmarks.methods import METHODS
from benchmarks.search_quality import (
    DESIGN_SIZE,
    RESULTS,
    incumbents,
    search_all,
)
from benchmarks.tasks import SUITES, load_task, smallest_error

OUTPUT = STUDIES / "bayesian.npz"
TASKS = SUITES["ours"]
EVALUATIONS, TRIALS, WORKERS = 50, 48, 8
OURS = ["RandomSearcher", "SobolSearcher", "BayesianSearcher", "TPESearcher"]
PEERS = ["optuna.TPESampler", "optuna.GPSampler", "syne_tune.TPE", "syne_tune.BORE",
         "syne_tune.CQR", "syne_tune.BOTorch"]
RECORDED = ("lenet", "mlp", "digits")
NEAR = 0.05  # of the side of the unit cube


# -- Kinds of targets -----------------------------------------------------------------------------

def plain(errors: np.ndarray) -> np.ndarray:
    """Return standardised errors."""
    return (errors - np.mean(errors)) / (np.std(errors) or 1.0)


def ranked(errors: np.ndarray) -> np.ndarray:
    """Return the normal scores of errors."""
    return ndtri((rankdata(errors) - 0.5) / len(errors))


TARGETS = {"plain": plain, "ranks": ranked}


def search_with_targets(task_name: str, targets: str, seed: int) -> list[float]:
    """Return the errors of a search whose model is fitted to this kind of targets."""
    # in this process, until the next search
    d2l_hpo.searchers.bayesian.soften_errors = TARGETS[targets]
    task = load_task(task_name)
    searcher, errors = BayesianSearcher(task.space, seed=seed), []
    for _ in range(EVALUATIONS):
        config = searcher.sample_configuration()
        errors.append(float(task.errors([config])[0]))
        searcher.update(config, errors[-1])
    return errors


# -- Workers --------------------------------------------------------------------------------------

class WatchedSearcher(BayesianSearcher):
    """Counts its suggestions that differ from a pending one by at most NEAR in every number."""

    near_pending = 0

    def propose_point(self) -> np.ndarray:
        """Return the suggested point, after comparing it with the pending ones."""
        point = super().propose_point()
        others = np.reshape([self.points[name] for name in self.pending], (-1, len(point)))
        self.near_pending += bool((np.abs(others - point) <= NEAR).all(axis=1).any())
        return point


class TimedTask:
    """A task as a benchmark: the error after one epoch, and seconds that vary by a third."""

    def __init__(self, task_name: str, seed: int):
        self.task, self.rng = load_task(task_name), np.random.default_rng(seed)

    def curve(self, config: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
        """Return the error and the seconds of a configuration."""
        return self.task.errors([config]), self.rng.uniform(2 / 3, 4 / 3, 1)


def search_on_workers(task_name: str, fantasies: int, seed: int) -> tuple[list[float], float]:
    """Return the errors of a search, and the part of its suggestions that are near repeats."""
    searcher = WatchedSearcher(load_task(task_name).space, seed=seed, fantasies=fantasies)
    records = simulate(BasicScheduler(searcher), TimedTask(task_name, seed), n_workers=WORKERS,
                       number_of_trials=TRIALS)
    return records["error"].tolist(), searcher.near_pending / TRIALS


# -- The file -------------------------------------------------------------------------------------

def study_methods(tasks: Sequence[str], seeds: int, processes: int,
                  peers: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the incumbents' errors by "methods/task/method", shape (seeds, EVALUATIONS)."""
    results = search_all(OURS, tasks, seeds, 100, processes)
    for task, peer in product(tasks, peers):
        if (RESULTS / f"{task}-{peer}-{METHODS[peer].seeds(seeds) - 1}.json").exists():
            results |= search_all([peer], [task], seeds, 100, processes)
    return {f"methods/{task}/{method}": incumbents(runs, 100)[:, :EVALUATIONS]
            for (task, method), runs in results.items()}


def study_targets(tasks: Sequence[str], seeds: int, processes: int) -> dict[str, np.ndarray]:
    """Return the smallest errors by "targets/task/kind", shape (seeds,)."""
    jobs = list(product(tasks, TARGETS, range(seeds)))
    results = run_all(search_with_targets, jobs, processes)
    return collect("targets", [job[:2] for job in jobs], [min(errors) for errors in results])


def study_workers(tasks: Sequence[str], seeds: int, processes: int) -> dict[str, np.ndarray]:
    """Return smallest errors and near repeats by "workers/task/way" and "repeats/task/way"."""
    ways = {"ignoring": 0, "fantasies": 16}
    jobs = [(task, ways[way], seed) for task, way, seed in product(tasks, ways, range(seeds))]
    keys = [(task, way) for task, way, _ in product(tasks, ways, range(seeds))]
    errors, repeats = zip(*run_all(search_on_workers, jobs, processes), strict=True)
    return (collect("workers", keys, [min(row) for row in errors])
            | collect("repeats", keys, repeats))


def collect(study: str, keys: Sequence[tuple[str, str]],
            values: Sequence[float]) -> dict[str, np.ndarray]:
    """Group values by their keys."""
    groups: dict[str, list[float]] = {}
    for key, value in zip(keys, values, strict=True):
        groups.setdefault("/".join((study, *key)), []).append(value)
    return {name: np.array(group) for name, group in groups.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Record many searches for the section.")
    parser.add_argument("--seeds", type=at_least(2), default=50)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    parser.add_argument("--peers", type=names_of(METHODS), default=PEERS)
    parser.add_argument("--tasks", type=names_of(dict.fromkeys(TASKS)), default=TASKS)
    options = parser.parse_args(arguments)
    seeds, processes = options.seeds, options.processes
    recorded = [task for task in options.tasks if task in RECORDED]
    arrays = study_methods(options.tasks, seeds, processes, options.peers)
    for task in options.tasks:
        ours = arrays[f"methods/{task}/BayesianSearcher"]
        arrays[f"targets/{task}/softened"] = ours[:, EVALUATIONS - 1]
        if task in RECORDED:
            arrays[f"workers/{task}/one"] = ours[:, TRIALS - 1]
    arrays |= study_targets(options.tasks, seeds, processes)
    if recorded:
        arrays |= study_workers(recorded, seeds, processes)
    for task in options.tasks:
        found = [array.min() for name, array in arrays.items()
                 if name.split("/")[1] == task and not name.startswith("repeats")]
        arrays[f"best/{task}"] = np.array(min(smallest_error(load_task(task), DESIGN_SIZE), *found))
    others = {name: array for name, array in read_study("bayesian").items()
              if name.split("/")[1] not in options.tasks} if OUTPUT.exists() else {}
    arrays = others | arrays
    np.savez_compressed(OUTPUT, **{name: np.float32(array) for name, array in arrays.items()})
    print(f"{OUTPUT}: {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    one_thread()
    main()
