"""Searchers and the basic scheduler: what comes when, and how a search describes itself."""
import json

import numpy as np
import pytest
from scipy import stats
from scripted_trials import Listed

from d2l_hpo import (
    BasicScheduler,
    HPOScheduler,
    HPOSearcher,
    HPOTuner,
    MultiObjectiveSearcher,
    PoolSearcher,
    RandomSearcher,
    Trial,
    categorical,
    lograndint,
)
from d2l_hpo.schedulers.brackets import BracketScheduler
from d2l_hpo.searchers.process_base import ProcessBase
from d2l_hpo.tuning.workers import Workers

SPACE = {"x": stats.uniform(0, 1), "units": lograndint(8, 256), "act": categorical(["a", "b"])}
FIRST = {"x": 0.25, "units": 16, "act": "b"}


# -- searchers ------------------------------------------------------------------------------------

def test_the_initial_configuration_comes_first_and_once():
    searcher = RandomSearcher(SPACE, initial_config=FIRST, seed=1)
    drawn = [searcher.sample_configuration() for _ in range(50)]
    assert drawn[0] == FIRST
    assert FIRST not in drawn[1:]
    without = RandomSearcher(SPACE, seed=1)
    assert drawn[1:] == [without.sample_configuration() for _ in range(49)]


def test_the_initial_configuration_is_never_changed():
    given = dict(FIRST)
    searcher = RandomSearcher(SPACE, initial_config=given)

    def objective(config):
        config["x"] = 99.0
        config.clear()
        return 0.5
    tuner = HPOTuner(BasicScheduler(searcher), objective)
    tuner.run(number_of_trials=2)
    other = RandomSearcher(SPACE, initial_config=given)
    other.sample_configuration().clear()
    assert other.initial_config == FIRST
    assert given == searcher.initial_config == tuner.records["config"][0] == FIRST
    assert tuner.incumbent == FIRST


def test_the_seed_decides_the_sequence():
    def draw(seed):
        searcher = RandomSearcher(SPACE, seed=seed)
        return [searcher.sample_configuration() for _ in range(20)]
    assert draw(3) == draw(3) != draw(4)
    assert len({config["x"] for config in draw(3)}) == 20


@pytest.mark.parametrize(("initial", "message"), [
    ({**FIRST, "lr": 1.0}, "unknown hyperparameter 'lr'"),
    ({"x": 0.1, "units": 16}, "hyperparameter 'act' is missing"),
    ({**FIRST, "x": 1.5}, "hyperparameter 'x': 1.5 is outside"),
])
def test_a_bad_initial_configuration_is_an_error(initial, message):
    with pytest.raises(ValueError, match=message):
        RandomSearcher(SPACE, initial_config=initial)


@pytest.mark.parametrize("space", [{}, {"x": (0, 1)}])
def test_a_bad_space_is_an_error(space):
    with pytest.raises((TypeError, ValueError), match="empty|'x'"):
        RandomSearcher(space)


def test_base_classes_say_what_must_be_defined():
    with pytest.raises(NotImplementedError, match="HPOSearcher must define propose"):
        HPOSearcher(SPACE).sample_configuration()
    scheduler = type("Lazy", (HPOScheduler,), {})()
    for method, arguments in (("suggest", ()), ("update", (Trial(0, {}), 0.1)), ("describe", ())):
        with pytest.raises(NotImplementedError, match=f"Lazy must define {method}"):
            getattr(scheduler, method)(*arguments)


@pytest.mark.parametrize(("base", "arguments", "methods"), [
    (BracketScheduler, (RandomSearcher(SPACE), 2, 1, 4), {"brackets": (), "winners": ([],)}),
    (MultiObjectiveSearcher, (SPACE,), {"parents": (np.zeros((2, 1)),)}),
    (ProcessBase, ([[0.5]], [0.1], [0.0, 0.0, 0.0]), {"kernel": ([[0.5]], [[0.5]])}),
    (Workers, (1, len, None), {"close": (), "submit": (0, {}, {}), "wait": ([],)}),
])
def test_what_a_subclass_must_define_is_named_with_its_class(base, arguments, methods):
    settings = {"objectives": ("error",)} if base is MultiObjectiveSearcher else {}
    lazy = type("Lazy", (base,), {})(*arguments, **settings)
    for method, values in methods.items():
        with pytest.raises(NotImplementedError, match=f"^Lazy must define {method}$"):
            getattr(lazy, method)(*values)


# -- schedulers -----------------------------------------------------------------------------------

def test_the_basic_scheduler_numbers_trials_until_none_is_left():
    scheduler = BasicScheduler(Listed(2), max_epochs=7)
    assert scheduler.suggest() == Trial(0, {"x": 0}, 7)
    assert scheduler.suggest() == Trial(1, {"x": 1}, 7, epoch=0)
    assert scheduler.suggest() is None is scheduler.suggest()
    scheduler.update(Trial(1, {"x": 1}, 7), 0.5, {"loss": 2})
    assert scheduler.searcher.told == [(1, 0.5, {"loss": 2, "epoch": 7})]


@pytest.mark.parametrize("max_epochs", [0, -3, 2.5, True, "3"])
def test_the_basic_scheduler_names_bad_max_epochs(max_epochs):
    with pytest.raises(ValueError, match="max_epochs is .*, expected a positive integer"):
        BasicScheduler(Listed(2), max_epochs)


def description(space=SPACE, initial_config=FIRST, seed=0, max_epochs=3):
    return BasicScheduler(RandomSearcher(space, initial_config, seed), max_epochs).describe()


def test_a_description_is_plain_and_does_not_change_as_the_search_goes_on():
    scheduler = BasicScheduler(RandomSearcher(SPACE, FIRST), 3)
    before = scheduler.describe()
    assert json.loads(json.dumps(before)) == before
    assert (before["class"], before["seed"]) == ("BasicScheduler", 0)
    scheduler.update(scheduler.suggest(), 0.5)
    assert scheduler.describe() == before == description()
    assert json.dumps(description(seed=np.int64(0))) == json.dumps(before)


@pytest.mark.parametrize("change", [
    {"space": {**SPACE, "x": stats.uniform(0, 2)}}, {"initial_config": None}, {"seed": 1},
    {"max_epochs": None}, {"initial_config": {**FIRST, "x": 0.5}},
])
def test_different_searches_have_different_descriptions(change):
    assert description(**change) != description()


# -- a pool of configurations ---------------------------------------------------------------------

def pool(seed=0, n=9):
    space = {"x": stats.randint(0, 100)}
    return PoolSearcher(space, [{"x": 10 * i} for i in range(n)], seed=seed)


def drawn(searcher):
    """All configurations until there is none left."""
    return list(iter(searcher.sample_configuration, None))


def test_a_pool_is_drawn_in_random_order_once():
    order = [config["x"] for config in drawn(pool())]
    assert sorted(order) == [10 * i for i in range(9)] != order
    assert drawn(pool()) == [{"x": x} for x in order] != drawn(pool(seed=1))
    empty = pool(n=0)
    assert empty.sample_configuration() is None and empty.sample_configuration() is None


def test_a_pool_says_its_size_and_refuses_what_is_not_in_the_space():
    assert pool(n=3).settings()["configurations"] == 3
    wrong = PoolSearcher({"x": stats.randint(0, 100)}, [{"x": 100}])
    with pytest.raises(ValueError, match="x"):
        wrong.sample_configuration()


def test_a_pool_keeps_its_configurations_to_itself():
    configs = [{"x": 1}]
    first = PoolSearcher({"x": stats.randint(0, 100)}, configs).sample_configuration()
    first["x"] = 2
    assert configs == [{"x": 1}]
