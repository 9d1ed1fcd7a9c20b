"""Gaussian processes of more than 100 trials: the factor grows, fits are rare, nothing depends on
whether a search was interrupted."""
import math
import pickle

import numpy as np
import pytest
from scipy import stats

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, BayesianSearcher, ConstrainedSearcher, CostAwareSearcher,
    GaussianProcess, HPOTuner, categorical, simulate,
)
from d2l_hpo.searchers import (
    GrownProcess, ProcessKeeper, grow_process, process_refit, rows_after, sample_rows, theta_prior,
)

SPACE = {"x": stats.uniform(0, 1), "y": stats.uniform(0, 1), "kind": categorical(["a", "b"])}
KINDS = pytest.mark.parametrize("kind", [
    BayesianSearcher,
    lambda space, **others: ConstrainedSearcher(space, limits={"memory": 1.0}, **others),
    lambda space, **others: CostAwareSearcher(space, cost="memory", **others),
], ids=["error", "limits", "cost"])


def objective(config):
    """A bowl, with a number that may be limited or a cost."""
    error = (config["x"] - 0.7) ** 2 + (config["y"] - 0.2) ** 2 + 0.1 * (config["kind"] == "a")
    return {"error": error, "memory": 0.5 + config["x"]}


def data(n, p=3, seed=0):
    points = np.random.default_rng(seed).random((n, p))
    return points, np.sin(5 * points).sum(axis=1)


def theta_of(p):
    return theta_prior(p)[0]


def assert_equal_processes(found, expected):
    for name in ("points", "targets", "signal", "factor", "weights"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-7,
                                   atol=1e-7)
    new = np.random.default_rng(9).random((20, found.points.shape[1]))
    for one, other in zip(found.predict(new), expected.predict(new), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)


# -- the factor -----------------------------------------------------------------------------------

@pytest.mark.parametrize("steps", [[1] * 40, [0, 5, 0, 35], [40]])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_an_extended_factor_is_that_of_a_new_factorisation(steps, shape):
    points, _ = data(140)
    targets = np.random.default_rng(1).standard_normal((140, *shape))
    process, n = GaussianProcess(points[:100], targets[:100], theta_of(3)), 100
    for step in steps:
        process = GrownProcess(process, points[n:n + step], targets[:n + step] + step)
        n += step
    fresh = GaussianProcess(points, targets + steps[-1], theta_of(3))
    assert_equal_processes(process, fresh)
    np.testing.assert_allclose(process.factor @ process.factor.T,
                               fresh.signal + fresh.noise * np.eye(140), rtol=0, atol=1e-12)
    assert (np.triu(process.factor, 1) == 0).all()


def test_equal_trials_and_the_smallest_noise_leave_the_factor_finite():
    points, targets = data(20, 2)
    theta = theta_of(2) - np.array([0, 0, -3, 6])
    process = GaussianProcess(points, targets, theta)
    for _ in range(3):
        process = GrownProcess(process, points, np.tile(targets, len(process.points) // 20 + 1))
    assert_equal_processes(process, GaussianProcess(process.points, process.targets, theta))


def test_a_process_follows_trials_in_any_order():
    points, targets = data(60)
    earlier = GaussianProcess(points[:50], targets[:50], theta_of(3))
    order = np.random.default_rng(2).permutation(60)
    found = grow_process(earlier, points[order], 2 * targets[order])
    assert isinstance(found, GrownProcess)
    np.testing.assert_array_equal(found.points[:50], points[:50])
    assert_equal_processes(found, GaussianProcess(found.points, found.targets, earlier.theta))
    assert {(*point, target) for point, target in zip(found.points, found.targets, strict=True)} \
        == {(*point, 2 * target) for point, target in zip(points, targets, strict=True)}


def test_a_process_that_loses_a_trial_is_computed_anew():
    points, targets = data(60)
    earlier = GaussianProcess(points[:50], targets[:50], theta_of(3))
    found = grow_process(earlier, points[1:], targets[1:])
    assert_equal_processes(found, GaussianProcess(points[1:], targets[1:], earlier.theta))


def test_rows_of_known_points_come_first_and_equal_ones_are_counted():
    a, b, c = [0.1, 0.2], [0.3, 0.4], [0.5, 0.6]
    assert rows_after(np.array([b, a]), np.array([a, c, b])) == [2, 0, 1]
    assert rows_after(np.array([a, a]), np.array([a, b, a, a])) == [0, 2, 1, 3]
    assert rows_after(np.array([a, a]), np.array([a, b])) is None


def test_fantasies_of_a_grown_process_are_those_of_a_new_one():
    points, targets = data(120)
    fresh = GaussianProcess(points, targets, theta_of(3))
    grown = GrownProcess(GaussianProcess(points[:90], targets[:90], theta_of(3)), points[90:],
                         targets)
    one, other = (process.fantasise(np.full((4, 3), 0.4) + np.eye(4, 3) / 9, 16,
                                    np.random.default_rng(0)) for process in (grown, fresh))
    assert isinstance(one, GrownProcess) and not isinstance(other, GrownProcess)
    assert_equal_processes(one, other)


# -- when it is fitted, and to what ---------------------------------------------------------------

@pytest.fixture
def fits(monkeypatch):
    """The numbers of trials that were fitted to."""
    sizes = []

    def fit(points, targets, groups, starts):
        sizes.append(len(targets))
        return GaussianProcess(points, targets, theta_of(points.shape[1]), groups)

    monkeypatch.setattr(process_refit, "fit_gaussian_process", fit)
    return sizes


def test_fits_become_rare_and_stay_small(fits):
    points, targets = data(260)
    keeper, fitted_at = ProcessKeeper(np.arange(3)), []
    for n in range(90, 261):
        before = len(fits)
        process = keeper.fit(points[:n], targets[:n])
        assert len(process.targets) == n
        fitted_at += [n] * (len(fits) - before)
    assert fitted_at == [*range(90, 101), 105, 111, 117, 123, 130, 137, 144, 152, 160, 168, 177,
                         186, 196, 206, 217, 228, 240, 252]
    assert all(size == n if n <= 200 else 100 <= size <= 200
               for size, n in zip(fits, fitted_at, strict=True))


def test_fewer_trials_than_before_are_fitted_to_again(fits):
    points, targets = data(150)
    keeper = ProcessKeeper(np.arange(3))
    for n in (150, 140, 141):
        keeper.fit(points[:n], targets[:n])
    assert fits == [150, 140]


@pytest.mark.parametrize("n", [2, 199, 200, 201, 333, 1000, 4001])
def test_a_fit_takes_trials_of_all_regions_and_of_all_errors(n):
    targets = np.random.default_rng(0).permutation(n)
    rows = sample_rows(targets)
    assert len(set(rows.tolist())) == len(rows) <= 200 and (n > 200 or len(rows) == n)
    for found in (rows, np.sort(targets[rows])):
        assert found[0] == 0 and found[-1] == n - 1 and np.diff(found).max() <= n / 99 + 1


def test_a_trial_that_surprises_the_model_is_fitted_to_at_once(fits):
    points, targets = data(260)
    keeper = ProcessKeeper(np.arange(3))
    keeper.fit(points[:240], targets[:240])
    keeper.fit(points[:241], targets[:241])
    assert len(fits) == 1
    keeper.fit(points[:242], np.append(targets[:241], targets.max() + 30))
    assert len(fits) == 2


@pytest.mark.parametrize("flat", [150, 300])
def test_the_first_good_trial_after_many_alike_changes_the_model(flat):
    """Most trials have the error of guessing; then one is better, with a short way down from it."""
    def error(config):
        return min(0.9, 0.1 + 4 * math.hypot(config["x"] - 0.7, config["y"] - 0.3))

    searcher = BayesianSearcher({"x": stats.uniform(0, 1), "y": stats.uniform(0, 1)}, seed=0)
    rng = np.random.default_rng(0)
    while flat:
        config = {"x": float(rng.random()), "y": float(rng.random())}
        if error(config) == 0.9:
            searcher.update(config, 0.9)
            flat -= 1
    searcher.update(searcher.sample_configuration(), 0.9)
    searcher.update({"x": 0.78, "y": 0.36}, error({"x": 0.78, "y": 0.36}))
    found = []
    for _ in range(10):
        config = searcher.sample_configuration()
        found.append(error(config))
        searcher.update(config, found[-1])
    assert min(found) < 0.2


# -- proposals ------------------------------------------------------------------------------------

def propose(searcher, n, running=0):
    """Return n proposals of a search with so many trials that are running at a time."""
    proposed, told = [], getattr(searcher, "told", 0)
    for _ in range(n):
        proposed.append(searcher.sample_configuration())
        searcher.queue = [*getattr(searcher, "queue", []), proposed[-1]]
        if len(searcher.queue) > running:
            result = objective(searcher.queue[0])
            error = math.nan if told % 10 == 9 else result["error"]
            searcher.update(searcher.queue.pop(0), error, None, {"memory": result["memory"]})
            told += 1
    searcher.told = told
    return proposed


def test_up_to_100_trials_the_model_is_fitted_to_all_each_time(monkeypatch):
    def search():
        searcher = BayesianSearcher(SPACE, seed=1, initial_points=90)
        for config in propose(BayesianSearcher(SPACE, seed=2, initial_points=90), 90):
            searcher.update(config, objective(config)["error"])
        configs = []
        for _ in range(18):
            configs.append(searcher.sample_configuration())
            searcher.update(configs[-1], objective(configs[-1])["error"])
        return configs
    found = search()
    monkeypatch.setattr(process_refit, "FITTED_ALWAYS", 1000)
    always = search()
    assert found[:11] == always[:11] and found != always


@KINDS
@pytest.mark.parametrize("running", [0, 3])
def test_proposals_can_be_repeated_and_a_copy_goes_on_alike(kind, running):
    searcher, again = (kind(SPACE, seed=3, initial_points=110) for _ in range(2))
    first = propose(searcher, 122, running)
    copy = pickle.loads(pickle.dumps(searcher))
    rest = propose(searcher, 6, running)
    assert propose(again, 128, running) == first + rest
    assert propose(copy, 6, running) == rest


@KINDS
def test_a_search_that_goes_on_from_its_journal_proposes_the_same(kind, tmp_path):
    def search(journal, trials):
        scheduler = BasicScheduler(kind(SPACE, seed=4, initial_points=104))
        tuner = HPOTuner(scheduler, objective, journal=tmp_path / journal)
        tuner.run(number_of_trials=trials)
        return [row["config"] for row in tuner.rows]
    whole = search("whole.jsonl", 120)
    for trials in (107, 113, 120):
        assert search("parts.jsonl", trials) == whole[:trials]


@pytest.mark.parametrize("epochs", ["all", "one"])
def test_trials_of_several_epochs_can_be_many(epochs):
    class Bowl:
        config_space = SPACE

        def curve(self, config):
            error = objective(config)["error"]
            return [error + 1 / epoch for epoch in (1, 2, 3)], [1.0, 2.0, 3.0]

    def search():
        searcher = BayesianSearcher(SPACE, seed=5, initial_points=110, epochs=epochs)
        records = simulate(ASHAScheduler(searcher, eta=3, r_min=1, r_max=3), Bowl(), n_workers=3,
                           number_of_trials=125)
        assert records["config"].map(str).nunique() >= 125
        return records["config"].tolist()
    assert search() == search()


def test_many_trials_are_still_searched_well():
    searcher = BayesianSearcher(SPACE, seed=6, initial_points=100)
    assert min(objective(config)["error"] for config in propose(searcher, 125)) < 1e-4
