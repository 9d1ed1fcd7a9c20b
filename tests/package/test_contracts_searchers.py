"""What the tests of other libraries demand of a sampler or searcher, demanded of all of ours.

`benchmarks/README.md` names the tests that the demands come from, and what does not apply here.
Each test runs for every public searcher; `every_method` finds and makes them.
"""
import copy
import inspect
import itertools
import json
import math
import os
import pickle
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from every_method import (
    FREE, SEARCHERS, SPACE, badness, make_searcher, measured, search, takes,
)
from scipy import stats

from d2l_hpo import (
    BasicScheduler, ConstrainedSearcher, CostAwareSearcher, DigitsBenchmark, HPOSearcher, HPOTuner,
    NondominatedSortingSearcher, RandomSearcher, RecordedSearcher, ScalarizingSearcher,
    SobolSearcher, categorical, check_configuration, lograndint, sample_configurations, when,
)

ROOT = Path(__file__).resolve().parents[2]
every = pytest.mark.parametrize("kind", SEARCHERS, ids=lambda kind: kind.__name__)
every_free = pytest.mark.parametrize("kind", FREE, ids=lambda kind: kind.__name__)
LEARNING = [kind for kind in SEARCHERS if kind.update is not HPOSearcher.update]
every_learning = pytest.mark.parametrize("kind", LEARNING, ids=lambda kind: kind.__name__)
FAILURES = [math.nan, math.inf, -math.inf]
PLAIN = {int, float, str, bool, type(None)}


def is_third(config):
    return config["kind"] == "c"


CONDITIONAL = {"kind": categorical(["a", "b", "c"]), "x": stats.uniform(0, 1),
               "units": when(is_third, lograndint(1, 64)),
               "rate": when(is_third, stats.loguniform(1e-5, 1))}

DOMAINS = {
    "float": stats.uniform(-1, 2), "negative float": stats.uniform(-1, 1),
    "logarithmic float": stats.loguniform(1e-7, 1), "truncated normal": stats.truncnorm(-2, 2),
    "beta": stats.beta(2, 5), "integer": stats.randint(-10, 11),
    "negative integer": stats.randint(-10, 1), "logarithmic integer": lograndint(1, 100),
    "integers with a step": categorical(list(range(-10, 11, 2))),
    "floats with a step": categorical([i / 10 for i in range(-102, 103)]),
    "words": categorical(["a", "b", "c"]), "types": categorical([1, "a", 1.0, True, None]),
}


def suggestions(searcher, n):
    """Draw up to n configurations without reporting any."""
    drawn = (searcher.sample_configuration() for _ in range(n))
    return [config for config in drawn if config is not None]


def test_all_public_searchers_are_found():
    assert {RandomSearcher, SobolSearcher, RecordedSearcher, ConstrainedSearcher} < {*SEARCHERS}
    assert len(FREE) >= len(SEARCHERS) - 1 and len(LEARNING) >= 7


# -- suggestions belong to the space --------------------------------------------------------------

@pytest.mark.parametrize("domain", DOMAINS)
@every_free
def test_one_hyperparameter_of_any_domain(kind, domain):
    searcher = make_searcher(kind, {"x": DOMAINS[domain]})
    found = [config["x"] for config in search(searcher, 10)]
    assert found and all(check_configuration(searcher.config_space, {"x": x}) for x in found)
    assert {type(x) for x in found} <= PLAIN
    if "logarithmic" in domain:
        assert min(found) > 0
    if domain == "integers with a step":
        assert all(x % 2 == 0 for x in found)


@pytest.mark.parametrize(("first", "second"), [*itertools.combinations(
    ["float", "logarithmic float", "integer", "logarithmic integer", "words"], 2)])
@every_free
def test_two_hyperparameters_of_different_domains(kind, first, second):
    searcher = make_searcher(kind, {"x": DOMAINS[first], "y": DOMAINS[second]})
    for config in search(searcher, 7):
        assert list(config) == ["x", "y"]
        assert check_configuration(searcher.config_space, config) == config


@every
def test_every_suggestion_has_all_hyperparameters_in_order_and_plain(kind):
    searcher = make_searcher(kind)
    for config in search(searcher, 12):
        checked = check_configuration(searcher.config_space, config)
        assert json.dumps(config) == json.dumps(checked)
        assert {type(value) for value in config.values()} <= PLAIN


@every_free
def test_domains_of_one_value(kind):
    space = {"a": categorical([1]), "b": stats.randint(1, 2), "c": lograndint(1, 1), "d": 1.0}
    found = search(make_searcher(kind, space), 6)
    assert found and all(config == dict.fromkeys("abcd", 1) for config in found)


@pytest.mark.parametrize("domain", [stats.uniform(1, 0), stats.uniform(1, 1e-17),
                                    stats.loguniform(1, 1)])
@every_free
def test_a_range_of_floats_without_length_is_refused_by_name(kind, domain):
    with pytest.raises(ValueError, match="hyperparameter 'x': .* with .* < high|high - low > 0"):
        make_searcher(kind, {"x": domain})


@every_free
def test_one_value_beside_a_hyperparameter_that_varies(kind):
    space = {"a": categorical(["only"]), "x": stats.uniform(0, 1), "b": stats.randint(3, 4)}
    found = search(make_searcher(kind, space), 12)
    assert {(config["a"], config["b"]) for config in found} == {("only", 3)}
    assert len({config["x"] for config in found}) > 1


@every_free
def test_what_is_active_changes_from_trial_to_trial(kind):
    searcher = make_searcher(kind, CONDITIONAL)
    found = search(searcher, 24)
    for config in found:
        assert check_configuration(searcher.config_space, config) == config
    assert {("rate" in config, "units" in config) for config in found} == {(True, True),
                                                                          (False, False)}


@every_free
def test_learning_where_a_trial_shares_only_the_condition_with_the_others(kind):
    searcher = make_searcher(kind, CONDITIONAL)
    for i in range(8):
        config = {"kind": "ab"[i % 2], "x": i / 8}
        searcher.update(config, i / 8, info=measured(config, i / 8))
    config = {"kind": "c", "x": 0.5, "units": 64, "rate": 1e-5}
    searcher.update(config, 0.01, info=measured(config, 0.01))
    for config in search(searcher, 6):
        assert check_configuration(searcher.config_space, config) == config


@every_free
def test_many_choices_and_many_hyperparameters(kind):
    choices = [f"choice {i}" for i in range(500)]
    assert {c["x"] for c in search(make_searcher(kind, {"x": categorical(choices)}), 8)} < {
        *choices}
    points = {"points": 1} if takes(kind, "points") else {}
    space = {f"x{i}": stats.uniform(i, 1) for i in range(30)}
    for config in search(make_searcher(kind, space, **points), 7):
        assert all(i <= config[f"x{i}"] <= i + 1 for i in range(30))


def test_a_quasi_random_sequence_takes_all_values_equally_often():
    for domain in (categorical(["a", "b", "c", "d"]), stats.randint(-2, 2)):
        for n in (4, 16, 64):
            found = search(SobolSearcher({"x": domain}, seed=n), n)
            assert {*Counter(config["x"] for config in found).values()} == {n // 4}


@every_free
def test_no_value_of_a_logarithmic_integer_is_out_of_reach(kind):
    found = Counter(config["n"] for config in search(
        make_searcher(kind, {"n": lograndint(1, 4)}, early=False, **(
            {"points": 64} if takes(kind, "points") else {})), 60, error=0.0))
    assert set(found) == {1, 2, 3, 4}


# -- seeds, copies, processes ---------------------------------------------------------------------

@pytest.mark.parametrize("error", [badness, 0.0], ids=["errors", "constant"])
@every
def test_a_seed_decides_every_suggestion(kind, error):
    first, again, other = (search(make_searcher(kind, seed=seed), 14, error) for seed in (1, 1, 2))
    assert first == again != other


@every
def test_each_of_some_seeds_is_another_search(kind):
    found = [json.dumps(search(make_searcher(kind, seed=seed), 3)) for seed in range(8)]
    assert len({*found}) == 8


REPEATED = """
import sys, json
from every_method import SEARCHERS, make_searcher, search
print(json.dumps([hash("a"), [search(make_searcher(kind, seed=1), 9) for kind in SEARCHERS]]))
"""


def test_a_seed_decides_in_other_processes_too():
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    printed = [json.loads(subprocess.run(
        [sys.executable, "-c", REPEATED], capture_output=True, check=True, text=True,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}).stdout)
        for seed in ("1", "2")]
    hashes, found = zip(*printed, strict=True)
    assert hashes[0] != hashes[1]
    assert found[0] == found[1] == [search(make_searcher(kind, seed=1), 9) for kind in SEARCHERS]


COPIES = {"copy": copy.deepcopy, "pickle": lambda kept: pickle.loads(pickle.dumps(kept))}


@pytest.mark.parametrize("way", COPIES)
@every
def test_a_copy_goes_on_alike_and_by_itself(kind, way):
    searcher = make_searcher(kind, CONDITIONAL)
    search(searcher, 7)
    suggestions(searcher, 2)
    other = COPIES[way](searcher)
    there = search(other, 7)
    assert there == search(searcher, 7)


@every
def test_random_numbers_of_the_program_are_neither_used_nor_moved(kind):
    random.seed(0)
    np.random.seed(0)
    before = random.getstate(), str(np.random.get_state())
    first = search(make_searcher(kind), 9)
    assert (random.getstate(), str(np.random.get_state())) == before
    random.seed(1)
    np.random.seed(1)
    assert search(make_searcher(kind), 9) == first


# -- failures, constants, odd numbers -------------------------------------------------------------

@every
def test_a_failure_is_the_same_whichever_number_it_returned(kind):
    def one_fails(failure):
        def error(config):
            return failure if crc32(json.dumps(config).encode()) % 3 == 0 else badness(config)
        return error
    found = [search(make_searcher(kind), 12, one_fails(failure)) for failure in FAILURES]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("failure", FAILURES)
@every
def test_a_search_in_which_everything_fails_goes_on(kind, failure):
    searcher = make_searcher(kind)
    found = search(searcher, 12, failure)
    assert len(found) == 12
    for config in found:
        assert check_configuration(searcher.config_space, config) == config


@pytest.mark.filterwarnings("ignore:trial . failed")
@pytest.mark.parametrize("failure", FAILURES)
@every
def test_a_failure_is_never_the_best_and_the_best_is_kept(kind, failure):
    errors = [5.0, 4.0, failure, 3.0, failure, 4.5, 2.0, failure]
    given = iter(errors)

    def objective(config):
        error = next(given)
        return {**measured(config, error), "size": 1.0, "error": error}
    tuner = HPOTuner(BasicScheduler(make_searcher(kind)), objective)
    for n, best in enumerate([5.0, 4.0, 4.0, 3.0, 3.0, 3.0, 2.0, 2.0], start=1):
        tuner.run(number_of_trials=n)
        assert tuner.incumbent_error == best
        assert tuner.incumbent == tuner.records["config"][errors.index(best)]


@pytest.mark.parametrize("error", [0.0, 1.0, -1.0, 1e300, -1e300, 1e-300])
@every
def test_equal_errors(kind, error):
    searcher = make_searcher(kind)
    found = search(searcher, 10, error)
    assert len({json.dumps(config) for config in found}) > 5
    for config in found:
        assert check_configuration(searcher.config_space, config) == config


@every
def test_errors_of_all_magnitudes_together(kind):
    errors = itertools.cycle([1e300, -1e300, 0.0, 1e-300, 1.0, 1e15])
    searcher = make_searcher(kind)
    with np.errstate(over="raise", invalid="raise"):
        found = search(searcher, 14, lambda config: next(errors))
    assert len(found) == 14


@pytest.mark.parametrize("number", [*FAILURES, -1.0, 0.0, 1e300])
@pytest.mark.parametrize("kind", [ConstrainedSearcher, NondominatedSortingSearcher,
                                  ScalarizingSearcher])
def test_numbers_beside_the_error_may_be_any(kind, number):
    searcher = make_searcher(kind)
    with np.errstate(over="raise", invalid="raise"):
        for i in range(12):
            config = searcher.sample_configuration()
            assert check_configuration(searcher.config_space, config) == config
            searcher.update(config, badness(config), info={"size": number if i % 2 else 1.0})


@pytest.mark.parametrize("number", [math.nan, math.inf, 1e-300, 1e300])
def test_a_cost_may_be_any_positive_number_or_unknown(number):
    searcher = make_searcher(CostAwareSearcher)
    with np.errstate(over="raise", invalid="raise"):
        for i in range(12):
            config = searcher.sample_configuration()
            assert check_configuration(searcher.config_space, config) == config
            price = number if i % 2 else 1.0
            searcher.update(config, badness(config), info={"elapsed_time": price})


@pytest.mark.parametrize("names", [("error",), ("error", "size"), ("size", "time", "error")])
@pytest.mark.parametrize("kind", [NondominatedSortingSearcher, ScalarizingSearcher])
def test_one_two_and_three_objectives(kind, names):
    searcher = kind(SPACE, objectives=names, population=4)
    for i in range(12):
        config = searcher.sample_configuration()
        assert check_configuration(searcher.config_space, config) == config
        searcher.update(config, badness(config), info={"size": i % 4, "time": i % 3})


@pytest.mark.parametrize("kind", [NondominatedSortingSearcher, ScalarizingSearcher])
def test_parents_that_are_equal_have_children_that_are_not(kind):
    searcher = kind({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}, seed=0,
                    objectives=("error", "size"), population=2)
    for x in (0.25, 0.25000000001):
        searcher.update({"x": x, "y": 0.5}, 0.1, info={"size": 1})
    assert len({json.dumps(config) for config in suggestions(searcher, 10)}) == 10


# -- trials at the same time, out of order, of other searches -------------------------------------

@every_free
def test_pending_trials_are_not_proposed_again(kind):
    searcher = make_searcher(kind, {"x": stats.uniform(0, 1), "y": stats.loguniform(1e-3, 1)})
    search(searcher, 5)
    pending = suggestions(searcher, 6)
    assert len({json.dumps(config) for config in pending}) == len(pending)
    for config in reversed(pending):
        searcher.update(config, badness(config), info=measured(config, badness(config)))
    later = suggestions(searcher, 2)
    assert all(config not in pending for config in later)


@every
def test_reports_in_any_order(kind):
    orders = itertools.islice(itertools.permutations(range(5)), 0, 120, 17)
    for order in orders:
        searcher = make_searcher(kind)
        pending = suggestions(searcher, 5)
        for i in order:
            searcher.update(pending[i], badness(pending[i]), info=measured(pending[i], 0.1))
        for config in search(searcher, 3):
            assert check_configuration(searcher.config_space, config) == config


@every
def test_trials_that_never_report(kind):
    searcher = make_searcher(kind)
    search(searcher, 5)
    lost = suggestions(searcher, 5)
    assert len(lost) == 5 and len(search(searcher, 5)) == 5


@every
def test_trials_of_other_searches(kind):
    searcher = make_searcher(kind)
    space = searcher.config_space
    for config in sample_configurations(space, 20, np.random.default_rng(5)):
        searcher.update(config, badness(config), info=measured(config, badness(config)))
    for config in search(searcher, 6):
        assert check_configuration(space, config) == config


@every
def test_reports_of_several_epochs_in_any_order(kind):
    searcher = make_searcher(kind)
    pending = suggestions(searcher, 6)
    for epoch in (4, 1, 2):
        for config in pending:
            error = badness(config) / epoch
            searcher.update(config, error, epoch, measured(config, error))
    for config in search(searcher, 4):
        assert check_configuration(searcher.config_space, config) == config


@every_learning
def test_a_report_of_a_configuration_that_cannot_be_is_named(kind):
    searcher = make_searcher(kind)
    good = searcher.sample_configuration()
    for config, message in [({**good, "other": 1}, "unknown hyperparameter 'other'"),
                            (dict(list(good.items())[1:]), "is missing")]:
        with pytest.raises(ValueError, match=message):
            searcher.update(config, 0.5, info=measured(good, 0.5))
    searcher.update(good, 0.5, info=measured(good, 0.5))
    assert len(search(searcher, 5)) == 5


# -- what is tried first, the end, and what belongs to whom ---------------------------------------

@pytest.mark.parametrize("kind", [kind for kind in SEARCHERS if takes(kind, "initial_configs")],
                         ids=lambda kind: kind.__name__)
def test_given_configurations_come_first_in_their_order(kind):
    space = make_searcher(kind).config_space
    given = sample_configurations(space, 5, np.random.default_rng(3))
    for first, more in [(None, given), (given[0], given[1:])]:
        searcher = make_searcher(kind, initial_config=first, initial_configs=more)
        found = search(searcher, 9)
        assert found[:5] == given and all(config not in given for config in found[5:])


@every_free
def test_the_end_of_a_finite_space_is_its_end(kind):
    searcher = make_searcher(kind, {"a": categorical(["x", "y"]), "b": stats.randint(0, 3)})
    found = search(searcher, 40)
    ends = searcher.sample_configuration() is None
    if takes(kind, "configs"):
        assert ends and len(found) == 40 or len(found) < 40
    elif ends:
        assert len(found) == 6 == len({json.dumps(config) for config in found})
    if ends:
        searcher.update(found[0], math.nan, info={})
        assert suggestions(searcher, 5) == []


@every_free
def test_failed_trials_use_up_a_finite_space_too(kind):
    space = {"a": categorical(["x", "y"]), "b": stats.randint(0, 3)}
    found = search(make_searcher(kind, space), 30)
    failing = search(make_searcher(kind, space), 30, math.nan)
    assert len(found) == len(failing)


@every
def test_what_was_proposed_belongs_to_the_caller(kind):
    def careless(searcher, n):
        found = []
        for i in range(n):
            config = searcher.sample_configuration()
            found.append(dict(config))
            for error in (badness(config), badness(found[-1]) / 2):  # two reports
                searcher.update(config, error, i, measured(found[-1], error))
                for name in config:
                    config[name] = "changed"
                config["other"] = 0
                config = dict(found[-1])
        return found

    def careful(searcher, n):
        found = []
        for i in range(n):
            found.append(searcher.sample_configuration())
            for error in (badness(found[-1]), badness(found[-1]) / 2):
                searcher.update(dict(found[-1]), error, i, measured(found[-1], error))
        return found
    assert careless(make_searcher(kind), 12) == careful(make_searcher(kind), 12)
    assert careless(make_searcher(kind), 12) == careful(make_searcher(kind), 12)


@every
def test_a_configuration_that_is_changed_after_its_second_report_is_not_the_searchers(kind):
    searchers = make_searcher(kind), make_searcher(kind)
    for searcher in searchers:
        found = search(searcher, 6)
        for config in found:
            told = dict(config)
            searcher.update(told, badness(config) / 2, epoch=1, info=measured(config, 0.1))
            if searcher is searchers[1]:
                told.clear()
    assert search(searchers[0], 6) == search(searchers[1], 6)


def test_recorded_configurations_are_not_changed_by_those_who_get_them():
    benchmark = DigitsBenchmark()
    before = copy.deepcopy(benchmark.configs)
    for config in suggestions(RecordedSearcher(benchmark), 20):
        config.clear()
    assert DigitsBenchmark().configs == benchmark.configs == before


@every
def test_settings_are_plain_and_stay_as_the_search_goes_on(kind):
    searcher = make_searcher(kind)
    before = json.dumps(searcher.settings(), allow_nan=False)
    search(searcher, 8)
    assert json.dumps(searcher.settings(), allow_nan=False) == before


@every
def test_the_seed_is_zero_unless_another_is_given(kind):
    assert inspect.signature(kind).parameters["seed"].default == 0


@every
def test_the_signature_says_which_arguments_there_are(kind):
    with pytest.raises(TypeError, match="unexpected keyword argument 'no_such_argument'"):
        make_searcher(kind, no_such_argument=1)
    assert "seed" in inspect.signature(kind).parameters
    for seed in (-1, 1.5, "a", None):
        with pytest.raises((TypeError, ValueError), match="seed"):
            make_searcher(kind, seed=seed) if not takes(kind, "configs") else kind(
                SPACE, [], seed=seed)
