"""Trials that begin with another's checkpoint: what is copied, when, and after which kills."""
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import population_search
import pytest
from checkpointing import outcome, save
from test_kills import killing

from d2l_hpo import HPOScheduler, HPOTuner, Trial


class Listed(HPOScheduler):
    """Suggests a list of trials."""

    def __init__(self, *trials):
        self.left = list(trials)

    def suggest(self):
        return self.left.pop(0) if self.left else None

    def update(self, trial, error, info=None):
        pass

    def describe(self):
        return {"class": "Listed", "space": {}, "seed": 0, "settings": {}}


def counting(config, max_epochs, checkpoint, seed):
    """Append this trial to a list in the checkpoint, once an epoch; return how long it is."""
    past = json.loads(checkpoint.read_text(encoding="utf-8")) if checkpoint.exists() else []
    past += [seed] * (max_epochs - len(past))
    save(checkpoint, past)
    return {"error": 1 / len(past), "past": past}


FIRST = Trial(0, {"x": 0}, 2)


def run(folder, *trials, objective=counting, **others):
    tuner = HPOTuner(Listed(*trials), objective, checkpoint_dir=folder, **others)
    tuner.run()
    return tuner


def pasts(tuner):
    return [info.get("past") for info in tuner.records.sort_values("trial_id")["info"]]


def test_a_trial_begins_with_its_sources_checkpoint(tmp_path):
    tuner = run(tmp_path, FIRST, Trial(1, {"x": 1}, 3, 2, source=0), Trial(2, {"x": 2}, 5, 3, 1))
    assert pasts(tuner) == [[0, 0], [0, 0, 1], [0, 0, 1, 2, 2]]
    assert json.loads((tmp_path / "trial_0.pt").read_text(encoding="utf-8")) == [0, 0]
    assert {path.name for path in tmp_path.iterdir()} == {f"trial_{i}.pt" for i in range(3)}


def test_several_trials_may_have_one_source(tmp_path):
    trials = [Trial(i, {"x": i}, 3, 2, source=0) for i in (1, 2, 3)]
    with ThreadPoolExecutor(1) as executor:
        tuner = run(tmp_path, FIRST, *trials, executor=executor)
    assert pasts(tuner) == [[0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3]]


def test_a_trial_without_source_copies_nothing(tmp_path):
    tuner = run(tmp_path, FIRST, Trial(1, {"x": 1}, 2))
    assert pasts(tuner) == [[0, 0], [1, 1]]


def test_a_checkpoint_of_its_own_is_not_overwritten(tmp_path):
    tuner = HPOTuner(Listed(FIRST, Trial(1, {"x": 1}, 4, 2, source=0)), counting,
                     checkpoint_dir=tmp_path)
    tuner.run(number_of_trials=1)
    save(tmp_path / "trial_1.pt", [0, 0, 7])  # what an attempt that was lost has left
    tuner.run()
    assert pasts(tuner) == [[0, 0], [0, 0, 7, 1]]


def test_a_copy_that_was_interrupted_is_repeated(tmp_path):
    tuner = HPOTuner(Listed(FIRST, Trial(1, {"x": 1}, 3, 2, source=0)), counting,
                     checkpoint_dir=tmp_path)
    tuner.run(number_of_trials=1)
    (tmp_path / "trial_1.pt.partial").write_text("[0, ", encoding="utf-8")
    tuner.run()
    assert pasts(tuner) == [[0, 0], [0, 0, 1]]
    assert not (tmp_path / "trial_1.pt.partial").exists()


def test_the_copy_is_put_in_place_in_one_step(tmp_path, monkeypatch):
    tuner = HPOTuner(Listed(FIRST, Trial(1, {"x": 1}, 3, 2, source=0)), counting,
                     checkpoint_dir=tmp_path)
    tuner.run(number_of_trials=1)
    steps, replace = [], os.replace

    def watched(source, target):
        steps.append((target.name, target.exists(), json.loads(source.read_text(encoding="utf-8"))))
        replace(source, target)
    monkeypatch.setattr(os, "replace", watched)
    tuner.run()
    assert steps == [("trial_1.pt", False, [0, 0]), ("trial_1.pt", True, [0, 0, 1])]


def test_a_source_that_left_no_checkpoint_is_trained_from_the_start(tmp_path):
    tuner = HPOTuner(Listed(FIRST, Trial(1, {"x": 1}, 3, 2, source=0)), counting,
                     checkpoint_dir=tmp_path)
    tuner.run(number_of_trials=1)
    (tmp_path / "trial_0.pt").unlink()
    tuner.run()
    assert pasts(tuner) == [[0, 0], [1, 1, 1]]


def blind(config, max_epochs):
    """An objective that knows nothing of checkpoints."""
    return 0.5


def test_a_source_that_has_not_ended_is_an_error(tmp_path):
    tuner = HPOTuner(Listed(Trial(1, {"x": 1}, 3, 2, source=0)), counting, checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match="trial 1 begins with the checkpoint of trial 0, which has "
                                         "not ended; suggest it after that report"):
        tuner.run()


class Hasty(Listed):
    """Says that a source is needed no more as soon as it suggests the trial that begins with it."""

    over = ()

    def suggest(self):
        trial = super().suggest()
        self.over = [] if trial is None or trial.source is None else [trial.source]
        return trial

    def ended(self):
        over, self.over = self.over, []
        return over


@pytest.mark.parametrize("threads", [0, 1])
def test_a_source_stays_until_it_is_copied(tmp_path, threads):
    trials = [FIRST, Trial(1, {"x": 1}, 3), Trial(2, {"x": 2}, 4, 2, source=0)]
    with ThreadPoolExecutor(1) as executor:
        tuner = HPOTuner(Hasty(*trials), counting, checkpoint_dir=tmp_path,
                         executor=executor if threads else None)
        tuner.run()
    assert pasts(tuner) == [[0, 0], [1, 1, 1], [0, 0, 2, 2]]
    assert {path.name for path in tmp_path.iterdir()} == {"trial_1.pt", "trial_2.pt"}


@pytest.mark.parametrize("objective", [counting, blind])
def test_without_checkpoints_a_source_is_an_error(objective, tmp_path):
    folder = tmp_path if objective is blind else None
    tuner = HPOTuner(Listed(Trial(1, {"x": 1}, 3, 2, source=0)), objective, checkpoint_dir=folder)
    with pytest.raises(ValueError, match="trial 1 begins with the checkpoint of trial 0; give the "
                                         "tuner a checkpoint_dir, and the objective an argument"):
        tuner.run()


# -- population based training --------------------------------------------------------------------

def test_every_trial_has_the_history_of_its_lineage(tmp_path):
    tuner = population_search.tuner(tmp_path)
    tuner.run()
    assert len(tuner.records) == 12 and (tuner.records["status"] == "failed").any()
    trials = tuner.scheduler.trials
    for row in tuner.records[tuner.records["status"] == "completed"].itertuples():
        lineage = tuner.scheduler.lineage(row.trial_id)
        expected = [[one.trial_id, one.config["x"]] for one in lineage for _ in range(2)]
        assert row.info["history"] == expected[:row.max_epochs] == expected
    assert any(trial.source not in (None, trial.trial_id - 4) for trial in trials)


def test_the_number_of_workers_changes_nothing(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "three").mkdir()
    alone = population_search.tuner(tmp_path / "one")
    alone.run()
    with ThreadPoolExecutor(3) as executor:
        together = population_search.tuner(tmp_path / "three", executor=executor, n_workers=3)
        together.run()
    first, second = (search.records.sort_values("trial_id", ignore_index=True)[
        ["trial_id", "config", "epoch", "error", "info"]] for search in (alone, together))
    pd.testing.assert_frame_equal(first, second)


def test_a_population_goes_on_where_it_was_stopped(tmp_path):
    for name in ("whole", "stopped"):
        (tmp_path / name).mkdir()
    whole = population_search.tuner(tmp_path / "whole")
    whole.run()
    for number in (3, 4, 6, 9, None):
        stopped = population_search.tuner(tmp_path / "stopped")
        stopped.run(number_of_trials=number)
    assert outcome(stopped) == outcome(whole)


def test_a_kill_at_any_write_point_of_a_population_changes_nothing(tmp_path):
    counts = killing(tmp_path, "population", "everywhere")
    assert counts["points"] > 50 and counts["kills"] > 2.5 * counts["points"]
