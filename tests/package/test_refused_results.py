"""A result that the searcher refuses ends the search; what has ended with it is not lost."""
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from journaled import events
from scripted_trials import Listed

from d2l_hpo import BasicScheduler, HPOTuner


class Picky(Listed):
    """Refuses a result without the number "memory"."""

    def __init__(self, n):
        super().__init__(n)
        self.has_refused = threading.Event()

    def check_report(self, error, info):
        if "memory" not in info:
            self.has_refused.set()
            raise ValueError("the number 'memory' is missing; return it")


class Forgetful:
    """Forgets the number for some trials until it is mended; counts its calls."""

    def __init__(self, *broken):
        self.broken, self.calls = set(broken), []

    def __call__(self, config):
        self.calls.append(config["x"])
        return {"error": 0.1} if config["x"] in self.broken else {"error": 0.1, "memory": 1}

    def run_batch(self, calls):
        return [self(config, **keywords) for config, keywords in calls]


def test_the_other_results_of_a_batch_are_kept(tmp_path):
    objective = Forgetful(0, 2)
    options = {"batch_size": 4, "journal": tmp_path / "a.jsonl"}
    tuner = HPOTuner(BasicScheduler(Picky(6)), objective, **options)
    with pytest.raises(ValueError, match="the number 'memory' is missing"):
        tuner.run()
    assert [row["trial_id"] for row in tuner.rows] == [1, 3]
    assert objective.calls == [0, 1, 2, 3]
    objective.broken.clear()
    for goes_on in (tuner, HPOTuner(BasicScheduler(Picky(6)), objective, **options)):
        objective.calls.clear()
        goes_on.run()
        assert sorted(row["trial_id"] for row in goes_on.rows) == [*range(6)]
    assert objective.calls == []  # the journal has them all


def test_what_runs_beside_a_refused_trial_is_finished(tmp_path):
    searcher, path = Picky(9), tmp_path / "a.jsonl"

    def objective(config):
        if config["x"] == 1:
            assert searcher.has_refused.wait(60)
        return {"error": 0.1} if config["x"] == 0 else {"error": 0.1, "memory": 1}

    with ThreadPoolExecutor(2) as executor:
        tuner = HPOTuner(BasicScheduler(searcher), objective, executor, path, n_workers=2)
        with pytest.raises(ValueError, match="the number 'memory' is missing"):
            tuner.run()
    assert [row["trial_id"] for row in tuner.rows] == [1]
    assert [event["trial_id"] for event in events(path) if event["event"] == "finished"] == [1]
    assert [trial.trial_id for trial in tuner.books.pending] == [0]


def test_no_trial_begins_after_a_refusal_and_a_mended_objective_goes_on():
    objective = Forgetful(3)
    tuner = HPOTuner(BasicScheduler(Picky(6)), objective)
    for _ in range(2):
        with pytest.raises(ValueError, match="the number 'memory' is missing"):
            tuner.run()
    assert objective.calls == [0, 1, 2, 3, 3]
    objective.broken.clear()
    tuner.run()
    assert [row["trial_id"] for row in tuner.rows] == [*range(6)]
