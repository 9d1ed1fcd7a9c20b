"""A journal of 1 GB: time and memory to read it, to go on with it, and to show it."""
import contextlib
import io
import time
import warnings
from dataclasses import asdict
from pathlib import Path

from d2l_hpo import BasicScheduler, HPOTuner, RandomSearcher, read_journal
from d2l_hpo.pages.command import main as command
from d2l_hpo.tuning.journal import Journal
from benchmarks.long_trials import SPACE, error
from benchmarks.memory import apart, folder, peak

NUMBERS = 280  # beside the error of a trial
EPOCHS = 100


def scheduler() -> BasicScheduler:
    """Return the search that the journals are of."""
    return BasicScheduler(RandomSearcher(SPACE, seed=0))


def plain(config: dict) -> float:
    """Return an error."""
    return error(config)


def reporting(config: dict, report: object) -> None:
    """Stand for an objective that reports."""


def write(path: Path, trials: int, reports: bool) -> None:
    """Write the journal of a search: each trial has many numbers, or many reports."""
    asked, journal, now = scheduler(), Journal(path), 0.0
    with journal:
        journal.begin(asked, reporting if reports else plain)
        for number in range(trials):
            trial = asked.suggest()
            entry = {"trial_id": number, "attempt": 1, "worker": 0, "start": now, "epoch": 0}
            entry |= {"last_epoch": None} if reports else {}
            value, info = error(trial.config), {}
            journal.write({"event": "suggested", "trial": asdict(trial)})
            journal.write({"event": "started", **entry})
            for epoch in range(1, EPOCHS + 1) if reports else ():
                value, now = error(trial.config, epoch), now + 0.1
                journal.write({"event": "reported", **entry, "reached": epoch, "end": now,
                               "error": value, "info": {"loss": 1 / epoch, "seconds": 0.1}})
                entry["epoch"], entry["start"] = epoch, now
            if not reports:
                now, info = now + 1.25, {f"loss_{i}": value / (i + 1) for i in range(NUMBERS)}
            journal.write({"event": "finished", **entry, "end": now, "error": value, "info": info})


def read(path: str) -> None:
    """Read the journal."""
    read_journal(path)


def resume(path: str) -> None:
    """Let a new tuner go on, for one trial."""
    search = read_journal(path)
    trials, reports = len(search.books.suggested), search.objective == "reporting"
    del search
    tuner = HPOTuner(scheduler(), reporting if reports else plain, journal=path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tuner.run(number_of_trials=trials)


def show(path: str, *options: str) -> None:
    """Show it in the terminal, or write its page, too."""
    if command(["show", path, *options]) != 0:
        raise AssertionError("the journal cannot be shown")


def timed(name: str, path: str, *options: str) -> tuple[float, float, float]:
    """Return seconds of processor time, of the clock, and the peak of the memory in MB."""
    begin, clock = time.process_time(), time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        {"read": read, "resume": resume, "show": show}[name](path, *options)
    return time.process_time() - begin, time.perf_counter() - clock, peak()


def print_table(divide: int) -> None:
    """Print a row a journal and a thing to do with it."""
    print("| journal | what | s of processor time | s of the clock | peak, MB | page, kB |\n"
          "|---|---|---|---|---|---|")
    with folder() as place:
        path, page = Path(place, "search.jsonl"), Path(place, "search.html")
        for reports, trials in ((False, 100_000), (True, 5_000)):
            trials //= divide
            path.unlink(missing_ok=True)
            apart(write, path, trials, reports)
            name = (f"{trials:,} trials, {f'{EPOCHS} reports' if reports else f'{NUMBERS} numbers'}"
                    f" each, {path.stat().st_size / 1e6:,.0f} MB")
            for what, words, options in (
                    ("read", "`read_journal`", ()), ("show", "`show`", ()),
                    ("show", "`show --html`", ("--html", str(page))),
                    ("resume", "read, then resume", ())):
                spent, waited, memory = apart(timed, what, str(path), *options)
                size = f"{page.stat().st_size / 1000:.0f}" if options else ""
                print(f"| {name} | {words} | {spent:.1f} | {waited:.1f} | {memory:,.0f} | {size} |",
                      flush=True)
