"""Grid and quasi-random search, and the comparison of methods over seeds."""
import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from d2l_hpo import (
    BasicScheduler,
    DigitsBenchmark,
    GridSearcher,
    RandomSearcher,
    SobolSearcher,
    categorical,
    check_configuration,
    incumbent_errors,
    lograndint,
    paired_bootstrap,
    repeat_search,
    simulate,
    to_unit_cube,
    when,
)
from d2l_hpo.searchers import grid_axes

SPACE = {"x": stats.loguniform(1e-4, 1), "units": stats.randint(1, 4),
         "kind": categorical(["a", "b", "c", "d"]), "fixed": 7}


def proposals(searcher, limit=10_000):
    """All configurations until the searcher has none left, at most `limit`."""
    return list(itertools.takewhile(lambda config: config is not None,
                                    (searcher.sample_configuration() for _ in range(limit))))


# -- grid -----------------------------------------------------------------------------------------

def test_a_grid_holds_every_combination_once():
    configs = proposals(GridSearcher(SPACE, points=2))
    assert len(configs) == 2 * 2 * 4 == len({tuple(config.values()) for config in configs})
    assert {config["kind"] for config in configs} == {"a", "b", "c", "d"}
    assert sorted({config["x"] for config in configs}) == pytest.approx([1e-3, 1e-1])
    assert {config["fixed"] for config in configs} == {7}


def test_more_points_than_integers_give_each_integer_once():
    configs = proposals(GridSearcher({"units": stats.randint(1, 4)}, points=9))
    assert sorted(config["units"] for config in configs) == [1, 2, 3]


def test_inactive_hyperparameters_do_not_repeat_grid_points():
    space = {"kind": categorical(["plain", "momentum"]),
             "momentum": when(lambda config: config["kind"] == "momentum", stats.uniform(0, 1))}
    configs = proposals(GridSearcher(space, points=3))
    assert sorted(map(len, configs)) == [1, 2, 2, 2]


def test_a_grid_is_in_an_order_that_the_seed_decides():
    orders = [[repr(config) for config in proposals(GridSearcher(SPACE, seed=seed))]
              for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def test_the_initial_configuration_comes_first_and_once():
    first = GridSearcher(SPACE, points=2).left[0]
    configs = proposals(GridSearcher(SPACE, initial_config=first, points=2))
    assert configs[0] == first and configs.count(first) == 1 and len(configs) == 16
    elsewhere = {**first, "x": 0.5}
    assert len(proposals(GridSearcher(SPACE, initial_config=elsewhere, points=2))) == 17


def test_a_huge_grid_is_refused_before_it_is_made():
    space = {f"x{i}": stats.uniform(0, 1) for i in range(30)}
    with pytest.raises(ValueError, match="points is 3, so a grid of 30 hyperparameters"):
        GridSearcher(space)


@pytest.mark.parametrize("points", [0, -1, 2.0, True, None])
def test_a_grid_names_bad_points(points):
    for make in (GridSearcher, grid_axes):
        with pytest.raises(ValueError, match="points is .*, expected a positive integer"):
            make(SPACE, points=points)


def test_a_grid_describes_its_points():
    described = [BasicScheduler(GridSearcher(SPACE, points=k)).describe() for k in (2, 2, 3)]
    assert described[0] == described[1] != described[2]


# -- Sobol ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("seed", range(3))
def test_sobol_points_are_balanced_at_powers_of_two(seed):
    space = {"x": stats.uniform(0, 1), "y": stats.loguniform(1e-5, 1), "z": stats.uniform(-1, 2)}
    searcher = SobolSearcher(space, seed=seed)
    points = np.array([to_unit_cube(space, searcher.sample_configuration()) for _ in range(32)])
    for n in (8, 16, 32):
        assert all(sorted((axis * n).astype(int)) == list(range(n)) for axis in points[:n].T)


def test_sobol_proposals_are_valid_and_depend_on_the_seed():
    runs = [[SobolSearcher(SPACE, seed=seed).sample_configuration() for _ in range(1)]
            for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]
    searcher = SobolSearcher(SPACE, initial_config={"x": 0.1, "units": 2, "kind": "b", "fixed": 7})
    configs = [searcher.sample_configuration() for _ in range(20)]
    assert configs[0]["x"] == 0.1
    assert all(check_configuration(SPACE, config) == config for config in configs)


def test_sobol_works_where_nothing_varies():
    assert SobolSearcher({"fixed": 1}).sample_configuration() == {"fixed": 1}
    assert proposals(GridSearcher({"fixed": 1})) == [{"fixed": 1}]


# -- incumbents -----------------------------------------------------------------------------------

def records(*rows):
    return pd.DataFrame(rows, columns=["end", "error"])


def test_incumbent_errors_are_steps_at_the_ends_of_trials():
    table = records((3.0, 0.2), (1.0, 0.5), (2.0, 0.7), (4.0, np.nan), (5.0, 0.1))
    found = incumbent_errors(table, [0.5, 1.0, 2.5, 3.0, 4.5, 5.0, 99.0])
    np.testing.assert_array_equal(found, [np.nan, 0.5, 0.5, 0.2, 0.2, 0.1, 0.1])


def test_failed_trials_never_become_incumbents():
    table = records((1.0, np.nan), (2.0, 0.4), (3.0, np.nan))
    np.testing.assert_array_equal(incumbent_errors(table, [1.5, 2.0, 3.5]), [np.nan, 0.4, 0.4])


def test_repeated_searches_are_simulations_with_each_seed():
    benchmark, times = DigitsBenchmark(), [0.5, 1.0, 2.0]
    found = repeat_search(lambda seed: BasicScheduler(RandomSearcher(benchmark.config_space,
                                                                     seed=seed)),
                          benchmark, times, seeds=3, n_workers=2)
    assert found.shape == (3, 3)
    for seed in range(3):
        scheduler = BasicScheduler(RandomSearcher(benchmark.config_space, seed=seed))
        single = simulate(scheduler, benchmark, n_workers=2, max_time=2.0)
        by_hand = [single["error"][single["end"] <= time].min() for time in times]
        np.testing.assert_array_equal(found[seed], by_hand)


# -- bootstrap ------------------------------------------------------------------------------------

def test_the_bootstrap_interval_agrees_with_the_normal_one_for_many_seeds():
    rng = np.random.default_rng(0)
    first, second = rng.normal(1, 2, 400), rng.normal(0, 1, 400)
    mean, low, high = paired_bootstrap(first, second)
    half = 1.96 * np.std(first - second, ddof=1) / 20
    assert mean == np.mean(first - second)
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.03)


def test_the_bootstrap_covers_the_true_difference_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        shared = rng.exponential(1, 50)
        _, low, high = paired_bootstrap(shared + rng.normal(0.3, 0.5, 50), shared)
        inside += low <= 0.3 <= high
    assert 180 <= inside <= 199


def test_intervals_grow_with_the_number_of_comparisons_as_bonferroni_says():
    rng = np.random.default_rng(0)
    first, second = rng.normal(1, 2, 400), rng.normal(0, 1, 400)
    error = np.std(first - second, ddof=1) / 20
    for comparisons in (1, 9, 25):
        mean, low, high = paired_bootstrap(first, second, comparisons=comparisons)
        half = stats.norm.ppf(1 - 0.025 / comparisons) * error
        assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.05)
    with pytest.raises(ValueError, match="comparisons is 0, expected a positive integer"):
        paired_bootstrap(first, second, comparisons=0)


def test_the_resamples_follow_from_their_seed_which_is_zero_by_default():
    first, second = np.random.default_rng(0).normal(size=(2, 30))
    intervals = [paired_bootstrap(first, second, seed) for seed in (0, 0, 1)]
    assert paired_bootstrap(first, second) == intervals[0] == intervals[1] != intervals[2]


def test_two_seeds_are_enough_for_an_interval():
    mean, low, high = paired_bootstrap([0.4, 0.3], [0.1, 0.2])
    assert (mean, low, high) == pytest.approx((0.2, 0.1, 0.3))


def test_equal_methods_differ_by_nothing():
    assert paired_bootstrap([0.1, 0.2, 0.3], [0.1, 0.2, 0.3]) == (0, 0, 0)


@pytest.mark.parametrize(("first", "second"), [
    ([1.0], [2.0]), ([1.0, np.nan], [1.0, 2.0]), ([[1.0, 2.0]], [[1.0, 2.0]]), ([], []),
])
def test_the_bootstrap_names_bad_differences(first, second):
    with pytest.raises(ValueError, match="expected a finite number in both"):
        paired_bootstrap(first, second)


def test_lists_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"first has shape \(3,\), second \(2,\)"):
        paired_bootstrap([1.0, 2.0, 3.0], [1.0, 2.0])


def test_a_searcher_of_integers_stays_inside():
    space = {"units": lograndint(8, 256)}
    searcher = SobolSearcher(space, seed=4)
    units = [searcher.sample_configuration()["units"] for _ in range(256)]
    assert min(units) >= 8 and max(units) <= 256


@pytest.mark.parametrize("times", [[], [5.0, 1.0], [1.0, 1.0], [[1.0, 2.0]], [1.0, np.nan]])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises(ValueError, match="expected seconds in increasing order"):
        repeat_search(lambda seed: BasicScheduler(RandomSearcher(SPACE)), DigitsBenchmark(), times)


def test_a_scheduler_that_is_not_new_is_refused():
    benchmark = DigitsBenchmark()
    scheduler = BasicScheduler(RandomSearcher(benchmark.config_space))
    with pytest.raises(ValueError, match="the same scheduler twice"):
        repeat_search(lambda seed: scheduler, benchmark, [1.0], seeds=2)


def test_a_grid_leaves_out_the_initial_configuration_only():
    space = {"a": categorical([1, True, 1.0, 2])}
    searcher = GridSearcher(space, initial_config={"a": 1})
    values = [searcher.sample_configuration()["a"] for _ in range(4)]
    assert repr(values[0]) == "1" and {*map(repr, values)} == {"1", "True", "1.0", "2"}
    assert searcher.sample_configuration() is None
