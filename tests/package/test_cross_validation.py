"""Cross-validation as an objective, and the scheduler that drops configurations early."""
import json
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from d2l_hpo import (
    CrossValidation, FoldScheduler, HPOSearcher, HPOTuner, RandomSearcher, Trial, simulate,
)
from d2l_hpo.schedulers import cannot_win, is_behind

SPACE = {"row": stats.randint(0, 1000)}
RULES = [cannot_win, is_behind]


class InOrder(HPOSearcher):
    """Proposes rows 0, 1, ... and keeps what it is told."""

    def __init__(self, rows):
        super().__init__(SPACE)
        self.rows, self.told = list(range(rows)), []

    def propose(self):
        return {"row": self.rows.pop(0)} if self.rows else None

    def update(self, config, error, epoch=None, info=None):
        self.told.append((config["row"], error))


class Table:
    """Running means of scripted errors; each fold takes a second."""

    def __init__(self, errors):
        self.errors = np.asarray(errors, float)

    def curve(self, config):
        means = np.cumsum(self.errors[config["row"]]) / np.arange(1, self.errors.shape[1] + 1)
        return means, np.arange(1.0, self.errors.shape[1] + 1)


class Remembering(FoldScheduler):
    """Keeps the ids of all trials that have ended."""

    all_ended = ()

    def ended(self):
        ended = super().ended()
        self.all_ended = (*self.all_ended, *ended)
        return ended


def search(errors, rule, n_workers=1):
    scheduler = Remembering(InOrder(len(errors)), np.shape(errors)[1], rule)
    return scheduler, simulate(scheduler, Table(errors), n_workers)


def folds_of(records):
    """How many folds each trial was trained on."""
    return records.groupby("trial_id")["max_epochs"].max().tolist()


# -- rules ----------------------------------------------------------------------------------------

def test_the_rules_on_an_example():
    best = np.array([0.1, 0.3, 0.2, 0.2])
    cases = {(0.2,): (False, True), (0.1,): (False, False), (0.2, 0.3): (False, True),
             (0.8,): (True, True), (0.0, 0.0, 0.7): (False, True), (0.0, 0.0, 0.8): (True, True)}
    for errors, expected in cases.items():
        assert tuple(bool(rule(np.array(errors), best)) for rule in RULES) == expected, errors


def test_the_rule_that_cannot_err_refuses_negative_errors():
    for errors, best in (([-0.95], [0.9, 0.9]), ([0.9], [-0.9, 0.9])):
        with pytest.raises(ValueError, match="at least 0, .* is_behind"):
            cannot_win(np.array(errors), np.array(best))


@settings(deadline=None)
@given(hnp.arrays(float, (6, 4), elements=st.integers(0, 10).map(lambda n: n / 16)),
       st.integers(1, 4))
def test_what_cannot_win_never_would_have_won(errors, n_workers):
    scheduler, records = search(errors, cannot_win, n_workers)
    means = errors.mean(axis=1)
    assert scheduler.best.mean() == pytest.approx(means.min())
    assert means[scheduler.incumbent["row"]] == pytest.approx(means.min())
    assert min(told for _, told in scheduler.searcher.told) >= means.min() - 1e-12
    assert len(scheduler.searcher.told) == 6 and len(records) <= 24


@settings(deadline=None)
@given(hnp.arrays(float, (5, 4), elements=st.floats(0, 1)), st.sampled_from(RULES))
def test_no_rule_trains_more_than_without_and_all_tell_the_searcher_once(errors, rule):
    scheduler, records = search(errors, rule)
    assert folds_of(records)[0] == 4  # the first has nothing to be compared with
    assert sorted(row for row, _ in scheduler.searcher.told) == list(range(5))
    assert max(folds_of(records)) <= 4
    complete = errors.mean(axis=1)[np.array(folds_of(records)) == 4]
    assert scheduler.best.mean() == pytest.approx(complete.min())


# -- scheduler ------------------------------------------------------------------------------------

def test_decisions_fold_by_fold():
    scheduler = FoldScheduler(InOrder(3), 3, is_behind)
    trial = scheduler.suggest()
    assert trial == Trial(0, {"row": 0}, max_epochs=1, epoch=0)
    for fold, mean in ((1, 0.2), (2, 0.3)):
        scheduler.update(trial, mean)
        trial = scheduler.suggest()
        assert (trial.trial_id, trial.epoch, trial.max_epochs) == (0, fold, fold + 1)
    scheduler.update(trial, 0.3)
    assert scheduler.incumbent == {"row": 0}
    np.testing.assert_allclose(scheduler.best, [0.2, 0.4, 0.3])
    second = scheduler.suggest()
    assert scheduler.ended() == [0]
    scheduler.update(second, 0.5)  # behind on the first fold, by 0.3
    assert scheduler.ended() == [1] and scheduler.ended() == []
    assert scheduler.suggest().trial_id == 2
    assert scheduler.searcher.told == [(0, 0.3), (1, pytest.approx(0.6))]


def test_a_fold_that_fails_ends_its_trial():
    errors = [[0.1, math.nan, 0.0], [0.3, 0.3, 0.3], [math.nan, 0, 0]]
    scheduler, records = search(errors, cannot_win)
    assert sorted(scheduler.all_ended) == [0, 1, 2]
    assert folds_of(records) == [2, 3, 1] and scheduler.incumbent == {"row": 1}
    told = dict(scheduler.searcher.told)
    assert math.isnan(told[0]) and math.isnan(told[2]) and told[1] == pytest.approx(0.3)


def test_reports_count_once_and_unknown_trials_are_an_error():
    scheduler = FoldScheduler(InOrder(2), 2)
    trial = scheduler.suggest()
    scheduler.update(trial, 0.2)
    scheduler.update(trial, 0.9)
    assert scheduler.errors == {0: [0.2]} and len(scheduler.waiting) == 1
    with pytest.raises(ValueError, match="trial 7 was never suggested"):
        scheduler.update(replace(trial, trial_id=7), 0.1)


def test_trials_may_report_in_any_order():
    scheduler = FoldScheduler(InOrder(2), 2)
    first, second = scheduler.suggest(), scheduler.suggest()
    scheduler.update(second, 0.1)
    assert scheduler.suggest() == replace(second, epoch=1, max_epochs=2)
    scheduler.update(first, 0.3)
    scheduler.update(replace(second, epoch=1, max_epochs=2), 0.1)
    assert scheduler.incumbent == {"row": 1}
    assert scheduler.suggest().trial_id == 0 and scheduler.suggest() is None


def test_its_description_is_plain_and_names_the_rule():
    description = json.loads(json.dumps(FoldScheduler(RandomSearcher(SPACE), 5).describe()))
    assert description["class"] == "FoldScheduler" and description["seed"] == 0
    assert description["settings"]["folds"] == 5
    assert description["settings"]["rule"] == "cannot_win"


@pytest.mark.parametrize(("folds", "rule", "error", "message"), [
    (1, cannot_win, ValueError, "folds is 1"), (2.0, cannot_win, ValueError, "folds is 2.0"),
    (5, "never", TypeError, "rule is 'never'"),
    (5, partial(is_behind), TypeError, "expected a named function")])
def test_bad_settings(folds, rule, error, message):
    with pytest.raises(error, match=message):
        FoldScheduler(InOrder(2), folds, rule)


# -- objective ------------------------------------------------------------------------------------

def test_the_error_is_the_mean_over_the_first_folds():
    objective = CrossValidation(lambda config, fold: config["x"] + fold, folds=4)
    assert objective({"x": 1.0}) == 2.5
    assert objective({"x": 1.0}, max_epochs=2) == 1.5


@pytest.mark.parametrize(("folds", "max_epochs"), [(1, None), (4, 5), (4, 0), (4, 1.5)])
def test_bad_numbers_of_folds(folds, max_epochs):
    with pytest.raises(ValueError, match="fold|max_epochs"):
        CrossValidation(lambda config, fold: 0.0, folds)({}, max_epochs)


def test_no_fold_is_trained_twice(tmp_path):
    calls = []

    def fold_error(config, fold):
        calls.append((config["row"], fold))
        return [[0.3, 0.1, 0.2], [0.7, 0.0, 0.0], [0.0, 0.1, 0.1]][config["row"]][fold]

    scheduler = FoldScheduler(InOrder(3), 3)
    tuner = HPOTuner(scheduler, CrossValidation(fold_error, 3), checkpoint_dir=tmp_path)
    tuner.run()
    assert calls == [(0, 0), (0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (2, 2)]
    assert scheduler.incumbent == {"row": 2} and scheduler.best.mean() == pytest.approx(0.2 / 3)
    assert len(tuner.records) == len(calls)
    assert [path.name for path in tmp_path.iterdir()] == ["trial_2.pt"]  # the tuner's incumbent's


def test_two_workers_choose_the_same(tmp_path):
    scheduler = FoldScheduler(InOrder(6), 3)
    objective = CrossValidation(lambda config, fold: abs(config["row"] - 3) / 10, 3)
    HPOTuner(scheduler, objective, n_workers=2, checkpoint_dir=tmp_path).run()
    assert scheduler.incumbent == {"row": 3}


def test_a_fold_that_raises_fails_its_trial(tmp_path):
    def fold_error(config, fold):
        if config["row"] == 0 and fold == 1:
            raise MemoryError("no memory left")
        return 0.5

    tuner = HPOTuner(FoldScheduler(InOrder(2), 3), CrossValidation(fold_error, 3),
                     checkpoint_dir=tmp_path)
    tuner.run()
    failed = tuner.records[tuner.records["status"] == "failed"]
    assert failed["trial_id"].tolist() == [0] and failed["max_epochs"].tolist() == [2]
    assert tuner.scheduler.incumbent == {"row": 1}
