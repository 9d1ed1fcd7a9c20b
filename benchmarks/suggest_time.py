"""How long does a suggestion take? Ours, Optuna's and Syne Tune's, after 10, 50 and 200 trials.

    python -m benchmarks.suggest_time [--methods a,b] [--trials 10 50 200] [--repeats 10]

Each method searches LeNet's recorded task by itself; the suggestions that follow so many trials are
timed, with the report of their errors, without the evaluations. One process with one thread: the
time is the processor's, which other programs hardly change.
"""
import argparse
import time
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from studies.command import at_least, names_of
from benchmarks.machine import describe
from benchmarks.methods import METHODS
from benchmarks.search_quality import COMMON_PACKAGES, load_task, markdown_table


def suggestion_times(name: str, trials: int, repeats: int) -> np.ndarray:
    """Return the processor seconds of `repeats` suggestions, the first after `trials` trials."""
    task = load_task("lenet")
    np.random.seed(0)
    searcher = METHODS[name].make(task.space, 0)
    times = []
    for _ in range(trials + repeats):
        start = time.process_time()
        config = searcher.ask()
        seconds = time.process_time() - start
        error = float(task.errors([config])[0])
        start = time.process_time()
        searcher.tell(config, error)
        times.append(seconds + time.process_time() - start)
    return np.array(times[trials:])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Measure the time of a suggestion.")
    parser.add_argument("--methods", type=names_of(METHODS), default=list(METHODS))
    parser.add_argument("--trials", type=at_least(1), nargs="+", default=[10, 50, 200])
    parser.add_argument("--repeats", type=at_least(1), default=10)
    options = parser.parse_args(arguments)
    rows = []
    for name in options.methods:
        row = [f"`{name}`"]
        for size in options.trials:
            times = 1e3 * suggestion_times(name, size, options.repeats)
            row.append(f"{np.median(times):.3g} ({times.min():.3g}-{times.max():.3g})")
        rows.append(row)
    packages = {package for name in options.methods for package in METHODS[name].make.func.packages}
    print(describe(*COMMON_PACKAGES, *sorted(packages)), end="\n\n")
    print("Milliseconds of processor time a suggestion, median (range)\n")
    print(markdown_table(["method", *(f"after {n} trials" for n in options.trials)], rows))


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
