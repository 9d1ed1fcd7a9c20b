"""48 simulated hours on hundreds of workers, with trials that fail, hang or are slow."""
import functools
import math
import pickle
import time
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, HyperbandScheduler, RandomSearcher, SuccessiveHalvingScheduler,
    simulate,
)
from d2l_hpo.schedulers.scheduler import HPOScheduler, Trial
from d2l_hpo.tuning.sources import view_search

HOURS, WORKERS, EPOCHS = 48, 300, 27
EPOCH, GIVEN_UP, SLOW = 600.0, 4 * 3600.0, 10.0  # seconds; seconds; times
SPACE = {"x": stats.uniform(0, 1), "fate": stats.uniform(0, 1), "speed": stats.uniform(0.5, 1)}
RUNGS = {"eta": 3, "r_min": 1, "r_max": EPOCHS}
SCHEDULERS = {
    "`BasicScheduler`": functools.partial(BasicScheduler, max_epochs=EPOCHS),
    "`ASHAScheduler`, promotion": functools.partial(ASHAScheduler, **RUNGS),
    "`ASHAScheduler`, stopping": functools.partial(ASHAScheduler, **RUNGS, mode="stopping"),
    "`SuccessiveHalvingScheduler`": functools.partial(SuccessiveHalvingScheduler, **RUNGS),
    "`HyperbandScheduler`": functools.partial(HyperbandScheduler, **RUNGS),
}


class Troubled:
    """Curves of which a tenth fails, a tenth hangs until it is given up, and a tenth is slow.

    The errors of those that fail and hang are the best of all before that.
    """

    def curve(self, config: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return errors and elapsed seconds of all epochs."""
        fate, epochs = self.fate(config), np.arange(1, EPOCHS + 1)
        errors = 1 + config["x"] + 1 / epochs
        seconds = np.full(EPOCHS, EPOCH * config["speed"])
        at = int(config["fate"] * 1e6) % EPOCHS  # the epoch, from 0, in which it happens
        if fate in ("fails", "hangs"):
            errors[:at] -= 1
            errors[at:] = [math.nan, math.inf, -math.inf][at % 3]
        if fate == "hangs":
            seconds[at] = GIVEN_UP
        return errors, np.cumsum(seconds * (SLOW if fate == "is slow" else 1.0))

    def fate(self, config: dict) -> str:
        """Say what becomes of a configuration."""
        return {0: "fails", 1: "hangs", 2: "is slow"}.get(int(10 * config["fate"]), "is well")


def open_parts(scheduler: HPOScheduler) -> int:
    """Return how many trials, brackets and places a scheduler holds open."""
    names = ("running", "places", "open", "survivors", "upcoming")
    return max((len(getattr(scheduler, name, ())) for name in names), default=0)


class State:
    """Watches what a scheduler holds while it is simulated; jobs take as long as recorded."""

    def __init__(self, scheduler: HPOScheduler) -> None:
        self.scheduler, self.jobs, self.most_open = scheduler, 0, 0
        self.suggested: dict[int, Any] = {}
        self.sizes: list[tuple[int, int]] = []  # trials, bytes

    def __call__(self, trial: Trial, worker: int, seconds: float) -> float:
        """Note what there is when a job starts."""
        self.jobs += 1
        self.suggested[trial.trial_id] = trial.config
        self.most_open = max(self.most_open, open_parts(self.scheduler))
        if self.jobs & (self.jobs - 1) == 0 and self.jobs > 50:  # at powers of two
            self.sizes.append((len(self.suggested), len(pickle.dumps(self.scheduler))))
        return seconds


def longest_wait(records: pd.DataFrame) -> float:
    """Return the hours between two ends on the last rung, at most, after the first one."""
    ends = records.loc[records["max_epochs"] == EPOCHS, "end"].to_numpy()
    within = ends[ends <= 3600 * HOURS]
    return float(np.diff([*within, 3600.0 * HOURS]).max()) / 3600


def check(records: pd.DataFrame, state: State) -> None:
    """Raise AssertionError where a trial has no state, or the best one cannot be."""
    assert len(records) == state.jobs and {*records["trial_id"]} == {*state.suggested}
    assert {*records["status"]} == {"completed", "failed"}
    failed = records["status"] == "failed"
    assert np.isfinite(records.loc[~failed, "error"]).all()
    assert records.loc[failed, "error"].isna().all() and records.loc[failed, "traceback"].all()
    again = records.groupby("trial_id")["status"].agg(list)
    assert not any("failed" in states[:-1] for states in again), "a failed trial went on"
    assert not records.duplicated(["trial_id", "max_epochs"]).any()
    results = view_search(records).results
    row = records.loc[(records["trial_id"] == results.incumbent_trial)
                      & (records["error"] == results.incumbent_error)]
    assert len(row) and (row["status"] == "completed").all()
    assert results.incumbent_error == records.loc[~failed, "error"].min()


def simulated(name: str, workers: int) -> str:
    """Simulate a search, check it, and return its row."""
    benchmark = Troubled()
    scheduler = SCHEDULERS[name](RandomSearcher(SPACE, seed=0))
    state, begin = State(scheduler), time.process_time()
    records = simulate(scheduler, benchmark, workers, max_time=3600.0 * HOURS, job_time=state)
    seconds = time.process_time() - begin
    check(records, state)
    fates = Counter(map(benchmark.fate, state.suggested.values()))
    starts, ends = records["start"].to_numpy(), records["end"].to_numpy()
    busy = np.minimum(ends, 3600 * HOURS) - starts
    wait, used = longest_wait(records), busy.sum() / (workers * 3600 * HOURS)
    assert state.most_open <= workers and used > 0.95 and wait < 12
    (n0, b0), (n1, b1) = state.sizes[0], state.sizes[-1]
    return (f"| {name} | {len(state.suggested):,} | {len(records):,} | {fates['fails']:,} | "
            f"{fates['hangs']:,} | {fates['is slow']:,} | {used:.1%} | {wait:.1f} | "
            f"{state.most_open} | {b0 / n0:,.0f} | {b1 / n1:,.0f} | {seconds:.1f} |")


def print_table(divide: int) -> None:
    """Print a row a scheduler."""
    workers = max(WORKERS // divide, 30)
    print(f"| {HOURS} h on {workers} workers | trials | jobs | of the "
          "trials fail | hang | are slow | utilization | longest wait on the last rung, h | most "
          "open at a time | bytes a trial, early | late | s of processor time |\n"
          + "|---" * 12 + "|")
    for name in SCHEDULERS:
        print(simulated(name, workers), flush=True)
