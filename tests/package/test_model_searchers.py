"""Searchers with a model: what they propose, remember and never propose, in all kinds of spaces."""
import itertools
import json
import math

import numpy as np
import pytest
from asking import ask_tell
from example_space import EVERY_KIND
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, BayesianSearcher, DigitsBenchmark, ModelSearcher,
    RandomSearcher, TPESearcher, categorical, check_configuration, lograndint, simulate,
    to_unit_cube, when,
)
from d2l_hpo.searchers import changes_to_the_end, largest_epoch, theta_prior

BOTH = pytest.mark.parametrize("kind", [BayesianSearcher, TPESearcher])
SMOOTH = {"x": stats.uniform(0, 1), "rate": stats.loguniform(1e-4, 1),
          "act": categorical(["a", "b", "c"]), "units": lograndint(4, 64)}
SMALL = {"layers": stats.randint(1, 4), "kind": categorical(["a", "b"]),
         "units": when(lambda config: config["layers"] > 1, categorical([8, 16]))}


def bowl(config):
    """A smooth error on SMOOTH, smallest (0) at x = 0.7, rate = 0.01, act = b, units = 16."""
    return ((config["x"] - 0.7) ** 2 + 0.05 * math.log10(config["rate"] / 0.01) ** 2
            + 0.1 * (config["act"] != "b") + 0.02 * abs(math.log2(config["units"] / 16)))


# -- they learn -----------------------------------------------------------------------------------

@BOTH
def test_they_find_better_configurations_than_random_search(kind):
    def best(make):
        return np.mean([min(ask_tell(make(SMOOTH, seed=seed), bowl, 35)[1]) for seed in range(5)])
    assert best(kind) < 0.5 * best(RandomSearcher)


def test_the_bayesian_searcher_comes_close_to_the_minimum():
    errors = [min(ask_tell(BayesianSearcher(SMOOTH, seed=seed), bowl, 40)[1]) for seed in range(3)]
    assert max(errors) < 0.003


@BOTH
def test_a_conditional_hyperparameter_is_learnt(kind):
    space = {"deep": categorical([True, False]),
             "width": when(lambda config: config["deep"], stats.uniform(0, 1))}

    def error(config):
        return abs(config["width"] - 0.3) if config["deep"] else 0.4

    configs, errors = ask_tell(kind(space, seed=1), error, 30)
    assert min(errors) < 0.02
    assert sum(config["deep"] for config in configs) > 20


# -- the design and the initial configuration -----------------------------------------------------

@BOTH
def test_the_initial_configuration_comes_first_and_counts_in_the_design(kind):
    first = {"x": 0.5, "rate": 0.5, "act": "c", "units": 5}
    searcher = kind(SMOOTH, initial_config=first, seed=2, initial_points=4)
    configs, _ = ask_tell(searcher, bowl, 4)
    without, _ = ask_tell(kind(SMOOTH, seed=2, initial_points=4), bowl, 4)
    assert configs == [first, *without[:3]]
    assert searcher.sample_configuration() is not None


@BOTH
def test_the_design_is_balanced_in_each_hyperparameter(kind):
    searcher = kind({f"x{i}": stats.uniform(0, 1) for i in range(3)}, seed=0)
    points = np.array([list(searcher.sample_configuration().values()) for _ in range(8)])
    for axis in points.T:
        assert sorted((axis * 8).astype(int)) == list(range(8))


@BOTH
def test_results_of_other_searches_replace_the_design(kind):
    searcher = kind(SMOOTH, seed=0)
    configs, errors = ask_tell(RandomSearcher(SMOOTH, seed=5), bowl, 30)
    for config, error in zip(configs, errors, strict=True):
        searcher.update(config, error)
    assert np.mean([bowl(searcher.sample_configuration()) for _ in range(3)]) < np.median(errors)


# -- determinism ----------------------------------------------------------------------------------

@BOTH
def test_the_same_seed_gives_the_same_suggestions(kind):
    one, again, other = (ask_tell(kind(EVERY_KIND, seed=seed), learning_error, 14)[0]
                         for seed in (3, 3, 4))
    assert one == again != other


def learning_error(config):
    return abs(math.log10(config["learning_rate"]) + 2) + config["momentum"] / config["layers"]


@BOTH
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_reports_does_not_matter(kind, seed):
    first, second = (kind(EVERY_KIND, seed=seed) for _ in range(2))
    configs = [first.sample_configuration() for _ in range(10)]
    assert configs == [second.sample_configuration() for _ in range(10)]
    errors = [learning_error(config) if i % 4 else math.nan for i, config in enumerate(configs)]
    reports = list(zip(configs, errors, strict=True))
    for config, error in reports:
        first.update(config, error)
    for config, error in np.random.default_rng(seed).permutation(np.array(reports, object)):
        second.update(config, error)
    assert [first.sample_configuration() for _ in range(3)] == [
        second.sample_configuration() for _ in range(3)]


REPORTS = [(0.2, 1, 0.9), (0.2, 3, 0.5), (0.2, 9, 0.4), (0.4, 1, 0.7), (0.4, 3, 0.6),
           (0.6, 1, 0.8), (0.9, 1, 0.1), (0.9, 3, math.nan)]  # x, epoch, error


def told(kind, reports, **settings):
    """Return a searcher that knows these reports."""
    searcher = kind({"x": stats.uniform(0, 1)}, seed=0, **settings)
    for x, epoch, error in reports:
        searcher.update({"x": x}, error, epoch)
    return searcher


@BOTH
def test_errors_are_moved_to_the_last_epoch_in_whatever_order(kind):
    for order in itertools.islice(itertools.permutations(REPORTS), 0, 40320, 4999):
        points, errors, failed = told(kind, order).training_set()
        np.testing.assert_array_equal(points, [[0.2], [0.4], [0.6]])
        # from epoch 3 to 9: 0.4 - 0.5; from 1 to 3: the mean of 0.5 - 0.9 and 0.6 - 0.7
        np.testing.assert_allclose(errors, [0.4, 0.6 - 0.1, 0.8 - 0.1 - 0.25])
        np.testing.assert_array_equal(failed, [[0.9]])


@BOTH
@pytest.mark.parametrize(("enough", "points", "errors"), [
    (1, [0.2], [0.4]), (2, [0.2, 0.4], [0.5, 0.6]), (3, [0.2, 0.4, 0.6], [0.9, 0.7, 0.8]),
    (4, [0.2, 0.4, 0.6], [0.9, 0.7, 0.8])])
def test_one_epoch_is_the_largest_that_enough_trials_reached(kind, enough, points, errors):
    for order in (REPORTS, REPORTS[::-1]):
        found = told(kind, order, epochs="one", initial_points=enough).training_set()
        np.testing.assert_array_equal(found[0], np.transpose([points]))
        np.testing.assert_array_equal(found[1], errors)
        np.testing.assert_array_equal(found[2], [[0.9]])


def test_among_epochs_with_equally_many_reports_the_largest_is_taken():
    assert largest_epoch([{1: 0.5, 3: 0.4}, {1: 0.3, 3: 0.2}, {27: 0.1}], 3) == 3


def test_an_epoch_that_no_trial_went_on_from_moves_nothing():
    assert changes_to_the_end([{1: 0.5}, {3: 0.2, 9: 0.1}]) == pytest.approx(
        {9: 0.0, 3: -0.1, 1: -0.1})
    assert changes_to_the_end([]) == {}


@BOTH
def test_a_scheduler_that_stops_early_passes_epochs_on(kind):
    digits = DigitsBenchmark(measured=False)
    searcher = kind(digits.config_space, seed=0)
    simulate(ASHAScheduler(searcher, 3, 1, 27), digits, 4, number_of_trials=30)
    epochs = {epoch for reports in searcher.reports.values() for epoch, _ in reports}
    assert {1, 3, 9} <= epochs <= {1, 3, 9, 27}
    assert not searcher.pending


@BOTH
def test_unknown_epochs_are_an_error(kind):
    with pytest.raises(ValueError, match="epochs is 'last', expected 'all' or 'one'"):
        kind({"x": stats.uniform(0, 1)}, epochs="last")
    assert kind({"x": stats.uniform(0, 1)}, epochs="one").settings()["epochs"] == "one"


def test_repeated_trials_are_both_seen():
    searcher = BayesianSearcher({"x": stats.uniform(0, 1)}, initial_points=1)
    for error in (0.3, 0.5, math.nan):
        searcher.update({"x": 0.5}, error)
    points, errors, failed = searcher.training_set()
    assert points.tolist() == [[0.5], [0.5]] and errors.tolist() == [0.3, 0.5]
    assert failed.shape == (0, 1)


# -- pending trials -------------------------------------------------------------------------------

@BOTH
def test_a_trial_is_pending_until_its_first_report(kind):
    searcher = kind(SMOOTH, seed=0, initial_points=2)
    configs = [searcher.sample_configuration() for _ in range(3)]
    assert searcher.pending == [repr(config) for config in configs]
    searcher.update(configs[1], 0.5, 1)
    searcher.update(configs[1], 0.4, 3)
    searcher.update(configs[0], math.nan)
    assert searcher.pending == [repr(configs[2])]


def nearest(points):
    """The distance of each point to the nearest other."""
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    return (distances + 9 * np.eye(len(points))).min(axis=1)


def batch(searcher):
    space = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}
    ask_tell(searcher, lambda config: (config["x"] - 0.4) ** 2 + (config["y"] - 0.6) ** 2, 12)
    return np.array([to_unit_cube(space, searcher.sample_configuration()) for _ in range(6)])


def test_fantasies_spread_a_batch():
    space = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}
    spread, ignored = (np.median([nearest(batch(BayesianSearcher(space, seed=seed, fantasies=n)))
                                  for seed in range(3)]) for n in (16, 0))
    assert spread > 3 * ignored


# -- the fit and the search for the best point ----------------------------------------------------

def test_the_fit_starts_afresh_when_trials_have_grown_by_half():
    """Beside the last theta: at the prior's mean and at two draws."""
    searcher = BayesianSearcher(SMOOTH, seed=0)
    starts = {n: searcher.fresh_starts(n) for n in range(8, 40)}
    assert [n for n in starts if starts[n]] == [8, 12, 18, 27]
    mean, deviation = theta_prior(len(SMOOTH))
    draws = []
    for i in range(8, 208):
        searcher.next_restart = 0
        first, *others = searcher.fresh_starts(i)
        np.testing.assert_array_equal(first, mean)
        assert len(others) == 2
        draws += [(theta - mean) / deviation for theta in others]
    assert stats.kstest(np.ravel(draws), "norm").pvalue > 1e-4


def test_a_fit_to_the_trials_of_one_branch_is_none_of_all_trials():
    searcher = BayesianSearcher(SMALL, seed=0)
    searcher.branch = searcher.branches.active[0]
    assert searcher.fresh_starts(100) == []
    searcher.branch = None
    assert len(searcher.fresh_starts(8)) == 3


def test_steps_are_reflected_at_the_borders():
    """A step that were cut off would pile points up there."""
    searcher = BayesianSearcher({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}, seed=0)
    for border in (0.0, 1.0):
        start = np.full((4000, 2), 0.98 if border else 0.02)
        moved = searcher.perturb(start, 0.3)
        assert ((moved >= 0) & (moved <= 1)).all()
        steps = np.abs(moved - border)[moved != start]
        assert len(steps) > 2000 and (steps > 0).all()
        # the distance of a normal step from the border is the absolute value of a normal number
        assert np.median(steps) == pytest.approx(0.3 * stats.halfnorm.median(), rel=0.15)


def test_a_choice_that_moves_is_drawn_anew_wherever_it_was():
    searcher = BayesianSearcher({"kind": categorical(["a", "b", "c", "d"])}, seed=0)
    start = np.full((4000, 1), 0.125)
    moved = searcher.perturb(start, 0.01)
    shares = np.bincount((4 * moved[moved != start]).astype(int), minlength=4)
    assert shares.min() > 0.2 * shares.sum()


def test_the_search_for_the_best_point_leaves_none_for_a_worse_one():
    """Around the maximum every step is worse, though less and less as steps become shorter."""
    searcher = BayesianSearcher({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}, seed=0)
    best = np.array([[0.3, 0.6]])
    found = searcher.maximise(lambda points: -np.abs(points - best).sum(axis=1), best)
    np.testing.assert_array_equal(found, best[0])


def test_the_search_for_the_best_point_compares_where_its_climbs_end():
    """A start on a needle is the best one, until others have climbed the steep mountain."""
    searcher = BayesianSearcher({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}, seed=0)
    needle, top = np.array([[0.9, 0.1]]), np.array([0.31, 0.62])

    def score(points):
        mountain = 0.6 - 20 * np.abs(points - top).sum(axis=1)
        return np.where((points == needle).all(axis=1), 0.3, mountain)

    assert np.abs(searcher.maximise(score, needle) - top).max() < 0.01


@pytest.mark.parametrize("optimum", [[0.31, 0.62], [0.0, 1.0], [0.97, 0.5]])
def test_the_search_for_the_best_point_comes_close_to_a_smooth_maximum(optimum):
    searcher = BayesianSearcher({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}, seed=0)
    found = searcher.maximise(lambda points: -((points - optimum) ** 2).sum(axis=1),
                              np.full((1, 2), 0.5))
    assert np.abs(found - optimum).max() < 0.01


# -- failures -------------------------------------------------------------------------------------

def cliff(config):
    """Better and better towards a cliff, beyond which trials fail."""
    return math.nan if config["x"] > 0.6 else 1 - config["x"]


@BOTH
def test_a_cliff_is_found_and_not_run_over_for_ever(kind):
    space = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}
    runs = np.array([ask_tell(kind(space, seed=seed), cliff, 40)[1] for seed in range(3)])
    assert np.nanmin(runs, axis=1).max() < 0.42
    assert np.isnan(runs[:, 20:]).mean() < 0.6


def test_no_trial_is_proposed_whose_nearest_trial_failed():
    searcher = BayesianSearcher({"x": stats.uniform(0, 1)}, seed=0, initial_points=1)
    for x, error in ((0.1, 0.9), (0.3, 0.7), (0.5, math.nan), (0.8, 0.6), (0.9, math.nan)):
        searcher.update({"x": x}, error)
    for _ in range(5):  # all pending
        x = searcher.sample_configuration()["x"]
        assert x <= 0.4 or 0.65 <= x <= 0.85


@BOTH
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_if_all_trials_fail_the_design_goes_on(kind, bad):
    searcher = kind(SMOOTH, seed=0)
    configs, _ = ask_tell(searcher, lambda config: bad, 40)
    assert len({repr(config) for config in configs}) == 40
    assert len(searcher.training_set()[1]) == 0
    ask_tell(searcher, bowl, 3)


# -- kinds of spaces ------------------------------------------------------------------------------

@BOTH
@pytest.mark.parametrize("fantasies", [True, False])
def test_a_small_space_is_exhausted_without_repeating(kind, fantasies):
    searcher = kind(SMALL, seed=0, initial_points=3)
    configs = []
    while (config := searcher.sample_configuration()) is not None:
        configs.append(config)
        if fantasies is False or len(configs) % 3 == 0:
            searcher.update(config, float(config["layers"]))
    assert len({repr(config) for config in configs}) == len(configs) == 2 + 2 * 4
    assert searcher.sample_configuration() is None


@BOTH
def test_a_space_of_constants_has_one_configuration(kind):
    searcher = kind({"x": 1, "name": "a"}, seed=0)
    assert searcher.sample_configuration() == {"x": 1, "name": "a"}
    searcher.update({"x": 1, "name": "a"}, 0.5)
    assert searcher.sample_configuration() is None


@BOTH
def test_a_large_categorical_space(kind):
    space = {name: categorical(list(range(9))) for name in "abcd"}
    configs, errors = ask_tell(kind(space, seed=0), lambda config: float(sum(config.values())), 60)
    assert len({repr(config) for config in configs}) == 60
    assert np.mean(errors[-10:]) < 0.6 * np.mean(errors[:10])


@BOTH
@pytest.mark.parametrize("error", [lambda config: 0.5, lambda config: 1e300 * config["x"],
                                   lambda config: -1e-300 * config["x"]])
def test_constant_huge_and_tiny_errors(kind, error):
    configs, _ = ask_tell(kind(SMOOTH, seed=0), error, 25)
    for config in configs:
        assert check_configuration(SMOOTH, config) == config


@BOTH
def test_what_a_program_does_about_floating_point_errors_is_its_own_affair(kind):
    """Models underflow: optuna/optuna#2639, automl/SMAC3#487, scikit-optimize#622 and #918."""
    def error(config):
        return math.exp(50 * bowl(config))
    plain = ask_tell(kind(SMOOTH, seed=0), error, 25)
    with np.errstate(all="raise"):
        assert ask_tell(kind(SMOOTH, seed=0), error, 25) == plain
        with pytest.raises(FloatingPointError):  # the program's own arithmetic still has it
            np.exp(np.array([-1e4]))


DOMAINS = st.sampled_from([stats.uniform(-1, 3), stats.loguniform(1e-5, 1e3), stats.triang(0.3),
                           stats.randint(0, 2), stats.randint(-3, 4000), lograndint(1, 10**6),
                           categorical(["only"]), categorical([1, 1.0, True, None, "x"]), 7])
ERRORS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0]))


@BOTH
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_suggestions_are_always_inside_the_space(kind, data):
    domains = data.draw(st.lists(DOMAINS, min_size=1, max_size=4))
    space = {f"h{i}": domain for i, domain in enumerate(domains)}
    if data.draw(st.booleans()):
        space["late"] = when(lambda config: hash(repr(config["h0"])) % 2 == 0, stats.uniform(0, 1))
    searcher = kind(space, seed=data.draw(st.integers(0, 99)), initial_points=3)
    running = []
    for _ in range(12):
        config = searcher.sample_configuration()
        if config is None:
            break
        assert check_configuration(space, config) == config
        running.append(config)
        if data.draw(st.booleans()):
            searcher.update(running.pop(0), data.draw(ERRORS))


# -- arguments and description --------------------------------------------------------------------

@BOTH
def test_bad_arguments_and_reports_are_named(kind):
    with pytest.raises(ValueError, match="initial_points is 0"):
        kind(SMOOTH, initial_points=0)
    with pytest.raises(ValueError, match="'x': 7.0 is outside"):
        kind(SMOOTH).update({"x": 7.0, "rate": 0.1, "act": "a", "units": 8}, 0.5)


def test_bad_numbers_of_fantasies_are_named():
    with pytest.raises(ValueError, match="fantasies is -1"):
        BayesianSearcher(SMOOTH, fantasies=-1)


def test_a_model_searcher_says_what_must_be_defined():
    searcher = ModelSearcher(SMOOTH, initial_points=1)
    searcher.update(searcher.sample_configuration(), 0.5)
    with pytest.raises(NotImplementedError, match="ModelSearcher must define propose_point"):
        searcher.sample_configuration()


@BOTH
def test_settings_are_plain_and_tell_searches_apart(kind):
    def description(**arguments):
        return json.dumps(BasicScheduler(kind(SMOOTH, **arguments)).describe())
    assert description() == description() != description(initial_points=5)
    assert description() != description(seed=1)
    if kind is BayesianSearcher:
        assert description() != description(fantasies=0)


@BOTH
def test_they_run_in_the_simulator_with_many_workers(kind):
    class Bowl:
        def curve(self, config):
            return [bowl(config)], [1 + config["x"]]
    records = simulate(BasicScheduler(kind(SMOOTH, seed=0)), Bowl(), n_workers=8,
                       number_of_trials=40)
    assert len({repr(config) for config in records["config"]}) == 40
    assert records["error"].min() < 0.05
