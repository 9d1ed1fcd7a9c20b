"""Record the models that Hyperband was compared with by its authors, for claims.md: rivals.npz.

    python -m studies.rivals [--seeds 50] [--processes 2]

TPE and Bayesian optimization train every configuration to the end, on one simulated worker, for
the time of 64 average trainings. d2l_hpo/data/studies/rivals.npz holds `error`, that of the
incumbent in per cent, (tasks, methods, seeds, times), and the names and values along these axes.
"""
import argparse
import os
from itertools import product

import numpy as np

from d2l_hpo import BasicScheduler, BayesianSearcher, TPESearcher, incumbent_errors, simulate
from d2l_hpo.simulation.studies import STUDIES
from studies.command import at_least, run_all
from studies.workers import TASKS, random_pool

METHODS = {"TPE": TPESearcher, "Bayesian optimization": BayesianSearcher}
TRAININGS = np.linspace(0, 64, 641)


def search(task: str, method: str, full: float, seed: int) -> np.ndarray:
    """Return the incumbent's errors in per cent over time; a training takes `full` seconds."""
    benchmark = TASKS[task](measured=False)
    searcher = METHODS[method](benchmark.config_space, seed=seed)
    records = simulate(BasicScheduler(searcher, max_epochs=27), benchmark,
                       max_time=TRAININGS[-1] * full)
    return 100 * incumbent_errors(records, TRAININGS * full)


def main() -> None:
    """Run all searches and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=at_least(2), default=50)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    options = parser.parse_args()
    full = {task: random_pool(kind(measured=False))[1] for task, kind in TASKS.items()}
    jobs = [(task, method, full[task], seed)
            for task, method, seed in product(TASKS, METHODS, range(options.seeds))]
    errors = np.reshape(run_all(search, jobs, options.processes),
                        (len(TASKS), len(METHODS), options.seeds, len(TRAININGS)))
    np.savez_compressed(STUDIES / "rivals.npz", error=np.float32(errors), tasks=list(TASKS),
                        methods=list(METHODS), trainings=TRAININGS)


if __name__ == "__main__":
    main()
