"""Spaces with branches: every fourth proposal is made in the branch with the fewest."""
import numpy as np
import pytest
from asking import ask_tell
from scipy import stats

from d2l_hpo import (
    BayesianSearcher, ConstrainedSearcher, CostAwareSearcher, categorical, when,
)
from d2l_hpo.searchers.branches import Branches
from d2l_hpo.spaces.space import check_space


def is_kind(*names):
    return lambda config: config["kind"] in names


TWO = {"kind": categorical(["flat", "deep"]), "shared": stats.uniform(0, 1),
       "x": when(is_kind("deep"), stats.uniform(0, 1)),
       "y": when(is_kind("deep"), stats.uniform(0, 1)),
       "z": when(is_kind("flat"), stats.uniform(0, 1))}


def deceptive(config):
    """Every error of "flat" is below most of "deep", which has the smallest in a well."""
    if config["kind"] == "flat":
        return 0.3 + 0.1 * (config["z"] - 0.5) ** 2
    away = (config["x"] - 0.8) ** 2 + (config["y"] - 0.2) ** 2
    return 1.3 - 1.3 * np.exp(-away / 0.1)


class Greedy(BayesianSearcher):
    """The searcher without turns."""

    turns = 0


def test_no_search_stays_out_of_the_branch_of_the_optimum():
    def chosen(kind):
        searches = [ask_tell(kind(TWO, seed=seed), deceptive, 40) for seed in range(6)]
        return [(sum(config["kind"] == "deep" for config in configs[8:]), min(errors))
                for configs, errors in searches]
    now, before = chosen(BayesianSearcher), chosen(Greedy)
    assert min(number for number, _ in now) >= 6
    assert max(error for _, error in now) < 0.1
    assert min(number for number, _ in before) <= 3 and max(error for _, error in before) > 0.25


@pytest.mark.parametrize("space", [
    {"a": stats.uniform(0, 1), "b": categorical(["x", "y", "z"]), "c": 3},
    {"a": stats.uniform(0, 1), "b": when(lambda config: True, stats.randint(0, 9))},
    {"a": stats.uniform(0, 1), "b": when(lambda config: config["a"] > 0.5, 7)}],
    ids=["no condition", "one that always holds", "of a constant"])
def test_where_there_is_one_branch_proposals_are_the_same(space):
    def error(config):
        return (config["a"] - 0.3) ** 2 + (config.get("b") in ("y", 4))
    assert ask_tell(BayesianSearcher(space, seed=2), error, 30) == ask_tell(
        Greedy(space, seed=2), error, 30)


def test_the_turn_is_every_fourth_and_of_the_branch_with_the_fewest():
    searcher = BayesianSearcher(TWO, seed=1)
    counts = {"flat": 0, "deep": 0}
    for i in range(40):
        fewest = min(counts, key=counts.get)
        is_tied = len(set(counts.values())) == 1
        config = searcher.sample_configuration()
        if i >= 8 and i % 4 == 0 and not is_tied:
            assert config["kind"] == fewest
        counts[config["kind"]] += 1
        searcher.update(config, deceptive(config))
    assert min(counts.values()) >= 8


def test_in_a_turn_only_trials_of_the_branch_are_known():
    searcher = BayesianSearcher(TWO, seed=0)
    kinds = ["flat", "deep", "flat", "flat", "deep", "flat"]
    for i, kind in enumerate(kinds):
        place = {"z": 0.1 * i} if kind == "flat" else {"x": 0.1 * i, "y": 0.5}
        searcher.update({"kind": kind, "shared": 0.5, **place}, np.nan if i > 3 else i)
    for branch in [None, *searcher.branches.active]:
        searcher.branch = branch
        own = kinds if branch is None else ["deep"] if branch[2] else ["flat"]  # x is active
        expected = [i for i, kind in enumerate(kinds) if kind in own]
        points, errors, failed = searcher.training_set()
        assert sorted(errors) == [i for i in expected if i <= 3] and len(points) == len(errors)
        assert len(failed) == len([i for i in expected if i > 3])


def test_the_branches_are_the_sets_of_active_hyperparameters():
    space = check_space({**TWO, "fixed": 2, "late": when(
        lambda config: config.get("x", 0) > 0.5, categorical([1, 2]))})
    names = ["kind", "shared", "x", "y", "z", "late"]
    active = [{name for name, is_active in zip(names, row, strict=True) if is_active}
              for row in Branches(space).active]
    assert sorted(map(sorted, active)) == sorted(map(sorted, [
        {"kind", "shared", "z"}, {"kind", "shared", "x", "y"},
        {"kind", "shared", "x", "y", "late"}]))


def test_a_branch_of_one_configuration_has_no_turn_once_that_was_tried():
    space = {"kind": categorical(["one", "many"]), "x": when(is_kind("many"), stats.uniform(0, 1))}
    configs, _ = ask_tell(BayesianSearcher(space, seed=0),
                          lambda config: (config.get("x", 0) - 0.3) ** 2, 30)
    assert sum(config["kind"] == "one" for config in configs) == 1


def test_small_spaces_of_branches_are_exhausted():
    space = {"kind": categorical(["a", "b"]), "n": when(is_kind("b"), stats.randint(0, 20))}
    searcher = BayesianSearcher(space, seed=0)
    configs, _ = ask_tell(searcher, lambda config: config.get("n", 10), 21)
    assert len({repr(config) for config in configs}) == 21
    assert searcher.sample_configuration() is None


def test_a_branch_whose_trials_all_fail_is_no_end():
    def error(config):
        return float("nan") if config["kind"] == "deep" else deceptive(config)
    configs, _ = ask_tell(BayesianSearcher(TWO, seed=3), error, 24)
    assert {config["kind"] for config in configs} == {"flat", "deep"}


def test_pending_trials_are_not_proposed_again():
    searcher = BayesianSearcher(TWO, seed=0)
    for _ in range(8):
        config = searcher.sample_configuration()
        searcher.update(config, deceptive(config))
    running = [searcher.sample_configuration() for _ in range(12)]
    assert len({repr(config) for config in running}) == 12
    deep = [(config["x"], config["y"]) for config in running if config["kind"] == "deep"]
    assert all(abs(np.subtract(a, b)).max() > 1e-3 for a in deep for b in deep if a is not b)


@pytest.mark.parametrize("kind, settings, info", [
    (ConstrainedSearcher, {"limits": {"size": 1.5}}, {"size": 1.0}),
    (CostAwareSearcher, {"cost": "size"}, {"size": 1.0})])
def test_searchers_with_more_models_have_turns_too(kind, settings, info):
    searcher, counts = kind(TWO, seed=1, **settings), {"flat": 0, "deep": 0}
    for _ in range(40):
        config = searcher.sample_configuration()
        searcher.update(config, deceptive(config), info=info)
        counts[config["kind"]] += 1
    assert min(counts.values()) >= 8


def test_in_a_turn_improvement_is_on_the_trials_of_the_branch_that_keep_the_limits():
    """The model of a branch says nothing about trials of another one."""
    seen = []

    class Watched(ConstrainedSearcher):
        def acquisition(self, model, points):
            if self.branch is not None:
                seen.append((len(self.kept), sum(
                    self.branches.contains(self.points[key][np.newaxis], self.branch)[0]
                    and numbers[0] < 0.5 for key, numbers in self.numbers.items())))
            return super().acquisition(model, points)

    searcher = Watched(TWO, seed=0, limits={"size": 0.5})
    for number in range(20):
        config = searcher.sample_configuration()
        searcher.update(config, deceptive(config), info={"size": 0.9 if number % 3 else 0.1})
    assert seen and all(kept == own for kept, own in seen)
    assert len({*seen}) > 1
