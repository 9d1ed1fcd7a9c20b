"""Batches of trials in one call of the objective: books, journal, checkpoints, and failures."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from interruptions import interrupted
from scripted_trials import Listed

from d2l_hpo import BasicScheduler, HPOTuner, SuccessiveHalvingScheduler

TIMES = ("start", "end", "worker")


class Batched:
    """Trains nothing: a trial's error is x / 100 minus epochs / 10. It notes the batches.

    `broken` says by x what a call returns, or raises as an exception, instead. Ctrl-C comes after
    the first trial of the batch with number `stops_in`.
    """

    def __init__(self, stops_in=None, **broken):
        self.batches, self.stops_in = [], stops_in
        self.broken = {int(name[1:]): value for name, value in broken.items()}

    def __call__(self, config, max_epochs=1, checkpoint=None, seed=0):
        value = self.broken.get(config["x"])
        if isinstance(value, BaseException):
            raise value
        epoch = 0
        if checkpoint is not None:
            epoch = int(checkpoint.read_text()) if checkpoint.exists() else 0
            checkpoint.write_text(str(max_epochs))
        return {"error": 1 + config["x"] / 100 - max_epochs / 100 if value is None else value,
                "trained": max_epochs - epoch, "seed": seed}

    def run_batch(self, calls):
        self.batches.append([config["x"] for config, _ in calls])
        results = []
        for config, keywords in calls:
            try:
                results.append(self(config, **keywords))
            except Exception as error:
                results.append(error)
            if len(self.batches) - 1 == self.stops_in:
                raise KeyboardInterrupt
        return results


def halving(n=9):
    return SuccessiveHalvingScheduler(Listed(n), eta=3, r_min=1, r_max=9, rounds=1,
                                      open_brackets=1)


def without_times(tuner):
    """The rows by trial and epoch, without what a batch changes: times and the place in it."""
    rows = sorted(tuner.rows, key=lambda row: (row["max_epochs"] or 0, row["trial_id"]))
    return [{name: value for name, value in row.items() if name not in TIMES} for row in rows]


def events(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# -- what a batch is, and what it leaves in the books ---------------------------------------------

def test_a_rung_is_a_batch_and_its_records_are_those_of_single_trials(tmp_path):
    objective = Batched()
    together = HPOTuner(halving(), objective, batch_size=20, checkpoint_dir=tmp_path / "a")
    together.run()
    alone = HPOTuner(halving(), Batched(), checkpoint_dir=tmp_path / "b")
    alone.run()
    assert objective.batches == [[*range(9)], [0, 1, 2], [0]]
    assert without_times(together) == without_times(alone)
    assert [row["info"]["trained"] for row in together.rows] == [1] * 9 + [2] * 3 + [6]
    assert together.scheduler.searcher.told == alone.scheduler.searcher.told
    assert (together.incumbent, together.incumbent_error) == ({"x": 0}, 0.91)
    assert [row["worker"] for row in together.rows[:9]] == [*range(9)]
    assert {path.name for path in (tmp_path / "a").glob("*.pt")} == {"trial_0.pt"}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_batch_has_at_most_its_size_and_the_budget_ends_it(size):
    objective = Batched()
    tuner = HPOTuner(BasicScheduler(Listed(20)), objective, batch_size=size)
    tuner.run(number_of_trials=5)
    assert [len(batch) for batch in objective.batches] == {
        1: [1] * 5, 2: [2, 2, 1], 3: [3, 2]}[size]
    tuner.run(number_of_trials=7)
    assert [x for batch in objective.batches for x in batch] == [*range(7)]


def test_callbacks_see_all_trials_of_a_batch_begin_before_the_first_ends():
    seen = []

    class Watch:
        def trial_begin(self, trial):
            seen.append(("begin", trial.trial_id))

        def trial_end(self, trial, row):
            seen.append(("end", trial.trial_id, row["error"]))

    HPOTuner(BasicScheduler(Listed(2)), Batched(), batch_size=5, callbacks=[Watch()]).run()
    assert seen == [("begin", 0), ("begin", 1), ("end", 0, 0.99), ("end", 1, 1.0)]


# -- failures -------------------------------------------------------------------------------------

@pytest.mark.filterwarnings("ignore:trial 1 failed")
def test_what_fails_in_a_batch_is_one_trial():
    tuner = HPOTuner(halving(), Batched(x1=OSError("no room"), x2=float("nan")), batch_size=9)
    tuner.run()
    first = tuner.rows[:9]
    assert [row["trial_id"] for row in first if row["status"] == "failed"] == [1, 2]
    assert first[1]["traceback"].endswith("OSError: no room\n")
    assert "raise value" in first[1]["traceback"]
    assert "no finite error" in first[2]["traceback"]
    assert [row["trial_id"] for row in tuner.rows[9:]] == [0, 3, 4, 0]


@pytest.mark.filterwarnings("ignore:trial 0 failed", "ignore:no trial succeeded")
@pytest.mark.parametrize("run_batch, reason", [
    (lambda calls: [][0], "IndexError"),
    (lambda calls: 1 / 0, "ZeroDivisionError"),
    (lambda calls: [0.5], "given 2 calls and returned 1 results"),
    (lambda calls: iter([0.5] * 3), "given 2 calls and returned 3 results"),
    (lambda calls: [calls.pop() for _ in range(1)], "given 2 calls and returned 1 results"),
    (lambda calls: calls.clear() or 1 / 0, "ZeroDivisionError"),
    (lambda calls: {0: 0.5, 1: 0.4}, "TypeError: run_batch returned a dict"),
    (lambda calls: "01", "TypeError: run_batch returned a str"),
    (lambda calls: exit(), "SystemExit")])
def test_where_the_call_fails_all_of_its_trials_have_failed(run_batch, reason):
    objective = Batched()
    objective.run_batch = run_batch
    tuner = HPOTuner(BasicScheduler(Listed(4)), objective, batch_size=2)
    tuner.run()
    assert [row["status"] for row in tuner.rows] == ["failed"] * 4
    assert all(reason in row["traceback"] for row in tuner.rows)


@pytest.mark.filterwarnings("ignore:trial 0 failed")
def test_too_many_failures_end_the_search_after_their_batch():
    objective = Batched(x0=ValueError("a"), x1=ValueError("b"))
    tuner = HPOTuner(BasicScheduler(Listed(9)), objective, batch_size=3, max_failures=1)
    with pytest.raises(RuntimeError, match="2 trials have failed"):
        tuner.run()
    assert objective.batches == [[0, 1, 2]]
    assert len(tuner.rows) == 3


# -- going on -------------------------------------------------------------------------------------

@pytest.mark.parametrize("is_new", [False, True])
def test_ctrl_c_keeps_what_has_ended_and_the_batch_runs_again(is_new, tmp_path):
    options = {"journal": tmp_path / "a.jsonl", "checkpoint_dir": tmp_path / "a", "batch_size": 9}
    stopping = Batched(stops_in=1)
    tuner = HPOTuner(halving(), stopping, **options)
    interrupted(tuner)
    assert len(tuner.rows) == 9
    assert stopping.batches == [[*range(9)], [0, 1, 2]]
    objective = Batched() if is_new else stopping
    resumed = HPOTuner(halving(), objective, **options) if is_new else tuner
    resumed.run()
    assert objective.batches[-2:] == [[0, 1, 2], [0]]
    assert len(objective.batches) == (2 if is_new else 4)
    assert [row["trial_id"] for row in resumed.rows] == [*range(9), 0, 1, 2, 0]


def test_a_kill_at_any_event_leaves_a_journal_from_which_the_rest_of_the_batch_runs(tmp_path):
    whole = tmp_path / "whole.jsonl"
    tuner = HPOTuner(halving(), Batched(), journal=whole, batch_size=9)
    tuner.run()
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    kinds = [event["event"] for event in events(whole)]
    for cut in range(1, len(lines)):
        path = tmp_path / f"cut_{cut}.jsonl"
        path.write_text("".join(lines[:cut]), encoding="utf-8", newline="\n")
        objective = Batched()
        resumed = HPOTuner(halving(), objective, journal=path, batch_size=9)
        resumed.run()
        assert without_times(resumed) == without_times(tuner)
        ended = kinds[:cut].count("finished")
        assert sum(map(len, objective.batches)) == 13 - ended
        if 0 < ended < 9:
            assert objective.batches == [[*range(ended, 9)], [0, 1, 2], [0]]


def test_a_search_begun_in_batches_goes_on_one_at_a_time(tmp_path):
    path = tmp_path / "a.jsonl"
    HPOTuner(BasicScheduler(Listed(9)), Batched(), journal=path,
             batch_size=4).run(number_of_trials=4)
    tuner = HPOTuner(BasicScheduler(Listed(9)), Batched(), journal=path)
    tuner.run()
    assert [row["trial_id"] for row in tuner.rows] == [*range(9)]


def test_a_trial_that_fails_with_an_interrupted_checkpoint_is_tried_without_it(tmp_path):
    class Fragile(Batched):
        def __call__(self, config, max_epochs=1, checkpoint=None, seed=0):
            if config["x"] == 0 and checkpoint.exists():
                raise ValueError("nothing left to train")
            return super().__call__(config, max_epochs, checkpoint, seed)

    objective = Fragile(stops_in=0)
    tuner = HPOTuner(BasicScheduler(Listed(3)), objective, batch_size=3,
                     checkpoint_dir=tmp_path / "a")
    interrupted(tuner)
    with pytest.warns(UserWarning, match="trial 0 was interrupted, and failed"):
        tuner.run()
    assert objective.batches == [[0, 1, 2], [0, 1, 2], [0]]
    assert [row["status"] for row in tuner.rows] == ["completed"] * 3


# -- arguments ------------------------------------------------------------------------------------

def reporting(config, report):
    return report(config["x"], 1)


reporting.run_batch = lambda calls: []


@pytest.mark.parametrize("objective, options, error, message", [
    (Batched(), {"batch_size": 0}, ValueError, "batch_size is 0, expected a positive integer"),
    (Batched(), {"batch_size": 2.5}, ValueError, "batch_size is 2.5"),
    (lambda config: 0, {"batch_size": 2}, TypeError, "has no method run_batch"),
    (reporting, {"batch_size": 2}, ValueError, "cannot report"),
    (Batched(), {"batch_size": 2, "n_workers": 2}, ValueError, "for one process"),
    (Batched(), {"batch_size": 2, "trial_timeout": 9}, ValueError, "for one process"),
    (Batched(), {"batch_size": 2, "worker_env": [{}]}, ValueError, "for one process"),
    (Batched(), {"batch_size": 2, "executor": ThreadPoolExecutor()}, ValueError,
     "for one process")])
def test_what_cannot_run_in_batches_is_refused(objective, options, error, message):
    with pytest.raises(error, match=message):
        HPOTuner(BasicScheduler(Listed(3)), objective, **options)
