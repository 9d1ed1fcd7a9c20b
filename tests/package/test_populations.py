"""Population based training: every decision of the scheduler, from scripted errors."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scripted_curves import Curves

from d2l_hpo import (
    GridSearcher,
    HPOSearcher,
    PBTScheduler,
    RandomSearcher,
    Trial,
    categorical,
    check_configuration,
)
from d2l_hpo.simulation.simulator import simulate

SPACE = {"x": stats.uniform(0, 1), "act": categorical(["relu", "tanh"])}


class Told(HPOSearcher):
    """Proposes x = 0.1, 0.2, ... and remembers what it is told."""

    def __init__(self, n=100, seed=0):
        super().__init__({"x": stats.uniform(0, 100)}, seed=seed)
        self.left, self.told = [{"x": 0.1 * (i + 1)} for i in range(n)][::-1], []

    def propose(self):
        return self.left.pop() if self.left else None

    def update(self, config, error, epoch=None, info=None):
        self.told.append((config["x"], error, {**(info or {}), "epoch": epoch}))


def generation(scheduler, errors, order=None):
    """Take a generation's trials, report errors in some order, and return the trials."""
    trials = [scheduler.suggest() for _ in errors]
    assert None not in trials and scheduler.suggest() is None
    for i in order if order is not None else range(len(errors)):
        scheduler.update(trials[i], errors[i])
    return trials


def pbt(n=4, max_epochs=9, step=3, searcher=None, **settings):
    return PBTScheduler(searcher or Told(), max_epochs, step, n, **settings)


def sources(trials):
    return [trial.source for trial in trials]


def test_the_first_generation_is_the_searchers():
    trials = generation(pbt(), [0.1] * 4)
    assert trials == [Trial(i, {"x": 0.1 * (i + 1)}, 3, 0, None) for i in range(4)]


def test_the_worst_quarter_copies_the_best_and_all_others_go_on():
    scheduler = pbt(fraction=0.25)
    first = generation(scheduler, [0.3, 0.9, 0.1, 0.2])
    second = generation(scheduler, [0.5] * 4)
    assert [(t.trial_id, t.epoch, t.max_epochs) for t in second] == [
        (4, 3, 6), (5, 3, 6), (6, 3, 6), (7, 3, 6)]
    assert sources(second) == [0, 2, 2, 3]
    for i in (0, 2, 3):
        assert second[i].config == first[i].config
    assert second[1].config["x"] not in (first[1].config["x"], first[2].config["x"])


def test_half_copies_the_better_half_at_random():
    chosen = set()
    for seed in range(20):
        scheduler = pbt(fraction=0.5, seed=seed)
        generation(scheduler, [0.4, 0.1, 0.3, 0.2])
        second = sources(generation(scheduler, [0.5] * 4))
        assert second[1] == 1 and second[3] == 3
        chosen |= {(0, second[0]), (2, second[2])}
    assert chosen == {(0, 1), (0, 3), (2, 1), (2, 3)}


@pytest.mark.parametrize(("n", "fraction", "replaced"), [
    (2, 0.25, 1), (3, 0.5, 1), (8, 0.25, 2), (8, 0.3, 3), (5, 0.5, 2), (4, 0.0, 0)])
def test_the_number_of_replaced_members(n, fraction, replaced):
    scheduler = pbt(n=n, fraction=fraction)
    generation(scheduler, [0.1 * i for i in range(n)])
    second = sources(generation(scheduler, [0.5] * n))
    assert second[:n - replaced] == list(range(n - replaced))
    assert all(source < max(replaced, 1) for source in second[n - replaced:])


def test_the_explored_configuration_is_a_perturbation_of_the_sources():
    scheduler = PBTScheduler(RandomSearcher(SPACE, seed=0), 2, 1, 2, width=0.1, resample=0.0)
    first = generation(scheduler, [0.2, 0.8])
    child = generation(scheduler, [0.5, 0.5])[1]
    assert child.source == 0 and child.config["act"] == first[0].config["act"]
    assert abs(child.config["x"] - first[0].config["x"]) == pytest.approx(0.1)
    assert check_configuration(SPACE, child.config)


def test_the_last_generation_may_be_shorter_and_nothing_follows():
    scheduler = pbt(n=2, max_epochs=7, step=3)
    spans = []
    for _ in range(3):
        spans.append({(t.epoch, t.max_epochs) for t in generation(scheduler, [0.1, 0.2])})
    assert spans == [{(0, 3)}, {(3, 6)}, {(6, 7)}]
    assert [scheduler.suggest() for _ in range(3)] == [None] * 3


def test_a_step_longer_than_the_training_is_one_generation():
    scheduler = pbt(n=2, max_epochs=2, step=5)
    assert [t.max_epochs for t in generation(scheduler, [0.1, 0.2])] == [2, 2]
    assert scheduler.suggest() is None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000), st.integers(2, 9), st.floats(0, 0.5))
def test_the_order_of_reports_does_not_matter(seed, n, fraction):
    rng = np.random.default_rng(seed)
    schedulers = [pbt(n=n, fraction=fraction, seed=seed) for _ in range(2)]
    for _ in range(3):
        errors = rng.choice([0.1, 0.2, 0.3, math.nan], n)
        ordered, shuffled = (generation(scheduler, errors, order) for scheduler, order in
                             zip(schedulers, (range(n), rng.permutation(n)), strict=True))
        assert ordered == shuffled
        if np.isnan(errors).all():
            assert [scheduler.suggest() for scheduler in schedulers] == [None, None]
            return


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000), st.integers(2, 9), st.floats(0, 0.5))
def test_sources_succeeded_in_the_last_generation_and_losers_are_not_among_them(seed, n, fraction):
    rng, scheduler = np.random.default_rng(seed), pbt(n=n, fraction=fraction, seed=seed)
    errors = rng.choice([0.1, 0.2, 0.3, 0.4, math.inf], n)
    errors[0] = 0.15
    first = generation(scheduler, errors)
    second = generation(scheduler, [0.5] * n)
    for before, after, error in zip(first, second, errors, strict=True):
        assert math.isfinite(errors[after.source]) and errors[after.source] <= error
        assert after.epoch == first[after.source].max_epochs == 3
        if after.source == before.trial_id:
            assert after.config == before.config


# -- failures -------------------------------------------------------------------------------------

@pytest.mark.parametrize("failure", [math.nan, math.inf, -math.inf])
def test_failed_members_are_replaced_and_never_copied(failure):
    scheduler = pbt(fraction=0.25)
    generation(scheduler, [failure, 0.9, failure, failure])
    assert sources(generation(scheduler, [0.5] * 4)) == [1, 1, 1, 1]
    assert [told[1] for told in scheduler.searcher.told[:4]] == pytest.approx(
        [math.nan, 0.9, math.nan, math.nan], nan_ok=True)


def test_a_failed_member_is_replaced_even_if_nobody_else_is():
    scheduler = pbt(fraction=0.0)
    generation(scheduler, [0.3, math.nan, 0.2, 0.4])
    assert sources(generation(scheduler, [0.5] * 4)) == [0, 2, 2, 3]


def test_the_search_ends_where_all_have_failed():
    scheduler = pbt()
    generation(scheduler, [math.nan] * 4)
    assert scheduler.suggest() is None and scheduler.suggest() is None


# -- reports --------------------------------------------------------------------------------------

def test_a_report_counts_once():
    scheduler = pbt(n=2)
    first, second = scheduler.suggest(), scheduler.suggest()
    scheduler.update(first, 0.1, {"loss": 2})
    scheduler.update(first, 0.9)
    assert scheduler.suggest() is None
    scheduler.update(second, 0.5)
    scheduler.update(first, 0.9)
    assert sources([scheduler.suggest(), scheduler.suggest()]) == [0, 0]
    assert scheduler.searcher.told == [(0.1, 0.1, {"loss": 2, "epoch": 3}),
                                       (0.2, 0.5, {"epoch": 3})]


@pytest.mark.parametrize("number", [1, 2, 99, -1])
def test_a_report_of_a_trial_that_does_not_run_is_an_error(number):
    scheduler = pbt(n=3)
    scheduler.suggest()
    with pytest.raises(ValueError, match=f"a report for trial {number}, which is not running"):
        scheduler.update(Trial(number, {"x": 0.5}, 3), 0.1)


def test_configurations_that_are_changed_by_others_do_not_matter():
    scheduler = pbt(n=2)
    trials = [scheduler.suggest(), scheduler.suggest()]
    for trial, error in zip(trials, (0.1, 0.2), strict=True):
        scheduler.update(trial, error)
    later = scheduler.suggest()
    later.config["x"] = 77.0
    assert trials[0].config == {"x": 0.1}


# -- lineage, checkpoints, description ------------------------------------------------------------

def test_a_lineage_goes_from_source_to_source():
    scheduler = pbt(n=2, max_epochs=3, step=1)
    for errors in ([0.1, 0.2], [0.4, 0.3], [0.1, 0.2]):
        generation(scheduler, errors)
    assert sources(scheduler.trials) == [None, None, 0, 0, 3, 3]
    assert [trial.trial_id for trial in scheduler.lineage(4)] == [0, 3, 4]
    assert scheduler.lineage(1) == [scheduler.trials[1]]


def test_a_source_is_over_only_when_its_copies_have_reported():
    scheduler = pbt(n=3, max_epochs=3, step=1, fraction=0.34)
    assert scheduler.ended() == []
    generation(scheduler, [0.1, 0.2, 0.3])
    assert scheduler.ended() == []
    trials = [scheduler.suggest() for _ in range(3)]
    assert sources(trials) == [0, 1, 0] and scheduler.ended() == [2]
    for trial in trials:
        assert scheduler.ended() == []
        scheduler.update(trial, 0.5)
    third = [scheduler.suggest() for _ in range(3)]
    needed = {trial.source for trial in third}
    assert set(scheduler.ended()) == {0, 1, 3, 4, 5} - needed
    for trial in third:
        scheduler.update(trial, 0.5)
    assert scheduler.suggest() is None
    assert set(scheduler.ended()) == needed and scheduler.ended() == []  # 6, 7 and 8 stay
    assert scheduler.suggest() is None and scheduler.ended() == []


def test_its_description_names_everything_that_decides():
    scheduler = PBTScheduler(RandomSearcher(SPACE, seed=7), 8, 2, 6, 0.5, 0.2, 0.1, seed=3)
    description = scheduler.describe()
    assert description["class"] == "PBTScheduler" and description["seed"] == 7
    assert description["settings"] == {
        "searcher": "RandomSearcher", "initial_config": None, "max_epochs": 8, "step": 2,
        "population_size": 6, "fraction": 0.5, "width": 0.2, "resample": 0.1, "seed": 3}
    assert [domain["name"] for domain in description["space"]] == ["x", "act"]


# -- bad input ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("arguments", "message"), [
    ({"population_size": 1}, "population_size is 1, expected an integer of at least 2"),
    ({"population_size": True}, "population_size is True, expected an integer"),
    ({"max_epochs": 0}, "max_epochs is 0, expected a positive integer"),
    ({"step": 0.5}, "step is 0.5, expected a positive integer"),
    ({"fraction": 0.6}, "fraction is 0.6, expected a number from 0 to 0.5"),
    ({"fraction": math.nan}, "fraction is nan, expected a number from 0 to 0.5"),
    ({"width": -0.1}, "width is -0.1, expected a number from 0 to 1"),
    ({"width": "0.1"}, "width is '0.1', expected a number from 0 to 1"),
    ({"resample": True}, "resample is True, expected a number from 0 to 1"),
    ({"seed": -1}, "seed is -1, expected an integer of at least 0"),
])
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PBTScheduler(**{"searcher": Told(), "max_epochs": 4, **arguments})


def test_a_searcher_with_one_configuration_is_no_population():
    scheduler = pbt(searcher=GridSearcher({"x": categorical(["a"])}))
    with pytest.raises(ValueError, match="the searcher has 1 configurations, .* at least 2; give"):
        scheduler.suggest()


def test_a_searcher_with_few_configurations_is_a_smaller_population():
    scheduler = pbt(searcher=Told(n=3))
    generation(scheduler, [0.1, 0.2, 0.3])
    assert sources(generation(scheduler, [0.1, 0.2, 0.3])) == [0, 1, 0]


def test_it_cannot_be_simulated():
    with pytest.raises(ValueError, match="trial 2 .* checkpoint of trial 0, but recorded curves"):
        simulate(pbt(n=2, max_epochs=2, step=1, searcher=Integers()),
                 Curves(([0.1, 0.1], [1, 2]), ([0.2, 0.2], [1, 2])))


class Integers(Told):
    """Proposes x = 0, 1."""

    def __init__(self):
        super().__init__()
        self.left = [{"x": 1}, {"x": 0}]
