"""The tuner, driven by scripted objectives."""
import copy
import functools
import math
import pickle

import journaled
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from interruptions import interrupted
from scripted_trials import Listed, scripted, told

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, BatchScheduler, BayesianSearcher, FoldScheduler, HPOTuner,
    HyperbandScheduler, PBTScheduler, RandomSearcher, SuccessiveHalvingScheduler,
)
from d2l_hpo.tuning import read_result, tuner

SPACE = {"x": stats.uniform(0, 1)}

COLUMNS = ["trial_id", "config", "epoch", "max_epochs", "error", "status", "attempt", "worker",
           "start", "end", "info", "traceback"]


# -- the tuner's loop -----------------------------------------------------------------------------

def test_records_of_a_search():
    search = scripted([0.5, {"error": 0.25, "loss": 3.0}, 0.75], max_epochs=4)
    search.run()
    records = search.records
    assert list(records.columns) == COLUMNS
    assert list(records["trial_id"]) == [0, 1, 2]
    assert list(records["config"]) == [{"x": 0}, {"x": 1}, {"x": 2}]
    assert list(records["error"]) == [0.5, 0.25, 0.75]
    assert list(records["info"]) == [{}, {"loss": 3.0}, {}]
    assert list(records["traceback"]) == [None] * 3
    for column, value in {"epoch": 0, "max_epochs": 4, "status": "completed", "attempt": 1,
                          "worker": 0}.items():
        assert list(records[column]) == [value] * 3
    assert (search.incumbent, search.incumbent_error) == ({"x": 1}, 0.25)
    assert search.scheduler.searcher.told == [
        (0, 0.5, {"epoch": 4}), (1, 0.25, {"loss": 3.0, "epoch": 4}), (2, 0.75, {"epoch": 4})]


def test_the_number_of_trials_is_a_total_over_all_runs():
    search = scripted([0.1] * 10)
    search.run(number_of_trials=3)
    assert len(search.records) == 3
    search.run(number_of_trials=3)
    assert len(search.records) == 3
    search.run(number_of_trials=5)
    assert list(search.records["trial_id"]) == [0, 1, 2, 3, 4]
    search.run()
    assert len(search.records) == 10


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def perf_counter(self):
        return self.now


def test_time_limits_and_times_in_the_records(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(tuner, "time", clock)

    def objective(config):
        clock.now += 2.0
        if config["x"] == 1:
            raise ValueError("failed after two seconds")
        return 0.5
    search = HPOTuner(BasicScheduler(Listed(100)), objective)
    search.run(max_wallclock_time=5)  # the trial that is running when time is over is finished
    assert list(search.records["start"]) == [0, 2, 4]
    assert list(search.records["end"]) == search.cumulative_runtime == [2, 4, 6]
    clock.now += 500  # time between two runs does not count
    search.run(max_wallclock_time=6)
    assert len(search.records) == 3
    search.run(max_wallclock_time=6.5)
    assert list(search.records["end"]) == search.cumulative_runtime == [2, 4, 6, 8]
    search.run(number_of_trials=5, max_wallclock_time=1e9)
    assert (len(search.records), search.cumulative_runtime[-1]) == (5, 10)


@pytest.mark.parametrize("limit", [0, -1, 2.5, "3", True, math.nan, [3]])
def test_a_bad_number_of_trials_is_an_error(limit):
    search = scripted([0.1] * 5)
    with pytest.raises(ValueError, match="number_of_trials is .*, expected a positive") as error:
        search.run(number_of_trials=limit)
    assert repr(limit) in str(error.value)
    assert len(search.records) == 0


@pytest.mark.parametrize("limit", [0, -0.5, "3", True, math.nan])
def test_a_bad_time_limit_is_an_error(limit):
    with pytest.raises(ValueError, match="max_wallclock_time is .*, expected a positive number"):
        scripted([0.1] * 5).run(max_wallclock_time=limit)


def test_a_scheduler_without_any_trial_is_an_error():
    with pytest.raises(RuntimeError, match="never suggested a trial"):
        scripted([]).run(number_of_trials=3)


@pytest.mark.parametrize("objective", [None, 0.5, "objective"])
def test_an_objective_that_is_no_function_is_an_error(objective):
    with pytest.raises(TypeError, match=f"objective is {objective!r}, expected a function"):
        HPOTuner(BasicScheduler(Listed(3)), objective)


@pytest.mark.parametrize("scheduler", [RandomSearcher(SPACE), SPACE, None])
def test_what_is_no_scheduler_is_named(scheduler):
    with pytest.raises(TypeError, match=r"scheduler is .*, expected .* BasicScheduler\(searcher\)"):
        HPOTuner(scheduler, lambda config: 0.5)


@pytest.mark.parametrize("make", [
    BasicScheduler, lambda searcher: ASHAScheduler(searcher, 3, 1, 9),
    lambda searcher: HyperbandScheduler(searcher, 3, 1, 9),
    lambda searcher: PBTScheduler(searcher, 4), lambda searcher: FoldScheduler(searcher, 3)])
@pytest.mark.parametrize("searcher", [SPACE, RandomSearcher, None])
def test_what_is_no_searcher_is_named(make, searcher):
    with pytest.raises(TypeError, match=r"searcher is .*, expected .* RandomSearcher"):
        make(searcher)


def test_a_population_without_checkpoints_is_refused_before_it_trains():
    scheduler = PBTScheduler(RandomSearcher(SPACE), 4)
    with pytest.raises(ValueError, match="give a checkpoint_dir, and the objective"):
        HPOTuner(scheduler, lambda config, max_epochs, checkpoint: 0.5)


def test_a_batch_needs_a_scheduler():
    with pytest.raises(TypeError, match="scheduler is .*, expected a scheduler"):
        BatchScheduler(RandomSearcher(SPACE), 2)


@pytest.mark.parametrize("seed", [None, -1, 1.5, "0", True])
def test_a_seed_is_an_integer(seed):
    with pytest.raises(ValueError, match="seed is .*, expected an integer of at least 0"):
        RandomSearcher(SPACE, seed=seed)


def test_an_objective_that_cannot_go_on_is_warned_about():
    search = HPOTuner(SuccessiveHalvingScheduler(RandomSearcher(SPACE), 3, 1, 3),
                     lambda config: config["x"])
    with pytest.warns(UserWarning, match="no argument max_epochs"):
        search.run(number_of_trials=4)


def test_an_epoch_that_an_objective_returns_is_not_the_searchs():
    search = HPOTuner(BasicScheduler(BayesianSearcher(SPACE, initial_points=2), max_epochs=5),
                     lambda config: {"error": config["x"], "epoch": None})
    search.run(number_of_trials=6)
    assert [report for reports in search.scheduler.searcher.reports.values()
            for report in reports] == [(5, error) for error in search.records["error"]]
    assert search.records["info"][0] == {"epoch": None}


# -- what the objective is given ------------------------------------------------------------------

def offered(objective, max_epochs=5, **others):
    """The keywords that three trials of the objective were called with."""
    search = HPOTuner(BasicScheduler(Listed(3), max_epochs), objective, **others)
    search.run()
    assert (search.records["status"] == "completed").all()
    return list(search.records["info"])


def test_the_tuner_passes_what_the_objective_accepts(tmp_path):
    folder = tmp_path / "new" / "folder"
    files = [folder / f"trial_{i}.pt" for i in range(3)]
    assert offered(lambda config, **kwargs: {"error": 0, **kwargs}, checkpoint_dir=folder) == [
        {"seed": i, "max_epochs": 5, "checkpoint": files[i]} for i in range(3)]
    assert offered(lambda config, checkpoint=None, seed=9: {
        "error": 0, "given": (checkpoint, seed)}, checkpoint_dir=str(folder)) == [
            {"given": (files[i], i)} for i in range(3)]
    assert folder.is_dir()


def test_the_tuner_leaves_out_what_it_has_no_value_for():
    assert offered(lambda config, max_epochs=8, checkpoint="none", seed=9: {
        "error": 0, "given": (max_epochs, checkpoint, seed)}, max_epochs=None) == [
            {"given": (8, "none", i)} for i in range(3)]
    assert offered(lambda config: {"error": 0}) == [{}] * 3


def test_what_an_objective_accepts_is_asked_once_a_run_and_may_change_between_runs(monkeypatch):
    asked, ask = [], tuner.accepted_names
    monkeypatch.setattr(tuner, "accepted_names",
                        lambda function, names: asked.append(function) or ask(function, names))
    search = scripted([0.5] * 6)
    first = search.objective
    search.run(number_of_trials=3)
    second = search.objective = lambda config, seed: {"error": 0.5, "given": seed}
    search.run(number_of_trials=6)
    assert asked == [first, second]
    assert list(search.records["info"]) == [{}] * 3 + [{"given": i} for i in (3, 4, 5)]


def test_without_a_journal_no_trial_is_copied_for_it(monkeypatch, tmp_path):
    copied, copy = [], tuner.asdict
    monkeypatch.setattr(tuner, "asdict", lambda trial: copied.append(trial.trial_id) or copy(trial))
    for journal, expected in ((None, []), (tmp_path / "search.jsonl", [0, 1, 2])):
        search = HPOTuner(BasicScheduler(RandomSearcher(SPACE)), lambda config: config["x"],
                          journal=journal)
        search.run(number_of_trials=3)
        assert copied == expected


def test_methods_and_partial_functions_are_objectives_too():
    class Model:
        def objective(self, config, *, seed):
            return {"error": 0, "given": seed}
    assert offered(Model().objective) == [{"given": i} for i in range(3)]

    def objective(config, rate, max_epochs=1):
        return {"error": 0, "given": (rate, max_epochs)}
    assert offered(functools.partial(objective, rate=2)) == [{"given": (2, 5)}] * 3


def test_checkpoints_of_another_search_are_not_taken_up(tmp_path):
    (tmp_path / "trial_7.pt").write_bytes(b"")
    with pytest.raises(FileExistsError, match="trial_7.pt.*empty"):
        HPOTuner(BasicScheduler(Listed(3)), len, checkpoint_dir=tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_at_once(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        HPOTuner(BasicScheduler(Listed(3)), len, checkpoint_dir=tmp_path / "file" / "folder")


# -- failures -------------------------------------------------------------------------------------

def test_a_failing_objective_is_recorded_and_the_search_goes_on():
    search = scripted([KeyError("missing.csv"), 0.5, MemoryError("no memory left"), 0.4])
    search.run()
    records = search.records
    assert list(records["status"]) == ["failed", "completed", "failed", "completed"]
    assert list(records["error"].isna()) == [True, False, True, False]
    for trial_id, message in {0: "KeyError: 'missing.csv'", 2: "no memory left"}.items():
        report = records["traceback"][trial_id]
        assert report.startswith("Traceback")
        assert "in objective" in report
        assert message in report
    assert list(map(math.isnan, told(search))) == [True, False, True, False]
    assert search.incumbent_trajectory == [math.inf, 0.5, 0.5, 0.4]
    assert search.incumbent == {"x": 3}


@pytest.mark.parametrize("result", [
    math.nan, math.inf, -math.inf, {"error": math.nan}, np.float64("nan"), None, "0.1", b"0.1",
    {}, {"loss": 0.1}, {"error": None}, {"error": "0.1"}, True, np.bool_(False), [0.1],
    np.array([0.1]), np.array([0.1, 0.2]), 1j, 10**400,
], ids=repr)
def test_what_is_no_finite_number_is_a_failure(result):
    search = scripted([result, 0.5, result])
    search.run()
    assert list(search.records["status"]) == ["failed", "completed", "failed"]
    assert list(map(math.isnan, told(search))) == [True, False, True]
    assert list(map(math.isnan, search.records["error"])) == [True, False, True]
    assert "number" in search.records["traceback"][0] or "error" in search.records["traceback"][0]
    assert (search.incumbent, search.incumbent_error) == ({"x": 1}, 0.5)


def test_a_search_in_which_every_trial_fails_says_why():
    tuner = scripted([math.nan, KeyError("lr")])
    with pytest.warns(UserWarning, match="no trial succeeded(?s:.)*KeyError: 'lr'"):
        tuner.run()
    assert tuner.incumbent is None and len(tuner.records) == 2


def test_further_numbers_of_a_failed_trial_are_kept():
    result = {"error": math.nan, "epochs": 3}
    search = scripted([result])
    search.run()
    assert search.records["info"][0] == {"epochs": 3}
    assert "returned {'error': nan, 'epochs': 3}" in search.records["traceback"][0]
    assert set(result) == {"error", "epochs"}
    assert (search.incumbent, search.incumbent_error) == (None, math.inf)


@pytest.mark.parametrize(("result", "error"), [
    (1, 1.0), (np.float32(0.5), 0.5), (np.int64(2), 2.0), (np.array(0.25), 0.25), (-3.5, -3.5),
])
def test_numbers_of_any_kind_are_errors_as_floats(result, error):
    assert read_result(result) == (error, {})
    assert type(read_result({"error": result, "loss": 1})[0]) is float


@pytest.mark.parametrize("stop", [SystemExit, GeneratorExit])
def test_an_objective_that_ends_the_program_fails_as_it_does_on_a_worker(stop):
    search = scripted([0.5, stop(), 0.25])
    search.run()
    assert list(search.records["status"]) == ["completed", "failed", "completed"]
    assert stop.__name__ in search.records["traceback"][1]


# -- interruption ---------------------------------------------------------------------------------

def test_an_interrupted_trial_is_repeated_and_nothing_is_lost(capsys):
    results = [0.5, KeyboardInterrupt(), 0.3]
    search = scripted(results)
    interrupted(search, number_of_trials=3)
    assert list(search.records["trial_id"]) == [0]
    assert (search.incumbent_error, told(search)) == (0.5, [0.5])
    assert "Stopped in trial 1" in "".join(capsys.readouterr())
    results[1] = 0.4
    search.run(number_of_trials=3)
    assert list(search.records["trial_id"]) == [0, 1, 2]
    assert told(search) == [0.5, 0.4, 0.3]
    assert search.incumbent_trajectory == [0.5, 0.4, 0.3]


def test_interrupting_the_first_trial_is_no_error():
    results = [KeyboardInterrupt(), 0.3]
    search = scripted(results)
    interrupted(search)
    assert len(search.records) == 0
    results[0] = 0.2
    search.run()
    assert list(search.records["error"]) == [0.2, 0.3]


def test_a_scheduler_that_fails_loses_no_record():
    search = scripted([0.5, 0.4])
    searcher = search.scheduler.searcher
    searcher.update, update = lambda *_: 1 / 0, searcher.update
    with pytest.raises(ZeroDivisionError):
        search.run()
    searcher.update = update
    search.run()
    assert list(search.records["trial_id"]) == [0, 1]


# -- the incumbent --------------------------------------------------------------------------------

@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=30))
def test_the_trajectory_is_the_running_minimum_of_finite_errors(errors):
    search = scripted(errors)
    search.run()
    finite = [error if math.isfinite(error) else math.inf for error in errors]
    assert search.incumbent_trajectory == list(np.minimum.accumulate(finite))
    assert search.incumbent_error == min(finite)
    if search.incumbent is None:
        assert not any(map(math.isfinite, errors))
    else:
        assert search.incumbent == {"x": finite.index(min(finite))}
    assert len(search.cumulative_runtime) == len(errors) == len(search.records)
    assert search.cumulative_runtime == sorted(search.cumulative_runtime)
    assert (search.records["start"] <= search.records["end"]).all()
    assert list(search.records["status"] == "completed") == list(map(math.isfinite, errors))


def test_the_first_of_equal_errors_stays_the_incumbent():
    search = scripted([0.5, 0.25, 0.25])
    search.run()
    assert search.incumbent == {"x": 1}
    search.incumbent["x"] = 99
    assert search.records["config"][1] == {"x": 1}


# -- copies ---------------------------------------------------------------------------------------

class Saving:
    """A callback that pickles its tuner when a trial begins or ends."""

    saved: list = []

    def search_begin(self, tuner):
        self.tuner = tuner

    def trial_begin(self, trial):
        self.saved.append(pickle.dumps(self.tuner))

    def trial_end(self, trial, row):
        self.saved.append(pickle.dumps(self.tuner))


@pytest.mark.parametrize("n_workers", [1, 2])
@pytest.mark.parametrize("has_journal", [False, True])
def test_a_tuner_is_pickled_at_any_time_and_goes_on(tmp_path, monkeypatch, n_workers, has_journal):
    """A progress bar, locks and running trials were in the way: optuna/optuna#1330 and #2256."""
    monkeypatch.setattr(Saving, "saved", [])
    journal = tmp_path / "search.jsonl" if has_journal else None
    folder = tmp_path / "checkpoints" if has_journal else None
    search = journaled.tuner(journal, n_workers=n_workers, callbacks=[Saving()],
                             checkpoint_dir=folder)
    fresh = pickle.dumps(search)
    search.run(number_of_trials=4)
    moments = [fresh, Saving.saved[0], Saving.saved[-1], pickle.dumps(search)]
    for content in moments:
        again = pickle.loads(content)
        again.callbacks.all = []
        again.run()
        assert sorted(again.records["trial_id"]) == list(range(6))
        assert again.incumbent == {"x": 0}
    assert copy.deepcopy(search).incumbent_error == 0
