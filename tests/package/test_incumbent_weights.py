"""The incumbent's file holds the weights whose error is the incumbent's, whatever happens."""
import json
from concurrent.futures import ThreadPoolExecutor

import overfitting
import pytest
from interruptions import interrupted
from overfitting import kept
from scripted_curves import Scripted, trial
from test_kills import killing

from d2l_hpo import HPOTuner, Trial
from d2l_hpo.tools import write_file


def is_whole(search):
    """Say whether the incumbent's file is there and is the incumbent's."""
    state = kept(search)
    return (state["trial"], state["error"]) == (search.incumbent_trial, search.incumbent_error)


def test_a_trial_that_becomes_worse_leaves_its_best_weights(tmp_path):
    search = overfitting.tuner(tmp_path)
    search.run()
    assert overfitting.outcome(search) == [
        1, 0.2, {"trial": 1, "epoch": 3, "error": 0.2}, ["trial_1.pt"]]


@pytest.mark.parametrize("workers", [1, 2])
def test_at_every_moment_the_incumbents_weights_are_there(workers, tmp_path):
    def objective(config, max_epochs, checkpoint):
        seen.append(search.incumbent is None or is_whole(search))
        error = overfitting.objective(config, max_epochs, checkpoint)
        seen.append(search.incumbent is None or is_whole(search))
        return error
    seen = []
    with ThreadPoolExecutor(1) as executor:  # the tuner waits while the objective looks
        search = HPOTuner(overfitting.scheduler(), objective, checkpoint_dir=tmp_path,
                          executor=executor if workers > 1 else None)
        search.run()
    assert seen == [True] * 26 and is_whole(search)


@pytest.mark.parametrize("n", range(1, 14))
def test_a_search_that_is_interrupted_and_goes_on_keeps_them(n, tmp_path, monkeypatch):
    def stopping(config, max_epochs, checkpoint):
        calls.append(max_epochs)
        error = original(config, max_epochs, checkpoint)
        if len(calls) == n:
            raise KeyboardInterrupt  # the file already holds what came after
        return error
    calls, original = [], overfitting.objective
    stopping.__qualname__ = original.__qualname__
    monkeypatch.setattr(overfitting, "objective", stopping)
    search = overfitting.tuner(tmp_path)
    interrupted(search)
    assert search.incumbent is None or is_whole(search)
    again = overfitting.tuner(tmp_path)
    again.run()
    assert overfitting.outcome(again)[:3] == [1, 0.2, {"trial": 1, "epoch": 3, "error": 0.2}]


def test_an_incumbent_that_another_beats_loses_its_copy(tmp_path):
    search = overfitting.tuner(tmp_path)
    jobs = [trial(1, 1), trial(1, 3, 1), trial(1, 9, 3), trial(2, 1), trial(2, 3, 1),
            trial(2, 9, 3)]
    search = HPOTuner(Scripted(*jobs), overfitting.objective, checkpoint_dir=tmp_path / "other")
    search.run()
    assert is_whole(search) and search.incumbent_trial == 2
    assert sorted(path.name for path in search.checkpoints.folder.iterdir()) == [
        "trial_1.pt", "trial_2.pt"]


def test_a_trial_that_begins_again_has_lost_them_and_says_so(tmp_path):
    def searching():
        return HPOTuner(Scripted(trial(1, 3), trial(1, 9, 3)), overfitting.objective,
                        checkpoint_dir=tmp_path)
    search = searching()
    search.run(number_of_trials=1)
    search.checkpoints.path(1).unlink()
    search.run()
    assert search.incumbent_error == 0.2 and kept(search) is None


def test_a_file_that_vanishes_between_two_attempts_comes_back_from_its_copy(tmp_path):
    def objective(config, max_epochs, checkpoint):
        calls.append(json.loads(checkpoint.read_text(encoding="utf-8"))["epoch"]
                     if checkpoint.exists() else 0)
        if calls == [0, 3]:
            checkpoint.unlink()
            raise KeyboardInterrupt
        return overfitting.objective(config, max_epochs, checkpoint)
    calls = []
    search = HPOTuner(Scripted(trial(1, 3), trial(1, 9, 3)), objective, checkpoint_dir=tmp_path)
    interrupted(search)
    search.run()
    assert calls == [0, 3, 3] and is_whole(search)


def test_a_source_is_what_its_trial_ended_with(tmp_path):
    scheduler = Scripted(trial(1, 3), trial(1, 9, 3), Trial(4, {"x": 4}, 10, 9, source=1))
    search = HPOTuner(scheduler, overfitting.objective, checkpoint_dir=tmp_path)
    scheduler.ended = lambda: [1] if len(search.rows) == 2 and search.books.pending else []
    begun = []
    search.objective = lambda config, max_epochs, checkpoint: (
        begun.append(json.loads(checkpoint.read_text(encoding="utf-8"))
                     if checkpoint.exists() else None),
        overfitting.objective(config, max_epochs, checkpoint))[1]
    search.run()
    assert begun[2] == {"trial": 1, "epoch": 9, "error": 0.3}
    assert kept(search) == {"trial": 1, "epoch": 3, "error": 0.2}


def test_what_killed_attempts_left_is_removed_when_their_trial_goes_on(tmp_path):
    def objective(config, checkpoint):
        write_file(checkpoint, b"whole")
        return 0.5
    search = HPOTuner(Scripted(trial(0), trial(1)), objective, checkpoint_dir=tmp_path)
    for name in ("trial_0.pt.0a1b2c3d.partial", "trial_0.pt.11111111.partial"):
        (tmp_path / name).write_bytes(b"half")
    search.run()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trial_0.pt", "trial_1.pt"]


def test_files_of_a_users_own_beside_checkpoints_are_left_alone(tmp_path):
    (tmp_path / "trial_0.best.pt").touch()
    search = HPOTuner(Scripted(trial(0)), lambda config: 0.5, checkpoint_dir=tmp_path)
    search.run()
    assert (tmp_path / "trial_0.best.pt").exists()


@pytest.mark.parametrize("name", ["trial_0.pt", "trial_3.epoch_2.pt"])
def test_files_of_another_search_are_refused(name, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(FileExistsError, match="is of another search"):
        HPOTuner(Scripted(trial(0)), lambda config: 0.5, checkpoint_dir=tmp_path)


def test_a_kill_at_any_write_point_loses_no_incumbent(tmp_path):
    counts = killing(tmp_path, "overfitting", "everywhere")
    assert counts["points"] > 100 and counts["kills"] > 2.5 * counts["points"]
