"""Record searches in spaces of up to fifty hyperparameters, which bo.md draws: dimensions.npz.

    python -m studies.dimensions [--seeds 20] [--processes 2] [--output FILE]

Two functions of the unit cube of 6 to 50 dimensions: Hartmann's of the first six, so that the
others are idle, and a bowl, in which all matter equally. d2l_hpo/data/studies/dimensions.npz holds
`error`, the smallest after 80 trials, (functions, methods, dimensions, seeds), and the names and
values along these axes.
"""
import argparse
import os
from itertools import product
from pathlib import Path

import numpy as np
from scipy import stats

from benchmarks.tasks import hartmann6
from d2l_hpo import BayesianSearcher, RandomSearcher, TPESearcher
from d2l_hpo.simulation.studies import STUDIES
from studies.command import at_least, run_all

TRIALS, DIMENSIONS = 80, [6, 12, 24, 50]
METHODS = {"random search": RandomSearcher, "TPE": TPESearcher,
           "Bayesian optimization": BayesianSearcher}


def first_six(config: dict[str, float]) -> float:
    """Return Hartmann's function of the first six numbers."""
    return float(hartmann6([dict(list(config.items())[:6])])[0])


def bowl(config: dict[str, float]) -> float:
    """Return the squared distance from a point that lies off the middle."""
    return sum((x - 0.3) ** 2 for x in config.values())


FUNCTIONS = {"Hartmann, others idle": first_six, "bowl": bowl}


def search(function: str, method: str, dimensions: int, seed: int) -> float:
    """Return the smallest error of a search."""
    space = {f"x{i}": stats.uniform() for i in range(dimensions)}
    searcher, errors = METHODS[method](space, seed=seed), []
    for _ in range(TRIALS):
        config = searcher.sample_configuration()
        errors.append(FUNCTIONS[function](config))
        searcher.update(config, errors[-1])
    return min(errors)


def main() -> None:
    """Run all searches and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=at_least(2), default=20)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=STUDIES / "dimensions.npz")
    options = parser.parse_args()
    jobs = list(product(FUNCTIONS, METHODS, DIMENSIONS, range(options.seeds)))
    errors = np.reshape(run_all(search, jobs, options.processes),
                        (len(FUNCTIONS), len(METHODS), len(DIMENSIONS), options.seeds))
    np.savez_compressed(options.output, error=np.float32(errors),
                        functions=list(FUNCTIONS), methods=list(METHODS), dimensions=DIMENSIONS,
                        trials=TRIALS)


if __name__ == "__main__":
    main()
