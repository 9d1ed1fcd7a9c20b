"""Searches that are killed again and again: nothing that ended is lost, and nothing doubled.

A process that has imported everything forks a child for each run, which kills itself at a write or
is killed after a random time (tests/support/killing.py). Here are two ways more: a search on two
processes, forked from it, is killed after a random time; and the tuner's own two workers are killed
one after another while their search goes on.
"""
import contextlib
import json
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.memory import folder

SUPPORT = Path(__file__).resolve().parents[1] / "tests" / "support"
TRIALS = 12
SEED = 20261130


def slow(config: dict, max_epochs: int = 1, checkpoint: Path | None = None, seed: int = 0) -> dict:
    """Train as the tests' objective does, for a moment."""
    import checkpointing
    time.sleep(0.005)
    return checkpointing.objective(config, max_epochs, checkpoint, seed)


def run(place: Path, workers: str) -> None:
    """Run the search to its end in this process and two others."""
    import checkpointing
    warnings.simplefilter("ignore")
    if workers == "own":
        tuner = checkpointing.tuner(place, n_workers=2, max_retries=10**6)
        tuner.objective = slow
        return tuner.run(number_of_trials=TRIALS)
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as executor:
        tuner = checkpointing.tuner(place, executor=executor, n_workers=2)
        tuner.objective = slow
        tuner.run(number_of_trials=TRIALS)


def begin(place: Path, workers: str) -> int:
    """Fork a process that runs the search; return its id. It leads a group."""
    child = os.fork()
    if child == 0:
        os.setsid()
        os.dup2(os.open(place / "errors", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
        status = 1
        try:
            run(place, workers)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def has_ended(child: int, place: Path) -> bool:
    """Say whether a search has come to its end; RuntimeError if that was an error."""
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended and os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError((place / "errors").read_text(encoding="utf-8"))
    return bool(ended)


def check(place: Path) -> None:
    """Raise AssertionError unless each job has ended once, with the error that it should have."""
    import checkpointing
    lines = (place / "search.jsonl").read_bytes().splitlines()
    events = [json.loads(line) for line in lines]
    jobs = {(event["trial"]["trial_id"], event["trial"]["max_epochs"]): event["trial"]
            for event in events if event["event"] == "suggested" and event["trial"] is not None}
    open_, ended = {}, 0
    for event in events:
        if event["event"] == "suggested" and event["trial"] is not None:
            name = event["trial"]["trial_id"]
            assert name not in open_, f"trial {name} was suggested before it had ended"
            open_[name] = event["trial"]
        if event["event"] in ("finished", "failed") and not event.get("retry"):
            trial, ended = open_.pop(event["trial_id"]), ended + 1
            if event["event"] == "finished":
                expected = checkpointing.objective(trial["config"], trial["max_epochs"],
                                                   seed=trial["trial_id"])["error"]
                assert event["error"] == expected, f"{event} instead of {expected}"
    assert not open_ and ended == len(jobs), f"{len(jobs)} jobs, {ended} ended, {open_} did not"


def kill_tuners(place: Path, kills: int) -> tuple[int, int]:
    """Kill the tuner's process after random times; return kills and searches."""
    from killing import fresh, whole_lines
    rng, killed, searches, seconds = random.Random(SEED), 0, 0, None
    while killed < kills:
        fresh(place)
        kept, limit, is_over = b"", seconds, False
        while not is_over:
            start, child = time.perf_counter(), begin(place, "fork")
            if limit is None:  # the first search is let alone
                while not has_ended(child, place):
                    time.sleep(0.001)
                seconds, is_over = time.perf_counter() - start, True
            else:
                time.sleep(rng.uniform(0, limit))
                is_over = has_ended(child, place)
                if not is_over:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    with contextlib.suppress(ProcessLookupError):  # it has just been forked
                        os.killpg(child, signal.SIGKILL)  # the pool's processes outlive it
                    killed, limit = killed + 1, 1.2 * limit
            assert whole_lines(place).startswith(kept), "lines were lost"
            kept = whole_lines(place)
        searches += 1
        check(place)
    return killed, searches


def own_workers(tuner: int) -> list:
    """Return the worker processes of a tuner's process."""
    import psutil
    try:
        return [process for process in psutil.Process(tuner).children()
                if "spawn_main" in " ".join(process.cmdline())]
    except psutil.NoSuchProcess:  # one has just ended
        return []


def kill_workers(place: Path, kills: int) -> tuple[int, int]:
    """Kill workers of the tuner's own after random times; return kills and searches.

    Not before the first trial: a worker that dies while it starts is an error of `run`.
    """
    from killing import fresh, whole_lines
    rng, killed, searches = random.Random(SEED), 0, 0
    while killed < kills:
        child = begin(fresh(place), "own")
        while not has_ended(child, place):
            time.sleep(rng.uniform(0, 0.3))
            workers = own_workers(child)
            if workers and killed < kills and b'"started"' in whole_lines(place):
                rng.choice(workers).kill()
                killed += 1
        searches += 1
        check(place)
    return killed, searches


def print_table(divide: int) -> None:
    """Print a row a way of killing."""
    sys.path.insert(0, str(SUPPORT))
    os.environ["PYTHONPATH"] = os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")])
    import killing
    ways = {f"tuner, {mode}": (lambda place, kills, mode=mode: killing.at_random(
                place, mode, SEED, kills).values(), 1000)
            for mode in ("sequential", "parallel", "reports")}
    ways["tuner with two processes"] = kill_tuners, 1800
    ways["a worker of the tuner's own"] = kill_workers, 200
    print("| what is killed | kills | searches that came to their end | s | lost or doubled |\n"
          "|---|---|---|---|---|")
    with folder() as place:
        for name, (way, kills) in ways.items():
            start = time.perf_counter()
            killed, searches = way(Path(place, "search"), max(kills // divide, 4))
            print(f"| {name} | {killed:,} | {searches:,} | {time.perf_counter() - start:.0f} | 0 |",
                  flush=True)
