"""Configurations that are to be tried first: every searcher has them, and they are its trials."""
import inspect

import pytest
from scipy import stats

import d2l_hpo
from d2l_hpo import (
    BasicScheduler, BatchScheduler, DigitsBenchmark, HPOSearcher, HPOTuner, ModelSearcher,
    PoolSearcher, RecordedSearcher, categorical, check_configuration,
)

SPACE = {"x": stats.uniform(0, 1), "n": stats.randint(0, 9), "kind": categorical(["a", "b"])}
FIRST = [{"x": 0.25, "n": 3, "kind": "a"}, {"x": 0.5, "n": 8, "kind": "b"},
         {"x": 0.25, "n": 3, "kind": "a"}]
MORE = {"ConstrainedSearcher": {"limits": {"memory": 1.0}}, "CostAwareSearcher": {"cost": "memory"},
        "ScalarizingSearcher": {"objectives": ("error", "memory")},
        "NondominatedSortingSearcher": {"objectives": ("error", "memory")}}
"""What a searcher needs beside a space."""


def kinds():
    """All searchers of the package that can propose something, by introspection."""
    found = [value for name in d2l_hpo.__all__ if name.endswith("Searcher")
             and inspect.isclass(value := getattr(d2l_hpo, name))]
    abstract = {HPOSearcher, ModelSearcher, d2l_hpo.MultiObjectiveSearcher}
    return [kind for kind in found if kind not in abstract | {PoolSearcher}]  # a pool has its own


KINDS = pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)


def make(kind, **settings):
    if kind is RecordedSearcher:
        return kind(TASK, **settings)
    return kind(SPACE, **MORE.get(kind.__name__, {}), **settings)


TASK = DigitsBenchmark()


def firsts(kind):
    """Configurations to begin with, of the searcher's space."""
    configs = TASK.configs
    return [configs[7], configs[3], configs[7]] if kind is RecordedSearcher else FIRST


def objective(config):
    return {"error": 0.5, "memory": 0.5}


def proposals(searcher, n):
    configs = []
    for _ in range(n):
        configs.append(searcher.sample_configuration())
        searcher.update(configs[-1], 0.1 * len(configs), 1, {"memory": 0.5})
    return configs


def test_there_are_searchers_to_test():
    assert len(kinds()) >= 10
    assert "initial_configs" not in inspect.signature(PoolSearcher).parameters


@KINDS
def test_they_come_first_and_in_order(kind):
    first, second, third = firsts(kind)
    assert proposals(make(kind, initial_configs=[first, second, third]), 3) == [
        first, second, third]
    assert proposals(make(kind, initial_config=second, initial_configs=[first]), 2) == [
        second, first]
    assert proposals(make(kind, initial_configs=iter((first, second))), 2) == [first, second]


@KINDS
def test_afterwards_the_searcher_proposes_its_own(kind):
    searcher = make(kind, initial_configs=firsts(kind)[:2])
    found = proposals(searcher, 14)
    assert found[:2] == firsts(kind)[:2]
    assert all(check_configuration(searcher.config_space, config) == config for config in found)
    if isinstance(searcher, ModelSearcher) or kind is RecordedSearcher:
        assert len({repr(config) for config in found}) == 14  # the first ones count as proposed


@KINDS
def test_they_belong_to_the_search_and_to_its_journal(kind, tmp_path):
    def searching(configs, depth=0):
        scheduler = BasicScheduler(make(kind, initial_configs=configs))
        return HPOTuner(BatchScheduler(scheduler, 2) if depth else scheduler, objective,
                        journal=tmp_path / f"search{depth}.jsonl")
    first, second, _ = firsts(kind)
    assert make(kind, initial_configs=[first]).settings()["initial_configs"] == [first]
    assert "initial_configs" not in make(kind, initial_config=first).settings()
    for depth in (0, 1):
        searching([first, second], depth).run(number_of_trials=1)
        again = searching([first, second], depth)
        again.run(number_of_trials=3)
        assert list(again.records["config"][:2]) == [first, second]
        with pytest.raises(ValueError, match="another search: .*initial_configs"):
            searching([second, first], depth).run(number_of_trials=3)


@KINDS
def test_a_bad_one_is_named(kind):
    first = firsts(kind)[0]
    name = next(iter(first))
    with pytest.raises(ValueError, match=f"hyperparameter '{name}' is missing"):
        make(kind, initial_configs=[first, {key: first[key] for key in first if key != name}])
    with pytest.raises(ValueError, match="unknown hyperparameter 'other'"):
        make(kind, initial_configs=[{**first, "other": 1}])
    with pytest.raises(TypeError, match="a configuration is a dict"):
        make(kind, initial_configs=["x"])
    for no_list in (first, None):
        with pytest.raises(TypeError, match="initial_configs is .*, expected a list"):
            make(kind, initial_configs=no_list)


@KINDS
def test_they_are_copies(kind):
    configs = [dict(firsts(kind)[0])]
    searcher = make(kind, initial_configs=configs)
    configs[0].clear()
    searcher.sample_configuration().clear()
    assert searcher.settings()["initial_configs"] == [firsts(kind)[0]]


# -- a space in which nothing new is left ---------------------------------------------------------

@pytest.mark.parametrize("kind", [kind for kind in kinds() if issubclass(kind, ModelSearcher)],
                         ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("domain", [stats.randint(0, 1100), categorical(list(range(1010)))],
                         ids=["integers", "choices"])
def test_candidates_that_are_all_known_are_no_proposal(kind, domain):
    space = {"n": domain}
    searcher = kind(space, **MORE.get(kind.__name__, {}), initial_points=1)
    for n in range(150):
        searcher.update({"n": n}, abs(n - 70.0), 1, {"memory": 0.5})
    searcher.candidates, searcher.is_new = 8, watched(searcher)
    config = searcher.sample_configuration()
    assert config["n"] >= 150


def watched(searcher):
    """Call nothing new among the candidates of a model, but tell the truth about single points."""
    is_new = type(searcher).is_new
    return lambda points: is_new(searcher, points) & (len(points) == 1)


@pytest.mark.parametrize("kind", [kind for kind in kinds() if issubclass(kind, ModelSearcher)],
                         ids=lambda kind: kind.__name__)
def test_a_small_space_ends_after_each_configuration_was_tried_once(kind):
    searcher = kind({"a": stats.randint(0, 3), "b": categorical(["x", "y", "z"])},
                    **MORE.get(kind.__name__, {}), initial_points=2)
    search = HPOTuner(BasicScheduler(searcher), objective)
    search.run()
    assert len(search.records) == len({repr(config) for config in search.records["config"]}) == 9
