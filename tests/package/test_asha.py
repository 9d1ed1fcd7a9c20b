"""Asynchronous successive halving: decisions against a reference and against Syne Tune."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cluster import Numbered, ask, ids

from d2l_hpo import Trial, rung_levels
from d2l_hpo.schedulers.asha import ASHAScheduler

ERRORS = st.one_of(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.just(math.nan))
LADDERS = st.tuples(st.sampled_from([2, 3, 4]), st.integers(1, 2), st.integers(0, 40)).map(
    lambda values: {"eta": values[0], "r_min": values[1], "r_max": values[1] + values[2]})


class Reference:
    """The paper's algorithm as it is read: each decision sorts all reports."""

    def __init__(self, eta, r_min, r_max):
        self.eta, self.rungs = eta, rung_levels(r_min, r_max, eta)
        self.reports = {level: [] for level in self.rungs}  # (error, trial), by arrival
        self.promoted = {level: set() for level in self.rungs}
        self.trials = 0

    def get_job(self):
        """Return (trial, epoch up to which it is trained)."""
        for k in reversed(range(len(self.rungs) - 1)):
            level = self.rungs[k]
            ranked = sorted(self.reports[level], key=lambda report: report[0])
            candidates = ranked[:len(ranked) // self.eta]
            for error, trial in candidates:
                if trial not in self.promoted[level] and error < math.inf:
                    self.promoted[level].add(trial)
                    return trial, self.rungs[k + 1]
        self.trials += 1
        return self.trials - 1, self.rungs[0]

    def report(self, trial, level, error):
        """Note an error; nan is the worst."""
        self.reports[level].append((math.inf if math.isnan(error) else error, trial))


# -- promotion ------------------------------------------------------------------------------------


STEPS = st.tuples(st.integers(0, 7), ERRORS, st.booleans())


@settings(max_examples=300, deadline=None)
@given(LADDERS, st.integers(1, 8), st.lists(STEPS, max_size=150))
def test_every_decision_is_that_of_the_reference(arguments, workers, steps):
    scheduler, reference = ASHAScheduler(Numbered(), **arguments), Reference(**arguments)
    running = []
    for which, error, ask_now in steps:  # else several reports come before the next decision
        while len(running) < workers and (ask_now or not running):
            trial = scheduler.suggest()
            assert (trial.trial_id, trial.max_epochs) == reference.get_job()
            running.append(trial)
        trial = running.pop(which % len(running))
        scheduler.update(trial, error)
        reference.report(trial.trial_id, trial.max_epochs, error)


def test_a_long_trace_against_the_reference():
    rng = np.random.default_rng(0)
    scheduler, reference = ASHAScheduler(Numbered(), 3, 1, 200), Reference(3, 1, 200)
    for _ in range(1500):
        trial = scheduler.suggest()
        assert (trial.trial_id, trial.max_epochs) == reference.get_job()
        error = float(rng.random())
        scheduler.update(trial, error)
        reference.report(trial.trial_id, trial.max_epochs, error)
    assert all(reference.promoted[level] for level in [1, 3, 9, 27, 81])


def test_promotions_decision_by_decision():
    scheduler = ASHAScheduler(Numbered(), 2, 1, 4)
    first, second, third = ask(scheduler, 3)
    scheduler.update(second, 0.5)
    assert scheduler.suggest().trial_id == 3  # floor(1 / 2) is 0: a new trial
    scheduler.update(first, 0.7)
    job = scheduler.suggest()
    assert (job.trial_id, job.config, job.epoch, job.max_epochs) == (1, {"x": 1}, 1, 2)
    assert scheduler.suggest().trial_id == 4  # nobody is promoted twice
    scheduler.update(third, 0.1)
    assert ids(ask(scheduler, 2)) == [2, 5]  # floor(3 / 2) is 1, now trial 2
    scheduler.update(Trial(3, {"x": 3}, 1), 0.6)
    assert scheduler.suggest().trial_id == 6  # the best two of four are trials 2 and 1
    scheduler.update(Trial(4, {"x": 4}, 1), 0.8)
    scheduler.update(Trial(5, {"x": 5}, 1), 0.9)
    assert ids(ask(scheduler, 2)) == [3, 7]  # the third of six


def test_the_highest_rung_comes_first():
    scheduler = ASHAScheduler(Numbered(), 2, 1, 4)
    trials = ask(scheduler, 8)
    for trial in trials[:4]:
        scheduler.update(trial, trial.trial_id)
    for trial in ask(scheduler, 2):
        assert trial.max_epochs == 2
        scheduler.update(trial, trial.trial_id)
    for trial in trials[4:]:
        scheduler.update(trial, trial.trial_id)
    jobs = [(trial.trial_id, trial.epoch, trial.max_epochs) for trial in ask(scheduler, 4)]
    assert jobs == [(0, 2, 4), (2, 1, 2), (3, 1, 2), (8, 0, 1)]


def test_ties_go_to_the_report_that_came_first():
    scheduler = ASHAScheduler(Numbered(), 3, 1, 3)
    for trial in reversed(ask(scheduler, 9)):
        scheduler.update(trial, 0.5)
    assert ids(ask(scheduler, 4)) == [8, 7, 6, 9]


def test_failures_count_but_are_never_promoted():
    scheduler = ASHAScheduler(Numbered(), 3, 1, 9)
    for trial in ask(scheduler, 9):
        scheduler.update(trial, 0.5 if trial.trial_id == 4 else math.nan)
    assert ids(ask(scheduler, 2)) == [4, 9]  # floor(9 / 3) is 3, but two of the best failed


# -- stopping -------------------------------------------------------------------------------------


def test_stopping_decision_by_decision():
    scheduler = ASHAScheduler(Numbered(), 2, 1, 4, mode="stopping")
    first, second, third = ask(scheduler, 3)
    scheduler.update(second, 0.5)
    job = scheduler.suggest()  # the first report goes on, there is nothing to compare it with
    assert (job.trial_id, job.config, job.epoch, job.max_epochs) == (1, {"x": 1}, 1, 2)
    scheduler.update(first, 0.7)  # one of two is better: just good enough
    assert scheduler.suggest().trial_id == 0
    scheduler.update(third, 0.9)  # two of three are better
    assert scheduler.suggest().trial_id == 3
    scheduler.update(Trial(3, {"x": 3}, 1), math.nan)
    assert scheduler.suggest().trial_id == 4


@pytest.mark.parametrize("eta, r_min, r_max", [(2, 1, 16), (3, 1, 27), (3, 2, 50), (4, 1, 30)])
def test_stopping_decides_as_syne_tune_does(eta, r_min, r_max):
    pytest.importorskip("syne_tune")
    from syne_tune.backend import trial_status
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.baselines import ASHA
    from syne_tune.optimizer.scheduler import SchedulerDecision

    theirs = ASHA({"x": uniform(0, 1)}, metric="error", time_attr="epoch", max_t=r_max,
                  grace_period=r_min, reduction_factor=eta, random_seed=0)
    ours = ASHAScheduler(Numbered(), eta, r_min, r_max, mode="stopping")
    rng, running, twins, resumed = np.random.default_rng(eta), [], {}, 0
    for _ in range(600):
        while len(running) < 4:
            trial = ours.suggest()
            if not trial.epoch:
                twins[trial.trial_id] = trial_status.Trial(trial.trial_id, {"x": 0.5}, None)
                theirs.on_trial_add(twins[trial.trial_id])
            running.append(trial)
        trial = running.pop(int(rng.integers(4)))
        error = float(rng.integers(30))
        ours.update(trial, error)
        goes_on = bool(ours.survivors)
        resumed += goes_on
        decision = theirs.on_trial_result(twins[trial.trial_id],
                                          {"error": error, "epoch": trial.max_epochs})
        assert goes_on == (decision == SchedulerDecision.CONTINUE)
        if goes_on:
            running.append(ours.suggest())
            assert running[-1].trial_id == trial.trial_id
    assert 100 < resumed < 400
