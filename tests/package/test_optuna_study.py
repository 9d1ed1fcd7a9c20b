"""A search as Optuna's study; the tests need Optuna, which the package does not."""
import json
import math
import subprocess
import sys
from wsgiref.util import setup_testing_defaults

import faulty_objectives as faulty
import page_searches as searches
import pytest
from journaled import PATHS, tuner
from scipy import stats

from d2l_hpo import (
    BasicScheduler, ConstrainedSearcher, HPOTuner, NondominatedSortingSearcher, RandomSearcher,
    categorical, read_journal, to_optuna,
)
from d2l_hpo.measures.records import job_table


def test_without_optuna_the_command_to_install_it_is_named():
    code = ("import sys; sys.modules['optuna'] = None; from d2l_hpo import to_optuna\n"
            "try: to_optuna('search.jsonl')\nexcept ImportError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", code], env=PATHS, text=True, check=True,
                          capture_output=True)
    assert done.stdout.startswith("to_optuna needs the extra 'optuna' (")
    assert done.stdout.strip().endswith('; run: python -m pip install "d2l_hpo[optuna]"')


@pytest.fixture
def optuna():
    module = pytest.importorskip("optuna")
    module.logging.set_verbosity(module.logging.WARNING)
    return module


def test_a_search_and_its_journal_become_the_same_study(optuna, tmp_path):
    search = HPOTuner(BasicScheduler(RandomSearcher(searches.SPACE, seed=0)), searches.error,
                      journal=tmp_path / "search.jsonl")
    search.run(number_of_trials=30)
    for source in (search, tmp_path / "search.jsonl", read_journal(tmp_path / "search.jsonl")):
        study = to_optuna(source)
        assert study.best_value == search.incumbent_error
        assert study.best_trial.params == search.incumbent
        assert study.best_trial.user_attrs["trial_id"] == search.incumbent_trial
        assert study.user_attrs["scheduler"]["seed"] == 0
        for trial, row in zip(study.trials, search.rows, strict=True):
            assert trial.params == row["config"]
            assert trial.state.name == ("FAIL" if row["status"] == "failed" else "COMPLETE")
            assert trial.user_attrs.get("traceback") == row["traceback"]
            assert trial.duration.total_seconds() == pytest.approx(row["end"] - row["start"],
                                                                   abs=1e-5)
    kinds, found = optuna.distributions, {}
    for trial in study.trials:
        found |= trial.distributions
    assert found == {
        "learning_rate": kinds.FloatDistribution(1e-4, 1, log=True),
        "units": kinds.IntDistribution(8, 512, log=True),
        "dropout": kinds.FloatDistribution(0, 0.7), "layers": kinds.IntDistribution(1, 3),
        "optimizer": kinds.CategoricalDistribution(("sgd", "adam")),
        "momentum": kinds.FloatDistribution(0, 1),
        "batches": kinds.CategoricalDistribution((100,))}


def test_trials_that_stopped_early_are_pruned(optuna):
    records = searches.hyperband()
    study = to_optuna(records)
    for trial in study.trials:
        rows = records[records["trial_id"] == trial.user_attrs["trial_id"]]
        assert trial.intermediate_values == dict(zip(rows["max_epochs"], rows["error"],
                                                     strict=True))
        assert trial.state.name == ("COMPLETE" if rows["max_epochs"].max() == 27 else "PRUNED")
        assert trial.value == rows["error"].iloc[-1]
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_a_storage_keeps_the_study_and_no_name_twice(optuna, tmp_path):
    storage = f"sqlite:///{tmp_path / 'search.db'}"
    search = searches.tuner(6)
    to_optuna(search, storage, "first")
    loaded = optuna.load_study(study_name="first", storage=storage)
    assert [trial.params for trial in loaded.trials] == [row["config"] for row in search.rows]
    with pytest.raises(ValueError, match="a study 'first' already; give another study_name"):
        to_optuna(search, storage, "first")
    assert len(optuna.load_study(study_name="first", storage=storage).trials) == 6
    to_optuna(search, storage, "second")


# -- the dashboard, as its pages ask for it -------------------------------------------------------

def asked(app, path):
    """What the dashboard answers to a request for a path: JSON as values, else a text."""
    environ, said = {"PATH_INFO": path}, {}
    setup_testing_defaults(environ)
    body = b"".join(app(environ, lambda status, headers, error=None: said.update(
        dict(headers), status=status)))
    assert said["status"] == "200 OK", (path, said["status"], body[:300])
    text = body.decode()
    return json.loads(text) if "json" in said["Content-Type"] else text


def storages(optuna, folder):
    """The storages that the dashboard opens: a database, and a journal of Optuna's."""
    journal = optuna.storages.journal.JournalFileBackend(str(folder / "search.log"))
    yield optuna.storages.RDBStorage(f"sqlite:///{folder / 'search.db'}")
    yield optuna.storages.JournalStorage(journal)


def test_the_dashboard_lists_all_trials_parameters_states_and_curves(optuna, tmp_path):
    dashboard = pytest.importorskip("optuna_dashboard")
    search = searches.reporting(20, RandomSearcher(searches.NETWORK, seed=3))
    states = {"COMPLETE": "Complete", "PRUNED": "Pruned", "FAIL": "Fail"}
    for storage in storages(optuna, tmp_path):
        study = to_optuna(search, storage, "reports")
        app = dashboard.wsgi(storage)
        summary, = asked(app, "/api/studies")["study_summaries"]
        assert summary["study_name"] == "reports"
        about = asked(app, f"/api/studies/{summary['study_id']}")
        assert len(about["trials"]) == len(study.trials) == 20
        for shown, trial in zip(about["trials"], study.trials, strict=True):
            assert shown["state"] == states[trial.state.name]
            assert {param["name"]: param["param_external_value"] for param in shown["params"]} == {
                name: str(value) for name, value in trial.params.items()}
            assert {point["step"]: point["value"] for point in shown["intermediate_values"]} == (
                trial.intermediate_values)
            assert shown.get("values") == trial.values
        assert {shown["state"] for shown in about["trials"]} == {*states.values()}
        assert [best["number"] for best in about["best_trials"]] == [study.best_trial.number]
        assert "<html" in asked(app, f"/dashboard/studies/{summary['study_id']}").lower()


def test_the_dashboard_knows_objectives_limits_and_empty_searches(optuna, tmp_path):
    dashboard = pytest.importorskip("optuna_dashboard")
    for storage in storages(optuna, tmp_path):
        to_optuna(searches.everything(20), storage, "everything")
        to_optuna(searches.tuner(0), storage, "none")
        to_optuna(searches.tuner(8, searches.odd, searches.ODD_SPACE), storage, "odd")
        app = dashboard.wsgi(storage)
        found = {each["study_name"]: asked(app, f"/api/studies/{each['study_id']}")
                 for each in asked(app, "/api/studies")["study_summaries"]}
        assert found["everything"]["directions"] == ["minimize", "minimize"]
        last = {row["trial_id"]: row["info"] for row in searches.everything(20).rows}
        for trial in found["everything"]["trials"]:
            memory = last[trial["number"]].get("memory")
            assert trial["constraints"] == ([] if memory is None else [
                pytest.approx(memory - 3 or 5e-324)])
        assert found["none"]["trials"] == [] and len(found["odd"]["trials"]) == 8


def test_optuna_goes_on_with_the_study(optuna):
    study = to_optuna(searches.tuner(12))
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=5, seed=0)
    study.optimize(lambda trial: trial.suggest_float("learning_rate", 1e-4, 1, log=True),
                   n_trials=2)
    assert len(study.trials) == 14


def test_several_objectives_become_directions(optuna):
    search = searches.tuner(20, searcher=NondominatedSortingSearcher,
                            objectives=("error", "size"), population=5)
    study = to_optuna(search)
    assert len(study.directions) == 2
    rows = [row for row in search.rows if row["status"] == "completed"]
    complete = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert [trial.values for trial in complete] == [[row["error"], row["info"]["size"]]
                                                    for row in rows]
    assert study.best_trials


def test_limits_become_constraints(optuna):
    def objective(config):
        return {"error": config["x"], "memory": 2 - config["x"]}
    searcher = ConstrainedSearcher({"x": stats.uniform(0, 2)}, limits={"memory": 1.0},
                                   initial_points=30)
    search = HPOTuner(BasicScheduler(searcher), objective)
    search.run(number_of_trials=20)
    study = to_optuna(search)
    assert study.best_trial.params == search.incumbent and search.incumbent["x"] > 1


def test_equal_and_odd_choices_keep_apart(optuna):
    space = {"kind": categorical([1, True, 1.0, "1", None])}
    search = HPOTuner(BasicScheduler(RandomSearcher(space, seed=0)), lambda config: 0.5)
    search.run(number_of_trials=30)
    study = to_optuna(search)
    assert [trial.params["kind"] for trial in study.trials] == [
        repr(row["config"]["kind"]) for row in search.rows]
    assert len({trial.params["kind"] for trial in study.trials}) == 5


def test_what_a_search_was_doing(optuna, tmp_path):
    journal = tmp_path / "search.jsonl"

    def objective(config):
        if config["x"] == 2:
            states.append([trial.state.name for trial in to_optuna(journal).trials])
        return config["x"]
    states = []
    search = tuner(journal, objective, 4)
    search.run()
    assert states == [["COMPLETE", "COMPLETE", "RUNNING"]]
    lines = journal.read_text().splitlines(True)
    journal.write_text("".join(lines[:9]))  # trial 2 has begun
    last = to_optuna(journal).trials[-1]
    assert last.state.name == "FAIL" and last.user_attrs["interrupted"]


def test_records_alone_and_none_at_all(optuna):
    study = to_optuna(searches.tuner(8).records)
    assert study.trials[0].distributions["layers"].high <= 3
    assert to_optuna(job_table([])).trials == [] == to_optuna(searches.tuner(0)).trials
    search = searches.tuner(4, faulty.Unreadable())
    assert {trial.state.name for trial in to_optuna(search).trials} == {"COMPLETE"}
    with pytest.raises(TypeError, match="expected an HPOTuner"):
        to_optuna(3)


def test_odd_numbers_are_stored(optuna, tmp_path):
    search = searches.tuner(10, searches.odd, searches.ODD_SPACE)
    study = to_optuna(search, f"sqlite:///{tmp_path / 'odd.db'}")
    values = [t.user_attrs["infinite"] for t in study.trials if t.state.name == "COMPLETE"]
    assert values and set(values) == {math.inf}
