"""Several objectives: dominance, fronts and hypervolume against brute force, and the searchers."""
import json
import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from d2l_hpo import (
    BasicScheduler, HPOTuner, NondominatedSortingSearcher, RandomSearcher, ScalarizingSearcher,
    categorical, check_configuration, crowding_distances, dominance, hypervolume, lograndint,
    nondominated_ranks, pareto_front, simulate, when,
)
from d2l_hpo.measures import read_objectives
from d2l_hpo.measures import order_by_front

SEARCHERS = [ScalarizingSearcher, NondominatedSortingSearcher]
SPACE = {"x": stats.uniform(0, 1), "rate": stats.loguniform(1e-4, 1), "units": lograndint(1, 64),
         "kind": categorical(["a", "b", "c"]),
         "slope": when(lambda config: config["kind"] == "b", stats.uniform(0, 1)), "fixed": 7}


def tables(objectives, numbers=None):
    """Tables of up to 12 points with many ties, and some failed trials."""
    numbers = numbers or st.sampled_from([0.0, 1.0, 2.0, 3.0, math.nan, math.inf])
    return hnp.arrays(float, st.tuples(st.integers(0, 12), objectives), elements=numbers)


def brute_dominates(a, b):
    """Dominance of two points as the definition says it."""
    if not all(map(math.isfinite, (*a, *b))):
        return False
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(
        x < y for x, y in zip(a, b, strict=True))


def brute_front(points, among):
    """The finite points among some indices that no other of them dominates."""
    return [i for i in among if all(map(math.isfinite, points[i]))
            and not any(brute_dominates(points[j], points[i]) for j in among)]


# -- dominance and fronts -------------------------------------------------------------------------

@settings(deadline=None)
@given(tables(st.integers(1, 4)))
def test_dominance_and_front_follow_the_definition(points):
    expected = [[brute_dominates(a, b) for b in points] for a in points]
    np.testing.assert_array_equal(dominance(points), np.array(expected).reshape(2 * (len(points),)))
    np.testing.assert_array_equal(pareto_front(points), brute_front(points, range(len(points))))


@settings(deadline=None)
@given(tables(st.integers(1, 4)))
def test_ranks_are_those_of_fronts_taken_away_one_by_one(points):
    ranks, left, rank = nondominated_ranks(points), list(range(len(points))), 0
    while front := brute_front(points, left):
        assert {*np.flatnonzero(ranks == rank)} - {*front} <= {*brute_failed(points)}
        assert all(ranks[i] == rank for i in front)
        left, rank = [i for i in left if i not in front], rank + 1
    assert left == brute_failed(points) and all(ranks[i] == rank for i in left)


def brute_failed(points):
    return [i for i, point in enumerate(points) if not all(map(math.isfinite, point))]


def test_duplicates_are_on_the_front_together():
    points = [[1, 2], [0, 3], [1, 2], [1, 3], [math.nan, 0], [-math.inf, -math.inf]]
    np.testing.assert_array_equal(pareto_front(points), [0, 1, 2])
    np.testing.assert_array_equal(nondominated_ranks(points), [0, 0, 0, 1, 2, 2])


def test_of_failed_trials_alone_none_is_on_the_front():
    points = np.full((3, 2), math.nan)
    assert len(pareto_front(points)) == 0 and (nondominated_ranks(points) == 0).all()
    assert sorted(order_by_front(points)) == [0, 1, 2]


# -- hypervolume ----------------------------------------------------------------------------------

def by_inclusion_and_exclusion(points, reference):
    """The volume of a union of boxes: a sum over all subsets of points."""
    total = 0.0
    for size in range(1, len(points) + 1):
        for subset in combinations(points, size):
            sides = np.clip(reference - np.max(subset, axis=0), 0, None)
            total -= (-1) ** size * sides.prod()
    return total


@settings(deadline=None)
@given(st.integers(2, 3).flatmap(lambda m: hnp.arrays(
    float, st.tuples(st.integers(0, 7), st.just(m)), elements=st.floats(-1, 1.5))))
def test_hypervolume_is_that_of_a_union_of_boxes(points):
    reference = np.ones(points.shape[1])
    assert hypervolume(points, reference) == pytest.approx(
        by_inclusion_and_exclusion(points, reference), abs=1e-12)


@pytest.mark.parametrize("objectives", [2, 3])
def test_hypervolume_agrees_with_monte_carlo(objectives):
    rng = np.random.default_rng(objectives)
    points, draws = rng.random((30, objectives)), rng.random((200_000, objectives))
    dominated = np.zeros(len(draws), bool)
    for point in points:
        dominated |= (point <= draws).all(axis=1)
    share = dominated.mean()
    error = math.sqrt(share * (1 - share) / len(draws))
    assert hypervolume(points, np.ones(objectives)) == pytest.approx(share, abs=4 * error)
    assert error < 0.002


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_hypervolume_of_a_staircase(n):
    # n steps under the diagonal of the unit square: the square minus triangles of equal size
    points = [[i / (n + 1), 1 - (i + 1) / (n + 1)] for i in range(n)]
    expected = sum((n + 1 - i) / (n + 1) ** 2 for i in range(n))
    assert hypervolume(points, [1, 1]) == pytest.approx(expected)
    with_depth = [[*point, 0.5] for point in points]
    assert hypervolume(with_depth, [1, 1, 2.5]) == pytest.approx(2 * expected)


def test_hypervolume_of_a_dense_front_is_the_integral_beside_it():
    x = np.linspace(0, 1, 4001)
    quarter = np.column_stack([1 - np.cos(x * math.pi / 2), 1 - np.sin(x * math.pi / 2)])
    assert hypervolume(quarter, [1, 1]) == pytest.approx(math.pi / 4, abs=1e-3)


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(float, (6, 3), elements=st.floats(0, 1)), st.randoms(use_true_random=False))
def test_hypervolume_does_not_depend_on_order_or_dominated_points(points, random):
    volume = hypervolume(points, [1, 1, 1])
    rows, columns = random.sample(range(6), 6), random.sample(range(3), 3)
    assert hypervolume(points[rows][:, columns], [1, 1, 1]) == pytest.approx(volume, abs=1e-12)
    assert hypervolume(points[pareto_front(points)], [1, 1, 1]) == pytest.approx(volume, abs=1e-12)
    extra = np.vstack([points, points[:1] + 0.1, points[:1], [[math.nan, 0, 0]], [[2, -1, -1]]])
    assert hypervolume(extra, [1, 1, 1]) == pytest.approx(volume, abs=1e-12)


def test_nothing_below_the_reference_has_no_volume():
    assert hypervolume(np.empty((0, 2)), [1, 1]) == 0
    assert hypervolume([[1, 0], [0, 1]], [1, 1]) == 0
    assert hypervolume(np.full((2, 3), math.nan), [1, 1, 1]) == 0


@pytest.mark.parametrize(("points", "reference", "message"), [
    ([[0.0]], [1], "have 1 objectives"),
    ([[0.0] * 4], [1] * 4, "have 4 objectives"),
    ([[0.0, 0]], [1, 1, 1], "expected 2 finite numbers"),
    ([[0.0, 0]], [1, math.inf], "expected 2 finite numbers"),
    ([0.0, 1], [1, 1], "shape"),
    ([[0.0, 1], [1]], [1, 1], "equally many"),
    ([[]], [1, 1], "shape"),
    ([], [1], "have 1 objectives"),
])
def test_points_that_have_no_hypervolume(points, reference, message):
    with pytest.raises(ValueError, match=message):
        hypervolume(points, reference)


# -- crowding -------------------------------------------------------------------------------------

def test_crowding_is_the_gap_between_neighbours_as_a_part_of_the_range():
    front = [[0, 10], [1, 4], [4, 2], [10, 0]]
    inner = [4 / 10 + 8 / 10, 9 / 10 + 4 / 10]
    np.testing.assert_allclose(crowding_distances(front), [math.inf, *inner, math.inf])
    np.testing.assert_array_equal(order_by_front([*front, [10, 10]]), [0, 3, 2, 1, 4])


def test_crowding_of_equal_points_and_failed_trials():
    np.testing.assert_array_equal(crowding_distances([[1, 1]]), [math.inf])
    np.testing.assert_array_equal(crowding_distances([[1, 1]] * 3), [math.inf, 0, math.inf])
    with_failed = crowding_distances([[0, 2], [math.nan, 1], [1, 1], [2, 0]])
    np.testing.assert_array_equal(with_failed, [math.inf, math.nan, 2, math.inf])
    assert len(crowding_distances(np.empty((0, 2)))) == 0


def test_crowding_spans_all_floats():
    front = [[-1e308, 1e308], [0, 0], [1e308, -1e308]]
    np.testing.assert_array_equal(crowding_distances(front), [math.inf, 2, math.inf])
    scaled = np.array([[0, 10], [1, 4], [4, 2], [10, 0]]) * 1e307
    np.testing.assert_allclose(crowding_distances(scaled), crowding_distances(scaled / 1e307))


# -- what an objective returns --------------------------------------------------------------------

def test_objectives_are_read_by_name():
    assert read_objectives(["error", "size"], 0.1, {"size": 3, "other": "text"}) == [0.1, 3.0]
    assert read_objectives(["size"], 0.1, {"size": np.float32(2)}) == [2.0]
    assert np.isnan(read_objectives(["error", "size"], math.nan, None)).all()
    assert math.isnan(read_objectives(["error", "size"], 0.1, {"size": math.nan})[1])


@pytest.mark.parametrize(("info", "error"), [
    (None, ValueError), ({"latency": 1.0}, ValueError), ({"size": [1.0, 2.0]}, TypeError),
    ({"size": "3"}, TypeError), ({"size": None}, TypeError), ({"size": True}, TypeError)])
def test_an_objective_that_returns_something_else_is_an_error_with_its_name(info, error):
    with pytest.raises(error, match="'size'"):
        read_objectives(("error", "size"), 0.1, info)


def test_numbers_of_any_library_are_objectives():
    torch = pytest.importorskip("torch")
    values = [0.5, np.float32(0.5), np.array(0.5), torch.tensor(0.5)]
    assert [read_objectives(["size"], 0.1, {"size": value}) for value in values] == [[0.5]] * 4


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_the_tuner_stops_where_an_objective_is_missing(searcher):
    scheduler = BasicScheduler(searcher(SPACE, objectives=("error", "size")))
    with pytest.raises(ValueError, match="'size' is missing"):
        HPOTuner(scheduler, lambda config: config["x"]).run(number_of_trials=3)


# -- searchers ------------------------------------------------------------------------------------

def trade_off(config):
    """A smaller x has a smaller error, a larger one a smaller size."""
    return {"error": config["x"] ** 2 + config["rate"], "size": (1 - config["x"]) ** 2}


def run(searcher, n=60, objective=trade_off):
    """Run a search and return its objectives."""
    tuner = HPOTuner(BasicScheduler(searcher), objective)
    tuner.run(number_of_trials=n)
    names = ("error", "size")
    return tuner, np.array([read_objectives(names, *row) for row
                            in zip(tuner.records["error"], tuner.records["info"], strict=True)])


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_proposals_belong_to_the_space_and_do_not_repeat(searcher):
    initial = {"x": 0.5, "rate": 0.1, "units": 8, "kind": "a", "fixed": 7}
    tuner, _ = run(searcher(SPACE, initial, seed=1, objectives=("error", "size")))
    configs = list(tuner.records["config"])
    assert configs[0] == initial
    assert [check_configuration(SPACE, config) for config in configs] == configs
    assert len({repr(config) for config in configs}) == 60
    assert {config["kind"] for config in configs[16:]} == {"a", "b", "c"}


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_seed_decides_everything(searcher):
    first, second, other = (run(searcher(SPACE, seed=seed, objectives=("error", "size")), 40)[1]
                            for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_the_first_population_is_random_search(searcher):
    ours = searcher(SPACE, seed=5, objectives=("error", "size"), population=8)
    configs = list(run(ours, 20)[0].records["config"])
    random = RandomSearcher(SPACE, seed=5)
    expected = [random.sample_configuration() for _ in range(20)]
    assert configs[:8] == expected[:8] and configs[8] != expected[8]


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_children_cover_more_volume_than_random_draws(searcher):
    space = {name: stats.uniform(0, 1) for name in "abcde"}

    def objective(config):
        distance = sum((config[name] - 0.3) ** 2 for name in "bcde")
        return {"error": config["a"] ** 2 + distance, "size": (1 - config["a"]) ** 2 + distance}

    def volumes(make):
        return np.array([hypervolume(run(make(seed), 60, objective)[1], [1, 1])
                         for seed in range(20)])

    ours = volumes(lambda seed: searcher(space, seed=seed, objectives=("error", "size")))
    random = volumes(lambda seed: RandomSearcher(space, seed=seed))
    assert stats.wilcoxon(ours, random, alternative="greater").pvalue < 0.01


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_failed_trials_are_no_parents(searcher):
    ours = searcher(SPACE, objectives=("error", "size"), population=4)
    good = [{"x": x, "rate": 0.01, "units": 8, "kind": "a", "fixed": 7} for x in (0.2, 0.8)]
    bad = [{"x": x, "rate": 1e-4, "units": 64, "kind": "c", "fixed": 7} for x in (0.4, 0.6)]
    for config in bad:
        ours.update(config, math.nan, None, {})
    for config in good:
        ours.update(config, 0.1 + config["x"], None, {"size": 1 - config["x"]})
    values = np.array([*ours.values.values()])
    assert all({*ours.parents(values)} <= {2, 3} for _ in range(50))


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_search_in_which_everything_fails_goes_on_at_random(searcher):
    ours = searcher(SPACE, objectives=("error", "size"), population=2)
    with pytest.warns(UserWarning, match="no trial succeeded"):
        tuner, values = run(ours, 12, lambda config: {"error": math.nan, "size": 1.0})
    assert len(tuner.records) == 12 and np.isnan(values).all()
    assert len({config["x"] for config in tuner.records["config"]}) == 12


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_later_report_replaces_an_earlier_one(searcher):
    ours = searcher(SPACE, objectives=("error", "size"))
    config = {"x": 0.5, "rate": 0.1, "units": 8, "kind": "a", "fixed": 7}
    ours.update(config, 0.5, None, {"size": 1})
    ours.update(config, 0.3, None, {"size": 1})
    assert [*ours.values.values()] == [[0.3, 1.0]]


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_a_space_with_few_configurations_is_no_endless_loop(searcher):
    ours = searcher({"kind": categorical(["a", "b"])}, objectives=("error", "size"), population=2)
    tuner, _ = run(ours, 12, lambda config: {"error": 0.1, "size": 1.0})
    assert {config["kind"] for config in tuner.records["config"]} == {"a", "b"}


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_settings_are_plain_and_say_what_is_minimised(searcher):
    scheduler = BasicScheduler(searcher({"x": stats.uniform(0, 1)}, objectives=("error", "size")))
    description = json.loads(json.dumps(scheduler.describe()))
    assert description["settings"]["searcher"] == searcher.__name__
    assert description["settings"]["objectives"] == ["error", "size"]
    assert description["settings"]["population"] == 16


@pytest.mark.parametrize(("settings", "message"), [
    ({"objectives": "error"}, "objectives are 'error'"),
    ({"objectives": ()}, "objectives are"),
    ({"objectives": ("error", "error")}, "different names"),
    ({"objectives": ("error", "size"), "population": 1}, "population is 1"),
])
@pytest.mark.parametrize("searcher", SEARCHERS)
def test_bad_settings_name_value_and_remedy(searcher, settings, message):
    with pytest.raises(ValueError, match=message):
        searcher(SPACE, **settings)


def test_a_simulated_benchmark_passes_its_measurements_on():
    class Measured:
        config_space = SPACE

        def curve(self, config):
            return [config["x"]], [1.0]

        def measure(self, config):
            return {"size": 1 - config["x"]}

    ours = NondominatedSortingSearcher(SPACE, objectives=("error", "size"), population=4)
    records = simulate(BasicScheduler(ours), Measured(), n_workers=3, number_of_trials=20)
    sizes = [info["size"] for info in records["info"]]
    np.testing.assert_allclose(sizes, 1 - records["error"])
    assert all(info["elapsed_time"] == 1.0 for info in records["info"]) and len(ours.values) == 20
