"""Regularized evolution: mutations, tournaments, ages, bad input."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from d2l_hpo import (
    BasicScheduler, MLPBenchmark, RandomSearcher, RegularizedEvolutionSearcher, categorical,
    check_configuration, lograndint, sample_configuration, simulate, to_unit_cube, when,
)
from d2l_hpo.spaces import mutate, perturb, reposition
from d2l_hpo.spaces import varying_names

SPACE = {"rate": stats.loguniform(1e-4, 1), "layers": stats.randint(1, 4),
         "act": categorical(["relu", "tanh", None]), "kind": "small",
         "units": when(lambda config: config["layers"] > 1, lograndint(8, 256)),
         "drop": when(lambda config: config.get("units", 0) > 100, stats.uniform(0, 0.5))}
SEEDS = st.integers(0, 10_000)


def changes(old, new):
    """The names whose values differ or that are in one of both only."""
    return {name for name in {*old, *new} if old.get(name, "absent") != new.get(name, "absent")}


# -- mutations ------------------------------------------------------------------------------------

@settings(deadline=None, max_examples=200)
@given(SEEDS)
def test_a_mutation_changes_one_value_and_what_depends_on_it(seed):
    rng = np.random.default_rng(seed)
    parent = sample_configuration(SPACE, rng)
    child = mutate(SPACE, parent, rng)
    assert check_configuration(SPACE, child) == child
    changed = changes(parent, child)
    assert 1 <= len(changed) and "kind" not in changed
    both = {name for name in changed if name in parent and name in child}
    assert len(both) == 1
    assert all(name in ("units", "drop") for name in changed - both)


def test_every_active_hyperparameter_is_mutated_alike_often():
    rng = np.random.default_rng(0)
    parent = {"rate": 0.1, "layers": 2, "act": "tanh", "kind": "small", "units": 200, "drop": 0.1}
    counts = dict.fromkeys(varying_names(SPACE), 0)
    for _ in range(1000):
        child = mutate(SPACE, parent, rng)
        counts[next(name for name in changes(parent, child) if name in child)] += 1
    assert min(counts.values()) > 150 and sum(counts.values()) == 1000


@pytest.mark.parametrize("space", [
    {"x": stats.randint(3, 4)}, {"x": categorical(["a"])},
    {"x": when(lambda config: config["a"] > 1, stats.uniform(0, 1)), "a": 1},
], ids=["one integer", "one choice", "never active"])
def test_a_space_of_one_configuration_gives_it_again(space):
    if "a" in space:
        space = {"a": space["a"], "x": space["x"]}
    config = sample_configuration(space, np.random.default_rng(0))
    assert mutate(space, config, np.random.default_rng(1)) == config


def test_repositioning_keeps_the_other_values_exactly():
    rng = np.random.default_rng(0)
    config = {"rate": 0.1 + 0.2, "layers": 1, "act": None, "kind": "small"}
    moved = reposition(SPACE, config, {"layers": 0.99}, rng)
    assert moved["rate"] == 0.1 + 0.2 and moved["act"] is None
    assert moved["layers"] == 3 and 8 <= moved["units"] <= 256
    assert reposition(SPACE, moved, {"layers": 0.0}, rng) == config
    assert config == {"rate": 0.1 + 0.2, "layers": 1, "act": None, "kind": "small"}


@settings(deadline=None, max_examples=200)
@given(SEEDS, st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0]))
def test_a_perturbed_configuration_is_one_of_the_space(seed, width, resample):
    rng = np.random.default_rng(seed)
    config = sample_configuration(SPACE, rng)
    assert check_configuration(SPACE, perturb(SPACE, config, rng, width, resample))


def test_a_perturbation_moves_each_axis_by_the_width_up_or_down_within_the_cube():
    space = {"x": stats.loguniform(1e-3, 1), "y": stats.uniform(0, 1), "z": stats.uniform(0, 1)}
    config, rng = {"x": 0.1, "y": 0.05, "z": 0.95}, np.random.default_rng(0)
    u = to_unit_cube(space, config)
    steps = np.array([to_unit_cube(space, perturb(space, config, rng, 0.1, 0)) - u
                      for _ in range(200)]).round(9)
    assert set(steps[:, 0]) == {-0.1, 0.1}
    assert set(steps[:, 1]) == {-0.05, 0.1} and set(steps[:, 2]) == {-0.1, 0.05}


def test_choices_are_perturbed_only_by_drawing_them_anew():
    space, rng = {"act": categorical(["relu", "tanh", "sigmoid"])}, np.random.default_rng(0)
    assert {perturb(space, {"act": "tanh"}, rng, 0.1, 0)["act"] for _ in range(50)} == {"tanh"}
    assert {perturb(space, {"act": "tanh"}, rng, 0.1, 1)["act"] for _ in range(50)} == {
        "relu", "tanh", "sigmoid"}


# -- the searcher ---------------------------------------------------------------------------------

def integers(**settings):
    """A searcher over one integer, so that configurations can be told apart."""
    space = {"x": stats.randint(0, 10**6), "y": stats.randint(0, 10**6)}
    return RegularizedEvolutionSearcher(space, **settings)


def family(searcher, config):
    """The members of the population that share a value with a configuration: its parents."""
    return [member for member, _ in searcher.population
            if member["x"] == config["x"] or member["y"] == config["y"]]


def test_the_first_proposals_are_those_of_random_search():
    searcher = integers(population_size=5, sample_size=2, initial_config={"x": 1, "y": 2}, seed=3)
    random = RandomSearcher(searcher.config_space, initial_config={"x": 1, "y": 2}, seed=3)
    for error in range(5):
        config = searcher.sample_configuration()
        assert config == random.sample_configuration()
        searcher.update(config, error)
    assert family(searcher, child := searcher.sample_configuration())
    assert child != random.sample_configuration()


def test_a_tournament_of_all_is_won_by_the_best():
    searcher = integers(population_size=4, sample_size=4)
    for x, error in enumerate([0.4, 0.1, 0.3, 0.2]):
        searcher.update({"x": x, "y": x}, error)
    for _ in range(20):
        assert family(searcher, searcher.sample_configuration()) == [{"x": 1, "y": 1}]


def test_a_tournament_of_one_is_a_random_draw():
    searcher = integers(population_size=4, sample_size=1)
    for x, error in enumerate([0.4, 0.1, 0.3, 0.2]):
        searcher.update({"x": x, "y": x}, error)
    parents = [family(searcher, searcher.sample_configuration())[0]["x"] for _ in range(100)]
    assert set(parents) == {0, 1, 2, 3}


def test_the_oldest_dies_even_if_it_is_the_best():
    searcher = integers(population_size=3, sample_size=3)
    for x, error in enumerate([0.1, 0.5, 0.4, 0.3]):
        searcher.update({"x": x, "y": x}, error)
    assert [member["x"] for member, _ in searcher.population] == [1, 2, 3]
    assert family(searcher, searcher.sample_configuration()) == [{"x": 3, "y": 3}]


@pytest.mark.parametrize("error", [math.nan, math.inf, -math.inf])
def test_a_failed_trial_is_no_member(error):
    searcher = integers(population_size=2, sample_size=2)
    searcher.update({"x": 0, "y": 0}, 0.5)
    searcher.update({"x": 1, "y": 1}, error)
    assert searcher.population == [({"x": 0, "y": 0}, 0.5)]


@pytest.mark.parametrize("error", [math.nan, math.inf, -math.inf])
def test_a_member_that_fails_later_loses_every_tournament_and_keeps_its_age(error):
    searcher = integers(population_size=2, sample_size=2)
    searcher.update({"x": 0, "y": 0}, 0.1, 1)
    searcher.update({"x": 1, "y": 1}, 0.5, 1)
    searcher.update({"x": 0, "y": 0}, error, 3)
    assert searcher.population == [({"x": 0, "y": 0}, math.inf), ({"x": 1, "y": 1}, 0.5)]
    assert family(searcher, searcher.sample_configuration()) == [{"x": 1, "y": 1}]


def test_where_all_fail_it_goes_on_at_random():
    searcher = integers(population_size=2, sample_size=2)
    for _ in range(50):
        searcher.update(searcher.sample_configuration(), math.nan)
    assert searcher.population == []


def test_a_later_report_of_a_member_replaces_its_error_and_not_its_age():
    searcher = integers(population_size=3, sample_size=3)
    for x in range(3):
        searcher.update({"x": x, "y": x}, 0.5, 1)
    searcher.update({"x": 0, "y": 0}, 0.1, 3)
    assert searcher.population[0] == ({"x": 0, "y": 0}, 0.1) and len(searcher.population) == 3
    searcher.update({"x": 3, "y": 3}, 0.5)
    assert [member["x"] for member, _ in searcher.population] == [1, 2, 3]


def test_equal_seeds_give_equal_searches_and_configurations_are_copies():
    runs = []
    for seed in (0, 0, 1):
        searcher = RegularizedEvolutionSearcher(SPACE, seed=seed, population_size=4, sample_size=2)
        configs = []
        for _ in range(20):
            config = searcher.sample_configuration()
            configs.append(dict(config))
            searcher.update(config, config["rate"])
            config.clear()
        runs.append(configs)
    assert runs[0] == runs[1] != runs[2]


def test_proposals_of_a_conditional_space_are_configurations():
    searcher = RegularizedEvolutionSearcher(SPACE, seed=0, population_size=5, sample_size=3)
    for i in range(100):
        config = searcher.sample_configuration()
        assert check_configuration(SPACE, config) == config
        searcher.update(config, abs(math.log10(config["rate"]) + 2) + 0.1 * (i % 3))
    assert min(error for _, error in searcher.population) < 0.2


def test_it_is_better_than_random_search_on_the_perceptron():
    benchmark = MLPBenchmark(measured=False)

    def best(cls, seed):
        scheduler = BasicScheduler(cls(benchmark.config_space, seed=seed))
        return simulate(scheduler, benchmark, number_of_trials=80)["error"].min()
    gains = [best(RandomSearcher, seed) - best(RegularizedEvolutionSearcher, seed)
             for seed in range(500, 515)]
    assert stats.wilcoxon(gains, alternative="greater").pvalue < 0.01


def test_its_description_names_its_settings():
    searcher = integers(population_size=7, sample_size=3, seed=5)
    assert BasicScheduler(searcher).describe()["settings"] == {
        "searcher": "RegularizedEvolutionSearcher", "initial_config": None,
        "population_size": 7, "sample_size": 3, "max_epochs": None}


@pytest.mark.parametrize(("arguments", "message"), [
    ({"population_size": 1}, "population_size is 1, expected an integer of at least 2"),
    ({"population_size": 2.5}, "population_size is 2.5, expected an integer"),
    ({"sample_size": 0}, "sample_size is 0, expected a positive integer"),
    ({"population_size": 4, "sample_size": 5},
     "sample_size is 5, more than population_size, 4; give at most that"),
    ({"config_space": {"x": 3}}, "config_space has only constants; give a hyperparameter"),
    ({"seed": 0, "initial_config": {"x": 5.0}}, "hyperparameter 'x'"),
])
def test_bad_arguments(arguments, message):
    arguments = {"config_space": {"x": stats.uniform(0, 1)}, **arguments}
    with pytest.raises(ValueError, match=message):
        RegularizedEvolutionSearcher(**arguments)
