"""Searches in batches, and the part of the workers' time that was used."""
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scripted_curves import Scripted, trial

from d2l_hpo import (BasicScheduler, BatchScheduler, DigitsBenchmark, HPOTuner, RandomSearcher,
                     RecordedSearcher, simulate, utilization)

SPACE = {"x": stats.uniform(0, 1)}


def random_search(seed=0):
    """A scheduler of independent draws."""
    return BasicScheduler(RandomSearcher(SPACE, seed=seed))


def test_a_batch_starts_when_the_one_before_has_reported():
    scheduler = BatchScheduler(random_search(), 2)
    first, second = scheduler.suggest(), scheduler.suggest()
    assert (first.trial_id, second.trial_id) == (0, 1)
    assert scheduler.suggest() is None
    scheduler.update(second, 0.5)
    assert scheduler.suggest() is None
    scheduler.update(first, 0.5)
    assert [scheduler.suggest().trial_id, scheduler.suggest().trial_id] == [2, 3]


def test_a_batch_without_a_further_trial_ends_early_and_runs_to_its_end():
    scheduler = BatchScheduler(Scripted(trial(1), trial(2), None, trial(3), trial(4), trial(5)), 3)
    first, second, nothing = (scheduler.suggest() for _ in range(3))
    assert nothing is None
    scheduler.update(first, 0.5)
    assert scheduler.suggest() is None
    scheduler.update(second, 0.5)
    assert [scheduler.suggest().config["x"] for _ in range(3)] == [3, 4, 5]
    assert scheduler.suggest() is None


def test_a_report_that_is_repeated_counts_once():
    scheduler = BatchScheduler(random_search(), 2)
    first, second = scheduler.suggest(), scheduler.suggest()
    scheduler.update(first, 0.5)
    scheduler.update(first, 0.5)
    assert scheduler.suggest() is None
    scheduler.update(second, 0.5)
    assert scheduler.suggest().trial_id == 2


def test_reports_reach_the_scheduler_inside():
    scheduler = BatchScheduler(random_search(), 3)
    seen = []
    searcher = scheduler.scheduler.searcher
    searcher.update = lambda config, error, epoch, info: seen.append((config, error))
    started = scheduler.suggest()
    scheduler.update(started, 0.25, {"seconds": 1})
    assert seen == [(started.config, 0.25)]


def test_an_exhausted_scheduler_ends_the_search():
    class Two(RandomSearcher):
        left = 2

        def propose(self):
            self.left -= 1
            return super().propose() if self.left >= 0 else None

    scheduler = BatchScheduler(BasicScheduler(Two(SPACE)), 4)
    trials = [scheduler.suggest(), scheduler.suggest()]
    assert scheduler.suggest() is None
    for started in trials:
        scheduler.update(started, 0.5)
    assert scheduler.suggest() is None


def test_one_worker_runs_the_same_trials_in_batches_or_not():
    tuners = [HPOTuner(scheduler, lambda config: config["x"])
              for scheduler in (random_search(), BatchScheduler(random_search(), 3))]
    for tuner in tuners:
        tuner.run(number_of_trials=7)
    pd.testing.assert_series_equal(*(tuner.records["error"] for tuner in tuners))


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 9), trials=st.integers(1, 40), seed=st.integers(0, 100))
def test_batches_do_not_overlap_and_take_as_long_as_their_longest_trial(n, trials, seed):
    benchmark = DigitsBenchmark()
    inner = BasicScheduler(RecordedSearcher(benchmark, seed=seed))
    records = simulate(BatchScheduler(inner, n), benchmark, n, trials).sort_values("trial_id")
    batch = records["trial_id"] // n
    begin, end = records.groupby(batch)["start"].agg(["min", "max"]), records.groupby(batch)["end"]
    np.testing.assert_array_equal(begin["min"], begin["max"])
    np.testing.assert_array_equal(begin["min"].iloc[1:], end.max().iloc[:-1])


def test_description_names_what_is_inside():
    description = BatchScheduler(random_search(3), 4).describe()
    assert description["class"] == "BatchScheduler" and description["seed"] == 3
    assert description["settings"]["batch_size"] == 4
    assert description["settings"]["scheduler"]["class"] == "BasicScheduler"


def test_utilization_counts_busy_seconds_of_all_workers():
    records = pd.DataFrame({"start": [0.0, 1.0, 3.0], "end": [2.0, 4.0, 4.0]})
    assert utilization(records, 2) == 6 / 8
    assert utilization(records, 4) == 6 / 16


@pytest.mark.parametrize("call", [lambda: BatchScheduler(random_search(), 0),
                                  lambda: utilization(pd.DataFrame({"start": [0.0], "end": [1.0]}),
                                                      0)])
def test_counts_below_one_are_errors(call):
    with pytest.raises(ValueError, match="is 0"):
        call()
