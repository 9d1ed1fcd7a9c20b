"""How good are searchers? Regret of ours and of other libraries' after equal evaluations.

    python -m benchmarks.search_quality [--suite ours] [--methods a,b] [--tasks a,b] [--seeds 50]
                                        [--processes 2] [--record]

All minimise the same functions (tasks.py). The suite "ours" holds the surrogates of the recorded
tasks and two functions of the literature; it prints a table a task. (All regrets are printed times
100.) The suite "independent" holds functions of BBOB and bbob-mixint and models of scikit-learn,
"development" and "held-out" each half of them; it prints one table: mean rank and normalised regret
over all tasks.

The regret is the smallest error found so far minus the smallest error known: over everything that
any run evaluated and, where an evaluation is cheap, a Sobol design. Results are kept in
_build/search_quality, those of the independent suite also in benchmarks/independent.jsonl: where
neither a method nor a task has changed, its runs are not repeated.

A new method is one line in methods.py: an adapter with its arguments. A new task is one in
tasks.py. With `--record` the regrets of an independent suite after 10, 20, 50 and 100 evaluations
go to d2l_hpo/data/studies/independent.npz, which the book draws.
"""
import argparse
import hashlib
import inspect
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from tqdm import tqdm

from d2l_hpo import mean_interval
from d2l_hpo.simulation.studies import STUDIES
from d2l_hpo.spaces.space import describe_space
from d2l_hpo.tools.files import write_file
from studies.command import at_least, names_of, one_thread
from benchmarks.machine import describe
from benchmarks import archive, conversions, real_tasks
from benchmarks.methods import METHODS, OurSearcher, clip
from benchmarks.summary import duels, summary_rows, wins
from benchmarks.tasks import INDEPENDENT, SUITES, TASKS, design, load_task, smallest_error

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "_build" / "search_quality"
ARCHIVE = ROOT / "benchmarks" / "independent.jsonl"
BUDGETS = (10, 25, 50, 100)
SUMMARY_BUDGETS = (10, 20, 50, 100)
PEERS = ["RandomSearcher", "SobolSearcher", "TPESearcher", "BayesianSearcher", "optuna.TPESampler",
         "optuna.GPSampler", "smac.HPO", "ax.Client"]
COMPARED_AT = 50
BASELINE, OURS = "RandomSearcher", "BayesianSearcher"
DESIGN_SIZE = 2**15
COMMON_PACKAGES = ("numpy", "scipy", "scikit-learn")


# -- Runs -----------------------------------------------------------------------------------------

def search(task_name: str, method_name: str, seed: int, evaluations: int) -> dict[str, Any]:
    """Return the errors of a search in order, and its mean seconds for asking and telling once.

    There are fewer errors than evaluations where the method runs out of configurations.
    """
    task = load_task(task_name, seed)
    # Syne Tune also draws from numpy's global generator: give it numbers of its own
    np.random.seed(np.random.SeedSequence([seed, 1]).generate_state(4))
    searcher = METHODS[method_name].make(task.space, seed)
    errors, seconds = [], 0.0
    for _ in range(evaluations):
        start = time.perf_counter()
        config = searcher.ask()
        seconds += time.perf_counter() - start
        if config is None:
            break
        errors.append(float(task.errors([config])[0]))
        start = time.perf_counter()
        searcher.tell(config, errors[-1])
        seconds += time.perf_counter() - start
    if not errors:
        raise ValueError(f"{method_name} proposed nothing on {task_name}: is its space empty?")
    return {"errors": errors, "seconds": seconds / len(errors)}


def fingerprint(task_name: str, method_name: str, evaluations: int) -> str:
    """Return a digest of what a result depends on, apart from the seed.

    That is the function itself at some points (of a model that is trained: the code), the method's
    adapter, arguments and packages, and of our searchers the code of `d2l_hpo` that they use.
    """
    task, make = load_task(task_name), METHODS[method_name].make
    packages = [*COMMON_PACKAGES, *make.func.packages]
    values = ([f"{error:.6g}" for error in task.errors(design(task.space, 256))] if task.cheap
              else inspect.getsource(real_tasks))
    parts = [describe_space(task.space), values, make.args, make.keywords,
             [version(name) for name in packages], evaluations,
             *map(inspect.getsource, (search, make.func, conversions, clip))]
    if make.func is OurSearcher:
        parts += [path.read_text(encoding="utf-8") for folder in ("searchers", "spaces", "tools")
                  for path in sorted((ROOT / "d2l_hpo" / folder).glob("*.py"))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def read_result(path: Path, key: str) -> dict[str, Any] | None:
    """Return a kept result, or None if there is none or if it has another key."""
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return result if result.get("key") == key else None


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Keep a result, in one step."""
    write_file(path, json.dumps(result).encode())


def search_all(methods: Sequence[str], tasks: Sequence[str], seeds: int, evaluations: int,
               processes: int, folder: Path = RESULTS) -> dict[tuple[str, str], list[dict]]:
    """Return the results by (task, method), one for each seed; run what is not in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = {pair: fingerprint(*pair, METHODS[pair[1]].evaluations(evaluations))
            for pair in product(tasks, methods)}
    paths = {(*pair, seed): folder / f"{pair[0]}-{pair[1]}-{seed}.json"
             for pair in keys for seed in range(METHODS[pair[1]].seeds(seeds))}
    results = {job: read_result(path, keys[job[:2]]) for job, path in paths.items()}
    missing = sorted((job for job, result in results.items() if result is None),
                     key=lambda job: job[-1])  # seed after seed: who stops it has some of all
    for job, result in run_jobs(missing, evaluations, processes):
        results[job] = {"key": keys[job[:2]], **result}
        write_result(paths[job], results[job])
    return {pair: [result for job, result in results.items() if job[:2] == pair] for pair in keys}


def kept(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the kept results of independent tasks by name, for the archive."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8"))
            for path in folder.glob("*.json")
            if path.stem.startswith(tuple(f"{task}-" for task in INDEPENDENT))}


def run_jobs(jobs: Sequence[tuple[str, str, int]], evaluations: int,
             processes: int) -> Iterator[tuple[tuple[str, str, int], dict[str, Any]]]:
    """Run searches in spawned processes and give each with its result when it ends."""
    if not jobs:
        return
    with ProcessPoolExecutor(min(processes, len(jobs)), get_context("spawn")) as pool:
        futures = {pool.submit(search, *job, METHODS[job[1]].evaluations(evaluations)): job
                   for job in jobs}
        try:
            for future in tqdm(as_completed(futures), total=len(jobs), unit="search"):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


# -- Tables ---------------------------------------------------------------------------------------

def incumbents(results: Sequence[Mapping[str, Any]], evaluations: int) -> np.ndarray:
    """Return the smallest errors so far, shape (seeds, evaluations).

    A search that ended early keeps its last one.
    """
    best = [np.minimum.accumulate(result["errors"]) for result in results]
    return np.array([np.pad(row, (0, evaluations - len(row)), mode="edge") for row in best])


def regrets(results: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
            known: Mapping[str, float], evaluations: int) -> dict[tuple[str, str], np.ndarray]:
    """Return regrets by (task, method), shape (seeds, evaluations).

    `known` holds the smallest error of each task before the searches; theirs count as well.
    """
    best = {pair: incumbents(runs, evaluations) for pair, runs in results.items()}
    smallest = {task: min(known[task], *(rows.min() for pair, rows in best.items()
                                         if pair[0] == task)) for task in known}
    return {pair: rows - smallest[pair[0]] for pair, rows in best.items()}


def interval(values: np.ndarray) -> str:
    """Write the mean and its 95 % Student's t interval in percentage points."""
    return "{:.2f} ({:.2f} to {:.2f})".format(*mean_interval(100 * values))


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def runs_to(method: str, evaluations: int) -> bool:
    """Say whether a method's searches are given so many evaluations."""
    return method not in METHODS or METHODS[method].evaluations(evaluations) == evaluations


def regret_table(regret: Mapping[tuple[str, str], np.ndarray],
                 results: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
                 budgets: Sequence[int]) -> str:
    """Write the mean regrets after each budget, and the milliseconds that a suggestion takes."""
    head = ["task", "method", "seeds", *(f"after {n}" for n in budgets), "ms a suggestion"]
    rows = []
    for (task, method), rows_of_seeds in regret.items():
        seconds = np.mean([result["seconds"] for result in results[task, method]])
        rows.append([task, f"`{method}`", str(len(rows_of_seeds)),
                     *(interval(rows_of_seeds[:, n - 1]) if runs_to(method, n) else "-"
                       for n in budgets), f"{1e3 * seconds:.2g}"])
    return markdown_table(head, rows)


def comparison_table(regret: Mapping[tuple[str, str], np.ndarray], budget: int,
                     baseline: str = BASELINE) -> str:
    """Write paired differences to `baseline` after `budget` evaluations, and mean ranks.

    Ranks (1 is best, ties share their mean) are taken among all methods for each task and seed.
    """
    tasks, methods = (list(dict.fromkeys(names)) for names in zip(*regret, strict=True))
    at = {pair: rows[:, budget - 1] for pair, rows in regret.items()}
    common = min(map(len, at.values()))
    table = np.array([[at[task, method][:common] for method in methods] for task in tasks])
    ranks = stats.rankdata(table.round(12), axis=1).mean(axis=(0, 2))
    rows = [[f"`{method}`", *(_difference(at, task, method, baseline) for task in tasks),
             f"{rank:.2f}"]
            for method, rank in zip(methods, ranks, strict=True)]
    return markdown_table(["method", *tasks, f"mean rank ({common} seeds)"], rows)


def _difference(at: Mapping[tuple[str, str], np.ndarray], task: str, method: str,
                baseline: str) -> str:
    n = min(len(at[task, method]), len(at[task, baseline]))
    same = method == baseline
    return "-" if same else interval(at[task, method][:n] - at[task, baseline][:n])


# -- Command line ---------------------------------------------------------------------------------

def main(arguments: Sequence[str] | None = None, folder: Path = RESULTS) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Compare searchers on the recorded tasks.")
    parser.add_argument("--suite", choices=list(SUITES), default="ours")
    parser.add_argument("--methods", type=names_of(METHODS),
                        help='default: all but the slow ones, of "independent" those of PEERS')
    parser.add_argument("--tasks", type=names_of(TASKS), help="default: all of the suite")
    parser.add_argument("--seeds", type=at_least(2), default=50)
    parser.add_argument("--evaluations", type=at_least(BUDGETS[0]), default=BUDGETS[-1])
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    parser.add_argument("--record", action="store_true", help="keep the regrets for the book")
    options = parser.parse_args(arguments)
    ours = options.suite == "ours"
    if options.record and (ours or options.evaluations < SUMMARY_BUDGETS[-1]):
        parser.error("--record is for an independent suite and "
                     f"{SUMMARY_BUDGETS[-1]} evaluations")
    quick = [name for name, method in METHODS.items() if not method.max_seeds]
    methods = list(dict.fromkeys([BASELINE, *(options.methods or (quick if ours else PEERS))]))
    tasks = options.tasks or SUITES[options.suite]
    if not ours:
        archive.restore(ARCHIVE, folder)
    try:
        results = search_all(methods, tasks, options.seeds, options.evaluations,
                             options.processes, folder)
    except PackageNotFoundError as error:
        parser.error(f"{error.name} is missing; run: python -m pip install -r "
                     "benchmarks/requirements.txt")
    finally:
        if not ours:
            archive.keep(ARCHIVE, kept(folder))
    known = {name: smallest_error(load_task(name), DESIGN_SIZE) for name in tasks}
    regret = regrets(results, known, options.evaluations)
    report, budgets = (print_report, BUDGETS) if ours else (print_summary, SUMMARY_BUDGETS)
    report(regret, results, [n for n in budgets if n <= options.evaluations])
    if options.record:
        record(STUDIES / "independent.npz", regret, results)


def record(path: Path, regret: Mapping[tuple[str, str], np.ndarray],
           results: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]) -> None:
    """Write the regrets after SUMMARY_BUDGETS, (tasks, methods, seeds, budgets), for the book.

    They are nan where a method has fewer seeds, or searches of fewer evaluations. `seconds` is the
    mean of a suggestion, (tasks, methods).
    """
    tasks, methods = (list(dict.fromkeys(names)) for names in zip(*regret, strict=True))
    values = np.full((len(tasks), len(methods), max(map(len, regret.values())),
                      len(SUMMARY_BUDGETS)), np.nan, dtype=np.float32)
    for (task, method), rows in regret.items():
        for column, budget in enumerate(SUMMARY_BUDGETS):
            if runs_to(method, budget):
                values[tasks.index(task), methods.index(method), :len(rows), column] = (
                    rows[:, budget - 1])
    seconds = [[np.mean([run["seconds"] for run in results[task, method]]) for method in methods]
               for task in tasks]
    np.savez_compressed(path, regret=values, seconds=np.float32(seconds), tasks=tasks,
                        methods=methods, budgets=SUMMARY_BUDGETS)


def print_summary(regret: Mapping[tuple[str, str], np.ndarray],
                  results: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
                  budgets: Sequence[int]) -> None:
    """Print one table over all tasks, and where our Gaussian process is clearly worse or better."""
    tasks, methods = (list(dict.fromkeys(names)) for names in zip(*regret, strict=True))
    packages = {name for method in methods for name in METHODS[method].make.func.packages}
    print(describe(*COMMON_PACKAGES, "ioh", "coco-experiment", *sorted(packages)), end="\n\n")
    print(f"{len(tasks)} tasks: {', '.join(tasks)}\n")
    rows = summary_rows(regret, lambda n: [name for name in methods if runs_to(name, n)], budgets,
                        BASELINE)
    columns = list(rows[BASELINE])
    head = ["method", "seeds", *columns, "ms a suggestion"]
    seconds = {method: np.mean([run["seconds"] for task in tasks for run in results[task, method]])
               for method in methods}
    print(markdown_table(head, [
        [f"`{method}`", str(min(len(regret[task, method]) for task in tasks)),
         *(row.get(column, "-") for column in columns), f"{1e3 * seconds[method]:.2g}"]
        for method, row in rows.items()]))
    if OURS in methods:
        at = max(n for n in budgets if n <= COMPARED_AT)
        print_duels(regret, [name for name in methods if name != OURS and runs_to(name, at)], at)


def print_duels(regret: Mapping[tuple[str, str], np.ndarray], others: Sequence[str],
                at: int) -> None:
    """Print how our Gaussian process does against each other method after `at` evaluations."""
    print(f"\n`{OURS}` against each other method after {at} evaluations: searches won in % (95 % "
          "interval over tasks and seeds), and tasks on which it is clearly better and worse, by "
          "Student's intervals over seeds: each at the 95 % level, and all of this table "
          "together\n")
    each, together = (duels(regret, OURS, others, at, strict) for strict in (False, True))
    rows = []
    for other in others:
        (better, worse), (surely_better, surely_worse) = each[other], together[other]
        seeds = min(len(rows) for (_, method), rows in regret.items() if method == other)
        rows.append([f"`{other}`", str(seeds), wins(regret, OURS, other, at),
                     f"{len(better)} and {len(worse)}", ", ".join(worse) or "-",
                     f"{len(surely_better)} and {len(surely_worse)}",
                     ", ".join(surely_worse) or "-"])
    print(markdown_table(["opponent", "seeds", "won", "each", "worse on", "together", "worse on"],
                         rows))


def print_report(regret: Mapping[tuple[str, str], np.ndarray],
                 results: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]],
                 budgets: Sequence[int]) -> None:
    """Print what was compared on what, and both tables."""
    packages = {name for _, method in results for name in METHODS[method].make.func.packages}
    print(describe(*COMMON_PACKAGES, *sorted(packages)), end="\n\n")
    print("Mean regret in percentage points (95 % interval) after so many evaluations\n")
    print(regret_table(regret, results, budgets))
    compared_at = max(n for n in budgets if n <= COMPARED_AT)
    for baseline in (BASELINE, OURS):
        if baseline in {method for _, method in regret}:
            print(f"\nDifference of regret to `{baseline}` after {compared_at} evaluations, in "
                  "percentage points (95 % interval over seeds, paired); below zero is better\n")
            print(comparison_table(regret, compared_at, baseline))


if __name__ == "__main__":
    one_thread()
    main()
