"""What a report, or a trial, costs does not grow with how many there were before."""
import warnings
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from every_method import SCHEDULERS, make_scheduler
from operations import operations
from random_cluster import Numbered

from d2l_hpo import BasicScheduler, HPOTuner, MedianStoppingScheduler, Patience, PBTScheduler
from d2l_hpo.schedulers.median_stopping import Curve
from d2l_hpo.schedulers.scheduler import Trial
from d2l_hpo.tuning.outcomes import Outcome
from d2l_hpo.tuning.records import Attempt, Books

LINEAR = 1.3
"""How much more than in proportion it may be: orders are kept at the cost of a logarithm."""


def check_linear(make, small, factor=16):
    """Check that `make(n)(...)`, a function of n steps, does about `factor` times as much for more.

    What is quadratic does so `factor` squared times.
    """
    few, many = operations(make(small)), operations(make(small * factor))
    assert many < LINEAR * factor * few


# -- schedulers -----------------------------------------------------------------------------------

def median_rule(n):
    """Return a function that reports n epochs of a trial beside two others that do so, too."""
    def search():
        scheduler = MedianStoppingScheduler(Numbered(), max_epochs=n, min_trials=1)
        trials = [scheduler.suggest() for _ in range(3)]
        for epoch in range(1, n + 1):
            for trial in trials:
                scheduler.report(trial, error=1 / epoch, epoch=epoch)
        for trial in trials:
            scheduler.update(trial, 1 / n)
        assert scheduler.searcher.told[0][2]["epoch"] == n
    return search


def many_trials(n):
    """Return a function that reports one epoch of each of n trials, all of which go on."""
    def search():
        scheduler = MedianStoppingScheduler(Numbered(), max_epochs=9)
        for i in range(n):
            assert scheduler.report(scheduler.suggest(), error=1 / (1 + i), epoch=1)
    return search


@pytest.mark.parametrize("make", [median_rule, many_trials])
def test_the_median_rule_compares_no_report_again(make):
    check_linear(make, 50)


@pytest.mark.parametrize("seed", range(3))
def test_the_median_rule_knows_best_and_average_in_any_order(seed):
    rng = np.random.default_rng(seed)
    curve, seen = Curve(), {}
    for epoch in rng.permutation(40).tolist():
        seen[epoch] = float(rng.normal() * 10.0 ** rng.integers(-8, 8))
        upto = [error for reached, error in seen.items() if reached <= epoch]
        assert curve.add(epoch, seen[epoch]) == (min(upto), fmean(upto))
    assert curve.epochs == sorted(seen) and curve.errors == seen


def population(generations, size=2):
    """Return a scheduler after so many generations of a small population."""
    scheduler = PBTScheduler(Numbered(), max_epochs=generations, population_size=size)
    for number in range(generations * size):
        scheduler.update(scheduler.suggest(), error=float(number))
    return scheduler


def test_a_lineage_may_have_any_length():
    scheduler = population(5000)
    lineage = scheduler.lineage(9999)
    assert [trial.max_epochs for trial in lineage] == [*range(1, 5001)]
    assert [trial.source for trial in lineage[1:]] == [trial.trial_id for trial in lineage[:-1]]


def test_a_generation_costs_the_same_however_many_came_before():
    check_linear(lambda generations: lambda: population(generations), 20)


def test_a_member_costs_the_same_in_a_large_population():
    check_linear(lambda size: lambda: population(4, size), 20)


# -- the tuner and its books ----------------------------------------------------------------------

def attempt(trial_id):
    """Return an attempt at a trial that reports."""
    return Attempt(Trial(trial_id, {"x": trial_id}), 1, 0, 0.0, 0, can_report=True)


def reporting_books(n, step):
    """Return a function that notes reports after every `step` epochs, in one trial."""
    def search():
        books, running = Books(), attempt(0)
        for number in range(1, n + 1):
            books.report(running, Outcome(1 / number, {}), number * step, float(number), 1.0)
        assert [job.epoch for job in books.jobs] == [step * k for k in range(n)]
    return search


def ending_books(n):
    """Return a function that ends n trials whose last rows are far behind."""
    def search():
        books, running = Books(), [attempt(i) for i in range(n)]
        for each in running:
            books.report(each, Outcome(0.5, {}), 1, 1.0, 0.5)
        for each in running:
            books.complete(each.trial.trial_id, 1, Outcome(0.5, {"size": each.trial.trial_id}))
            assert books.latest_row(each.trial.trial_id)["info"] == {"size": each.trial.trial_id}
    return search


@pytest.mark.parametrize("make", [lambda n: reporting_books(n, 1), lambda n: reporting_books(n, 5),
                                  ending_books])
def test_books_look_nothing_up_in_all_their_rows(make):
    check_linear(make, 50)


def plain(config, max_epochs=9):
    return (config["x"] * 7 % 11) / max_epochs


def reporting(config, report, max_epochs=9):
    for epoch in range(1, max_epochs + 1):
        if not report((config["x"] * 7 % 11) / epoch, epoch):
            return


class Listener:
    def trial_end(self, trial, row):
        assert row["trial_id"] == trial.trial_id


def searching(kind, objective, checkpoint_dir=None):
    """Return what makes, from a number of trials, a whole search."""
    def search(n):
        tuner = HPOTuner(make_scheduler(kind, Numbered()), objective, callbacks=[Listener()],
                         stop=Patience(10 ** 6), checkpoint_dir=checkpoint_dir)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="a trial goes on|trial .* failed|there is no")
            tuner.run(number_of_trials=n)
        assert len(tuner.books.reported) == n
    return search


@pytest.mark.parametrize("objective", [plain, reporting])
@pytest.mark.parametrize("kind", [kind for kind in SCHEDULERS if kind is not PBTScheduler])
def test_a_trial_costs_the_same_however_many_came_before(kind, objective):
    if kind.needs_reports and objective is plain:
        pytest.skip("decides on reports")
    search = searching(kind, objective)
    search(5)  # what is loaded and kept at first
    check_linear(lambda n: lambda: search(n), 40, 8)


@pytest.mark.parametrize("trials", [4, 40])
def test_the_folder_of_checkpoints_is_not_looked_through_for_each_trial(trials, tmp_path,
                                                                        monkeypatch):
    looks = []
    for name in ("glob", "iterdir"):
        found = getattr(Path, name)
        monkeypatch.setattr(Path, name, lambda *arguments, found=found: (
            looks.append(arguments), found(*arguments))[1])

    def saving(config, checkpoint):
        checkpoint.write_text("weights", encoding="utf-8")
        return float(config["x"])  # the first one is the best
    HPOTuner(BasicScheduler(Numbered()), saving, checkpoint_dir=tmp_path).run(trials)
    assert len(looks) == 4  # when made, when it begins, before and after the first incumbent
