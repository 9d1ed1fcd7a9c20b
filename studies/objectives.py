"""Record the comparisons of searches under several objectives, limits and costs for the book.

    python -m studies.objectives [--seeds 50] [--processes 2] [--output FILE]

The section advanced-objectives.md draws them from d2l_hpo/data/studies/objectives.npz. All
searches run on the surrogates of the recorded tasks, on one simulated worker. The file holds

- `fronts`, (tasks, methods, seeds, times): the hypervolume of all trials so far as a part of the
  largest one known, that of all trials of all searches and of 4,096 Sobol points together;
- `limits`, (methods, seeds, trials): the smallest error of a feasible trial so far, or nan;
- `cost_times`, (tasks, methods, seeds, times), and `cost_trials`, (tasks, methods, seeds, trials):
  regret in percentage points after equal times, and after equally many trials.

Times are in median trainings of a task. It takes about ten minutes on two cores.
"""
import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.stats import qmc

from d2l_hpo import (
    BasicScheduler, BayesianSearcher, ConstrainedSearcher, CostAwareSearcher, DigitsBenchmark,
    LeNetBenchmark, LimitedLeNet, MLPBenchmark, NondominatedSortingSearcher, RandomSearcher,
    ScalarizingSearcher, SizedPerceptron, TimedLeNet, feasible_errors, hypervolume,
    incumbent_errors, pareto_front, simulate,
)
from d2l_hpo.measures import objective_table
from d2l_hpo.spaces import configurations_from_unit_cube, varying_names
from d2l_hpo.simulation.studies import STUDIES

FRONT_TASKS = {"LeNet": (TimedLeNet, ("error", "latency"), (0.5, 0.3)),
               "perceptron": (SizedPerceptron, ("error", "size"), (0.5, 5.5))}
COST_TASKS = {"LeNet": LeNetBenchmark, "perceptron": MLPBenchmark, "digits": DigitsBenchmark}
LIMITS = {"worst_class": 0.45, "memory": 2.0}
FRONT_METHODS = ("random search", "random scalarization", "non-dominated sorting")
LIMIT_METHODS = ("random search", "Bayesian optimization", "with constraints")
COST_METHODS = ("random search", "Bayesian optimization", "improvement per second")
TIMES = np.arange(0, 41)  # in median trainings
LIMIT_TRIALS, COST_TRIALS = 40, 25
DESIGN = 4096


def median_seconds(benchmark):
    """Return the median seconds of the recorded trainings."""
    return float(np.median(np.nanmax(benchmark.table("seconds"), axis=1)))


def make(method, benchmark, seed, objectives=None):
    """Return a new searcher."""
    space = benchmark.config_space
    match method:
        case "random search":
            return RandomSearcher(space, seed=seed)
        case "random scalarization":
            return ScalarizingSearcher(space, seed=seed, objectives=objectives)
        case "non-dominated sorting":
            return NondominatedSortingSearcher(space, seed=seed, objectives=objectives)
        case "Bayesian optimization":
            return BayesianSearcher(space, seed=seed)
        case "with constraints":
            return ConstrainedSearcher(space, seed=seed, limits=LIMITS)
        case "improvement per second":
            return CostAwareSearcher(space, seed=seed)
    raise ValueError(f"unknown method {method!r}")


def front_runs(task, method, seeds):
    """Return objectives and ends, in median trainings, of the trials of each seed."""
    benchmark_class, objectives, _ = FRONT_TASKS[task]
    benchmark, runs = benchmark_class(), []
    unit = median_seconds(benchmark)
    for seed in range(seeds):
        searcher = make(method, benchmark, seed, objectives)
        records = simulate(BasicScheduler(searcher), benchmark, max_time=TIMES[-1] * unit)
        runs.append((objective_table(records, objectives), records["end"].to_numpy() / unit))
    return runs


def limit_runs(task, method, seeds):
    """Return the smallest feasible errors, shape (seeds, trials)."""
    benchmark = LimitedLeNet()
    runs = [simulate(BasicScheduler(make(method, benchmark, seed)), benchmark,
                     number_of_trials=LIMIT_TRIALS) for seed in range(seeds)]
    errors = np.array([feasible_errors(records, LIMITS) for records in runs])
    return np.where(np.isfinite(errors), errors, np.nan)


def cost_runs(task, method, seeds):
    """Return incumbents' errors after times, and after trials, each with a row a seed."""
    benchmark = COST_TASKS[task](measured=False)
    by_time, by_trial = [], []
    unit = median_seconds(benchmark)
    for seed in range(seeds):
        records = simulate(BasicScheduler(make(method, benchmark, seed)), benchmark,
                           max_time=TIMES[-1] * unit)
        by_time.append(incumbent_errors(records, TIMES * unit))
        if len(records) < COST_TRIALS:
            records = simulate(BasicScheduler(make(method, benchmark, seed)), benchmark,
                               number_of_trials=COST_TRIALS)
        by_trial.append(records["error"].cummin().ffill().to_numpy()[:COST_TRIALS])
    return np.array(by_time), np.array(by_trial)


def design(benchmark):
    """Return 4,096 configurations spread over the space."""
    cube = qmc.Sobol(len(varying_names(benchmark.config_space)), rng=np.random.default_rng(0))
    return configurations_from_unit_cube(benchmark.config_space, cube.random(DESIGN))


def hypervolumes(task, found):
    """Return parts of the largest hypervolume known, (methods, seeds, times)."""
    benchmark_class, objectives, reference = FRONT_TASKS[task]
    benchmark = benchmark_class()
    configs = design(benchmark)
    errors = [errors[-1] for errors, _ in benchmark.curves(configs)]
    known = [[error, benchmark.measure(config)[objectives[1]]]
             for error, config in zip(errors, configs, strict=True)]
    tables = [np.array(known), *(table for runs in found for table, _ in runs)]
    best = np.vstack([table[pareto_front(table)] for table in tables])
    largest = hypervolume(best, reference)
    return np.array([[[hypervolume(table[ends <= time], reference) for time in TIMES]
                      for table, ends in runs] for runs in found]) / largest


def regrets(task, found):
    """Return regrets in percentage points after times and after trials, (methods, seeds, ...)."""
    benchmark = COST_TASKS[task](measured=False)
    known = min(errors[-1] for errors, _ in benchmark.curves(design(benchmark)))
    best = min(known, *(np.nanmin(table) for pair in found for table in pair))
    return [100 * (np.array(tables) - best) for tables in zip(*found, strict=True)]


def main() -> None:
    """Run all searches and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--output", type=Path, default=STUDIES / "objectives.npz")
    options = parser.parse_args()
    cases = [*((front_runs, task, method) for task in FRONT_TASKS for method in FRONT_METHODS),
             *((limit_runs, "LeNet", method) for method in LIMIT_METHODS),
             *((cost_runs, task, method) for task in COST_TASKS for method in COST_METHODS)]
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        futures = {case: pool.submit(*case, options.seeds) for case in cases}
        try:
            found = {case: future.result() for case, future in futures.items()}
        except BaseException:  # Ctrl-C, too: without this all other cases would be run
            pool.shutdown(cancel_futures=True)
            raise
    fronts = [hypervolumes(task, [found[front_runs, task, method] for method in FRONT_METHODS])
              for task in FRONT_TASKS]
    costs = [regrets(task, [found[cost_runs, task, method] for method in COST_METHODS])
             for task in COST_TASKS]
    tables = {"fronts": np.array(fronts), "cost_times": np.array([times for times, _ in costs]),
              "limits": np.array([found[limit_runs, "LeNet", method] for method in LIMIT_METHODS]),
              "cost_trials": np.array([trials for _, trials in costs])}
    names = {"front_tasks": list(FRONT_TASKS), "cost_tasks": list(COST_TASKS), "times": TIMES,
             "front_methods": FRONT_METHODS, "limit_methods": LIMIT_METHODS,
             "cost_methods": COST_METHODS}
    rounded = {name: table.round(6).astype(np.float32) for name, table in tables.items()}
    np.savez_compressed(options.output, **rounded, **names)
    for name, table in rounded.items():
        print(name, np.nanmean(table, axis=-2)[..., -1].round(4).tolist())


if __name__ == "__main__":
    main()
