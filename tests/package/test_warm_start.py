"""Searches that begin with what another one has found."""
import math
import warnings

import numpy as np
import pytest
from journaled import events
from scipy import stats
from scripted_trials import Listed

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, BatchScheduler, BayesianSearcher, ConstrainedSearcher,
    CostAwareSearcher, FoldScheduler, HPOScheduler, HPOTuner, HyperbandScheduler,
    NondominatedSortingSearcher, RandomSearcher, RegularizedEvolutionSearcher, ScalarizingSearcher,
    SuccessiveHalvingScheduler, TPESearcher, Trial, categorical, read_journal, when,
)
from d2l_hpo.tuning import read_known

SPACE = {"x": stats.uniform(0, 1), "kind": categorical(["a", "b"])}


def objective(config):
    if config["x"] > 0.9:
        raise ValueError("too large")
    return {"error": (config["x"] - 0.3) ** 2 + (config["kind"] == "b"), "loss": 2.0}


def quietly(search, **limits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.run(**limits)
    return search


def earlier(folder):
    """A search that has ended."""
    return quietly(HPOTuner(BasicScheduler(RandomSearcher(SPACE, seed=1)), objective,
                            journal=folder / "earlier.jsonl"), number_of_trials=30)


def learning(folder, source, space=SPACE, seed=2, **others):
    searcher = TPESearcher(space, seed=seed, initial_points=4)
    return HPOTuner(BasicScheduler(searcher), objective, warm_start=source,
                    journal=folder / "new.jsonl", **others)


SOURCES = {"tuner": lambda search: search, "rows": lambda search: search.rows,
           "records": lambda search: search.records, "jobs": lambda search: search.books.jobs,
           "path": lambda search: search.journal.path, "text": lambda search: str(
               search.journal.path)}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_search_learns_from_whatever_holds_the_results_of_another(kind, tmp_path):
    before = earlier(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = learning(tmp_path, SOURCES[kind](before))
        search.run(number_of_trials=1)
    reports = search.scheduler.searcher.reports
    assert len(reports) == 31
    failed = [errors for errors in reports.values() if math.isnan(errors[0][1])]
    assert len(failed) == sum(before.records["status"] == "failed") > 0
    assert len(search.rows) == 1 and search.incumbent_trial == 0  # of this search alone


def test_it_is_the_better_for_it(tmp_path):
    before, errors = earlier(tmp_path), {}
    for warm in (None, before):
        runs = []
        for seed in range(8):
            searcher = TPESearcher(SPACE, seed=seed, initial_points=8)
            search = HPOTuner(BasicScheduler(searcher), objective, warm_start=warm)
            quietly(search, number_of_trials=8)
            runs.append(search.records["error"].median())
        errors[warm is None] = np.mean(runs)
    assert errors[False] < 0.5 * errors[True]


def test_a_resumed_search_learns_the_same_from_the_journal(tmp_path):
    before = earlier(tmp_path)
    straight = HPOTuner(BasicScheduler(TPESearcher(SPACE, seed=2, initial_points=4)), objective,
                        warm_start=before.rows)
    quietly(straight, number_of_trials=8)
    for number, source in ((3, before.rows), (6, None), (8, before.rows[:2])):
        search = quietly(learning(tmp_path, source), number_of_trials=number)
    assert [row["config"] for row in search.rows] == [row["config"] for row in straight.rows]
    kinds = [event["event"] for event in events(tmp_path / "new.jsonl")]
    assert kinds.count("known") == 1 and kinds.index("known") == 1


def test_a_search_may_be_told_later(tmp_path):
    quietly(learning(tmp_path, None), number_of_trials=2)
    quietly(learning(tmp_path, earlier(tmp_path)), number_of_trials=4)
    last = quietly(learning(tmp_path, None), number_of_trials=6)
    assert len(last.scheduler.searcher.reports) == 36


def test_what_does_not_fit_is_named_once_and_the_rest_is_used(tmp_path):
    rows = [{"config": {"x": 0.5, "kind": "a"}, "error": 0.5},
            {"config": {"x": 1.5, "kind": "a"}, "error": 0.5},
            {"config": {"x": 0.5}, "error": 0.5},
            {"config": {"x": 0.25, "kind": "b", "depth": 3}, "error": 0.25},
            {"config": {"x": 0.125, "kind": "b", "depth": 4}, "error": math.inf}]
    search = learning(tmp_path, rows)
    with pytest.warns(UserWarning) as caught:
        search.run(number_of_trials=1)
    text, = [str(warning.message) for warning in caught if "warm_start" in str(warning.message)]
    assert "3 of 5 results can be used" in text
    assert "the space lacks 'depth', which was left out of 2" in text
    assert "hyperparameter 'x': 1.5 is outside" in text and "'kind'" in text
    assert len(search.scheduler.searcher.reports) == 4


WIDER = SPACE | {"depth": stats.randint(1, 5)}
CHANGED = {
    "shrank": ({"x": stats.uniform(0.2, 0.2), "kind": categorical(["a"])}, "'x': 0.* is outside"),
    "grew": (WIDER, "'depth' is missing .* with the value that it had then"),
    "has another type": (SPACE | {"x": stats.randint(0, 5)}, "'x': 0.* is float, expected an int"),
    "has words for numbers": (SPACE | {"x": categorical(["low", "high"])}, "is none of"),
    "has numbers for words": (SPACE | {"kind": stats.uniform(0, 1)}, "'[ab]' is str, expected a"),
    "renamed": ({"y": SPACE["x"], "kind": SPACE["kind"]}, "lacks 'x'.*'y' is missing"),
    "has another choice": (SPACE | {"kind": categorical(["b", "c"])}, "'a' is none of the choices"),
    "has another constant": (SPACE | {"kind": "a"}, "'b' is not the constant 'a'"),
}


@pytest.mark.parametrize(("space", "message"), CHANGED.values(), ids=CHANGED)
def test_of_a_space_that_changed_each_kind_of_misfit_is_named_once(space, message, tmp_path):
    def value(config):
        return 0.5
    before = quietly(HPOTuner(BasicScheduler(RandomSearcher(SPACE, seed=1)), value),
                     number_of_trials=40)
    searcher = TPESearcher(space, seed=2)
    search = HPOTuner(BasicScheduler(searcher), value, warm_start=before)
    with pytest.warns(UserWarning, match=f"warm_start: .* of 40 .*{message}") as caught:
        search.run(number_of_trials=1)
    text, = [str(warning.message) for warning in caught]
    assert len(text) < 450 and f"{len(searcher.reports) - 1} of 40 results can be used" in text


def test_results_of_another_objective_are_used_and_said_to_be(tmp_path):
    earlier(tmp_path)

    def another(config):
        return config["x"]
    search = HPOTuner(BasicScheduler(TPESearcher(SPACE)), another,
                      warm_start=tmp_path / "earlier.jsonl")
    with pytest.warns(UserWarning, match="30 of 30 .* of the objective 'objective', this search "
                                         "is of 'test_results.*another'"):
        search.run(number_of_trials=1)


@pytest.mark.parametrize("read", [lambda search: search.journal.path,
                                  lambda search: read_journal(search.journal.path)])
def test_a_journal_says_what_its_tuner_says_also_of_reports(read, tmp_path):
    def reporting(config, max_epochs, report):
        if config["x"] > 0.9:
            raise ValueError("too large")
        for epoch in range(1, max_epochs + 1):
            if not report(config["x"] / epoch if config["x"] < 0.8 else math.nan, epoch, loss=1.5):
                return
    scheduler = ASHAScheduler(RandomSearcher(SPACE, seed=1), 3, 1, 9, mode="stopping")
    before = quietly(HPOTuner(scheduler, reporting, journal=tmp_path / "earlier.jsonl"),
                     number_of_trials=20)
    assert str(read_known(read(before))) == str(read_known(before)) and len(before.rows) > 40


def test_the_journal_of_an_earlier_search_is_read_once(tmp_path, monkeypatch):
    earlier(tmp_path)
    paths = []

    def reading_once(path):
        paths.append(path)
        return read_journal(path)
    monkeypatch.setattr("d2l_hpo.tuning.reading.read_journal", reading_once)
    search = HPOTuner(BasicScheduler(TPESearcher(SPACE)), objective,
                      warm_start=tmp_path / "earlier.jsonl")
    search.run(number_of_trials=1)
    assert paths == [tmp_path / "earlier.jsonl"]


def searchers():
    """Searchers that learn, each with its settings; they all see what `several` returns."""
    front = {"objectives": ("error", "size"), "population": 8}
    return [(BayesianSearcher, {}), (TPESearcher, {}),
            (ConstrainedSearcher, {"limits": {"size": 9}}), (CostAwareSearcher, {"cost": "size"}),
            (RegularizedEvolutionSearcher, {}),
            (ScalarizingSearcher, front), (NondominatedSortingSearcher, front)]


FOUR = {name: stats.uniform(0, 1) for name in "wxyz"}


def several(config):
    return {"error": sum((value - 0.3) ** 2 for value in config.values()), "size": 1 + config["x"]}


@pytest.mark.parametrize(("kind", "settings"), searchers(),
                         ids=[kind.__name__ for kind, _ in searchers()])
def test_every_searcher_that_learns_begins_with_better_trials(kind, settings):
    before = HPOTuner(BasicScheduler(RandomSearcher(FOUR, seed=9)), several)
    before.run(number_of_trials=40)
    errors = {True: [], False: []}
    for is_warm in errors:
        for seed in range(6):
            search = HPOTuner(BasicScheduler(kind(FOUR, seed=seed, **settings)), several,
                              warm_start=before if is_warm else None)
            search.run(number_of_trials=4)
            errors[is_warm] += [row["error"] for row in search.rows]
    assert errors[True] != errors[False]
    assert np.mean(errors[True]) < 0.7 * np.mean(errors[False])


@pytest.mark.parametrize("make", [
    lambda searcher: SuccessiveHalvingScheduler(searcher, 3, 1, 9),
    lambda searcher: HyperbandScheduler(searcher, 3, 1, 9),
    lambda searcher: ASHAScheduler(searcher, 3, 1, 9),
    lambda searcher: BatchScheduler(ASHAScheduler(searcher, 3, 1, 9), 2),
    lambda searcher: FoldScheduler(searcher, 3)])
@pytest.mark.parametrize("kind", [BayesianSearcher, TPESearcher])
def test_schedulers_with_rungs_pass_all_epochs_on(make, kind):
    def curve(config, max_epochs):
        return config["x"] + 1 / max_epochs
    before = HPOTuner(make(RandomSearcher(SPACE, seed=1)), curve)
    before.run(number_of_trials=15)
    cold, warm = (HPOTuner(make(kind(SPACE, seed=2)), curve, warm_start=source)
                  for source in (None, before))
    for search in (cold, warm):
        search.run(number_of_trials=4)
    reports = warm.scheduler.searcher.reports.values()
    known = {epochs for pairs in reports for epochs, _ in pairs}
    assert known >= {*before.records["max_epochs"]} and len(known) > 1
    assert [row["config"] for row in warm.rows] != [row["config"] for row in cold.rows]


def test_conditions_hold_for_what_is_known(tmp_path):
    space = SPACE | {"depth": when(lambda config: config["kind"] == "b", stats.randint(1, 5))}
    rows = [{"config": {"x": 0.5, "kind": "a"}, "error": 0.5},
            {"config": {"x": 0.5, "kind": "b"}, "error": 0.5},
            {"config": {"x": 0.5, "kind": "b", "depth": 2}, "error": 0.5}]
    search = learning(tmp_path, rows, space)
    with pytest.warns(UserWarning, match="2 of 3 results can be used.*'depth'"):
        search.run(number_of_trials=1)


def test_numbers_that_the_searcher_needs_are_asked_for():
    searcher = ConstrainedSearcher({"x": stats.uniform(0, 1)}, limits={"memory": 1.0},
                                   initial_points=2)
    rows = [{"config": {"x": 0.5}, "error": 0.5, "info": {"memory": 0.5}},
            {"config": {"x": 0.25}, "error": 0.5}]
    search = HPOTuner(BasicScheduler(searcher), lambda config: {"error": 0.5, "memory": 2.0},
                      warm_start=rows)
    with pytest.warns(UserWarning, match="1 of 2 results can be used. 1 cannot, .*'memory' is"):
        search.run(number_of_trials=1)


@pytest.mark.parametrize("wrap", [BasicScheduler, lambda searcher: BatchScheduler(
    ASHAScheduler(searcher, 2, 1, 2), 2)])
def test_epochs_and_wrappers(wrap):
    rows = [{"config": {"x": 1}, "error": 0.5, "max_epochs": 3.0, "info": {"loss": 1.0}},
            {"config": {"x": 2}, "error": math.nan, "max_epochs": math.nan}]
    searcher = Listed(2)
    HPOTuner(wrap(searcher), lambda config: 0.5, warm_start=rows).run(number_of_trials=1)
    assert str(searcher.told[:2]) == str([(1, 0.5, {"loss": 1.0, "epoch": 3}),
                                          (2, math.nan, {"epoch": None})])


def test_evolution_breeds_from_what_is_known():
    rows = [{"config": {"x": 0.5, "kind": "a"}, "error": 0.1}] * 4
    searcher = RegularizedEvolutionSearcher(SPACE, population_size=4, sample_size=2)
    search = HPOTuner(BasicScheduler(searcher), objective, warm_start=rows)
    quietly(search, number_of_trials=1)
    config = search.rows[0]["config"]
    assert (config["x"] == 0.5) + (config["kind"] == "a") == 1


def test_a_searcher_that_does_not_learn_says_so():
    search = HPOTuner(BasicScheduler(RandomSearcher(SPACE)), objective,
                      warm_start=[{"config": {"x": 0.5, "kind": "a"}, "error": 0.5}])
    with pytest.warns(UserWarning, match="RandomSearcher does not learn from trials"):
        search.run(number_of_trials=1)


@pytest.mark.parametrize("source, error, message", [
    (5, TypeError, "warm_start is 5"), ({"config": {}}, TypeError, "warm_start is {"),
    ([5], ValueError, "row 0: 5 has no 'config'"),
    ([{"config": {"x": 0.5, "kind": "a"}}], ValueError, "row 0: error is None"),
    ([{"config": {"x": 0.5, "kind": "a"}, "error": "low"}], ValueError, "row 0: error is 'low'"),
    ("no/such/file", FileNotFoundError, "no/such/file")])
def test_sources_that_cannot_be(source, error, message, tmp_path):
    search = learning(tmp_path, source)
    with pytest.raises(error, match=message):
        search.run(number_of_trials=1)
    assert not search.rows


@pytest.mark.parametrize("source", [[], [{"config": {"y": 1}, "error": 0.5}]])
def test_nothing_to_learn_is_said(source, tmp_path):
    search = learning(tmp_path, source)
    with pytest.warns(UserWarning, match="0 of .* can be used.*no trial is left"):
        search.run(number_of_trials=1)
    assert len(search.rows) == 1


def test_a_scheduler_without_a_searcher_cannot_learn():
    class Own(HPOScheduler):
        def suggest(self):
            return Trial(0, {"x": 1})

        def update(self, trial, error, info=None):
            pass
    with pytest.raises(ValueError, match="needs a scheduler with a searcher"):
        HPOTuner(Own(), lambda config: 0.5, warm_start=[]).run(number_of_trials=1)
