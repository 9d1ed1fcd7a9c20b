"""Asynchronous successive halving at work: invariants, odd reports, brackets, tuner, simulator."""
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cluster import Numbered, ask, drive, jobs_of

from d2l_hpo import HPOTuner, RandomSearcher, Trial, rung_levels, simulate
from d2l_hpo.schedulers.asha import ASHAScheduler
from d2l_hpo.schedulers.ladders import Rung
from d2l_hpo.simulation.recorded_tasks import DigitsBenchmark, RecordedSearcher

MODES = pytest.mark.parametrize("mode", ["promotion", "stopping"])
LADDERS = st.tuples(st.sampled_from([2, 3, 4]), st.integers(1, 2), st.integers(0, 40)).map(
    lambda values: {"eta": values[0], "r_min": values[1], "r_max": values[1] + values[2]})

# -- promotion and stopping ------------------------------------------------------------------------


@MODES
@settings(max_examples=60, deadline=None)
@given(LADDERS, st.integers(1, 7), st.integers(1, 3), st.integers(0, 999))
def test_who_goes_on_is_among_the_best_and_goes_on_once(mode, arguments, workers, brackets, seed):
    brackets = min(brackets, len(rung_levels(**arguments)))
    scheduler = ASHAScheduler(Numbered(), **arguments, mode=mode, brackets=brackets, seed=seed)
    log = drive(scheduler, np.random.default_rng(seed), workers, jobs=200)
    eta, reports, gone, bracket_of = arguments["eta"], {}, set(), {}
    for kind, trial, *error in log:
        bracket = bracket_of.setdefault(trial.trial_id, trial.max_epochs)
        if kind == "report":
            rank = error[0] if math.isfinite(error[0]) else math.inf
            reports.setdefault((bracket, trial.max_epochs), []).append((rank, trial.trial_id))
        elif trial.epoch:
            assert (trial.trial_id, trial.epoch) not in gone
            gone.add((trial.trial_id, trial.epoch))
            rung = reports[bracket, trial.epoch]
            ranked = sorted(rung, key=lambda report: report[0])
            place = [name for _, name in ranked].index(trial.trial_id)
            assert ranked[place][0] < math.inf
            assert mode == "stopping" or place < len(rung) // eta
        else:
            assert trial.max_epochs in scheduler.rungs[:brackets]
    if mode == "stopping":  # the decision was made when the report came
        check_survivors(log, eta, scheduler.r_max, gone, bracket_of)


def check_survivors(log, eta, r_max, gone, bracket_of):
    """A trial went on if at most 1/eta of the reports up to its own were better, and valid."""
    seen, last = {}, [entry[1].trial_id for entry in log[-20:]]
    for kind, trial, *error in log:
        if kind == "report" and trial.max_epochs < r_max:
            rung = seen.setdefault((bracket_of[trial.trial_id], trial.max_epochs), [])
            rung.append(error[0] if math.isfinite(error[0]) else math.inf)
            better = sum(other < rung[-1] for other in rung)
            survives = rung[-1] < math.inf and better * eta <= len(rung)
            if trial.trial_id not in last:  # else the log may end before it goes on
                assert survives == ((trial.trial_id, trial.max_epochs) in gone)


@MODES
@pytest.mark.parametrize("brackets", [1, 3])
@pytest.mark.parametrize("workers", range(1, 8))
@pytest.mark.parametrize("eta, r_max", [(2, 13), (3, 9), (4, 20)])
def test_no_deadlock_and_no_waiting(mode, brackets, workers, eta, r_max):
    scheduler = ASHAScheduler(Numbered(100), eta, 1, r_max, mode=mode, brackets=brackets)
    log = drive(scheduler, np.random.default_rng(workers), workers)
    assert {entry[1].trial_id for entry in log if entry[0] == "report"} == set(range(100))
    active = 0
    for kind, trial, *_ in log:
        assert kind == "suggest" or active == workers or len(scheduler.plans) == 100
        active += 1 if kind == "suggest" else -1
        if trial.trial_id == 99:
            break
    assert active


@MODES
def test_where_all_trials_fail_new_ones_go_on(mode):
    scheduler = ASHAScheduler(Numbered(), 3, 1, 9, mode=mode)
    jobs = jobs_of(drive(scheduler, np.random.default_rng(0), 4, jobs=40, failures=1))
    assert jobs == [(i, 0, 1) for i in range(40)]


@MODES
def test_a_report_counts_once(mode):
    scheduler = ASHAScheduler(Numbered(), 2, 1, 4, mode=mode)
    trial, = ask(scheduler, 1)
    for error in (0.5, 0.4, 0.3):
        scheduler.update(trial, error)
    assert len(scheduler.searcher.told) == 1
    assert len(scheduler.boards[0][1].ranking) == 1
    assert len(scheduler.survivors) == (mode == "stopping")


@MODES
@pytest.mark.parametrize("trial, message", [
    (Trial(5, {"x": 5}, 1), "a report for trial 5, which was never suggested; report the trials"),
    (Trial(0, {"x": 0}, 2), r"from epoch 2, expected one of its rungs, \[1, 3, 9\]"),
    (Trial(0, {"x": 0}, 3), "trial 0 reports from epoch 3, but was not suggested up to there; re"),
])
def test_reports_that_cannot_be(mode, trial, message):
    scheduler = ASHAScheduler(Numbered(), 3, 1, 9, mode=mode)
    ask(scheduler, 2)
    with pytest.raises(ValueError, match=message):
        scheduler.update(trial, 0.5)


@pytest.mark.parametrize("change, message", [
    ({"eta": 1}, "eta is 1, expected an integer of at least 2"),
    ({"r_min": 0}, "r_min is 0, expected a positive integer"),
    ({"r_min": 10}, "r_min is 10, above r_max, 9"),
    ({"mode": "pause"}, "mode is 'pause', expected 'promotion' or 'stopping'"),
    ({"brackets": 0}, "brackets is 0, expected a positive integer"),
    ({"brackets": 4}, "brackets is 4, but there are 3 rungs; give at most that"),
    ({"seed": -1}, "seed is -1, expected an integer of at least 0"),
    ({"seed": 0.5}, "seed is 0.5, expected an integer of at least 0"),
])
def test_bad_arguments(change, message):
    with pytest.raises(ValueError, match=message):
        ASHAScheduler(Numbered(), **{"eta": 3, "r_min": 1, "r_max": 9, **change})


# -- brackets, and what surrounds the scheduler ---------------------------------------------------


def test_brackets_get_their_share_of_new_trials():
    def first_rungs(seed):
        scheduler = ASHAScheduler(Numbered(), 3, 1, 27, brackets=4, seed=seed)
        return [trial.max_epochs for trial in ask(scheduler, 4900)]
    drawn = first_rungs(0)
    for rung, size in zip([1, 3, 9, 27], [27, 12, 6, 4], strict=True):
        expected = 100 * size
        assert abs(drawn.count(rung) - expected) < 4 * math.sqrt(expected)
    assert drawn == first_rungs(0) != first_rungs(1)


def test_a_rung_keeps_brackets_apart():
    scheduler = ASHAScheduler(Numbered(), 2, 1, 4, brackets=2, seed=0)
    trials = ask(scheduler, 12)
    for trial in trials:
        scheduler.update(trial, trial.trial_id / 12)
    for bracket, rung in ((0, 1), (1, 2)):
        own = [trial for trial in trials if trial.max_epochs == rung]
        assert len(scheduler.boards[bracket][rung].ranking) == len(own) > 1


def test_a_rung_is_settled_until_the_next_report():
    rung, trials = Rung(), [Trial(i, {}, 1) for i in range(4)]
    assert rung.promote(2) is None
    rung.add(0.5, trials[0])
    assert rung.promote(2) is None and rung.settled
    rung.add(0.4, trials[1])
    assert rung.promote(2) is trials[1] and rung.promote(2) is None and rung.settled
    rung.add(0.6, trials[2])
    rung.add(0.7, trials[3])
    assert rung.promote(2) is trials[0]


def test_descriptions_are_plain_and_tell_schedulers_apart():
    changes = [{}, {"mode": "stopping"}, {"brackets": 2}, {"seed": 1}, {"eta": 2}, {"r_max": 8}]
    texts = {json.dumps(ASHAScheduler(Numbered(), **{"eta": 3, "r_min": 1, "r_max": 9, **change})
                        .describe(), sort_keys=True) for change in changes}
    assert len(texts) == len(changes)


@MODES
def test_a_simulated_search_is_busy_all_the_time(mode):
    benchmark = DigitsBenchmark()
    scheduler = ASHAScheduler(RecordedSearcher(benchmark), 3, 1, 27, mode=mode)
    records = simulate(scheduler, benchmark, n_workers=16, max_time=0.3)
    for _, jobs in records.groupby("worker"):
        assert np.allclose(jobs["start"].iloc[1:], jobs["end"].iloc[:-1])
    assert set(records["max_epochs"]) == {1, 3, 9, 27}


@MODES
def test_a_search_with_the_tuner(mode):
    seen = []

    def objective(config, max_epochs):
        seen.append(max_epochs)
        return config["x"] / max_epochs
    searcher = RandomSearcher(DigitsBenchmark().config_space)
    tuner = HPOTuner(ASHAScheduler(searcher, 3, 1, 9, mode=mode),
                     lambda config, max_epochs: objective({"x": config["learning_rate"]},
                                                          max_epochs))
    tuner.run(number_of_trials=20)
    assert set(seen) == {1, 3, 9} and seen.count(1) == 20
    assert tuner.incumbent_error == tuner.records["error"].min()
