"""Rules that end a search, and callbacks that are told of it."""
import math
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
import reporting_objectives as reporting
from interruptions import interrupted
from journaled import events
from scripted_trials import Listed

from d2l_hpo import ASHAScheduler, BasicScheduler, HPOTuner, Patience

ERRORS = [0.9, 0.5, 0.6, 0.45, 0.46, 0.44, 0.43, 0.9, 0.9, 0.9, 0.1]


def searching(errors=ERRORS, **others):
    def objective(config):
        value = errors[config["x"]]
        if isinstance(value, BaseException):
            raise value
        return value
    return HPOTuner(BasicScheduler(Listed(len(errors))), objective, **others)


# -- rules ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("rule, trials", [
    (Patience(1), 3), (Patience(2), 9), (Patience(2, min_delta=0.1), 4),
    (Patience(3, min_delta=0.06), 5), (Patience(20), 11), (Patience(3, min_delta=5), 4)])
def test_patience_ends_a_search_without_improvement(rule, trials):
    search = searching(stop=rule)
    search.run()
    assert len(search.rows) == trials


def test_patience_against_the_definition():
    for n in range(1, 5):
        search = searching(stop=Patience(n, 0.02))
        search.run()
        best = [min(ERRORS[:k + 1]) for k in range(len(ERRORS))]
        ends = [k + 1 for k in range(n, len(ERRORS)) if not best[k - n] - best[k] > 0.02]
        assert len(search.rows) == (ends or [len(ERRORS)])[0]


def test_failures_count_for_patience():
    search = searching([ValueError("no")] * 6, stop=Patience(3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search.run()
    assert len(search.rows) == 4


def test_a_trial_that_goes_on_counts_once():
    search = HPOTuner(ASHAScheduler(Listed(40), 2, 1, 4), lambda config, max_epochs: (
        1 + config["x"] / max_epochs), stop=Patience(5))
    search.run()
    assert search.records["trial_id"].nunique() == 6 < len(search.records)


def test_patience_with_reports():
    search = HPOTuner(BasicScheduler(Listed(20), 4), reporting.obedient, stop=Patience(3))
    search.run()
    assert search.records["trial_id"].nunique() == 4


def loss_is_small(tuner):
    return tuner.incumbent_error < 0.45


def test_a_function_is_a_rule_and_the_journal_keeps_its_word(tmp_path):
    journal = tmp_path / "search.jsonl"
    first = searching(stop=[Patience(50), loss_is_small], journal=journal)
    first.run()
    assert len(first.rows) == 6
    assert events(journal)[-1] == {"event": "stopped", "rule": "loss_is_small"}
    before = journal.read_bytes()
    again = searching(stop=[loss_is_small], journal=journal)
    again.run()
    again.run()
    assert len(again.rows) == 6 and journal.read_bytes() == before
    later = searching(stop=[Patience(2)], journal=journal)  # the rule was left out: it goes on
    later.run()
    assert len(later.rows) == 9
    last = searching(stop=[Patience(2)], journal=journal)
    last.run()
    assert len(last.rows) == 9
    everything = searching(journal=journal)
    everything.run()
    assert len(everything.rows) == 11


def test_a_rule_that_holds_at_the_last_trial_of_a_budget_has_ended_the_search(tmp_path):
    search = searching(stop=loss_is_small, journal=tmp_path / "search.jsonl")
    for number_of_trials in (6, 9, None):
        search.run(number_of_trials)
        assert len(search.rows) == 6
        assert events(search.journal.path)[-1] == {"event": "stopped", "rule": "loss_is_small"}


def test_trials_that_end_after_the_rule_do_not_end_the_search_again(tmp_path):
    both, heard = threading.Barrier(2), []

    def at_once(tuner):
        heard.append(len(tuner.rows))
        return True

    def meeting(config):
        both.wait()
        return config["x"]

    with ThreadPoolExecutor(2) as executor:
        search = HPOTuner(BasicScheduler(Listed(6)), meeting, n_workers=2, executor=executor,
                          stop=at_once, journal=tmp_path / "search.jsonl")
        search.run()
    kinds = [event["event"] for event in events(tmp_path / "search.jsonl")]
    assert len(search.rows) == kinds.count("finished") == 2
    assert kinds.count("stopped") == 1 and heard == [1]


def test_a_rule_that_fails_comes_out_of_run_and_loses_nothing(tmp_path):
    def odd(tuner):
        raise LookupError("no such column")
    search = searching(stop=odd, journal=tmp_path / "search.jsonl")
    with pytest.raises(LookupError, match="no such column"):
        search.run()
    again = searching(journal=tmp_path / "search.jsonl")
    again.run()
    assert list(again.records["error"]) == ERRORS and (again.records["attempt"] == 1).all()


@pytest.mark.parametrize("stop, message", [
    (5, "stop is 5, expected a function"), ([5], "stop has 5, expected a function"),
    (["loss"], "stop has 'loss'"),
    ([type("Rule", (), {"__call__": lambda self, tuner: True})()], "an attribute __name__")])
def test_rules_that_cannot_be(stop, message):
    with pytest.raises(TypeError, match=message):
        searching(stop=stop)


@pytest.mark.parametrize("arguments", [(0,), (1.5,), (1, -0.1), (1, math.nan)])
def test_bad_patience(arguments):
    with pytest.raises(ValueError, match="trials is|min_delta is"):
        Patience(*arguments)


# -- callbacks ------------------------------------------------------------------------------------

class Notes:
    """Writes down all that it is told, and what the journal held then."""

    def __init__(self, journal):
        self.heard, self.journal = [], journal

    def last(self):
        return events(self.journal)[-1]["event"]

    def search_begin(self, tuner):
        self.heard.append(("search_begin", len(tuner.rows)))

    def trial_begin(self, trial):
        assert self.last() == "started"
        self.heard.append(("trial_begin", trial.trial_id))

    def report(self, trial, error, epoch, info):
        assert self.last() == "reported"
        self.heard.append(("report", trial.trial_id, epoch, error, info))

    def trial_end(self, trial, row):
        assert self.last() in ("finished", "failed")
        self.heard.append(("trial_end", trial.trial_id, row["max_epochs"], row["status"]))

    def search_end(self, tuner):
        self.heard.append(("search_end", len(tuner.rows)))


def test_callbacks_are_told_after_the_journal_and_not_of_what_it_repeats(tmp_path):
    notes = Notes(tmp_path / "search.jsonl")

    def search(n):
        return HPOTuner(BasicScheduler(Listed(n), 2), reporting.silent, callbacks=[notes],
                        journal=notes.journal)
    search(1).run()
    assert notes.heard == [("search_begin", 0), ("trial_begin", 0), ("report", 0, 1, 1.0, {}),
                           ("report", 0, 2, 0.5, {}), ("trial_end", 0, 2, "completed"),
                           ("search_end", 2)]
    notes.heard.clear()
    search(1).run()
    assert notes.heard == [("search_begin", 2), ("search_end", 2)]


def test_callbacks_hear_of_failures_and_of_an_interrupted_search(tmp_path):
    notes = Notes(tmp_path / "search.jsonl")
    search = searching([0.5, ValueError("no"), KeyboardInterrupt()], callbacks=[notes],
                       journal=notes.journal)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interrupted(search)
    assert notes.heard[-3:] == [("trial_end", 1, None, "failed"), ("trial_begin", 2),
                                ("search_end", 2)]


@pytest.mark.parametrize("hook, n_workers", [
    ("search_begin", 1), ("trial_begin", 1), ("report", 1), ("trial_end", 1), ("search_end", 1),
    ("report", 2), ("trial_end", 2)])
def test_an_exception_in_a_callback_is_told_and_loses_no_trial(hook, n_workers, tmp_path):
    def fail(self, *arguments):
        raise OSError("the server is away")
    odd = type("Odd", (), {hook: fail})()
    search = HPOTuner(BasicScheduler(Listed(2), 2), reporting.silent, callbacks=[odd],
                      n_workers=n_workers, journal=tmp_path / "search.jsonl")
    with pytest.warns(UserWarning, match=f"callback Odd.{hook} failed(.|\n)*the server is away"):
        search.run()
    assert sorted(row["trial_id"] for row in search.rows) == [0, 0, 1, 1]
    assert (search.records["status"] == "completed").all()


@pytest.mark.parametrize("thing", [5, object(), "report", dict])
def test_what_is_no_callback_is_refused(thing):
    with pytest.raises(TypeError, match="has none of the methods search_begin"):
        searching(callbacks=[thing])


@pytest.mark.parametrize("name", ["callbacks", "stop", "journal", "checkpoint_dir"])
@pytest.mark.parametrize("value", [3, False])
def test_an_argument_that_cannot_be_goes_by_its_name(name, value):
    with pytest.raises(TypeError, match=f"^{name} is {value}, expected"):
        searching(**{name: value})


def test_a_callback_outside_a_list_is_refused_by_name():
    class Alone:
        def trial_end(self, trial, row):
            """Do nothing."""
    with pytest.raises(TypeError, match="callbacks is .*Alone object.*, expected a list"):
        searching(callbacks=Alone())
