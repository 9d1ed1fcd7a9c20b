"""Successive halving and Hyperband: rungs, brackets, decisions, failures."""
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cluster import Numbered, ask, drive, ids, jobs_of

from d2l_hpo import Trial
from d2l_hpo.schedulers.hyperband import (
    HyperbandScheduler,
    SuccessiveHalvingScheduler,
    hyperband_brackets,
)
from d2l_hpo.schedulers.rungs import rung_levels

HALVING = st.tuples(st.integers(2, 5), st.integers(1, 4), st.integers(0, 60)).map(
    lambda values: {"eta": values[0], "r_min": values[1], "r_max": values[1] + values[2]})
SCHEDULERS = pytest.mark.parametrize("cls", [SuccessiveHalvingScheduler, HyperbandScheduler])

# -- rungs and brackets ---------------------------------------------------------------------------


@pytest.mark.parametrize("r_min, r_max, eta, levels", [
    (1, 27, 3, [1, 3, 9, 27]),
    (1, 243, 3, [1, 3, 9, 27, 81, 243]),  # int(math.log(243) / math.log(3)) is 4
    (1, 125, 5, [1, 5, 25, 125]),
    (1, 26, 3, [1, 3, 9, 26]),
    (1, 28, 3, [1, 3, 9, 27, 28]),
    (2, 100, 4, [2, 8, 32, 100]),
    (5, 9, 3, [5, 9]),
    (9, 9, 3, [9]),
])
def test_rungs(r_min, r_max, eta, levels):
    assert rung_levels(r_min, r_max, eta) == levels


@settings(deadline=None)
@given(HALVING)
def test_rungs_grow_by_eta_up_to_r_max(arguments):
    levels = rung_levels(**arguments)
    eta = arguments["eta"]
    assert levels[0] == arguments["r_min"] and levels[-1] == arguments["r_max"]
    assert all(high == low * eta for low, high in pairwise(levels[:-1]))
    assert all(low < high <= low * eta for low, high in pairwise(levels))


def test_rungs_are_plain_integers():
    levels = rung_levels(np.int64(1), np.int64(9), np.int64(3))
    assert [type(level) for level in levels] == [int, int, int]


@SCHEDULERS
@pytest.mark.parametrize("change, message", [
    ({"eta": 1}, "eta is 1, expected an integer of at least 2"),
    ({"eta": 2.5}, "eta is 2.5, expected an integer"),
    ({"eta": True}, "eta is True, expected an integer"),
    ({"r_min": 0}, "r_min is 0, expected a positive integer"),
    ({"r_min": -3}, "r_min is -3, expected a positive integer"),
    ({"r_max": 0.5}, "r_max is 0.5, expected a positive integer"),
    ({"r_min": 10}, "r_min is 10, above r_max, 9; give an r_min of at most that"),
    ({"rounds": 0}, "rounds is 0, expected a positive integer"),
])
def test_bad_arguments(cls, change, message):
    with pytest.raises(ValueError, match=message):
        cls(Numbered(), **{"eta": 3, "r_min": 1, "r_max": 9, **change})


def test_too_few_trials_for_one_to_reach_the_last_rung():
    with pytest.raises(ValueError, match="n is 8, expected an integer of at least 9"):
        SuccessiveHalvingScheduler(Numbered(), 3, 1, 9, n=8)


def test_the_table_of_hyperband():
    brackets = hyperband_brackets(rung_levels(1, 81, 3), 3)
    assert [n for n, _ in brackets] == [81, 34, 15, 8, 5]
    assert [rungs[0] for _, rungs in brackets] == [1, 3, 9, 27, 81]
    without_resuming = [sum(n // 3 ** k * epochs for k, epochs in enumerate(rungs))
                        for n, rungs in brackets]
    assert without_resuming == [405, 363, 351, 378, 405]


@settings(deadline=None)
@given(HALVING)
def test_a_trial_of_every_bracket_reaches_r_max(arguments):
    rungs = rung_levels(**arguments)
    eta = arguments["eta"]
    for s, (n, own) in enumerate(reversed(hyperband_brackets(rungs, eta))):
        assert own == rungs[len(rungs) - 1 - s:]
        assert n == math.ceil(round(len(rungs) / (s + 1) * eta ** s, 6))
        assert n // eta ** s >= 1


# -- scripted decisions ---------------------------------------------------------------------------


def halving(n=9, searcher=None, **others):
    """Successive halving with eta 3 and the rungs 1, 3, 9."""
    return SuccessiveHalvingScheduler(searcher or Numbered(), 3, 1, 9, n=n, **others)


def test_a_bracket_decision_by_decision():
    scheduler = halving(rounds=1)
    trials = ask(scheduler, 9)
    assert [(t.trial_id, t.epoch, t.max_epochs) for t in trials] == [(i, 0, 1) for i in range(9)]
    for trial, error in zip(trials, [5, 1, 7, 3, 9, 2, 8, 6, 4], strict=True):
        assert scheduler.suggest() is None  # the rung waits for its last report
        scheduler.update(trial, error)
    promoted = ask(scheduler, 3)
    assert [(t.trial_id, t.epoch, t.max_epochs) for t in promoted] == [(1, 1, 3), (5, 1, 3),
                                                                       (3, 1, 3)]
    assert [t.config for t in promoted] == [{"x": 1}, {"x": 5}, {"x": 3}]
    for trial, error in zip(promoted, [3, 2, 1], strict=True):
        assert scheduler.suggest() is None
        scheduler.update(trial, error)
    last, = ask(scheduler, 1)
    assert (last.trial_id, last.epoch, last.max_epochs) == (3, 3, 9)
    assert scheduler.suggest() is None
    scheduler.update(last, 0)
    assert scheduler.suggest() is None  # a single round


def test_ties_go_to_the_report_that_came_first():
    scheduler = halving()
    trials = ask(scheduler, 9)
    for trial in reversed(trials):
        scheduler.update(trial, 0.5)
    assert ids(ask(scheduler, 3)) == [8, 7, 6]


def test_the_order_of_reports_does_not_matter_without_ties():
    errors = np.random.default_rng(0).permutation(27).astype(float)
    for seed in range(5):
        scheduler = SuccessiveHalvingScheduler(Numbered(), 3, 1, 27)
        trials = ask(scheduler, 27)
        for i in np.random.default_rng(seed).permutation(27):
            scheduler.update(trials[i], errors[i])
        assert ids(ask(scheduler, 9)) == list(np.argsort(errors)[:9])


def test_brackets_follow_one_another():
    scheduler = halving()
    jobs = jobs_of(drive(scheduler, np.random.default_rng(0), 1, jobs=26, failures=0))
    assert [up for *_, up in jobs] == 2 * ([1] * 9 + [3] * 3 + [9])
    assert len({name for name, *_ in jobs}) == 18


def test_hyperband_runs_all_its_brackets():
    scheduler = HyperbandScheduler(Numbered(), 3, 1, 9, rounds=2)
    jobs = jobs_of(drive(scheduler, np.random.default_rng(0), 1, failures=0))
    once = [1] * 9 + [3] * 3 + [9] + [3] * 5 + [9] + [9] * 3
    assert [up for *_, up in jobs] == 2 * once


# -- several open brackets ------------------------------------------------------------------------


def test_the_next_bracket_begins_while_a_rung_waits():
    scheduler = halving()
    first, second = ask(scheduler, 9), ask(scheduler, 2)
    assert [trial.max_epochs for trial in second] == [1, 1]
    for trial in first:
        scheduler.update(trial, trial.trial_id)
    promoted = ask(scheduler, 3)  # the older bracket first
    assert [(trial.trial_id, trial.max_epochs) for trial in promoted] == [(0, 3), (1, 3), (2, 3)]
    assert ids(ask(scheduler, 8)) == [*range(11, 18), 18]  # the second is full, a third begins


def test_reports_count_in_their_own_bracket():
    scheduler = halving(rounds=2)
    first, second = ask(scheduler, 9), ask(scheduler, 9)
    for trial in second:
        scheduler.update(trial, 0.1)
    assert ids(ask(scheduler, 3)) == [9, 10, 11]
    for trial in first:
        scheduler.update(trial, 0.9)
    assert ids(ask(scheduler, 3)) == [0, 1, 2]
    assert sorted(scheduler.ended()) == [*range(3, 9), *range(12, 18)]
    assert scheduler.suggest() is None


@pytest.mark.parametrize("number", [1, 2, 3])
def test_at_most_so_many_brackets_are_open(number):
    scheduler = halving(open_brackets=number)
    trials = ask(scheduler, 9 * number)
    assert scheduler.suggest() is None
    for trial in trials[-9:]:
        scheduler.update(trial, 0.5)
    assert [trial.max_epochs for trial in ask(scheduler, 3)] == [3, 3, 3]
    assert scheduler.suggest() is None


@SCHEDULERS
@pytest.mark.parametrize("number", [0, -1, 1.5, True, "all"])
def test_a_number_of_open_brackets_that_cannot_be(cls, number):
    with pytest.raises((TypeError, ValueError), match="open_brackets is"):
        cls(Numbered(), 3, 1, 9, open_brackets=number)


def test_a_searcher_that_is_exhausted_while_several_brackets_are_open():
    scheduler = halving(searcher=Numbered(11))
    trials = ask(scheduler, 11)
    assert scheduler.suggest() is None
    for trial in trials:
        scheduler.update(trial, trial.trial_id)
    assert ids([scheduler.suggest() for _ in range(5)]) == [0, 1, 2, 9, None]


def test_one_rung_is_random_search():
    scheduler = SuccessiveHalvingScheduler(Numbered(), 3, 9, 9, n=2)
    jobs = jobs_of(drive(scheduler, np.random.default_rng(0), 1, jobs=5))
    assert jobs == [(i, 0, 9) for i in range(5)]


# -- failures and odd reports ---------------------------------------------------------------------


@pytest.mark.parametrize("failure", [math.nan, math.inf, -math.inf])
def test_failures_rank_last_and_the_rung_closes(failure):
    scheduler = halving(open_brackets=1)
    for i, trial in enumerate(ask(scheduler, 9)):
        scheduler.update(trial, failure if i < 7 else 1 - i / 10)
    assert ids([scheduler.suggest() for _ in range(3)]) == [8, 7, None]


def test_failures_on_a_later_rung():
    scheduler = halving(rounds=1)
    for trial in ask(scheduler, 9):
        scheduler.update(trial, trial.trial_id)
    for trial, error in zip(ask(scheduler, 3), [math.nan, 1, math.nan], strict=True):
        scheduler.update(trial, error)
    assert ids([scheduler.suggest(), scheduler.suggest()]) == [1, None]


@SCHEDULERS
def test_where_all_trials_fail_new_ones_go_on(cls):
    scheduler = cls(Numbered(), 3, 1, 9)
    jobs = jobs_of(drive(scheduler, np.random.default_rng(0), 4, jobs=40, failures=1))
    assert [name for name, *_ in jobs] == list(range(40))


def test_a_searcher_that_is_exhausted():
    scheduler = halving(searcher=Numbered(5))
    for trial in ask(scheduler, 5):
        assert scheduler.suggest() is None or trial.trial_id < 4
        scheduler.update(trial, trial.trial_id)
    scheduler.update(*ask(scheduler, 1), 0.0)  # floor(5 / 3) is 1
    last, = ask(scheduler, 1)  # floor(1 / 3) is 0, but the best goes on
    assert (last.trial_id, last.max_epochs) == (0, 9)
    scheduler.update(last, 0.0)
    assert scheduler.suggest() is None and scheduler.suggest() is None


def test_an_empty_searcher():
    assert halving(searcher=Numbered(0)).suggest() is None


def test_a_report_counts_once():
    scheduler = halving(open_brackets=1)
    trials = ask(scheduler, 9)
    for trial in trials[:8]:
        scheduler.update(trial, 0.5)
        scheduler.update(trial, 0.1)  # the same report again, whatever it says
    assert scheduler.suggest() is None
    scheduler.update(trials[8], 0.4)
    assert ids(ask(scheduler, 3)) == [8, 0, 1]
    scheduler.update(trials[8], 0.4)  # again, while its next job runs
    assert len(scheduler.searcher.told) == 9
    assert scheduler.suggest() is None


@SCHEDULERS
@pytest.mark.parametrize("trial, message", [
    (Trial(9, {"x": 9}, 1), "a report for trial 9, which was never suggested"),
    (Trial(-1, {"x": 9}, 1), "a report for trial -1, which was never suggested"),
    (Trial(0, {"x": 0}, 2), r"from epoch 2, expected one of its rungs, \[1, 3, 9\]"),
    (Trial(0, {"x": 0}, None), "trial 0 reports from epoch None, expected one of its rungs"),
    (Trial(0, {"x": 0}, 3), "trial 0 reports from epoch 3, but was not suggested up to there; re"),
])
def test_reports_that_cannot_be(cls, trial, message):
    scheduler = cls(Numbered(), 3, 1, 9)
    ask(scheduler, 2)
    with pytest.raises(ValueError, match=message):
        scheduler.update(trial, 0.5)
    assert scheduler.searcher.told == []


def test_a_report_from_a_rung_that_was_reached_but_not_left():
    scheduler = halving()
    trials = ask(scheduler, 9)
    scheduler.update(trials[0], 0.5)
    with pytest.raises(ValueError, match="trial 0 reports from epoch 3, but was not"):
        scheduler.update(Trial(0, {"x": 0}, 3, 1), 0.5)


def test_the_searcher_learns_the_epoch():
    scheduler = halving()
    for trial in ask(scheduler, 9):
        scheduler.update(trial, math.nan if trial.trial_id else 0.5, {"loss": 2})
    scheduler.update(*ask(scheduler, 1), 0.25)
    assert scheduler.searcher.told[0] == (0, 0.5, {"loss": 2, "epoch": 1})
    assert math.isnan(scheduler.searcher.told[1][1])
    assert scheduler.searcher.told[9] == (0, 0.25, {"epoch": 3})
