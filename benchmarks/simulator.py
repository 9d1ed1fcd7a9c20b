"""Jobs a second of `simulate`, and beside it Syne Tune's simulator on the same table.

All searches run the recorded configurations of the perceptron in a fixed order, those without a
divergence. (An epoch of the digits is shorter than the 0.01 s that Syne Tune puts between two
reports.) Prints Markdown tables; run it on an otherwise idle machine.
"""
import contextlib
import io
import logging
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
import pandas as pd
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_backend import SimulatorConfig
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository import UserBlackboxBackend
from syne_tune.blackbox_repository.blackbox_tabular import BlackboxTabular
from syne_tune.config_space import randint
from syne_tune.constants import ST_TUNER_TIME
from syne_tune.optimizer.baselines import RandomSearch

from d2l_hpo import BasicScheduler, HPOSearcher, to_syne_tune
from d2l_hpo.simulation.recorded_tasks import MLPBenchmark, RecordedBenchmark
from d2l_hpo.simulation.simulator import simulate
from benchmarks.machine import describe

REPETITIONS = 5
SIZES = (1_000, 10_000, 100_000)
WORKERS = (1, 4, 100, 10_000)
TRIALS = 300  # beside Syne Tune
TUNER_SLEEP = 0.1  # virtual seconds between two looks of Syne Tune's tuner at the workers


class PreparedSearcher(HPOSearcher):
    """Proposes configurations of a list, one after another."""

    def __init__(self, config_space: dict, configs: Sequence[dict]):
        super().__init__(config_space)
        self.left = list(configs)[::-1]

    def propose(self) -> dict | None:
        """Return the next configuration, or None if there is none left."""
        return self.left.pop() if self.left else None


@dataclass(frozen=True)
class Table:
    """The recorded configurations without a divergence, for both simulators."""

    benchmark: RecordedBenchmark
    configs: list[dict]

    @classmethod
    def of(cls, benchmark: RecordedBenchmark) -> "Table":
        """Leave out the configurations that diverged, which Syne Tune's table cannot hold."""
        return cls(benchmark, [config for config in benchmark.configs
                               if np.isfinite(benchmark.curve(config)[0]).all()])

    def scheduler(self, n: int) -> BasicScheduler:
        """Return a search of `n` prepared configurations, over and over the recorded ones."""
        prepared = islice(cycle(self.configs), n)
        return BasicScheduler(PreparedSearcher(self.benchmark.config_space, prepared))

    def blackbox(self, epochs: Sequence[int]) -> BlackboxTabular:
        """Return Syne Tune's table of errors and elapsed seconds after these epochs."""
        curves = np.array([np.stack(self.benchmark.curve(config), axis=-1)
                           for config in self.configs])
        return BlackboxTabular(
            pd.DataFrame(self.configs), to_syne_tune(self.benchmark.config_space),
            {"epoch": randint(1, self.benchmark.max_epochs)},
            curves[:, np.newaxis, np.array(epochs) - 1], np.array(epochs), ["error", "seconds"])


# -- the simulators -------------------------------------------------------------------------------

class ExactBackend(UserBlackboxBackend):
    """Syne Tune's simulator without delays, and without the real time of its own code."""

    def __init__(self, blackbox: BlackboxTabular):
        super().__init__(blackbox, "seconds", seed=0,
                         simulator_config=SimulatorConfig(0, 0, 0, 0, 0))

    def _advance_by_outside_time(self) -> None:
        """Do not add real time to the virtual clock."""

    def sleep_until_next_event(self) -> None:
        """Move the clock to the next event, where Syne Tune moves it by `tuner_sleep_time`."""
        self.time_keeper.advance_to(self._simulator_state.event_heap[0][0])


class ExactCallback(SimulatorCallback):
    """Lets the tuner sleep until something happens."""

    def on_tuning_sleep(self, sleep_time: float) -> None:
        """Called where all workers are busy."""
        self._tuner.trial_backend.sleep_until_next_event()


def default_backend(blackbox: BlackboxTabular) -> UserBlackboxBackend:
    """Return Syne Tune's simulator with its own delays."""
    return UserBlackboxBackend(blackbox, "seconds", seed=0, tuner_sleep_time=TUNER_SLEEP)


def syne_tune_search(table: Table, epochs: Sequence[int], exact: bool) -> Callable:
    """Return a function that runs Syne Tune's random search: (n, workers) -> seconds, ends."""
    blackbox = table.blackbox(epochs)

    def search(n: int, n_workers: int) -> tuple[float, pd.DataFrame]:
        callback = ExactCallback() if exact else SimulatorCallback()
        scheduler = RandomSearch(blackbox.configuration_space, metrics=["error"], random_seed=0,
                                 points_to_evaluate=table.configs)
        tuner = Tuner((ExactBackend if exact else default_backend)(blackbox), scheduler,
                      StoppingCriterion(max_num_trials_started=n - 1), n_workers, sleep_time=0,
                      callbacks=[callback], save_tuner=False,
                      wait_trial_completion_when_stopping=True)
        with contextlib.redirect_stdout(io.StringIO()):
            start = time.perf_counter()
            tuner.run()
            seconds = time.perf_counter() - start
        reports = callback.dataframe().rename(columns={ST_TUNER_TIME: "end"})
        return seconds, reports[reports["epoch"] == table.benchmark.max_epochs]
    return search


def our_search(table: Table) -> Callable:
    """Return a function that runs ours: (n, workers) -> seconds, records."""
    def search(n: int, n_workers: int) -> tuple[float, pd.DataFrame]:
        scheduler = table.scheduler(n)
        start = time.perf_counter()
        records = simulate(scheduler, table.benchmark, n_workers)
        return time.perf_counter() - start, records
    return search


# -- the tables -----------------------------------------------------------------------------------

def peak_memory(table: Table, n: int, n_workers: int) -> float:
    """Return the bytes a job that a simulation takes at most, its records included."""
    scheduler = table.scheduler(n)
    tracemalloc.start()
    try:
        simulate(scheduler, table.benchmark, n_workers)
        return tracemalloc.get_traced_memory()[1] / n
    finally:
        tracemalloc.stop()


def speed_rows(table: Table) -> Iterator[str]:
    """Give one row for each number of trials and of workers."""
    search = our_search(table)
    for n in SIZES:
        for n_workers in WORKERS:
            rates = [n / search(n, n_workers)[0] for _ in range(REPETITIONS)]
            low, middle, high = np.quantile(rates, [0, 0.5, 1])
            yield (f"| {n:,} | {n_workers:,} | {middle:,.0f} ({low:,.0f}-{high:,.0f}) | "
                   f"{peak_memory(table, n, n_workers):,.0f} |")


def comparison_rows(ways: dict[str, Callable], n_workers: int) -> Iterator[str]:
    """Give one row for each simulator; ratios are paired within a repetition."""
    runs = [[search(TRIALS, n_workers) for search in ways.values()] for _ in range(REPETITIONS)]
    seconds = np.array([[run[0] for run in repetition] for repetition in runs])
    ratios = np.median(seconds / seconds[:, :1], axis=0)
    ours = runs[-1][0][1]
    for i, name in enumerate(ways):
        low, middle, high = np.quantile(TRIALS / seconds[:, i], [0, 0.5, 1])
        yield (f"| {name} | {middle:,.0f} ({low:,.0f}-{high:,.0f}) | {ratios[i]:,.0f} | "
               f"{largest_delay(ours, runs[-1][i][1]):.3g} |")


def largest_delay(ours: pd.DataFrame, theirs: pd.DataFrame) -> float:
    """Return by how many virtual seconds the ends of a trial differ; errors must be equal."""
    ours, theirs = (ends.set_index("trial_id").sort_index() for ends in (ours, theirs))
    if not ours["error"].equals(theirs["error"]):
        raise AssertionError("the simulators disagree on the trials' errors")
    return float((ours["end"] - theirs["end"]).abs().max())


def incumbents(ends: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the times at which the incumbent improved, and its errors."""
    ends = ends.sort_values(["end", "trial_id"])
    best = ends["error"].cummin()
    improved = best < best.shift(fill_value=np.inf)
    return ends["end"][improved].to_numpy(), best[improved].to_numpy()


def agreement_rows(ours: Callable, theirs: Callable) -> Iterator[str]:
    """Give one row for each number of workers; AssertionError where the curves differ."""
    for n_workers in (1, 4, 64):
        times, errors = incumbents(ours(TRIALS, n_workers)[1])
        their_times, their_errors = incumbents(theirs(TRIALS, n_workers)[1])
        if not (np.array_equal(errors, their_errors)
                and np.allclose(times, their_times, rtol=1e-12, atol=0)):
            raise AssertionError(f"the incumbent curves with {n_workers} workers differ: "
                                 f"{times}, {errors} and {their_times}, {their_errors}")
        yield (f"| {n_workers} | {len(times)} | {times[-1]:.3f} | {errors[-1]:.4f} | "
               f"{np.abs(times - their_times).max():.2g} |")


def main() -> None:
    """Print the tables."""
    logging.disable()  # Syne Tune's notes on every search
    table = Table.of(MLPBenchmark())
    every, last = range(1, table.benchmark.max_epochs + 1), [table.benchmark.max_epochs]
    ours, exact = our_search(table), syne_tune_search(table, last, exact=True)
    print(describe("pandas", "syne-tune"), end="\n\n")
    print("| trials | workers | jobs a second, median (range) | peak memory, bytes a job |")
    print("|---|---|---|---|")
    for row in speed_rows(table):
        print(row, flush=True)
    print(f"\n| {TRIALS} trials on 4 workers | trials a second, median (range) | times `simulate` "
          "| largest difference of an end, virtual s |")
    print("|---|---|---|---|")
    delays = f"its delays, looking every {TUNER_SLEEP} s"
    ways = {
        "`simulate`": ours,
        "Syne Tune, one report a trial, no delays": exact,
        f"Syne Tune, one report a trial, {delays}": syne_tune_search(table, last, exact=False),
        "Syne Tune, a report an epoch, no delays": syne_tune_search(table, every, exact=True),
        f"Syne Tune, a report an epoch, {delays}": syne_tune_search(table, every, exact=False),
    }
    print(*comparison_rows(ways, n_workers=4), sep="\n", flush=True)
    print(f"\n| workers, {TRIALS} trials | improvements of the incumbent | last one, virtual s | "
          "error | largest difference from Syne Tune without delays, s |")
    print("|---|---|---|---|---|")
    print(*agreement_rows(ours, exact), sep="\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SYNETUNE_FOLDER"] = folder
        main()
