"""Many searches in one process: what remains of them."""
import gc
import threading
import warnings
from pathlib import Path

from scipy import stats

from d2l_hpo import ASHAScheduler, BasicScheduler, HPOTuner, RandomSearcher
from benchmarks.memory import apart, children, folder, open_files, status

FIRST = 20


def plain(config: dict) -> float:
    """Return an error."""
    return config["x"]


def reporting(config: dict, report: object, max_epochs: int) -> None:
    """Report each epoch."""
    for epoch in range(1, max_epochs + 1):
        if not report(config["x"] / epoch, epoch):
            return


def saving(config: dict, checkpoint: Path, max_epochs: int = 1) -> float:
    """Write a checkpoint."""
    checkpoint.write_text("weights", encoding="utf-8")
    return config["x"] / max_epochs


def search(number: int, place: str, workers: int) -> None:
    """Run a small search: by turns plain, with reports, with checkpoints."""
    searcher, rungs = RandomSearcher({"x": stats.uniform(0, 1)}, seed=number), (3, 1, 9)
    scheduler, objective = [
        (BasicScheduler(searcher), plain),
        (ASHAScheduler(searcher, *rungs, mode="stopping"), reporting),
        (ASHAScheduler(searcher, *rungs), saving)][number % 3]
    HPOTuner(scheduler, objective, journal=f"{place}/{number}.jsonl", n_workers=workers,
             checkpoint_dir=f"{place}/{number}" if objective is saving else None).run(10)


def held() -> tuple[float, int, int, int, int]:
    """Return MB, threads, open files, other processes and Python's objects."""
    gc.collect()
    return (status("VmRSS") / 1000, threading.active_count(), open_files(), children(),
            len(gc.get_objects()))


def life(searches: int, workers: int) -> list[tuple]:
    """Return what is held after the first searches, and after all."""
    found = []
    with folder() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(searches):
            search(number, place, workers)
            if number + 1 in (FIRST, searches):
                found.append(held())
    return found


def print_table(divide: int) -> None:
    """Print two rows for each number of workers."""
    print("| workers | searches | MB | threads | open files | other processes | objects |\n"
          "|---|---|---|---|---|---|---|")
    for workers, searches in ((1, 1000), (2, 100)):
        searches = max(searches // divide, FIRST + 10)
        for number, row in zip((FIRST, searches), apart(life, searches, workers), strict=True):
            memory, *counts = row
            print(f"| {workers} | {number:,} | {memory:.1f} | "
                  + " | ".join(f"{count:,}" for count in counts) + " |", flush=True)
