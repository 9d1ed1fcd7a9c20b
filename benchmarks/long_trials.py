"""A search of 100,000 trials with a journal: memory, time a trial, size of the journal."""
import functools
import time
import warnings
from pathlib import Path

from scipy import stats

from d2l_hpo import ASHAScheduler, BasicScheduler, HPOTuner, RandomSearcher, lograndint
from benchmarks.memory import apart, folder, peak

SPACE = {"learning_rate": stats.loguniform(1e-4, 1), "batch_size": lograndint(16, 256),
         "units": lograndint(8, 512)}
ASHA = functools.partial(ASHAScheduler, eta=3, r_min=1, r_max=27)
SEARCHES = {"`BasicScheduler`": (BasicScheduler, False, 1),
            "`ASHAScheduler`, promotion": (ASHA, False, 1),
            "`ASHAScheduler`, promotion, checkpoints": (ASHA, True, 5)}
"""Scheduler, whether there are checkpoints, and by what the number of trials is divided."""


def error(config: dict, max_epochs: int = 1) -> float:
    """Return an error that falls with epochs."""
    return (config["learning_rate"] - 0.1) ** 2 + config["units"] / 1000 / max_epochs


class Watched:
    """An objective that notes time and memory where certain trials begin."""

    def __init__(self, marks: list[int]) -> None:
        self.marks, self.seen = marks, {}

    def __call__(self, config: dict, max_epochs: int = 1, checkpoint: Path | None = None,
                 seed: int = 0) -> dict:
        if seed in self.marks and seed not in self.seen:
            self.seen[seed] = time.process_time(), peak()
        if checkpoint is not None:
            checkpoint.write_text("weights", encoding="utf-8")
        return {"error": error(config, max_epochs), "loss": 1 / max_epochs}


def search(name: str, trials: int) -> tuple[list[float], list[float], float]:
    """Return MB at each mark, milliseconds a trial at the start and the end, MB of the journal."""
    make, has_checkpoints, _ = SEARCHES[name]
    tenth = trials // 10
    marks = [tenth // 10, tenth, trials - tenth, trials - 1]
    objective, first = Watched(marks), peak()
    with folder() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        HPOTuner(make(RandomSearcher(SPACE, seed=0)), objective, journal=f"{place}/search.jsonl",
                 checkpoint_dir=f"{place}/checkpoints" if has_checkpoints else None).run(trials)
        size = Path(place, "search.jsonl").stat().st_size / 1e6
    (t1, _), (t2, m2), (t3, _), (t4, m4) = (objective.seen[mark] for mark in marks)
    return ([first, m2, m4],
            [1000 * (t2 - t1) / (marks[1] - marks[0]), 1000 * (t4 - t3) / (marks[3] - marks[2])],
            size)


def print_table(divide: int) -> None:
    """Print a row a search."""
    print("| search | trials | MB at the start | after a tenth | at the end | ms of processor time "
          "a trial in the first tenth | in the last | MB of the journal |\n"
          "|---|---|---|---|---|---|---|---|")
    for name, (_, _, part) in SEARCHES.items():
        trials = 100_000 // part // divide
        memory, times, size = apart(search, name, trials)
        print(f"| {name} | {trials:,} | " + " | ".join(f"{value:.0f}" for value in memory) + " | "
              + " | ".join(f"{value:.2f}" for value in times) + f" | {size:.1f} |", flush=True)
