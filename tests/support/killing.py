"""Kill a search again and again, as a program: python killing.py FOLDER MODE SEED KILLS.

A process that has imported everything forks a child for each run. Either the child kills itself
with SIGKILL at a write, before it, in the middle of it or after it; or its parent kills it after a
random time. (This does not run in pytest's own
process, where threads make forking unsafe.) At the end one line of JSON says what came out.
"""
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The package loads these when a search needs them: here once, not in each of a thousand children.
import d2l_hpo.tuning.journal  # noqa: F401
import d2l_hpo.tuning.parallel  # noqa: F401
import pandas  # noqa: F401

import checkpointing
import overfitting
import population_search
import reporting_search

NUMBER_OF_TRIALS = 6
MOMENTS = ("before", "middle", "after")


class Killer:
    """Counts write points and kills this process at one of them; -1: at none."""

    def __init__(self, at, moment):
        self.at, self.moment, self.count = at, moment, 0
        self.lock = threading.Lock()
        for name in ("write", "replace", "ftruncate", "unlink"):
            setattr(os, name, self.watch(name, getattr(os, name)))
        os.fsync = self.watch("fsync", lambda descriptor: None)  # a kill does not empty the cache

    def watch(self, name, function):
        def watched(*arguments):
            with self.lock:
                self.count += 1
                is_last = self.count - 1 == self.at
                if is_last and self.moment == "middle" and name == "write":
                    function(arguments[0], bytes(arguments[1])[:len(arguments[1]) // 2])
                if is_last and self.moment != "after":
                    os.kill(os.getpid(), signal.SIGKILL)
                value = function(*arguments)
                if is_last:
                    os.kill(os.getpid(), signal.SIGKILL)
                return value
        return watched


def run(folder, mode, at=-1, moment="before", seconds=None):
    """Run the search in a child process, kill it after some `seconds`; say if it was killed."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(folder / "errors", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        try:
            killer = Killer(at, moment)
            search(folder, mode)
            (folder / "points").write_text(str(killer.count), encoding="utf-8")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    if seconds is not None:
        time.sleep(seconds)  # the moment of the kill, wherever the child may be by then
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status) and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(f"the search failed:\n{(folder / 'errors').read_text(encoding='utf-8')}")
    return os.WIFSIGNALED(status)


def search(folder, mode):
    """Run the search to its end, write down what it gave."""
    if mode == "sequential":
        tuner = checkpointing.tuner(folder)
        tuner.run(number_of_trials=NUMBER_OF_TRIALS)
    elif mode == "reports":
        tuner = reporting_search.tuner(folder)
        tuner.run(number_of_trials=NUMBER_OF_TRIALS)
    elif mode == "population":
        tuner = population_search.tuner(folder, epochs=4, members=3)
        tuner.run()
    elif mode == "overfitting":
        tuner = overfitting.tuner(folder)
        tuner.run()
        return (folder / "outcome").write_text(json.dumps(overfitting.outcome(tuner)),
                                               encoding="utf-8")
    else:
        with ThreadPoolExecutor(2) as executor:
            tuner = checkpointing.tuner(folder, executor=executor, n_workers=2)
            tuner.run(number_of_trials=NUMBER_OF_TRIALS)
    (folder / "outcome").write_text(json.dumps(checkpointing.outcome(tuner)), encoding="utf-8")


def read_outcome(folder):
    return json.loads((folder / "outcome").read_text(encoding="utf-8"))


def fresh(folder):
    """Make an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def whole_lines(folder):
    """Return what the journal holds for certain."""
    path = folder / "search.jsonl"
    return path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""


def check_journal(folder, kept):
    """Raise AssertionError if lines in `kept` were lost, or a job ended twice or not at all."""
    lines = whole_lines(folder)
    assert lines.startswith(kept), f"lines were lost: {kept[len(lines):]!r}"
    events = [json.loads(line) for line in lines.split(b"\n")]
    suggested = [event["trial"] for event in events if event["event"] == "suggested"]
    ended = [event["trial_id"] for event in events if event["event"] in ("finished", "failed")]
    jobs = [trial["trial_id"] for trial in suggested if trial is not None]
    assert sorted(ended) == sorted(jobs), f"jobs {jobs}, but {ended} ended"
    return len(ended)


def everywhere(folder, mode):
    """Kill once at each write point, in each way, and let the next run finish."""
    run(fresh(folder), mode)
    expected, points = read_outcome(folder), int((folder / "points").read_text(encoding="utf-8"))
    kills = 0
    for at in range(points):
        for moment in MOMENTS:
            kills += run(fresh(folder), mode, at, moment)
            kept = whole_lines(folder)
            assert not run(folder, mode)
            check_journal(folder, kept)
            if mode != "parallel":
                assert read_outcome(folder) == expected, (
                    f"{at} {moment}: {read_outcome(folder)}, not {expected}")
    return {"kills": kills, "points": points}


def at_random(folder, mode, seed, kills):
    """Kill searches, by turns at random write points and times, until there were so many kills."""
    rng, killed, searches = random.Random(seed), 0, 0
    begin = time.perf_counter()
    run(fresh(folder), mode)
    seconds, expected = time.perf_counter() - begin, read_outcome(folder)
    while killed < kills:
        fresh(folder)
        kept, limit = b"", seconds if searches % 2 else None
        while run(folder, mode, **random_end(rng, limit)):
            killed += 1
            limit = limit and 1.2 * limit  # a machine that has become slow needs more time
            assert whole_lines(folder).startswith(kept)
            kept = whole_lines(folder)
        searches += 1
        check_journal(folder, kept)
        if mode != "parallel":
            assert read_outcome(folder) == expected, f"{read_outcome(folder)}, not {expected}"
        leftovers = {path.name for path in folder.iterdir()} - {"checkpoints", "search.jsonl",
                                                                "errors", "points", "outcome"}
        assert not leftovers, leftovers
    return {"kills": killed, "searches": searches}


def random_end(rng, seconds):
    """Draw a write point, or a time of up to so many seconds, at which to kill a search."""
    if seconds is None:
        return {"at": rng.randrange(40), "moment": rng.choice(MOMENTS)}
    return {"seconds": rng.uniform(0, seconds)}


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    where, mode = Path(sys.argv[1]), sys.argv[2]
    if sys.argv[3] == "everywhere":
        print(json.dumps(everywhere(where, mode)))
    else:
        print(json.dumps(at_random(where, mode, int(sys.argv[3]), int(sys.argv[4]))))
