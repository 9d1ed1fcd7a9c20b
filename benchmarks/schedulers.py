"""Time of a scheduler's decisions: ours, Syne Tune's ASHA and Optuna's pruner, by reports so far.

    python -m benchmarks.schedulers [--seconds 60] [--largest 1000000]

A report is one `suggest` (or its counterpart) and one `update`. All have eta 3 and the rungs 1, 3,
9, ..., 243, get the same random errors, and propose configurations that were prepared before: no
searcher and no training is timed. Each scheduler goes on until it has made the largest number of
reports or has used up its time. Prints a Markdown table; run it on an otherwise idle machine.

The columns are microseconds of processor time a report, means over the last tenth of the reports
before each size; how much more it costs at the last size than at the second; the reports made; the
peak memory of the process.
"""
import argparse
import itertools
import logging
import math
import os
import platform
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from scipy import stats

from d2l_hpo import ASHAScheduler, HPOSearcher, HyperbandScheduler, SuccessiveHalvingScheduler

ETA, R_MAX = 3, 243
SIZES = [10 ** k for k in range(3, 7)]
Report = Callable[[], None]


class Prepared(HPOSearcher):
    """Proposes a configuration that exists already."""

    def __init__(self):
        super().__init__({"x": stats.uniform(0, 1)})
        self.config = {"x": 0.5}

    def propose(self) -> dict:
        """Return always the same configuration."""
        return self.config


def random_errors(block: int = 100_000) -> Iterator[float]:
    """Give random errors without end, drawn in blocks."""
    rng = np.random.default_rng(0)
    return itertools.chain.from_iterable(rng.random(block).tolist() for _ in itertools.count())


def ours(make: Callable[[HPOSearcher], object]) -> Callable[[], Report]:
    """Return a function that prepares one of our schedulers and returns how it makes a report."""
    def prepare() -> Report:
        scheduler, errors = make(Prepared()), random_errors()

        def report() -> None:
            scheduler.update(scheduler.suggest(), next(errors))
        return report
    return prepare


def syne_tune_asha() -> Report:
    """Prepare Syne Tune's ASHA (the stopping variant) with a searcher that is prepared, too."""
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.baselines import ASHA
    from syne_tune.optimizer.scheduler import SchedulerDecision
    logging.getLogger("syne_tune").setLevel(logging.ERROR)

    scheduler = ASHA({"x": uniform(0, 1)}, metric="error", time_attr="epoch", max_t=R_MAX,
                     reduction_factor=ETA, random_seed=0)
    scheduler.searcher.suggest = lambda **_: {"x": 0.5}
    errors, names, running = random_errors(), itertools.count(), []

    def report() -> None:
        if running:
            trial, epoch = running.pop()
        else:
            trial, epoch = Trial(next(names), scheduler.suggest().config, None), 1
            scheduler.on_trial_add(trial)
        result = {"error": next(errors), "epoch": epoch}
        if scheduler.on_trial_result(trial, result) == SchedulerDecision.CONTINUE:
            running.append((trial, epoch * ETA))
        else:
            scheduler.on_trial_remove(trial)
    return report


def optuna_pruner() -> Report:
    """Prepare Optuna's pruner of successive halving on a study in memory that samples nothing."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=ETA)
    study = optuna.create_study(pruner=pruner)
    errors, running = random_errors(), []

    def report() -> None:
        trial, epoch = running.pop() if running else (study.ask(), 1)
        error = next(errors)
        trial.report(error, epoch)
        if epoch < R_MAX and not trial.should_prune():
            running.append((trial, epoch * ETA))
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    return report


SCHEDULERS = {
    "ASHA, promotion": ours(lambda s: ASHAScheduler(s, ETA, 1, R_MAX)),
    "ASHA, promotion, 4 brackets": ours(lambda s: ASHAScheduler(s, ETA, 1, R_MAX, brackets=4)),
    "ASHA, stopping": ours(lambda s: ASHAScheduler(s, ETA, 1, R_MAX, mode="stopping")),
    "successive halving": ours(lambda s: SuccessiveHalvingScheduler(s, ETA, 1, R_MAX)),
    "Hyperband": ours(lambda s: HyperbandScheduler(s, ETA, 1, R_MAX)),
    "Syne Tune `ASHA`": syne_tune_asha,
    "Optuna `SuccessiveHalvingPruner`": optuna_pruner,
}


def measure(report: Report, sizes: list[int], seconds: float) -> tuple[list[float], int]:
    """Return microseconds a report before each size (nan: not reached), and the reports made."""
    begun, made, costs = time.process_time(), 0, []
    for size in sizes:
        start = size - size // 10
        while made < start and time.process_time() - begun < seconds:
            made += repeat(report, min(100, start - made))
        before = time.process_time()
        if made == start and before - begun < seconds:
            made += repeat(report, size - start)
            costs.append((time.process_time() - before) / (size - start) * 1e6)
        else:
            costs.append(math.nan)
    return costs, made


def repeat(report: Report, times: int) -> int:
    """Make so many reports; return their number."""
    for _ in range(times):
        report()
    return times


def row(name: str, prepare: Callable[[], Report], sizes: list[int], seconds: float) -> str:
    """Measure in a process of its own, which tells the memory of one scheduler; return a row."""
    read, write = os.pipe()
    if not (child := os.fork()):
        costs, made = measure(prepare(), sizes, seconds)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        cells = ["-" if math.isnan(cost) else f"{cost:.1f}" for cost in costs]
        growth = f"{costs[-1] / costs[1]:.1f}" if len(costs) > 1 else "-"
        cells += [growth.replace("nan", "-"), f"{made:,}", f"{memory:.0f}"]
        line = f"| {' | '.join([name, *cells])} |"
        os.write(write, line.encode())
        os._exit(0)
    os.close(write)
    with open(read, "rb") as file:
        line = file.read().decode()
    os.waitpid(child, 0)
    return line or f"| {name} | failed |"


def package(name: str) -> str:
    """Return a package's name with its version."""
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="at most for a scheduler")
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="number of reports")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sizes = [size for size in SIZES if size <= options.largest]
    print(f"{os.cpu_count()} cores; {platform.system()}, Python {platform.python_version()}, "
          f"{package('sortedcontainers')}, {package('syne-tune')}, {package('optuna')}\n")
    numbers = " | ".join(f"{size:,}" for size in sizes)
    print(f"| scheduler | {numbers} | last / second | made | MiB |")
    print("|---" * (len(sizes) + 4) + "|")
    for name, prepare in SCHEDULERS.items():
        print(row(name, prepare, sizes, options.seconds), flush=True)


if __name__ == "__main__":
    main()
