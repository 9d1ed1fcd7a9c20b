"""Record Hyperband and the models that its authors compared it with, for claims.md: rivals.npz.

    python -m studies.rivals [--seeds 50] [--processes 2] [--methods a,b]

With `--methods` the other methods stay in the file as they are. TPE and Bayesian optimization train
every configuration to the end; Hyperband draws from the same space. Each has one simulated worker
and the time of 64 average trainings. d2l_hpo/data/studies/rivals.npz holds `error`, that of the
incumbent in per cent, (tasks, methods, seeds, times), and the names and values along these axes.
"""
import argparse
import os
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from d2l_hpo import (
    BasicScheduler,
    BayesianSearcher,
    HPOScheduler,
    HyperbandScheduler,
    RandomSearcher,
    TPESearcher,
    incumbent_errors,
    simulate,
)
from d2l_hpo.simulation.studies import STUDIES
from studies.command import at_least, names_of, run_all
from studies.workers import TASKS, random_pool

OUTPUT = STUDIES / "rivals.npz"
METHODS: dict[str, Callable[[dict, int], HPOScheduler]] = {
    "TPE": lambda space, seed: BasicScheduler(TPESearcher(space, seed=seed), max_epochs=27),
    "Bayesian optimization": lambda space, seed: BasicScheduler(
        BayesianSearcher(space, seed=seed), max_epochs=27),
    "Hyperband": lambda space, seed: HyperbandScheduler(RandomSearcher(space, seed=seed), 3, 1, 27),
}
TRAININGS = np.linspace(0, 64, 641)


def search(task: str, method: str, full: float, seed: int) -> np.ndarray:
    """Return the incumbent's errors in per cent over time; a training takes `full` seconds."""
    benchmark = TASKS[task](measured=False)
    records = simulate(METHODS[method](benchmark.config_space, seed), benchmark,
                       max_time=TRAININGS[-1] * full)
    return 100 * incumbent_errors(records, TRAININGS * full)


def kept(methods: Sequence[str], seeds: int) -> dict[str, np.ndarray]:
    """Return what the file has of the other methods, each of shape (tasks, seeds, times)."""
    if set(methods) == set(METHODS):
        return {}
    with np.load(OUTPUT) as file:
        known = dict(zip(file["methods"].tolist(), file["error"].swapaxes(0, 1), strict=True))
    for name, errors in known.items():
        if errors.shape[1] != seeds:
            raise SystemExit(f"{name} is recorded with {errors.shape[1]} seeds: take as many")
    return {name: known[name] for name in known if name in METHODS and name not in methods}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the searches and write the file."""
    parser = argparse.ArgumentParser(description="Record Hyperband and its authors' opponents.")
    parser.add_argument("--seeds", type=at_least(2), default=50)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    parser.add_argument("--methods", type=names_of(METHODS), default=list(METHODS))
    options = parser.parse_args(arguments)
    errors = kept(options.methods, options.seeds)
    full = {task: random_pool(kind(measured=False))[1] for task, kind in TASKS.items()}
    for method in options.methods:
        jobs = [(task, method, full[task], seed)
                for task, seed in product(TASKS, range(options.seeds))]
        errors[method] = np.float32(np.reshape(
            run_all(search, jobs, options.processes),
            (len(TASKS), options.seeds, len(TRAININGS))))
    methods = [name for name in METHODS if name in errors]
    np.savez_compressed(OUTPUT, error=np.stack([errors[name] for name in methods], axis=1),
                        tasks=list(TASKS), methods=methods, trainings=TRAININGS)


if __name__ == "__main__":
    main()
