"""What running trials on two workers costs: ours, Syne Tune's and Optuna's ways, side by side.

Three tables. The first has a trivial objective, so that what is left is overhead. In the second
trials sleep for exponentially distributed times, the same for all ways, and the table says which
part of the two workers' time was slept. In the third trivial trials report after each epoch and ask
a median rule whether to go on. Prints Markdown; run it on an otherwise idle machine.
"""
import contextlib
import io
import logging
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path

import dask
import numpy as np
import optuna
from dask.distributed import Client, LocalCluster
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from scipy import stats
from syne_tune import StoppingCriterion, Tuner
from syne_tune.config_space import uniform
from syne_tune.constants import ST_TUNER_TIME
from syne_tune.experiments import load_experiment
from syne_tune.optimizer.baselines import RandomSearch

from d2l_hpo import (
    BasicScheduler, HPOTuner, MedianStoppingScheduler, RandomSearcher, open_python_backend,
)
from benchmarks.machine import describe

WORKERS = 2
REPETITIONS = 5
MEAN_NAP = 0.25  # seconds
NAPS = 40
EPOCHS = 200  # of a trial that reports
REPORTING = 5  # such trials a worker, more than the median rules wait for
NAMES = count()  # of Syne Tune's and of journal files

Ends = list[float]  # seconds after the call of a way at which its trials ended, sorted


@dataclass(frozen=True)
class Nap:
    """An objective that sleeps as long as its trial's number says."""

    seconds: Sequence[float]

    def __call__(self, config: dict, seed: int = 0) -> float:
        if self.seconds[seed]:
            time.sleep(self.seconds[seed])
        return config["x"]

    def of_optuna(self, trial: optuna.Trial) -> float:
        """Do the same for Optuna; stop it when all seconds have been slept."""
        if trial.number >= len(self.seconds):
            trial.study.stop()
            raise optuna.TrialPruned
        return self({"x": trial.suggest_float("x", 0, 1)}, trial.number)


def of_syne_tune(x, seconds):
    """Do the same for Syne Tune, which calls a function of the hyperparameters in a new process."""
    import time

    from syne_tune import Reporter
    if seconds:
        time.sleep(seconds)
    Reporter()(error=x)


# -- ways to run trials: the trials' seconds -> when they ended -----------------------------------

def bare_pool(seconds: Sequence[float]) -> Ends:
    """Keep a pool's processes busy, and nothing else: no searcher, no records."""
    begin, ends, running, left = time.perf_counter(), [], set(), list(enumerate(seconds))[::-1]
    objective = Nap(seconds)
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        while left or running:
            while left and len(running) < WORKERS:
                running.add(pool.submit(objective, {"x": 0.5}, left.pop()[0]))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            ends += [time.perf_counter() - begin] * len(done)
    return ends


def our_tuner(seconds: Sequence[float], folder: Path | None = None,
              executor: Executor | None = None, n_workers: int = WORKERS,
              synchronous: bool = False) -> Ends:
    """Run random search with our tuner, with a journal in `folder` if that is given."""
    journal = None if folder is None else folder / f"{next(NAMES)}.jsonl"
    searcher = RandomSearcher({"x": stats.uniform(0, 1)}, seed=0)
    tuner = HPOTuner(BasicScheduler(searcher), Nap(seconds), executor=executor, journal=journal,
                     n_workers=n_workers, synchronous=synchronous)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        tuner.run(number_of_trials=len(seconds))
    if not (tuner.records["status"] == "completed").all():
        raise AssertionError(f"trials failed: {tuner.records['traceback'].dropna().iloc[0]}")
    return sorted(tuner.records["end"])


def syne_tune(seconds: Sequence[float], folder: Path) -> Ends:
    """Run random search with Syne Tune: a new process a trial."""
    space = {"x": uniform(0, 1), "seconds": uniform(0, 1000)}
    points = [{"x": 0.5, "seconds": second} for second in seconds]
    scheduler = RandomSearch(space, metrics=["error"], random_seed=0, points_to_evaluate=points)
    tuner = Tuner(open_python_backend(of_syne_tune, space, folder), scheduler,
                  StoppingCriterion(max_num_trials_started=len(seconds) - 1), WORKERS,
                  sleep_time=0.01, wait_trial_completion_when_stopping=True, save_tuner=False,
                  tuner_name=f"search-{next(NAMES)}", suffix_tuner_name=False)
    with contextlib.redirect_stdout(io.StringIO()):
        tuner.run()
    return sorted(load_experiment(tuner.name).results[ST_TUNER_TIME])


def optuna_threads(seconds: Sequence[float]) -> Ends:
    """Run random search with Optuna's `n_jobs`: threads of this process."""
    begin = datetime.now()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.optimize(Nap(seconds).of_optuna, n_trials=len(seconds), n_jobs=WORKERS)
    return optuna_ends(study, begin)


def optuna_processes(seconds: Sequence[float], folder: Path) -> Ends:
    """Run random search in processes that share a study through Optuna's journal file."""
    begin, name = datetime.now(), str(folder / f"{next(NAMES)}.log")
    study = optuna.create_study(study_name="search", storage=optuna_journal(name))
    run_processes(optuna_share, (name, seconds), WORKERS)
    return optuna_ends(study, begin)


def run_processes(function: Callable[..., None], arguments: tuple, n: int) -> None:
    """Call a function in several new processes at a time; AssertionError if one of them fails."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=function, args=arguments) for _ in range(n)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode != 0:
            raise AssertionError(f"a process of Optuna ended with exit code {process.exitcode}")


def optuna_share(name: str, seconds: Sequence[float]) -> None:
    """Run trials of the study in file `name` until all seconds have been slept."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.load_study(study_name="search", storage=optuna_journal(name),
                              sampler=optuna.samplers.RandomSampler(seed=os.getpid()))
    study.optimize(Nap(seconds).of_optuna)


def optuna_journal(name: str) -> JournalStorage:
    """Open Optuna's journal file."""
    return JournalStorage(JournalFileBackend(name))


def optuna_ends(study: optuna.Study, begin: datetime) -> Ends:
    """Return when the trials of a study ended, without those that came after the last nap."""
    complete = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    return sorted((trial.datetime_complete - begin).total_seconds() for trial in complete)


# -- reports: how many seconds the reports of one trial took, from the first to the last ----------
#
# All trials report the same errors, so that the median rules of both libraries compare them at each
# epoch, and let all go on.

def report_epochs(config: dict, max_epochs: int, report: Callable[..., bool]) -> dict:
    """Report each epoch; return the seconds that all but the first took."""
    report(1.0, 1)
    begin = time.perf_counter()
    for epoch in range(2, max_epochs + 1):
        report(1 / epoch, epoch)
    return {"error": 1 / max_epochs, "seconds": time.perf_counter() - begin}


def our_reports(n_workers: int, folder: Path | None = None) -> list[float]:
    """Report to our tuner and its median rule, with a journal in `folder` if that is given."""
    journal = None if folder is None else folder / f"{next(NAMES)}.jsonl"
    searcher = RandomSearcher({"x": stats.uniform(0, 1)}, seed=0)
    tuner = HPOTuner(MedianStoppingScheduler(searcher, EPOCHS), report_epochs, n_workers=n_workers,
                     journal=journal)
    with contextlib.redirect_stderr(io.StringIO()):
        tuner.run(number_of_trials=REPORTING * n_workers)
    return [row["info"]["seconds"] for row in tuner.rows if row["max_epochs"] == EPOCHS]


def report_to_optuna(trial: optuna.Trial) -> float:
    """Report each epoch to Optuna and ask its median rule; note the seconds of all but the first.
    """
    trial.suggest_float("x", 0, 1)
    trial.report(1.0, 1)
    begin = time.perf_counter()
    for epoch in range(2, EPOCHS + 1):
        trial.report(1 / epoch, epoch)
        trial.should_prune()
    trial.set_user_attr("seconds", time.perf_counter() - begin)
    return 1 / EPOCHS


def optuna_reports(processes: int, folder: Path) -> list[float]:
    """Report to Optuna with its journal, in this process or in several that share it."""
    name = str(folder / f"{next(NAMES)}.log")
    study = optuna.create_study(study_name="search", storage=optuna_journal(name),
                                sampler=optuna.samplers.RandomSampler(seed=0),
                                pruner=optuna.pruners.MedianPruner())
    if processes == 1:
        study.optimize(report_to_optuna, n_trials=REPORTING)
    else:
        run_processes(report_share, (name,), processes)
    return [trial.user_attrs["seconds"] for trial in study.trials]


def report_share(name: str) -> None:
    """Run reporting trials of the study in file `name`."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.load_study(study_name="search", storage=optuna_journal(name),
                              sampler=optuna.samplers.RandomSampler(seed=os.getpid()),
                              pruner=optuna.pruners.MedianPruner())
    study.optimize(report_to_optuna, n_trials=REPORTING)


def print_reports(folder: Path) -> None:
    """Print the table of reports."""
    print(f"\n| trials of {EPOCHS} reports | ms a report, median (range) |\n|---|---|")
    ways = {"`HPOTuner` in this process": partial(our_reports, 1),
            "`HPOTuner` in this process, journal": partial(our_reports, 1, folder),
            f"`HPOTuner`, {WORKERS} processes": partial(our_reports, WORKERS),
            f"`HPOTuner`, {WORKERS} processes, journal": partial(our_reports, WORKERS, folder),
            "Optuna in this process, journal": partial(optuna_reports, 1, folder),
            f"Optuna, {WORKERS} processes, journal": partial(optuna_reports, WORKERS, folder)}
    for name, way in ways.items():
        times = 1000 * np.array(way()) / (EPOCHS - 1)
        print(f"| {name} | {np.median(times):.2f} ({times.min():.2f}-{times.max():.2f}) |",
              flush=True)


# -- the tables -----------------------------------------------------------------------------------

def checked(way: Callable[[Sequence[float]], Ends], seconds: Sequence[float]) -> Ends:
    """Run the trials; AssertionError if not all have ended."""
    ends = way(seconds)
    if len(ends) != len(seconds):
        raise AssertionError(f"{len(ends)} trials ended, expected {len(seconds)}")
    return ends


def overhead(ends: Ends) -> float:
    """Return milliseconds a trial between the end of the first one and of the last one."""
    return 1000 * (ends[-1] - ends[0]) / (len(ends) - 1)


def overhead_row(name: str, way: Callable[[Sequence[float]], Ends], trials: int) -> str:
    """Give the overhead a trial, and how long the first result takes, processes started."""
    runs = [checked(way, [0.0] * trials) for _ in range(REPETITIONS)]
    low, middle, high = np.quantile([overhead(ends) for ends in runs], [0, 0.5, 1])
    first = np.median([ends[0] for ends in runs])
    return f"| {name} | {trials} | {middle:.2f} ({low:.2f}-{high:.2f}) | {first:.2f} |"


def utilization_row(name: str, way: Callable[[Sequence[float]], Ends]) -> str:
    """Give the part of the workers' time that was slept, with and without the start of the search.

    Each repetition has other naps, the same for all ways.
    """
    whole, warm = [], []
    for seed in range(REPETITIONS):
        seconds = np.random.default_rng(seed).exponential(MEAN_NAP, NAPS).tolist()
        ends = checked(way, seconds)
        whole.append(sum(seconds) / (WORKERS * ends[-1]))
        first = min(seconds[:WORKERS])  # the first trial to end has slept so long
        warm.append(sum(seconds) / (WORKERS * (ends[-1] - ends[0] + first)))
    return (f"| {name} | {np.median(whole):.1%} ({min(whole):.1%}-{max(whole):.1%}) "
            f"| {np.median(warm):.1%} |")


def ways(folder: Path, dask: Executor) -> Iterator[tuple[str, Callable, int]]:
    """Give each way with its name and the number of its trivial trials."""
    yield "bare `ProcessPoolExecutor`", bare_pool, 1000
    yield "`HPOTuner`, its processes", our_tuner, 1000
    yield "`HPOTuner`, its processes, journal", partial(our_tuner, folder=folder), 1000
    yield "`HPOTuner` on Dask", partial(our_tuner, executor=dask), 300
    yield "`HPOTuner` on Dask, journal", partial(our_tuner, executor=dask, folder=folder), 300
    yield "Optuna, `n_jobs` (threads)", optuna_threads, 1000
    yield "Optuna, processes, journal", partial(optuna_processes, folder=folder), 300
    yield "Syne Tune, `PythonBackend`", partial(syne_tune, folder=folder), 20


def print_tables(folder: Path, dask: Executor) -> None:
    """Print all three tables."""
    print(f"| trivial trials, {WORKERS} workers | trials | ms a trial, median (range) | "
          "first result after, s |\n|---|---|---|---|")
    alone, noted = partial(our_tuner, n_workers=1), partial(our_tuner, n_workers=1, folder=folder)
    print(overhead_row("`HPOTuner` in this process, one worker", alone, 1000), flush=True)
    print(overhead_row("`HPOTuner` in this process, journal", noted, 1000), flush=True)
    for name, way, trials in ways(folder, dask):
        print(overhead_row(name, way, trials), flush=True)
    print(f"\n| {NAPS} trials of {MEAN_NAP} s on average, {WORKERS} workers | utilization, start "
          "included | after the start |\n|---|---|---|")
    print(utilization_row("`HPOTuner`, synchronous", partial(our_tuner, synchronous=True)),
          flush=True)
    for name, way, _ in ways(folder, dask):
        print(utilization_row(name, way), flush=True)
    print_reports(folder)


def main() -> None:
    """Silence the libraries, start Dask, and print the tables."""
    logging.disable()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    print(describe("dask", "optuna", "pebble", "syne-tune"), end="\n\n")
    with tempfile.TemporaryDirectory() as name:
        os.environ["SYNETUNE_FOLDER"] = name
        dask.config.set({"temporary-directory": name})
        cluster = LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0",
                               silence_logs=logging.CRITICAL)
        with cluster, Client(cluster) as client:
            print_tables(Path(name), client.get_executor(pure=False))


if __name__ == "__main__":
    main()
