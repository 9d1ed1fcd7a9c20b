"""Decisions on reports: rungs decide as by resuming, and the median rule as its paper says."""
import heapq
import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cluster import Numbered
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, DigitsBenchmark, HPOTuner, HyperbandScheduler, MedianStoppingScheduler,
    RandomSearcher, RecordedSearcher, SuccessiveHalvingScheduler, TPESearcher, simulate,
)


class Told:
    """Notes what a searcher is told, in order."""

    def __init__(self, searcher):
        self.searcher, self.reports = searcher, []
        tell = searcher.update

        def update(config, error, epoch=None, info=None):
            self.reports.append((tuple(config.items()), epoch, error))
            tell(config, error, epoch, info)
        searcher.update = update


def asha(searcher, benchmark, **settings):
    rungs = {"eta": 3, "r_min": 1, "r_max": benchmark.max_epochs, "mode": "stopping", **settings}
    return ASHAScheduler(searcher, **rungs)


def resume(scheduler, benchmark, n_workers, trials):
    """Run a search on virtual workers, trials paused on each rung; return its order of events."""
    clock, running, events, count = 0.0, [], [], 0
    while True:
        while len(running) < n_workers and scheduler.plans[trials:] == []:
            trial = scheduler.suggest()
            errors, elapsed = benchmark.curve(trial.config)
            seconds = elapsed[trial.max_epochs - 1] - (elapsed[trial.epoch - 1] if trial.epoch
                                                       else 0.0)
            count += 1
            heapq.heappush(running, (clock + seconds, trial.trial_id, trial))
        if not running:
            return events
        clock, _, trial = heapq.heappop(running)
        error = float(benchmark.curve(trial.config)[0][trial.max_epochs - 1])
        scheduler.update(trial, error)
        events.append((trial.trial_id, trial.max_epochs, error))


def report(scheduler, benchmark, n_workers, trials):
    """Run the same search, each trial one call that reports every epoch."""
    clock, running, events = 0.0, [], []
    while True:
        while len(running) < n_workers and scheduler.plans[trials:] == []:
            trial = scheduler.suggest()
            elapsed = benchmark.curve(trial.config)[1]
            heapq.heappush(running, (clock + elapsed[0], trial.trial_id, 1, clock, trial))
        if not running:
            return events
        clock, _, epoch, begin, trial = heapq.heappop(running)
        errors, elapsed = benchmark.curve(trial.config)
        error = float(errors[epoch - 1])
        before = list(scheduler.reports)
        # a failure is told on the next rung, as late as by resuming
        is_quiet = math.isnan(error) and epoch not in scheduler.plans[trial.trial_id]
        if is_quiet or scheduler.report(trial, error, epoch):
            heapq.heappush(running, (begin + elapsed[epoch], trial.trial_id, epoch + 1, begin,
                                     trial))
        else:
            scheduler.update(trial, error)
        if scheduler.reports != before:
            events.append((trial.trial_id, epoch, error))


@pytest.mark.parametrize("n_workers", [1, 2, 7])
@pytest.mark.parametrize("settings", [{}, {"brackets": 2}, {"eta": 2, "r_min": 2}])
@pytest.mark.parametrize("learns", [False, True])
def test_stopping_decides_on_reports_as_by_resuming(n_workers, settings, learns):
    benchmark = DigitsBenchmark()
    runs = []
    for run in (resume, report):
        searcher = (TPESearcher(benchmark.config_space, seed=1) if learns
                    else RecordedSearcher(benchmark, seed=1))
        told = Told(searcher)
        events = run(asha(searcher, benchmark, **settings), benchmark, n_workers,
                     12 if learns else 60)
        runs.append((events, told.reports))
    # the search by resuming ends when its last trial starts: what runs then reports no more
    (resumed, told_resumed), (reported, told_reported) = runs
    n = min(len(resumed), len(reported)) - n_workers
    assert n > 10
    assert str(resumed[:n]) == str(reported[:n])  # as text nan equals nan
    assert str(told_resumed[:n]) == str(told_reported[:n])


def recorded(benchmark):
    """An objective that reports a recorded curve, and one that returns its last error."""
    def reporting(config, max_epochs, report):
        for epoch, error in enumerate(benchmark.curve(config)[0][:max_epochs], 1):
            if not report(float(error), epoch):
                break

    def returning(config, max_epochs):
        return float(benchmark.curve(config)[0][max_epochs - 1])
    return reporting, returning


def test_a_search_with_reports_has_the_rows_of_one_by_resuming():
    benchmark, tables = DigitsBenchmark(), []
    for objective in recorded(benchmark):
        search = HPOTuner(asha(RecordedSearcher(benchmark, seed=3), benchmark), objective)
        search.run(number_of_trials=40)
        rungs = search.scheduler.rungs
        rows = search.records[search.records["max_epochs"].isin(rungs)]
        tables.append(rows[["trial_id", "max_epochs", "error"]].to_numpy().tolist())
    with_reports, by_resuming = tables
    # by resuming, the last trial does not go on
    assert str(with_reports[:len(by_resuming)]) == str(by_resuming)
    assert {trial for trial, _, _ in with_reports[len(by_resuming):]} <= {39}


@pytest.mark.parametrize("make", [
    lambda searcher: ASHAScheduler(searcher, 3, 1, 27),
    lambda searcher: SuccessiveHalvingScheduler(searcher, 3, 1, 27, rounds=1),
    lambda searcher: HyperbandScheduler(searcher, 3, 1, 27, rounds=1)])
def test_where_trials_pause_reports_change_no_decision(make):
    """A trial of a rung that waits gives its worker back: one call goes to the next rung only."""
    benchmark, tables = DigitsBenchmark(), []
    for objective in recorded(benchmark):
        search = HPOTuner(make(RecordedSearcher(benchmark, seed=3)), objective)
        search.run(number_of_trials=40)
        plans = search.scheduler.plans
        tables.append([(row["trial_id"], row["max_epochs"], row["error"]) for row in search.rows
                       if row["max_epochs"] in plans[row["trial_id"]]
                       and row["status"] == "completed"])
    assert str(tables[0]) == str(tables[1])


def test_a_rung_takes_the_first_report_at_its_epoch_or_later():
    scheduler = ASHAScheduler(Numbered(), 2, 1, 8, mode="stopping")  # rungs 1, 2, 4, 8
    first, second = scheduler.suggest(), scheduler.suggest()
    assert scheduler.last_epoch(first) == 8
    assert scheduler.report(first, 0.5, 3)  # rungs 1 and 2
    assert scheduler.reports[0] == 2
    assert not scheduler.report(first, 0.4, 8) and scheduler.reports[0] == 4
    assert scheduler.report(second, 0.6, 1)  # one of two is better: just good enough
    assert scheduler.report(second, 0.6, 2)
    assert scheduler.report(second, 0.5, 4)
    assert not scheduler.report(second, math.nan, 5) and scheduler.ended() == [0, 1]
    assert not scheduler.report(second, 0.1, 6)


def test_a_failure_between_two_rungs_is_a_failure_on_the_next_one():
    scheduler = ASHAScheduler(Numbered(), 3, 1, 9, mode="stopping")
    trial = scheduler.suggest()
    assert scheduler.report(trial, 0.5, 1)
    assert not scheduler.report(trial, math.nan, 2)
    assert len(scheduler.boards[0][3].ranking) == 1 and scheduler.ended() == [0]
    scheduler.update(trial, math.nan)
    assert len(scheduler.boards[0][3].ranking) == 1 and not scheduler.ended()


# -- the median rule ------------------------------------------------------------------------------


class Reference:
    """The rule as it is read: each decision goes through all reports."""

    def __init__(self, grace, n):
        self.grace, self.n, self.curves = grace, n, {}

    def goes_on(self, trial, error, epoch):
        curve = self.curves.setdefault(trial, {})
        curve[epoch] = error
        others = [np.mean([e for t, e in other.items() if t <= epoch])
                  for name, other in self.curves.items() if name != trial and epoch in other]
        if epoch < self.grace or len(others) < self.n:
            return True
        return min(e for t, e in curve.items() if t <= epoch) <= median(others)


ERRORS = st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 1.0])


@settings(max_examples=200)
@given(st.integers(1, 4), st.integers(1, 4), st.lists(st.tuples(st.integers(0, 5), ERRORS),
                                                      max_size=80))
def test_the_median_rule_against_a_reference(grace, n, steps):
    scheduler = MedianStoppingScheduler(Numbered(), 8, grace, n)
    reference, trials, done = Reference(grace, n), [], {}
    for which, error in steps:
        while len(trials) < 6:
            trials.append(scheduler.suggest())
        trial = trials[which]
        epoch = done[trial.trial_id] = done.get(trial.trial_id, 0) + 1
        goes_on = scheduler.report(trial, error, epoch)
        assert goes_on == reference.goes_on(trial.trial_id, error, epoch)
        if not goes_on or epoch == 8:
            scheduler.update(trial, error)
            trials.remove(trial)


def test_the_median_rule_ignores_failures_and_tells_the_searcher_how_far_a_trial_came():
    told = Told(RandomSearcher({"x": stats.uniform(0, 1)}))
    scheduler = MedianStoppingScheduler(told.searcher, 5, min_trials=1)
    first, second, third = (scheduler.suggest() for _ in range(3))
    assert not scheduler.report(first, math.nan, 1)
    scheduler.update(first, math.nan)
    assert scheduler.report(second, 0.5, 1)  # a failure is nobody to compare with
    assert not scheduler.report(third, 0.6, 1)
    scheduler.update(third, 0.6)
    assert [epoch for _, epoch, _ in told.reports] == [5, 1]
    assert scheduler.ended() == [0, 2]


@pytest.mark.parametrize("settings", [{"max_epochs": 0}, {"grace_epochs": 0}, {"min_trials": 0},
                                      {"min_trials": 1.5}])
def test_bad_settings_of_the_median_rule(settings):
    name = next(iter(settings))
    with pytest.raises(ValueError, match=f"{name} is {settings[name]}"):
        MedianStoppingScheduler(Numbered(), **{"max_epochs": 5, **settings})


def test_the_median_rule_needs_reports():
    scheduler = MedianStoppingScheduler(RandomSearcher({"x": stats.uniform(0, 1)}), 5)
    with pytest.raises(ValueError, match="give the objective an argument report"):
        HPOTuner(scheduler, lambda config, max_epochs: 0.5)
    with pytest.raises(ValueError, match="use HPOTuner"):
        simulate(scheduler, DigitsBenchmark(), number_of_trials=3)
