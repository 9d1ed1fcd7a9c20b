"""The comparison of searchers: adapters, repeatable searches, kept results and statistics."""
import json
import math
import re
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
from scipy import stats

from d2l_hpo import DigitsBenchmark, HPOSearcher, categorical, check_configuration, lograndint
from d2l_hpo import sample_configurations
from d2l_hpo.simulation.task_spaces import SPACES

from benchmarks import archive, conversions, methods, search_quality, summary
from benchmarks.methods import METHODS, Method, OurSearcher
from benchmarks.real_tasks import REAL_TASKS
from benchmarks.tasks import DEVELOPMENT, HELD_OUT, INDEPENDENT, Task

MODULES = {"optuna": "optuna", "syne-tune": "syne_tune", "statsmodels": "statsmodels",
           "xgboost-cpu": "xgboost", "huggingface_hub": "huggingface_hub", "botorch": "botorch",
           "gpytorch": "gpytorch", "torch": "torch", "smac": "smac", "ConfigSpace": "ConfigSpace",
           "ax-platform": "ax"}


def distance(configs):
    """A smooth function on LeNet's space; it refuses what lies outside."""
    configs = [check_configuration(SPACES["lenet"], config) for config in configs]
    return np.array([abs(math.log(config["learning_rate"] / 0.1)) + config["momentum"]
                     + (config["activation"] != "relu") for config in configs])


@pytest.fixture
def smooth_task(monkeypatch):
    monkeypatch.setattr(search_quality, "load_task",
                        lambda name, seed=0: Task(SPACES["lenet"], distance))


def require(method):
    for package in METHODS[method].make.func.packages:
        pytest.importorskip(MODULES[package])


# -- methods --------------------------------------------------------------------------------------

@pytest.mark.parametrize("method", METHODS)
def test_a_search_depends_on_its_seed_only(smooth_task, method):
    require(method)
    n = 30 if METHODS[method].evaluations(100) == 100 else 12  # the others are slow
    one, other, again = (search_quality.search("smooth", method, seed, n)["errors"]
                         for seed in (3, 4, 3))
    assert len(one) == n
    assert one == again != other


@pytest.mark.parametrize("method", ["optuna.TPESampler", "syne_tune.TPE", "BayesianSearcher",
                                    "TPESearcher"])
def test_a_model_is_told_the_errors(smooth_task, method):
    require(method)
    errors = [search_quality.search("smooth", method, seed, 60)["errors"] for seed in range(3)]
    assert np.median(np.array(errors)[:, 40:]) < 0.6 * np.median(np.array(errors)[:, :10])


class Three(HPOSearcher):
    """Proposes three configurations and keeps what it is told."""

    told = []

    def sample_configuration(self):
        if len(self.told) == 3:
            return None
        return dict(zip(SPACES["lenet"], (0.1, 32, 0.5 + len(self.told) / 10, 0.01, 1, "relu"),
                        strict=True))

    def update(self, config, error, epoch=None, info=None):
        self.told.append((config["momentum"], error))


def test_a_search_ends_where_its_searcher_ends(smooth_task, monkeypatch):
    monkeypatch.setattr(methods.d2l_hpo, "Three", Three, raising=False)
    monkeypatch.setitem(METHODS, "three", Method(partial(OurSearcher, "Three")))
    monkeypatch.setattr(Three, "told", [])
    result = search_quality.search("smooth", "three", 0, 10)
    assert result["errors"] == [0.5, 0.6, 0.7] == [error for _, error in Three.told]
    assert [momentum for momentum, _ in Three.told] == [0.5, 0.6, 0.7]
    assert result["seconds"] > 0
    with pytest.raises(ValueError, match="three proposed nothing on smooth"):
        search_quality.search("smooth", "three", 0, 10)


def test_optuna_gets_the_same_domains():
    optuna = pytest.importorskip("optuna.distributions")
    space = {"rate": stats.loguniform(1e-4, 1), "momentum": stats.uniform(0.1, 0.8),
             "layers": stats.randint(1, 4), "units": lograndint(8, 64),
             "kind": categorical(["a", "b"]), "width": 2}
    assert conversions.to_optuna(space) == {
        "rate": optuna.FloatDistribution(1e-4, 1, log=True),
        "momentum": optuna.FloatDistribution(0.1, 0.9),
        "layers": optuna.IntDistribution(1, 3),
        "units": optuna.IntDistribution(8, 64, log=True),
        "kind": optuna.CategoricalDistribution(["a", "b"]),
        "width": optuna.CategoricalDistribution([2])}


@pytest.mark.parametrize(("space", "message"), [
    ({"x": stats.beta(2, 3)}, "'x'.*nothing like this beta"),
    ({"x": stats.loguniform(1, 2, loc=1)}, "'x'.*nothing like this loguniform"),
])
def test_what_optuna_lacks_is_an_error(space, message):
    pytest.importorskip("optuna.distributions")
    with pytest.raises(ValueError, match=message):
        conversions.to_optuna(space)


def test_numbers_beyond_a_border_are_moved_back():
    space = {"a": lograndint(8, 64), "x": stats.uniform(0, 1), "kind": categorical(["a"]), "w": 2}
    moved = methods.clip(space, {"a": 65, "x": -1e-17, "kind": "a", "w": 2})
    assert repr(moved) == "{'a': 64, 'x': 0.0, 'kind': 'a', 'w': 2}"
    inside = {"a": 8, "x": 0.1 + 0.2, "kind": "a", "w": 2}
    assert repr(methods.clip(space, inside)) == repr(inside)


# -- tasks ----------------------------------------------------------------------------------------

def test_a_recorded_task_is_the_surrogate_for_recorded_configurations_too():
    task = search_quality.load_task("digits")
    benchmark = DigitsBenchmark()
    configs = benchmark.configs[:50]
    errors = task.errors(configs)
    assert np.array_equal(errors, benchmark.surrogate.predict(configs)[0][:, 26])
    assert not np.array_equal(errors, benchmark.table("error")[:50, 26])
    assert task.errors(configs[7:8]) == pytest.approx(errors[7:8], abs=1e-9)
    with pytest.raises(ValueError, match="units"):
        task.errors([configs[0] | {"units": 1000}])


def test_the_smallest_error_is_the_designs_unless_a_smaller_one_is_known():
    task = Task(SPACES["lenet"], distance)
    of_design = distance(search_quality.design(SPACES["lenet"], 4096)).min()
    assert search_quality.smallest_error(task, 4096) == of_design < 0.1
    assert search_quality.smallest_error(Task(task.space, distance, 0.0), 4096) == 0


def test_the_functions_of_the_literature_have_their_known_minima():
    minima = {"branin": [(-math.pi, 12.275), (math.pi, 2.275), (9.42478, 2.475)],
              "hartmann6": [(0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)]}
    for name, points in minima.items():
        task = search_quality.load_task(name)
        values = task.errors([dict(zip(task.space, point, strict=True)) for point in points])
        assert values == pytest.approx(task.best_known, abs=2e-6)
        assert task.errors(search_quality.design(task.space, 4096)).min() > task.best_known


@pytest.mark.parametrize("name", REAL_TASKS)
def test_a_real_task_has_an_error_for_every_configuration_of_its_space(name):
    space, error = REAL_TASKS[name]()
    configs = sample_configurations(space, 6, np.random.default_rng(1))
    errors = [error(config) for config in configs]
    assert len(set(errors)) > 1 and min(errors) < 0.9 and max(errors) <= 2
    assert errors[0] == error(configs[0])


def test_a_model_that_fails_has_the_worst_error():
    _, error = REAL_TASKS["kernel-ridge-diabetes"]()
    assert error({"alpha": 1e-3, "kernel": "polynomial", "gamma": 10.0, "degree": 4,
                  "coef0": 0.0}) == 2


def test_bbob_tasks_know_their_smallest_value():
    pytest.importorskip("ioh")
    for name, seed in (("bbob-f3-d4", 0), ("bbob-f21-d2", 1)):
        task = search_quality.load_task(name, seed)
        errors = task.errors(search_quality.design(task.space, 64))
        assert errors.min() > task.best_known and len(task.space) == int(name[name.index("d") + 1])


def test_mixed_integer_tasks_know_their_smallest_value():
    pytest.importorskip("cocoex")
    for function, seed in ((8, 0), (8, 1), (24, 0)):
        task = search_quality.load_task(f"bbob-mixint-f{function}-d5", seed)
        configs = search_quality.design(task.space, 256)
        errors = task.errors(configs)
        assert 0 < errors.min() < errors.max()
        assert [len({config[name] for config in configs}) for name in task.space] == [
            2, 4, 8, 16, 256]


def test_the_halves_of_the_independent_tasks_share_nothing_and_are_alike():
    assert sorted(DEVELOPMENT + HELD_OUT) == sorted(INDEPENDENT)
    assert not set(DEVELOPMENT) & set(HELD_OUT)
    for half in (DEVELOPMENT, HELD_OUT):
        assert sum(name.startswith("bbob-f") for name in half) == 7
        assert sum(name.startswith("bbob-mixint") for name in half) == 2
        assert sum(name in REAL_TASKS for name in half) == 5


# -- conditions -----------------------------------------------------------------------------------

@pytest.mark.parametrize("method", ["BayesianSearcher", "optuna.TPESampler", "optuna.GPSampler",
                                    "smac.HPO", "ax.Client"])
def test_a_peer_proposes_configurations_of_a_conditional_space(method):
    require(method)
    space, _ = REAL_TASKS["sgd-breast"]()
    searcher = METHODS[method].make(space, 0)
    kinds = set()
    for number in range(12):
        config = searcher.ask()
        assert check_configuration(space, config) == config
        kinds.add((config["penalty"], "l1_ratio" in config))
        searcher.tell(config, 1 / (1 + number))
    assert kinds <= {("l2", False), ("l1", False), ("elasticnet", True)} and len(kinds) > 1


def test_the_forest_of_smac_is_asked_within_its_trials():
    """SMAC begins with ten Sobol points a hyperparameter, but with a quarter of its trials."""
    require("smac.HPO")
    method = METHODS["smac.HPO"]
    searcher = method.make({f"x{i}": stats.uniform(0, 1) for i in range(10)}, 0)
    origins = []
    for number in range(method.max_evaluations // 3):
        config = searcher.ask()
        origins.append(searcher.trial.config.origin)
        searcher.tell(config, 1 / (1 + number))
    assert sum("Initial" in origin for origin in origins) <= method.max_evaluations / 4
    assert "Initial" not in origins[-1]


def test_ties_are_ties_though_a_kept_search_has_fewer_digits():
    values = np.array([[[8.375209e-06], [8.375190e-06], [0.1]]])
    assert summary.ranks(values)[0, :, 0].tolist() == [1.5, 1.5, 3]


def test_configspace_gets_the_conditions():
    pytest.importorskip("ConfigSpace")
    space, _ = REAL_TASKS["sgd-breast"]()
    result = conversions.to_configspace(space, 0)
    assert {condition.child.name: condition.parent.name for condition in result.conditions} == {
        "l1_ratio": "penalty", "eta0": "learning_rate", "power_t": "learning_rate"}


# -- the summary ----------------------------------------------------------------------------------

def test_ranks_and_regrets_over_tasks_are_those_of_the_numbers():
    regret = {("t", "a"): np.full((4, 10), 2.0), ("t", "b"): np.full((4, 10), 1.0),
              ("u", "a"): np.full((4, 10), 30.0), ("u", "b"): np.full((4, 10), 60.0)}
    rows = summary.summary_rows(regret, lambda n: ["a", "b"], [10], "a")
    assert rows["a"]["rank at 10"] == "1.50 (1.00 to 2.00)"
    assert rows["b"]["rank at 10"] == "1.50 (1.00 to 2.00)"
    assert rows["a"]["regret at 10"] == "1.00 (1.00 to 1.00)"
    assert rows["b"]["regret at 10"] == "1.25 (0.50 to 2.00)"


def test_a_duel_says_where_ours_is_clearly_better_and_worse():
    rng = np.random.default_rng(0)
    ours = {("t", "a"): rng.normal(1, 0.1, (20, 5)), ("u", "a"): rng.normal(1, 0.1, (20, 5)),
            ("v", "a"): rng.normal(1, 0.1, (20, 5))}
    theirs = {("t", "b"): rng.normal(2, 0.1, (20, 5)), ("u", "b"): rng.normal(0.5, 0.1, (20, 5)),
              ("v", "b"): rng.normal(1, 0.1, (20, 5))}
    assert summary.duels(ours | theirs, "a", ["b"], 5) == {"b": (["t"], ["u"])}


def test_a_duel_is_stricter_the_more_tasks_and_opponents_there_are():
    differences = np.arange(10) - 2.0  # 2.5 above zero: p is 0.029
    assert 0.025 < stats.ttest_1samp(differences, 0).pvalue < 0.05
    regret = {("t", "a"): differences[:, np.newaxis], ("t", "b"): np.zeros((10, 1)),
              ("t", "c"): np.zeros((10, 1))}
    assert summary.duels(regret, "a", ["b"], 1) == {"b": ([], ["t"])}
    assert summary.duels(regret, "a", ["b", "c"], 1) == {"b": ([], []), "c": ([], [])}
    assert summary.duels(regret, "a", ["b", "c"], 1, together=False) == {
        "b": ([], ["t"]), "c": ([], ["t"])}


def test_a_win_counts_one_and_a_tie_half():
    ours, theirs = np.array([[1.0], [2.0], [3.0], [4.0]]), np.array([[2.0], [2.0], [4.0], [5.0]])
    regret = {("t", "a"): ours, ("t", "b"): theirs, ("t", "c"): np.zeros((2, 1))}
    assert summary.wins(regret, "a", "b", 1).startswith("88 (")
    assert summary.wins(regret, "b", "a", 1).startswith("12 (")
    assert summary.wins(regret, "a", "c", 1) == "0 (0 to 0)"
    assert summary.wins(regret, "a", "a", 1) == "50 (50 to 50)"


# -- kept results ---------------------------------------------------------------------------------

def test_a_fingerprint_tells_what_a_result_depends_on(monkeypatch):
    tasks = {"one": Task(SPACES["lenet"], distance),
             "other": Task(SPACES["lenet"], lambda configs: distance(configs) + 1e-6)}
    monkeypatch.setattr(search_quality, "load_task", tasks.get)
    versions = {"numpy": "1", "scipy": "1", "scikit-learn": "1", "optuna": "1"}
    monkeypatch.setattr(search_quality, "version", versions.get)

    def fingerprints():
        cases = [("one", "RandomSearcher", 10), ("other", "RandomSearcher", 10),
                 ("one", "RandomSearcher", 20), ("one", "optuna.QMCSampler", 10),
                 ("one", "optuna.TPESampler", 10)]
        return [search_quality.fingerprint(*case) for case in cases]

    before = fingerprints()
    assert before == fingerprints() and len(set(before)) == len(before)
    versions["optuna"] = "2"
    changed = [a != b for a, b in zip(before, fingerprints(), strict=True)]
    assert changed == [False, False, False, True, True]


def test_a_result_of_another_key_is_not_read(tmp_path):
    path, result = tmp_path / "x.json", {"key": "a", "errors": [0.1, 1 / 3], "seconds": 0.5}
    assert search_quality.read_result(path, "a") is None
    search_quality.write_result(path, result)
    assert search_quality.read_result(path, "a") == result
    assert search_quality.read_result(path, "b") is None
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.skipif(find_spec("optuna") is None, reason="needs Optuna")
def test_the_benchmark_runs_what_is_missing_and_prints_both_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(search_quality, "DESIGN_SIZE", 512)
    options = ["--tasks", "digits", "--seeds", "2", "--evaluations", "12", "--processes", "1"]
    search_quality.main([*options, "--methods", "optuna.RandomSampler"], tmp_path)
    first, progress = capsys.readouterr()
    assert "4/4" in progress
    assert re.search(r"^\| digits \| `RandomSearcher` \| 2 \| \d.* to .*\) \| [\d.]+ \|$", first,
                     re.MULTILINE)
    assert re.search(r"^\| `RandomSearcher` \| - \| [\d.]+ \|$", first, re.MULTILINE)
    assert "| task | method | seeds | after 10 | ms a suggestion |" in first
    path = tmp_path / "digits-optuna.RandomSampler-1.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    search_quality.main([*options, "--methods", "optuna.RandomSampler"], tmp_path)
    assert capsys.readouterr() == (first, "")
    path.write_text(json.dumps(kept | {"key": "of another version"}), encoding="utf-8")
    search_quality.main([*options, "--methods", "optuna.RandomSampler"], tmp_path)
    assert "1/1" in capsys.readouterr().err
    assert json.loads(path.read_text(encoding="utf-8"))["errors"] == kept["errors"]


# -- statistics -----------------------------------------------------------------------------------

def test_regret_is_the_smallest_error_so_far_above_the_smallest_known():
    results = {("t", "a"): [{"errors": [3.0, 5.0, 2.0]}, {"errors": [4.0, 1.0]}],
               ("t", "b"): [{"errors": [0.5, 0.25, 9.0]}], ("u", "a"): [{"errors": [7.0] * 3}]}
    regret = search_quality.regrets(results, {"t": 1.5, "u": 6.5}, 3)
    assert regret["t", "a"].tolist() == [[2.75, 2.75, 1.75], [3.75, 0.75, 0.75]]
    assert regret["t", "b"].tolist() == [[0.25, 0.0, 0.0]]
    assert regret["u", "a"].tolist() == [[0.5] * 3]


def test_an_interval_is_students():
    values = np.random.default_rng(0).exponential(size=20)
    expected = stats.ttest_1samp(100 * values, 0).confidence_interval(0.95)
    assert search_quality.interval(values) == (
        f"{100 * values.mean():.2f} ({expected.low:.2f} to {expected.high:.2f})")
    assert search_quality.interval(np.full(5, 0.25)) == "25.00 (25.00 to 25.00)"


def test_the_tables_hold_means_paired_differences_and_ranks():
    rng = np.random.default_rng(0)
    base, better = rng.random((4, 60)), rng.random((3, 60)) / 10
    regret = {("t", "RandomSearcher"): base, ("t", "m"): better}
    results = {pair: [{"seconds": 0.001}, {"seconds": 0.003}] for pair in regret}
    rows = search_quality.regret_table(regret, results, (10, 50)).splitlines()
    assert rows[0] == "| task | method | seeds | after 10 | after 50 | ms a suggestion |"
    assert rows[3] == (f"| t | `m` | 3 | {search_quality.interval(better[:, 9])} | "
                       f"{search_quality.interval(better[:, 49])} | 2 |")
    paired = stats.ttest_rel(better[:, 49], base[:3, 49]).confidence_interval(0.95)
    difference = 100 * (better[:, 49] - base[:3, 49]).mean()
    ranks = 1 + np.mean(better[:, 49] > base[:3, 49])
    assert search_quality.comparison_table(regret, 50).splitlines() == [
        "| method | t | mean rank (3 seeds) |",
        "| --- | --- | --- |",
        f"| `RandomSearcher` | - | {3 - ranks:.2f} |",
        f"| `m` | {difference:.2f} ({100 * paired.low:.2f} to {100 * paired.high:.2f}) | "
        f"{ranks:.2f} |"]


def test_equal_regrets_share_their_mean_rank():
    regret = {("t", "RandomSearcher"): np.zeros((2, 10)), ("t", "m"): np.zeros((2, 10)),
              ("t", "n"): np.ones((2, 10))}
    ranks = [row.split(" | ")[-1] for row in
             search_quality.comparison_table(regret, 10).splitlines()[2:]]
    assert ranks == ["1.50 |", "1.50 |", "3.00 |"]


def test_slow_methods_limit_their_evaluations(monkeypatch):
    slow = Method(partial(OurSearcher, "RandomSearcher"), max_evaluations=50)
    assert (slow.evaluations(100), slow.evaluations(20)) == (50, 20)
    monkeypatch.setitem(METHODS, "slow", slow)
    rows = search_quality.regret_table({("t", "slow"): np.ones((3, 100))},
                                       {("t", "slow"): [{"seconds": 0.001}]}, (50, 100))
    assert rows.splitlines()[2].endswith("| 100.00 (100.00 to 100.00) | - | 1 |")


def test_slow_methods_limit_their_seeds():
    assert Method(partial(OurSearcher, "RandomSearcher")).seeds(50) == 50
    assert Method(partial(OurSearcher, "RandomSearcher"), max_seeds=10).seeds(50) == 10
    assert Method(partial(OurSearcher, "RandomSearcher"), max_seeds=10).seeds(5) == 5


def test_the_record_has_nan_where_a_method_ran_less(monkeypatch, tmp_path):
    monkeypatch.setitem(METHODS, "slow", Method(partial(OurSearcher, "RandomSearcher"),
                                                max_evaluations=50))
    falling = np.linspace(1, 0, 100)
    regret = {("t", "RandomSearcher"): np.array([falling, 2 * falling]),
              ("t", "slow"): np.array([3 * falling])}
    results = {pair: [{"seconds": 0.5}, {"seconds": 1.5}] for pair in regret}
    search_quality.record(tmp_path / "study.npz", regret, results)
    with np.load(tmp_path / "study.npz") as study:
        assert list(study["tasks"]) == ["t"] and list(study["budgets"]) == [10, 20, 50, 100]
        assert list(study["methods"]) == ["RandomSearcher", "slow"]
        expected = falling[[9, 19, 49, 99]]
        np.testing.assert_allclose(study["regret"][0, 0], [expected, 2 * expected], rtol=1e-6)
        np.testing.assert_allclose(study["regret"][0, 1], [[*3 * expected[:3], np.nan],
                                                           [np.nan] * 4], rtol=1e-6)
        assert study["seconds"].tolist() == [[1.0, 1.0]]


# -- bad input ------------------------------------------------------------------------------------

@pytest.mark.parametrize(("arguments", "message"), [
    (["--methods", "RandomSearcher,magic"], "'magic' is unknown, choose from RandomSearcher"),
    (["--tasks", "cifar"], "'cifar' is unknown, choose from lenet, mlp, digits, branin"),
    (["--seeds", "1"], "--seeds: 1 is too small, expected at least 2"),
    (["--evaluations", "9"], "--evaluations: 9 is too small, expected at least 10"),
    (["--processes", "0"], "--processes: 0 is too small, expected at least 1"),
    (["--seeds", "many"], "--seeds: invalid"),
])
def test_bad_options_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        search_quality.main(arguments)
    assert message in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_remedy(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(OurSearcher, "packages", ("no-such-package",))
    with pytest.raises(SystemExit):
        search_quality.main(["--tasks", "digits", "--methods", "RandomSearcher"], tmp_path)
    assert ("no-such-package is missing; run: python -m pip install -r "
            "benchmarks/requirements.txt") in capsys.readouterr().err


def test_an_archive_keeps_what_tables_are_made_of(tmp_path):
    results = {"a-0": {"key": "k", "errors": [0.5, 0.7, 0.3, 0.3, 0.4], "seconds": 0.0123},
               "b-1": {"key": "l", "errors": [-2.0], "seconds": 1.0}}
    archive.keep(tmp_path / "kept.jsonl", results)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "b-1.json").write_text('{"key": "newer"}')
    archive.restore(tmp_path / "kept.jsonl", folder)
    found = json.loads((folder / "a-0.json").read_text())
    assert found == {"key": "k", "errors": [0.5, 0.5, 0.3, 0.3, 0.3], "seconds": 0.0123}
    assert (folder / "b-1.json").read_text() == '{"key": "newer"}'  # what is there stays
    archive.keep(tmp_path / "again.jsonl", {"a-0": found, "b-1": results["b-1"]})
    assert (tmp_path / "again.jsonl").read_text() == (tmp_path / "kept.jsonl").read_text()


def test_an_archive_is_restored_to_a_folder_that_a_fresh_clone_lacks(tmp_path):
    result = {"key": "k", "errors": [0.5], "seconds": 1.0}
    archive.keep(tmp_path / "kept.jsonl", {"a-0": result})
    archive.restore(tmp_path / "kept.jsonl", tmp_path / "_build" / "searches")
    assert json.loads((tmp_path / "_build/searches/a-0.json").read_text()) == result


def test_an_archive_that_is_not_there_restores_nothing(tmp_path):
    archive.restore(tmp_path / "kept.jsonl", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_kept_searches_are_of_known_tasks_and_methods():
    lines = map(json.loads, search_quality.ARCHIVE.read_text(encoding="utf-8").splitlines())
    known = {f"{task}-{method}" for task in INDEPENDENT for method in METHODS}
    names = [line["search"] for line in lines]
    assert names == sorted(set(names)) and {name.rsplit("-", 1)[0] for name in names} <= known
