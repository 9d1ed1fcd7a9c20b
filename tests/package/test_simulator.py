"""The simulated cluster, driven by scripted schedulers over scripted learning curves."""
import math
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_curves import Curves, Scripted, basic, columns, lasting, trial

from d2l_hpo import ASHAScheduler, BasicScheduler, HPOScheduler, HPOTuner, RandomSearcher, Trial
from d2l_hpo.simulation.recorded_tasks import DigitsBenchmark
from d2l_hpo.simulation import simulator
from d2l_hpo.simulation.simulator import simulate

ROOT = Path(__file__).resolve().parents[2]

# -- one worker: what the tuner does --------------------------------------------------------------

BENCHMARK = DigitsBenchmark()


class Promoting(HPOScheduler):
    """Successive halving in small: the best third of a rung goes on where new trials are due."""

    def __init__(self, searcher, rungs=(1, 3, 9)):
        self.searcher, self.rungs = searcher, rungs
        self.reports = {rung: [] for rung in rungs}
        self.promoted = set()
        self.number_of_trials = 0

    def suggest(self):
        for rung, target in reversed(list(pairwise(self.rungs))):
            best = sorted(self.reports[rung], key=lambda report: report[:2])
            for _, trial_id, config in best[:len(best) // 3]:
                if (trial_id, rung) not in self.promoted:
                    self.promoted.add((trial_id, rung))
                    return Trial(trial_id, config, target, rung)
        config = self.searcher.sample_configuration()
        if config is None:
            return None
        self.number_of_trials += 1
        return Trial(self.number_of_trials - 1, config, self.rungs[0])

    def update(self, trial, error, info=None):
        error = math.inf if math.isnan(error) else error
        self.reports[trial.max_epochs].append((error, trial.trial_id, trial.config))


def random_search(max_epochs=None):
    return BasicScheduler(RandomSearcher(BENCHMARK.config_space, seed=3), max_epochs)


def recorded(max_epochs=None):
    searcher = RandomSearcher(BENCHMARK.config_space)
    configs = BENCHMARK.configs
    searcher.sample_configuration = lambda: configs.pop() if configs else None
    return BasicScheduler(searcher, max_epochs)


@pytest.mark.parametrize(("scheduler", "number_of_trials"), [
    (random_search, 40), (lambda: random_search(9), 1), (recorded, None), (lambda: recorded(9), 99),
    (lambda: Promoting(RandomSearcher(BENCHMARK.config_space, seed=1)), 60),
    (lambda: Promoting(recorded().searcher), None),
], ids=["surrogate", "one trial", "recorded", "nine epochs", "promotions", "promotions of all"])
def test_one_worker_makes_the_tuners_records(scheduler, number_of_trials, tmp_path):
    def objective(config, max_epochs=None, checkpoint=None):
        checkpoint.touch()  # a simulated trial goes on where it was, so the tuner's must, too
        return BENCHMARK(config, max_epochs)
    tuner = HPOTuner(scheduler(), objective, checkpoint_dir=tmp_path)
    tuner.run(number_of_trials)
    records = simulate(scheduler(), BENCHMARK, number_of_trials=number_of_trials)
    assert list(records.columns) == list(tuner.records.columns)
    times = ["start", "end", "traceback"]
    pd.testing.assert_frame_equal(records.drop(columns=times), tuner.records.drop(columns=times))
    assert list(records["traceback"].isna()) == list(tuner.records["traceback"].isna())
    if number_of_trials is not None:
        assert records["trial_id"].nunique() == number_of_trials


def test_the_cases_above_have_failures_and_promotions():
    promoted = simulate(Promoting(recorded().searcher), BENCHMARK)
    assert set(promoted["max_epochs"]) == {1, 3, 9}
    for records in (promoted, simulate(recorded(), BENCHMARK)):
        assert set(records["status"]) == {"completed", "failed"}


def test_the_last_trial_allowed_is_not_continued():
    scheduler = Scripted(trial(0, 1), trial(0, 2, 1), trial(1, 1), trial(1, 2, 1))
    records = simulate(scheduler, Curves(*[([1, 2], [1, 2])] * 2), number_of_trials=2)
    assert columns(records, "trial_id", "max_epochs") == [(0, 1), (0, 2), (1, 1)]
    assert scheduler.log[-2:] == ["suggest 1", "update 1"]


def test_failed_trials_have_a_reason_and_are_reported_as_nan():
    told = []
    scheduler = basic(4)
    scheduler.searcher.update = lambda config, error, epoch, info: told.append((error, info))
    curves = [([value], [1.0]) for value in (0.5, math.nan, math.inf, -math.inf)]
    records = simulate(scheduler, Curves(*curves))
    assert list(records["status"]) == ["completed", "failed", "failed", "failed"]
    assert list(records["error"].isna()) == [False, True, True, True]
    assert list(records["traceback"].isna()) == [True, False, False, False]
    assert list(records["traceback"][1:]) == [
        f"the curve's error is {value}: no finite error" for value in ("nan", "inf", "-inf")]
    assert told[0] == (0.5, {"elapsed_time": 1.0})
    assert all(math.isnan(error) for error, _ in told[1:])


def test_records_hold_plain_numbers_and_the_trials_own_words():
    curve = (np.array([0.5, 0.25], np.float32), np.array([1.5, 2.0]))
    row = simulate(basic(1), Curves(curve)).iloc[0]
    assert dict(row) == {"trial_id": 0, "config": {"x": 0}, "epoch": 0, "max_epochs": None,
                         "error": 0.25, "status": "completed", "attempt": 1, "worker": 0,
                         "start": 0.0, "end": 2.0, "info": {"elapsed_time": 2.0}, "traceback": None}
    assert type(row["info"]["elapsed_time"]) is float


# -- several workers ------------------------------------------------------------------------------

def test_the_lowest_idle_worker_is_asked_for_at_once():
    records = simulate(basic(6), lasting(5, 1, 2, 2, 1, 3), n_workers=3)
    assert columns(records, "trial_id", "worker", "start", "end") == [
        (1, 1, 0, 1), (2, 2, 0, 2), (3, 1, 1, 3), (4, 2, 2, 3), (0, 0, 0, 5), (5, 1, 3, 6)]


def test_jobs_that_end_together_report_in_their_order_before_anything_is_asked():
    scheduler = Scripted(*(trial(x) for x in range(5)))
    records = simulate(scheduler, lasting(2, 1, 1, 1, 1), n_workers=2)
    assert scheduler.log == ["suggest 0", "suggest 1", "update 1", "suggest 2", "update 0",
                             "update 2", "suggest 3", "suggest 4", "update 3", "update 4", "none"]
    assert list(records["worker"]) == [1, 0, 1, 0, 1]


def test_a_scheduler_that_waits_is_asked_again_only_after_a_report():
    scheduler = Scripted(trial(0), trial(1), None, None, trial(2), trial(3))
    records = simulate(scheduler, lasting(1, 2, 3, 3), n_workers=10_000)
    assert scheduler.log == ["suggest 0", "suggest 1", "none", "update 0", "none", "update 1",
                             "suggest 2", "suggest 3", "none", "update 2", "update 3", "none"]
    assert columns(records, "trial_id", "worker", "start") == [
        (0, 0, 0), (1, 1, 0), (2, 0, 2), (3, 1, 2)]


def test_a_job_lasts_as_long_as_its_epochs():
    benchmark = Curves(([0.9, 0.5, 0.4], [1, 3, 6]), ([0.8, 0.7, 0.6], [2, 4, 8]))
    scheduler = Scripted(trial(0, 1), trial(1, 2), trial(0, 2, 1), trial(0, 3), trial(1, None, 2))
    records = simulate(scheduler, benchmark, n_workers=2)
    assert columns(records, "trial_id", "epoch", "start", "end", "error") == [
        (0, 0, 0, 1, 0.9), (0, 1, 1, 3, 0.5), (1, 0, 0, 4, 0.7), (1, 2, 4, 8, 0.6),
        (0, 0, 3, 9, 0.4)]  # the last one was trained again from the beginning


@given(seconds=st.lists(st.integers(0, 4), min_size=1, max_size=40),
       n_workers=st.integers(1, 6), decision_time=st.sampled_from([0.0, 0.5, 1.0, 3.0]))
@settings(deadline=None)
def test_jobs_run_where_list_scheduling_places_them(seconds, n_workers, decision_time):
    records = simulate(basic(len(seconds)), lasting(*seconds), n_workers,
                       decision_time=decision_time)
    free, decided, expected = [0.0] * n_workers, 0.0, {}
    for x, duration in enumerate(seconds):
        moment = max(decided, min(free))
        worker = next(i for i in range(n_workers) if free[i] <= moment)
        decided = moment + decision_time
        free[worker] = decided + duration
        expected[x] = (worker, decided, free[worker])
    order = sorted(expected, key=lambda x: (expected[x][2], x))
    assert columns(records, "trial_id", "worker", "start", "end") == [
        (x, *expected[x]) for x in order]


def test_jobs_may_take_another_time_than_was_recorded():
    def slower(trial, worker, seconds):
        asked.append((trial.trial_id, worker, seconds))
        return seconds * (worker + 1)
    asked = []
    records = simulate(basic(4), lasting(1, 1, 2, 1), n_workers=2, job_time=slower)
    assert asked == [(0, 0, 1), (1, 1, 1), (2, 0, 2), (3, 1, 1)]
    assert columns(records, "trial_id", "start", "end") == [(0, 0, 1), (1, 0, 2), (2, 1, 3),
                                                            (3, 2, 4)]
    assert [info["elapsed_time"] for info in records["info"]] == [1, 1, 2, 1]  # as recorded


def test_the_number_of_trials_counts_what_has_started():
    scheduler = basic(100)
    records = simulate(scheduler, lasting(*range(1, 101)), n_workers=4, number_of_trials=6)
    assert sorted(records["trial_id"]) == list(range(6))
    assert len(scheduler.searcher.told) == scheduler.number_of_trials == 6


def test_no_job_starts_at_the_maximum_time_but_running_ones_finish():
    scheduler = basic(100)
    records = simulate(scheduler, lasting(*[2, 3] * 50), n_workers=2, max_time=6)
    assert columns(records, "trial_id", "start", "end") == [
        (0, 0, 2), (1, 0, 3), (2, 2, 4), (3, 3, 6), (4, 4, 6)]
    assert scheduler.number_of_trials == 5
    assert len(simulate(basic(3), lasting(1, 1, 1), max_time=math.inf)) == 3


def test_more_workers_than_trials_and_10_000_of_each():
    n = 10_000
    records = simulate(basic(n), Curves(*[([0.5], [1.0])] * n), n_workers=n)
    assert list(records["worker"]) == list(records["trial_id"]) == list(range(n))
    assert set(records["end"]) == {1.0}
    assert len(simulate(basic(3), lasting(1, 2, 3), n_workers=n)) == 3


def test_a_simulation_is_repeatable_and_leaves_the_configurations_alone():
    first, second = (simulate(random_search(), BENCHMARK, 4, 30, decision_time=0.01)
                     for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    searcher = random_search().searcher
    configs = [searcher.sample_configuration() for _ in range(30)]
    assert list(first.sort_values("trial_id")["config"]) == configs


def test_a_scheduler_does_not_keep_what_has_ended():
    scheduler = ASHAScheduler(RandomSearcher(BENCHMARK.config_space, seed=0), 3, 1, 9)
    records = simulate(scheduler, BENCHMARK, 4, 60)
    assert records["trial_id"].nunique() == 60 and not scheduler.over


# -- the time of decisions ------------------------------------------------------------------------

def test_decisions_queue_and_know_what_was_reported_before_them():
    scheduler = Scripted(*(trial(x) for x in range(4)))
    records = simulate(scheduler, lasting(1, 5, 5, 5), n_workers=3, decision_time=1)
    assert scheduler.log == ["suggest 0", "suggest 1", "update 0", "suggest 2", "suggest 3",
                             "update 1", "none", "update 2", "none", "update 3", "none"]
    assert columns(records, "trial_id", "worker", "start", "end") == [
        (0, 0, 1, 2), (1, 1, 2, 7), (2, 0, 3, 8), (3, 2, 4, 9)]


def test_a_decision_that_ends_too_late_starts_nothing():
    records = simulate(basic(9), lasting(*[1] * 9), n_workers=9, max_time=2.5, decision_time=1)
    assert columns(records, "trial_id", "start") == [(0, 1), (1, 2)]
    with pytest.raises(RuntimeError, match=r"first decision took until 3.0 .* max_time, 2.0"):
        simulate(basic(9), lasting(*[1] * 9), max_time=2, decision_time=3)


def test_measured_decisions_take_what_suggest_and_update_took(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(simulator, "perf_counter", lambda: now[0])

    class Slow(Scripted):
        def suggest(self):
            now[0] += 2
            return super().suggest()

        def update(self, trial, error, info=None):
            now[0] += 0.5

    def times(**others):
        records = simulate(Slow(trial(0), trial(1)), lasting(1, 10), **others)
        return columns(records, "start", "end")
    assert times(decision_time=None) == [(2, 3), (5.5, 15.5)]
    assert times(decision_time=None, n_workers=2) == [(2, 3), (4, 14)]
    assert times() == [(0, 1), (1, 11)]


# -- what it loads --------------------------------------------------------------------------------

def test_simulating_recorded_curves_loads_neither_torch_nor_scikit_learn():
    code = """
import sys
from d2l_hpo.simulation.recorded_tasks import DigitsBenchmark
from d2l_hpo.simulation import simulator
from d2l_hpo.simulation.simulator import simulate
from d2l_hpo import BasicScheduler, HPOSearcher
benchmark = DigitsBenchmark()
searcher = HPOSearcher(benchmark.config_space)
searcher.sample_configuration = benchmark.configs.pop
print(len(simulate(BasicScheduler(searcher), benchmark, n_workers=4, number_of_trials=9)))
print({"torch", "sklearn"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["9", "set()"]
