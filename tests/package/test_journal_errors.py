"""Journals that are refused: of another search, damaged, in use, on a full disk."""
import errno
import functools
import os
import subprocess
import sys
import warnings
from pathlib import Path

import checkpointing
import faulty_objectives as faulty
import psutil
import pytest
from journaled import PATHS, events, tuner
from scipy import stats
from scripted_curves import Scripted, trial
from scripted_trials import Listed
from systems import posix_only

from d2l_hpo import BasicScheduler, HPOTuner, RandomSearcher, categorical, read_journal


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "search.jsonl"


# -- another search -------------------------------------------------------------------------------

def random_search(seed=0, high=1.0, initial_config=None, max_epochs=None):
    space = {"x": stats.uniform(0, high), "kind": categorical(["a", "b"])}
    return BasicScheduler(RandomSearcher(space, initial_config, seed), max_epochs)


@pytest.mark.parametrize(("scheduler", "message"), [
    (random_search(seed=1), "scheduler.seed: 0 in the journal, 1 now"),
    (random_search(high=2.0), "scheduler.space: .*'scale': 1.0.* in the journal, .*'scale': 2.0"),
    (random_search(max_epochs=3), "scheduler.settings.max_epochs: None in the journal, 3 now"),
    (random_search(initial_config={"x": 0.5, "kind": "a"}), "settings.initial_config: None in"),
    (BasicScheduler(Listed(3)), "settings.searcher: 'RandomSearcher' in the journal, 'Listed' now"),
    (checkpointing.Continuing(), "scheduler.class: 'BasicScheduler' in the journal, 'Continuing'"),
], ids=["seed", "space", "epochs", "initial", "searcher", "scheduler"])
def test_another_search_is_refused_saying_what_differs(journal, scheduler, message):
    HPOTuner(random_search(), faulty.identity, journal=journal).run(number_of_trials=2)
    before = journal.read_bytes()
    search = HPOTuner(scheduler, faulty.identity, journal=journal)
    with pytest.raises(ValueError, match=f"is the journal of another search: .*{message}"):
        search.run(number_of_trials=4)
    assert journal.read_bytes() == before
    with pytest.raises(RuntimeError, match="no longer in step"):
        search.run(number_of_trials=4)


def test_another_objective_is_refused(journal):
    tuner(journal).run(number_of_trials=2)
    with pytest.raises(ValueError, match="objective: 'identity' in the journal, 'raising' now"):
        tuner(journal, faulty.raising).run(number_of_trials=4)


def test_a_scheduler_that_was_used_is_refused(journal):
    HPOTuner(random_search(), faulty.identity, journal=journal).run(number_of_trials=2)
    scheduler = random_search()
    scheduler.suggest()
    with pytest.raises(ValueError, match="line 2: the scheduler suggests another trial than in the "
                       "journal .*trial.trial_id: 0 in the journal, 1 now.*fresh scheduler"):
        HPOTuner(scheduler, faulty.identity, journal=journal).run(number_of_trials=4)


def test_a_searcher_that_decides_differently_is_refused(tmp_path, monkeypatch):
    checkpointing.tuner(tmp_path).run(number_of_trials=5)
    monkeypatch.setattr(checkpointing.Drifting, "update", lambda *arguments: None)
    with pytest.raises(ValueError, match="suggests another trial .*trial.config.x: "):
        checkpointing.tuner(tmp_path).run(number_of_trials=5)


def test_an_integer_is_not_the_float_of_the_same_value(journal):
    schedulers = Scripted(trial(1)), Scripted(trial(1.0))
    for scheduler in schedulers:
        scheduler.describe = dict
    HPOTuner(schedulers[0], faulty.identity, journal=journal).run(number_of_trials=1)
    with pytest.raises(ValueError, match="trial.config.x: 1 in the journal, 1.0 now"):
        HPOTuner(schedulers[1], faulty.identity, journal=journal).run(number_of_trials=1)


# -- damage ---------------------------------------------------------------------------------------

def test_a_torn_last_line_is_dropped_wherever_it_is_torn(tmp_path):
    (tmp_path / "straight").mkdir()
    straight = checkpointing.tuner(tmp_path / "straight", checkpoints=False)
    straight.run(number_of_trials=3)
    content = (tmp_path / "straight" / "search.jsonl").read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    for length in range(0, len(content), 19):
        folder = tmp_path / f"torn_{length}"
        folder.mkdir()
        (folder / "search.jsonl").write_bytes(content[:length])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            resumed = checkpointing.tuner(folder, checkpoints=False)
            resumed.run(number_of_trials=3)
        torn = [str(each.message) for each in caught if "torn" in str(each.message)]
        assert len(torn) == (length not in (0, *ends))
        assert checkpointing.outcome(resumed) == checkpointing.outcome(straight)
        events(folder / "search.jsonl")


def test_a_torn_line_is_cut_off_before_the_next_is_written(journal):
    tuner(journal).run(number_of_trials=2)
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"event": "sugges')
    with pytest.warns(UserWarning, match=r"search.jsonl: the last line is torn.*dropped"):
        tuner(journal).run(number_of_trials=2)
    assert journal.read_bytes() == whole
    tuner(journal).run(number_of_trials=3)
    assert journal.read_bytes().startswith(whole)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("damage", [
    b"", b"garbage", b"{}", b"[1]", b"null", b'{"event": "other"}', b'{"event": ["started"]}',
    b'{"event": "started"}', b"\xff\xfe", b"\x00" * 20, b"cut",
], ids=repr)
def test_damage_before_the_last_line_is_an_error_with_the_line(journal, damage, number):
    tuner(journal).run(number_of_trials=2)
    lines = journal.read_bytes().splitlines()
    lines[number - 1] = lines[number - 1][:-5] if damage == b"cut" else damage
    journal.write_bytes(b"\n".join(lines) + b"\n")
    before = journal.read_bytes()
    with pytest.raises(ValueError, match=f"search.jsonl, line {number}[: ].*restore the file"):
        tuner(journal).run(number_of_trials=3)
    assert journal.read_bytes() == before


@pytest.mark.parametrize(("number", "message"), [
    (1, "line 1: a 'suggested' event .*cannot stand here"),
    (2, "line 3: trial 0 ended before it was suggested"),
    (5, "line 6: trial 1 ended before it was suggested"),
    (4, None),
])
def test_a_missing_line_is_noticed(journal, number, message):
    tuner(journal).run(number_of_trials=2)
    lines = journal.read_text(encoding="utf-8").splitlines()
    del lines[number - 1]
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if message is None:  # without its result a trial runs again, and another comes after it
        tuner(journal).run(number_of_trials=2)
        return
    with pytest.raises(ValueError, match=message):
        tuner(journal).run(number_of_trials=3)


def test_an_attempt_out_of_turn_is_noticed(journal):
    tuner(journal).run(number_of_trials=2)
    text = journal.read_text(encoding="utf-8")
    journal.write_text(text.replace('"attempt": 1', '"attempt": 2'), encoding="utf-8")
    with pytest.raises(ValueError, match="line 4: attempt 2 ended, expected attempt 1"):
        tuner(journal).run(number_of_trials=3)


def test_a_journal_that_becomes_shorter_is_noticed(journal):
    search = tuner(journal)
    search.run(number_of_trials=2)
    os.truncate(journal, journal.stat().st_size - 1)
    with pytest.raises(ValueError, match="has become shorter"):
        search.run(number_of_trials=3)


def move(path):
    path.rename(path.with_name("moved.jsonl"))


def save_in_an_editor(path):
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def shorten(path):
    os.truncate(path, 10)


def append(path):
    with open(path, "ab") as file:
        file.write(b"\n")


@posix_only  # on Windows an open file stays where it is
@pytest.mark.parametrize(("change", "word"), [
    (Path.unlink, "removed"), (move, "moved"), (save_in_an_editor, "replaced"),
    (shorten, "changed"), (append, "changed")])
def test_a_journal_that_another_program_takes_away_ends_the_search(journal, change, word):
    """What came later was lost, without a word: optuna/optuna#2722."""
    def objective(config, seed):
        if seed == 2:
            change(journal)
        return config["x"]
    search = tuner(journal, objective, 5)
    with pytest.raises(OSError, match=f"search.jsonl was .*{word} .*by another program"):
        search.run()
    assert list(search.records["trial_id"]) == [0, 1, 2]
    with pytest.raises(RuntimeError, match="no longer in step"):
        search.run()
    assert not Path(f"{journal}.lock").exists()


def test_a_journal_in_no_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; make"):
        tuner(tmp_path / "nowhere" / "search.jsonl").run()


def test_a_journal_that_is_a_folder_is_an_error_and_unlocked(tmp_path):
    with pytest.raises(IsADirectoryError):
        tuner(tmp_path).run()
    assert not Path(f"{tmp_path}.lock").exists()


NOTES = [b"0.1", b'{"learning_rate": 0.1}', b"notes\nwithout a last line's end", b"\x80\x04K\x01.",
         b'{"event": "sea"}', b"\x00" * 20 + b"weights"]


@pytest.mark.parametrize("content", NOTES, ids=repr)
def test_a_file_that_is_no_journal_stays_as_it_is(journal, content):
    """A path given by mistake cost its file before, as in ray-project/ray#42630."""
    journal.write_bytes(content)
    with pytest.raises(ValueError, match="search.jsonl.* no (journal|event)"):
        tuner(journal).run(number_of_trials=1)
    assert journal.read_bytes() == content


@pytest.mark.parametrize("zeros", [b"\x00" * 20, b'{"event": "search", "sch' + b"\x00" * 20])
def test_a_first_line_that_a_failing_machine_left_is_cut_off(journal, zeros):
    journal.write_bytes(zeros)
    with pytest.warns(UserWarning, match="the last line is torn"):
        tuner(journal).run(number_of_trials=1)
    events(journal)


@posix_only
def test_a_journal_is_no_device_or_pipe(journal):
    """One without an end was read for ever."""
    journal.symlink_to(os.devnull)
    os.mkfifo(journal.parent / "pipe")
    for read in (lambda: tuner(journal).run(), lambda: read_journal(journal),
                 lambda: tuner(journal.parent / "pipe").run()):
        with pytest.raises(ValueError, match="is a device or a pipe"):
            read()
    assert not Path(f"{os.devnull}.lock").exists()


# -- locks ----------------------------------------------------------------------------------------

def test_a_second_tuner_is_refused_while_the_first_runs(journal):
    def objective(config):
        with pytest.raises(RuntimeError, match="search.jsonl is in use by another tuner"):
            tuner(journal, objective).run()
        return config["x"]
    search = tuner(journal, objective)
    search.run()
    assert (search.records["status"] == "completed").all()


HOLDING = """
import sys
import faulty_objectives as faulty
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from journaled import tuner

objective = partial(faulty.waiting, folder=sys.argv[1], held=(1, 2))
workers = {"own": {"n_workers": 2}, "none": {},
           "given": {"executor": ProcessPoolExecutor(2), "n_workers": 2}}[sys.argv[2]]
if __name__ == "__main__":
    tuner(Path(sys.argv[1]) / "search.jsonl", objective, 4, **workers).run()
"""


@pytest.mark.parametrize("workers", ["none", "own", "given"])
def test_the_lock_of_a_dead_tuner_is_taken_over(journal, workers):
    objective = functools.partial(faulty.waiting, folder=journal.parent, held=(1, 2))
    script = journal.parent / "holding.py"
    script.write_text(HOLDING, encoding="utf-8")
    with subprocess.Popen([sys.executable, script, journal.parent, workers], env=PATHS) as program:
        begun = 1 if workers == "none" else 2
        faulty.wait_until(lambda: len([*journal.parent.glob("begun_*")]) == begun)
        family = psutil.Process(program.pid).children(recursive=True)
        with pytest.raises(RuntimeError, match="is in use by another tuner"):
            tuner(journal, objective, 4).run()
        program.kill()
    try:
        (journal.parent / "go_on").touch()
        search = tuner(journal, objective, 4)
        search.run()  # also while workers of an executor, copies of the dead tuner, live on
        assert sorted(search.records["trial_id"]) == [0, 1, 2, 3]
    finally:
        for process in family:
            process.kill() if process.is_running() else None
    assert not journal.with_name("search.jsonl.lock").exists()


# -- full disks -----------------------------------------------------------------------------------

class FullDisk:
    """A disk with room for a number of events of the journal, one of them only half."""

    def __init__(self, monkeypatch, room, failing):
        self.room, self.failing, self.descriptors = room, failing, set()
        self.write, self.fsync = os.write, os.fsync
        monkeypatch.setattr(os, "write", self.full_write)
        monkeypatch.setattr(os, "fsync", self.full_fsync)

    def full_write(self, descriptor, content):
        if bytes(content).startswith(b'{"event"'):
            self.descriptors.add(descriptor)
            self.room -= 1
            if self.room < 0 and self.failing == "write":
                return self.write(descriptor, content[:len(content) // 2])
        elif self.room < 0 and descriptor in self.descriptors:  # the other half
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.write(descriptor, content)

    def full_fsync(self, descriptor):
        if self.room < 0 and descriptor in self.descriptors:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.fsync(descriptor)


@pytest.mark.parametrize("failing", ["write", "fsync"])
@pytest.mark.parametrize("room", range(10))
def test_a_full_disk_is_a_clear_error_and_leaves_the_journal_intact(tmp_path, room, failing):
    (tmp_path / "straight").mkdir()
    straight = checkpointing.tuner(tmp_path / "straight")
    straight.run(number_of_trials=3)
    search = checkpointing.tuner(tmp_path)
    with pytest.MonkeyPatch.context() as monkeypatch:
        FullDisk(monkeypatch, room, failing)
        with pytest.raises(OSError, match="No space left on device; no event can") as error:
            search.run(number_of_trials=3)
    kept = events(tmp_path / "search.jsonl")
    assert room - (failing == "fsync") <= len(kept) <= room  # a suggestion waits for its start
    assert "search.jsonl" in str(error.value) and f"its {len(kept)} lines" in str(error.value)
    assert list(search.records.get("trial_id", [])) == [
        event["trial_id"] for event in kept if event["event"] in ("finished", "failed")]
    with pytest.raises(RuntimeError, match="no longer in step .*fresh scheduler"):
        search.run(number_of_trials=3)
    again = checkpointing.tuner(tmp_path)
    again.run(number_of_trials=3)
    assert events(tmp_path / "search.jsonl")[:len(kept)] == kept
    assert checkpointing.outcome(again) == checkpointing.outcome(straight)


FULL = """
import resource, signal, sys
from pathlib import Path
from journaled import tuner

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails with EFBIG
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
tuner(Path(sys.argv[1]), n=100).run()
"""


@posix_only
def test_a_file_that_must_not_grow_is_a_clear_error(journal):
    done = subprocess.run([sys.executable, "-c", FULL, journal], env=PATHS, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 1
    assert "OSError: [Errno 27] File too large; no event can be added to the journal" in done.stderr
    kept = events(journal)
    assert 5 < len(kept) and journal.stat().st_size < 2000
    search = tuner(journal, n=100)
    search.run()
    assert list(search.records["trial_id"]) == list(range(100))
