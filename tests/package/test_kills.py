"""A tuner that is killed with SIGKILL at any moment loses nothing."""
import json
import subprocess
import sys
import warnings

import checkpointing
import faulty_objectives as faulty
import numpy as np
import psutil
import pytest
from journaled import PATHS, ROOT, events


def killing(folder, *arguments):
    program = ROOT / "tests" / "support" / "killing.py"
    done = subprocess.run([sys.executable, program, folder / "killed", *arguments], env=PATHS,
                          text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", ["sequential", "parallel", "reports"])
def test_a_kill_at_any_write_point_changes_nothing(mode, tmp_path):
    counts = killing(tmp_path, mode, "everywhere")
    # In parallel the trials that go on, and so the write points, differ from run to run.
    assert counts["points"] > 40
    assert counts["kills"] > (1 if mode == "parallel" else 2.5) * counts["points"]


@pytest.mark.parametrize("mode", ["sequential", "parallel", "reports"])
def test_kills_at_random_moments_again_and_again_change_nothing(mode, tmp_path):
    counts = killing(tmp_path, mode, "20261122", "250")
    assert counts["kills"] >= 250 and counts["searches"] > 10


SEARCHING = """
import sys
from pathlib import Path
import checkpointing

if __name__ == "__main__":
    search = checkpointing.tuner(Path(sys.argv[1]), n_workers=2)
    search.run(number_of_trials=10**6)
"""


def test_kills_from_outside_of_a_tuner_with_workers_lose_no_finished_trial(tmp_path):
    script, journal = tmp_path / "searching.py", tmp_path / "search.jsonl"
    script.write_text(SEARCHING)
    rng, kept = np.random.default_rng(0), b""
    for _ in range(6):
        size = len(kept) + int(rng.integers(1, 2500))
        with subprocess.Popen([sys.executable, script, tmp_path], env=PATHS) as program:
            faulty.wait_until(lambda program=program, size=size: program.poll() is not None or (
                journal.exists() and journal.stat().st_size >= size))
            assert program.poll() is None
            family = psutil.Process(program.pid).children(recursive=True)
            program.kill()
        assert not psutil.wait_procs(family, faulty.DEADLINE)[1]
        assert journal.read_bytes().startswith(kept)
        kept = journal.read_bytes().rpartition(b"\n")[0] + b"\n"
    n = 3 + sum(event["event"] == "suggested" for event in map(json.loads, kept.splitlines()))
    search = checkpointing.tuner(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the last line may be torn
        search.run(number_of_trials=n)
    ended = [(event["trial_id"], event["end"]) for event in events(journal)
             if event["event"] in ("finished", "failed")]
    jobs = [event["trial"] for event in events(journal) if event["event"] == "suggested"]
    assert len(ended) == len(set(ended)) == len(jobs) == len(search.records)
    assert not search.records["traceback"].str.contains("ValueError").any()
