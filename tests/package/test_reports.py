"""Reports from inside the objective, in the tuner's own process."""
import functools
import json
import math
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import reporting_objectives as reporting
from interruptions import interrupted
from journaled import events
from scipy import stats
from scripted_trials import Listed

from d2l_hpo import (
    ASHAScheduler, BasicScheduler, ConstrainedSearcher, HPOScheduler, HPOTuner,
    MedianStoppingScheduler,
)
from d2l_hpo.tuning import TrialStopped

INF = math.inf


def basic(objective, n=3, max_epochs=4, **others):
    """A tuner of x = 0, 1, ..., n - 1, each for four epochs."""
    return HPOTuner(BasicScheduler(Listed(n), max_epochs), objective, **others)


def stopping(objective, n=4, **others):
    """The same with rungs 1, 2, 4: what is worse than half of the others is stopped."""
    return HPOTuner(ASHAScheduler(Listed(n), 2, 1, 4, mode="stopping"), objective, **others)


def played(*scripts, max_epochs=4, **others):
    """A tuner whose trial x makes the calls of the x-th script."""
    objective = functools.partial(reporting.scripted, script=scripts)
    return basic(objective, len(scripts), max_epochs, **others)


def rows(search, *columns):
    return [tuple(row[column] for column in columns) for row in search.rows]


def silently(search, **limits):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.run(**limits)


# -- rows, incumbent, searcher --------------------------------------------------------------------

@pytest.mark.parametrize("objective", [reporting.obedient, reporting.silent])
def test_each_report_is_a_row_and_the_best_of_them_the_incumbent(objective):
    search = basic(objective, 2, 3)
    search.run()
    assert rows(search, "trial_id", "epoch", "max_epochs", "error") == [
        (x, epoch - 1, epoch, reporting.curve(x, epoch)) for x in (0, 1) for epoch in (1, 2, 3)]
    ends = [row["end"] for row in search.rows]
    assert [row["start"] for row in search.rows][1:3] == ends[:2] and ends == sorted(ends)
    assert search.incumbent == {"x": 0} and search.incumbent_error == reporting.curve(0, 3)
    told = [(x, error, info["epoch"]) for x, error, info in search.scheduler.searcher.told]
    assert told == [(0, reporting.curve(0, 3), 3), (1, reporting.curve(1, 3), 3)]


def test_the_best_epoch_counts_also_where_a_curve_rises_again():
    search = played([(0.5, 1), (0.2, 2), (0.4, 3), (0.45, 4), None], [(0.3, 1), 0.3])
    search.run()
    assert search.incumbent_error == 0.2 and search.books.incumbent_epoch == 2
    assert search.scheduler.searcher.told[0][1] == 0.45


def test_a_trial_that_is_told_to_stop_trains_no_further():
    calls = []

    def objective(config, max_epochs, report):
        calls.append((config["x"], max_epochs))
        return reporting.obedient(config, max_epochs, report)
    search = stopping(objective)
    search.run()
    assert calls == [(x, 4) for x in range(4)]  # one call a trial, up to the last rung
    reached = dict(rows(search, "trial_id", "max_epochs"))
    assert reached == {0: 4, 1: 4, 2: 1, 3: 1}


def test_further_numbers_stand_in_the_row_of_their_epoch():
    def objective(config, report):
        report(0.5, 1, loss=np.float32(2), units=np.int64(3))
        report(0.25, 2, loss=1)
        return {"error": 0.25, "classes": [1, 2]}
    search = basic(objective, 1, 2)
    search.run()
    assert [info for (info,) in rows(search, "info")] == [
        {"loss": 2.0, "units": 3}, {"loss": 1, "classes": [1, 2]}]
    assert search.scheduler.searcher.told[0][2] == {"loss": 1, "classes": [1, 2], "epoch": 2}


def test_what_is_returned_is_the_error_after_the_last_epoch():
    search = played([(0.5, 1), 0.25], [(0.5, 2), None], [0.125])
    with pytest.warns(UserWarning, match="trial 2: the objective takes report, but did not call"):
        search.run()
    assert rows(search, "trial_id", "epoch", "max_epochs", "error") == [
        (0, 0, 1, 0.5), (0, 1, 4, 0.25), (1, 0, 2, 0.5), (1, 2, 4, 0.5), (2, 0, 4, 0.125)]


def test_without_max_epochs_any_epoch_may_be_reported():
    search = played([(0.5, 1), (0.25, 700), 0.25], [(0.5, 1), 0.75], max_epochs=None)
    search.run()
    assert rows(search, "trial_id", "max_epochs", "error") == [
        (0, 1, 0.5), (0, 700, 0.25), (1, 1, 0.5), (1, None, 0.75)]


def test_an_objective_with_any_keywords_is_not_given_report():
    given = []

    def objective(config, **keywords):
        given.append(set(keywords))
        return 0.5
    basic(objective, 1).run()
    assert given == [{"max_epochs", "seed"}]


def test_a_decorator_passes_report_on():
    @functools.wraps(reporting.silent)
    def timed(*arguments, **keywords):
        return reporting.silent(*arguments, **keywords)
    search = basic(timed, 1)
    search.run()
    assert len(search.rows) == 4


def test_an_executor_is_refused_with_the_way_out():
    with ThreadPoolExecutor(1) as executor:
        search = basic(reporting.obedient, executor=executor)
        with pytest.raises(ValueError, match="let the objective go on from checkpoints"):
            search.run()
        bound = functools.partial(reporting.scripted, script=[[0.5]], report=None)
        basic(bound, 1, executor=executor).run()


# -- what a report may be -------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, message", [
    (("low", 2), "error is 'low', expected a number"), ((None, 2), "error is None"),
    ((True, 2), "error is True"), (([0.5], 2), r"error is \[0.5\]"),
    ((0.5, 0), "epoch is 0, expected an epoch from 1 to max_epochs, 4"),
    ((0.5, -1), "epoch is -1"), ((0.5, 5), "epoch is 5, expected an epoch from 1 to max_epochs, 4"),
    ((0.5, 1.5), "epoch is 1.5, expected an integer"), ((0.5, True), "epoch is True"),
    ((0.5, None), "epoch is None"), ((0.5,), "missing 1 required positional argument: 'epoch'")])
def test_a_report_that_cannot_be_is_an_error_in_the_objective(arguments, message, tmp_path):
    search = played([(0.5, 1), arguments, 0.1], [(0.25, 1), 0.25],
                    journal=tmp_path / "search.jsonl")
    silently(search)
    assert rows(search, "trial_id", "max_epochs", "status") == [
        (0, 1, "completed"), (0, 4, "failed"), (1, 1, "completed"), (1, 4, "completed")]
    text = search.rows[1]["traceback"]
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(text)
    assert search.incumbent == {"x": 1}


def test_a_further_result_that_is_no_number_is_an_error_in_the_objective():
    def objective(config, report):
        report(0.5, 1, name="conv")
    search = basic(objective, 1)
    silently(search)
    assert "name is 'conv', expected a number" in search.rows[0]["traceback"]


def test_an_objective_that_survives_a_bad_report_goes_on():
    def objective(config, report):
        with pytest.raises(ValueError, match="epoch is 0"):
            report(0.5, 0)
        return 0.25 if report(0.5, 1) else 0.75
    search = basic(objective, 1)
    search.run()
    assert rows(search, "max_epochs", "error") == [(1, 0.5), (4, 0.25)]


def test_reports_may_come_twice_and_in_any_order():
    search = played([(0.5, 3), (0.5, 3), (0.75, 1), (0.625, 2), (0.25, 4), 0.25])
    search.run()
    assert rows(search, "epoch", "max_epochs", "error") == [
        (0, 3, 0.5), (0, 1, 0.75), (1, 2, 0.625), (3, 4, 0.25)]


def test_of_reports_that_contradict_the_first_stays(tmp_path):
    search = played([(0.5, 1), (0.25, 1), (0.3, 4), 0.1], journal=tmp_path / "search.jsonl")
    with pytest.warns(UserWarning) as caught:
        search.run()
    assert [str(warning.message) for warning in caught] == [
        "trial 0 has the error 0.25 at epoch 1, but reported 0.5 before; the first one stays",
        "trial 0 has the error 0.1 at epoch 4, but reported 0.3 before; the first one stays"]
    assert rows(search, "max_epochs", "error") == [(1, 0.5), (4, 0.3)]
    assert search.scheduler.searcher.told[0][1] == 0.3


@pytest.mark.parametrize("error", [math.nan, INF, -INF, np.float32("nan")])
def test_a_report_that_is_not_finite_fails_its_trial_and_nothing_else(error, tmp_path):
    def objective(config, report):
        report(0.5 + config["x"], 1)
        if config["x"] == 1:
            assert not report(error, 2)
            return 0.0
        for epoch in (2, 3, 4):
            report(0.25 + config["x"], epoch)
    search = stopping(objective, 3, journal=tmp_path / "search.jsonl")
    with pytest.warns(UserWarning, match="error 0.0 at epoch 2, but reported nan before"):
        search.run()
    failed = [row for row in search.rows if row["status"] == "failed"]
    assert [(row["trial_id"], row["epoch"], row["max_epochs"]) for row in failed] == [(1, 1, 2)]
    assert "the objective reported" in failed[0]["traceback"]
    assert search.incumbent == {"x": 0} and search.incumbent_error == 0.25
    assert math.isnan(failed[0]["error"])
    again = stopping(objective, 3, journal=tmp_path / "search.jsonl")
    again.run()
    assert again.records.equals(search.records)


def test_a_trial_that_goes_on_after_its_end_is_cut_at_the_next_report():
    ended = []

    def objective(config, max_epochs, report):
        try:
            reporting.deaf(config, max_epochs, report)
        except BaseException as error:
            ended.append((config["x"], type(error), isinstance(error, Exception)))
            raise
    search = stopping(objective)
    search.run()
    assert ended == [(2, TrialStopped, False), (3, TrialStopped, False)]
    assert dict(rows(search, "trial_id", "max_epochs")) == {
        0: 4, 1: 4, 2: 1, 3: 1}
    assert set(search.records["status"]) == {"completed"}


def test_a_trial_that_survives_even_that_keeps_its_reports():
    def objective(config, max_epochs, report):
        for epoch in range(1, max_epochs + 1):
            try:
                report(reporting.curve(config["x"], epoch), epoch)
            except BaseException:
                continue
        return reporting.curve(config["x"], 1)
    search = stopping(objective)
    silently(search)
    assert dict(rows(search, "trial_id", "max_epochs"))[3] == 1


def test_a_failure_after_the_last_report_is_told_and_changes_nothing():
    search = played([(0.5, 4), ZeroDivisionError("in the clean-up")])
    with pytest.warns(UserWarning, match="trial 0 failed after it was told to stop(.|\n)*clean-up"):
        search.run()
    assert rows(search, "max_epochs", "error", "status") == [(4, 0.5, "completed")]


def test_a_failure_between_reports_is_a_row_of_its_own():
    search = played([(0.5, 1), (0.25, 2), ZeroDivisionError("diverged")], [(0.5, 1), 0.5])
    silently(search)
    assert rows(search, "trial_id", "epoch", "max_epochs", "status")[:3] == [
        (0, 0, 1, "completed"), (0, 1, 2, "completed"), (0, 2, 4, "failed")]
    assert search.incumbent_error == 0.25
    assert math.isnan(search.scheduler.searcher.told[0][1])


@pytest.mark.parametrize("objective, epochs", [(reporting.from_a_thread, [1]),
                                               (reporting.from_a_child, [1])])
def test_a_report_from_elsewhere_is_refused(objective, epochs):
    search = basic(objective, 1)
    silently(search)
    assert "in another thread or process than the objective" in search.rows[-1]["traceback"]
    assert [row["max_epochs"] for row in search.rows if row["status"] == "completed"] == epochs


def test_report_cannot_be_sent_to_a_process():
    search = basic(functools.partial(reporting.from_a_child, method="spawn"), 1)
    silently(search)
    assert "report cannot be sent to another process" in search.rows[-1]["traceback"]


def test_a_report_after_the_end_is_refused():
    reporting.LATE.clear()
    search = basic(reporting.leaving_a_thread, 1)
    search.run()
    before = search.rows
    with pytest.raises(RuntimeError, match="after its trial had ended"):
        reporting.LATE[0](0.25, 2)
    assert search.rows == before
    with pytest.raises(TypeError, match="cannot be sent"):
        pickle.dumps(reporting.LATE[0])


# -- what fails around a report -------------------------------------------------------------------

def test_an_error_of_the_scheduler_comes_out_of_run_and_the_trial_runs_again(tmp_path):
    class Odd(BasicScheduler):
        is_broken = True

        def report(self, trial, error, epoch, info=None):
            if epoch == 2 and self.is_broken:
                raise LookupError("no such rung")
            return True

    def search():
        return HPOTuner(Odd(Listed(2), 3), reporting.obedient, journal=tmp_path / "search.jsonl")
    first = search()
    with pytest.raises(LookupError, match="no such rung"):
        first.run()
    Odd.is_broken = False
    again = search()
    again.run()
    assert rows(again, "trial_id", "max_epochs") == [(x, e) for x in (0, 1) for e in (1, 2, 3)]


def test_a_number_that_is_missing_in_a_report_stops_the_search_and_loses_nothing(tmp_path):
    def search(objective):
        searcher = ConstrainedSearcher({"x": stats.uniform(0, 1)}, limits={"memory": 1.0})
        return HPOTuner(BasicScheduler(searcher, 2), objective, journal=tmp_path / "search.jsonl")

    def objective(config, report):
        for epoch in (1, 2):
            report(0.5 / epoch, epoch, **more)
    more = {}
    with pytest.raises(ValueError, match="'memory' is missing"):
        search(objective).run(number_of_trials=2)
    more["memory"] = 0.5
    again = search(objective)
    again.run(number_of_trials=2)
    assert rows(again, "trial_id", "max_epochs") == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert again.incumbent_error == 0.25


def test_limits_hold_for_reports():
    searcher = ConstrainedSearcher({"x": stats.uniform(0, 1)}, limits={"memory": 1.0})

    def objective(config, report):
        report(0.1, 1, memory=2.0)
        report(0.2, 2, memory=0.5)
    search = HPOTuner(BasicScheduler(searcher, 2), objective)
    search.run(number_of_trials=1)
    assert search.incumbent_error == 0.2 and search.books.incumbent_epoch == 2


# -- journal --------------------------------------------------------------------------------------

def test_a_report_is_in_the_journal_before_its_decision_is_known(tmp_path):
    journal = tmp_path / "search.jsonl"

    def objective(config, max_epochs, report):
        for epoch in range(1, max_epochs + 1):
            report(0.5 / epoch, epoch, loss=1.5)
            last = events(journal)[-1]
            assert (last["event"], last["reached"], last["error"]) == ("reported", epoch,
                                                                       0.5 / epoch)
            assert last["info"] == {"loss": 1.5} and last["last_epoch"] == max_epochs
    search = basic(objective, 1, journal=journal)
    search.run()
    assert (search.records["status"] == "completed").all()
    assert [event["event"] for event in events(journal)] == [
        "search", "suggested", "started", *["reported"] * 4, "finished", "suggested"]


@pytest.mark.parametrize("make", [basic, stopping])
def test_a_search_goes_on_in_the_middle_of_a_trial(make, tmp_path):
    journal = tmp_path / "search.jsonl"
    straight = make(reporting.obedient)
    straight.run()

    def objective(config, max_epochs, report):
        for epoch in range(1, max_epochs + 1):
            if not report(reporting.curve(config["x"], epoch), epoch, loss=2.0 * epoch):
                break
            if (config["x"], epoch) in stops:
                stops.remove((config["x"], epoch))
                raise KeyboardInterrupt
        return reporting.curve(config["x"], epoch)
    stops = {(0, 1), (0, 2), (1, 1)}
    for _ in range(3):
        interrupted(make(objective, journal=journal))
    again = make(objective, journal=journal)
    again.run()
    same = ["trial_id", "epoch", "max_epochs", "error", "status", "info"]
    assert again.records[same].equals(straight.records[same])
    assert str(again.scheduler.searcher.told) == str(straight.scheduler.searcher.told)
    last = make(objective, journal=journal)
    last.run()
    assert last.records.equals(again.records) and last.incumbent == again.incumbent


def test_a_trial_that_was_told_to_stop_is_not_called_again(tmp_path):
    journal, calls = tmp_path / "search.jsonl", []

    def objective(config, max_epochs, report):
        calls.append(config["x"])
        reporting.silent(config, max_epochs, report)
        if len(calls) == 3:
            raise KeyboardInterrupt
    interrupted(stopping(objective, journal=journal))
    assert [event["event"] for event in events(journal)][-1] == "reported"
    again = stopping(objective, journal=journal)
    again.run()
    assert calls == [0, 1, 2, 3]
    assert dict(rows(again, "trial_id", "max_epochs")) == {
        0: 4, 1: 4, 2: 1, 3: 1}
    assert sorted(x for x, _, _ in again.scheduler.searcher.told if x == 2) == [2]


def test_ctrl_c_while_a_report_is_taken_waits_for_its_end(tmp_path):
    class Pressed(BasicScheduler):
        def report(self, trial, error, epoch, info=None):
            import signal
            if (trial.trial_id, epoch) == (0, 2):
                signal.raise_signal(signal.SIGINT)
            told.append((trial.trial_id, epoch))
            return True
    told = []
    search = HPOTuner(Pressed(Listed(2), 3), reporting.obedient, journal=tmp_path / "search.jsonl")
    interrupted(search)
    assert told == [(0, 1), (0, 2)]
    assert [e["reached"] for e in events(tmp_path / "search.jsonl") if e["event"] == "reported"] \
        == [1, 2]
    search.run()
    assert rows(search, "trial_id", "max_epochs") == [(x, e) for x in (0, 1) for e in (1, 2, 3)]


def test_a_report_that_stands_in_a_journal_twice_is_named(tmp_path):
    journal = tmp_path / "search.jsonl"
    basic(reporting.obedient, journal=journal).run(number_of_trials=1)
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([*lines[:4], lines[3], *lines[4:]]))
    with pytest.raises(ValueError, match=r"line 5: trial 0 reports epoch 1 for the second time"):
        basic(reporting.obedient, journal=journal).run(number_of_trials=1)


def test_a_journal_whose_objective_takes_reports_now_goes_on(tmp_path):
    journal = tmp_path / "search.jsonl"

    def objective(config, max_epochs):
        return reporting.curve(config["x"], max_epochs)
    stopping(objective, journal=journal).run(number_of_trials=2)
    ended = [e["trial_id"] for e in events(journal) if e["event"] == "finished"]

    def objective(config, max_epochs, report):
        return reporting.obedient(config, max_epochs, report)
    again = stopping(objective, journal=journal)
    again.run()
    assert len(ended) > 1 and again.incumbent == {"x": 0}
    assert {x for x, _, _ in again.scheduler.searcher.told} == {0, 1, 2, 3}


# -- checkpoints ----------------------------------------------------------------------------------

def test_the_incumbents_weights_are_those_of_its_best_report(tmp_path):
    def objective(config, max_epochs, report, checkpoint):
        for epoch in range(1, max_epochs + 1):
            checkpoint.write_text(json.dumps([config["x"], epoch]))
            report(abs(epoch - 2 - config["x"]) + 0.1, epoch)
    search = basic(objective, 2, checkpoint_dir=tmp_path / "checkpoints",
                   journal=tmp_path / "search.jsonl")
    for _ in range(2):
        search.run()
        assert (search.incumbent_trial, search.books.incumbent_epoch) == (0, 2)
        path = search.checkpoints.incumbent_path()
        assert json.loads(path.read_text()) == [0, 2]
        search = basic(objective, 2, checkpoint_dir=tmp_path / "checkpoints",
                       journal=tmp_path / "search.jsonl")


def test_a_trial_goes_on_from_its_checkpoint_and_repeats_its_last_report(tmp_path):
    straight = stopping(reporting.obedient)
    straight.run()
    begun = []

    def objective(config, max_epochs, report, checkpoint):
        begun.append(config["x"])

        def pressing(error, epoch):
            go_on = report(error, epoch)
            if (config["x"], epoch, len(begun)) == (1, 2, 2):
                raise KeyboardInterrupt
            return go_on
        return reporting.resuming(config, max_epochs, pressing, checkpoint)
    def search():
        return stopping(objective, journal=tmp_path / "search.jsonl",
                        checkpoint_dir=tmp_path / "checkpoints")
    interrupted(search())
    again = search()
    again.run()
    assert begun == [0, 1, 1, 2, 3]
    assert rows(again, "trial_id", "epoch", "max_epochs", "error") == rows(
        straight, "trial_id", "epoch", "max_epochs", "error")


# -- the default ----------------------------------------------------------------------------------

def test_a_scheduler_of_ones_own_takes_reports_without_a_word_about_them():
    class Own(HPOScheduler):
        def __init__(self):
            self.inside = BasicScheduler(Listed(2), 3)

        def suggest(self):
            return self.inside.suggest()

        def update(self, trial, error, info=None):
            self.inside.update(trial, error, info)
    search = HPOTuner(Own(), reporting.obedient)
    search.run()
    assert len(search.rows) == 6


@pytest.mark.parametrize("n", [0, 1])
def test_searches_without_or_with_one_trial(n):
    search = HPOTuner(MedianStoppingScheduler(Listed(n), 3), reporting.silent)
    if n == 0:
        with pytest.raises(RuntimeError, match="never suggested"):
            search.run()
    else:
        search.run()
    assert len(search.rows) == 3 * n
