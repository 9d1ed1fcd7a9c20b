"""Does `BayesianSearcher` stay in the wrong branch of a conditional space, and what would help?

    python -m benchmarks.branches [--variants "as it was,every fourth"] [--generator 0] [--spaces 8]
                                  [--tasks pipeline-wine] [--first-seed 0] [--seeds 4]
                                  [--evaluations 40] [--processes 2]

Variants of the searcher (branch_variants.py) minimise the same functions: random spaces of two to
four branches (branch_spaces.py; another generator makes others), and the errors of real models
(real_tasks.py, of DEVELOPMENT only). The regret is the smallest error less the smallest known, in
parts of that of 40 random configurations. Differences are paired, with a 95 % bootstrap interval
over spaces, and for each over its seeds. A search is locked in where at most three of the proposals
after the first eight are in the branch of the smallest error. What has run is kept in
_build/branches; a change of the searcher is not noticed there.
"""
import argparse
import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product

import numpy as np

from d2l_hpo import RandomSearcher
from d2l_hpo.tools.files import write_file
from studies.command import at_least, names_of, run_all
from benchmarks.branch_spaces import KINDS, branch_task
from benchmarks.branch_variants import VARIANTS
from benchmarks.machine import describe
from benchmarks.search_quality import COMMON_PACKAGES, ROOT, markdown_table
from benchmarks.summary import over_tasks_and_seeds
from benchmarks.tasks import DEVELOPMENT, load_task

RESULTS = ROOT / "_build" / "branches"
BASE = "as it was"
SEARCHERS = {**VARIANTS, "random": RandomSearcher}
DESIGN, FEW = 8, 3


def search(variant: str, name: tuple | str, seed: int, evaluations: int) -> dict[str, list]:
    """Return the errors of a search, and of a random space also the number of each branch."""
    path = RESULTS / f"{re.sub('[^a-z0-9]+', '_', f'{variant} {name}'.lower())}-{seed}.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"errors": []}
    if len(kept["errors"]) >= evaluations:
        return {key: values[:evaluations] for key, values in kept.items()}
    task = load_task(name) if isinstance(name, str) else branch_task(*name)
    searcher = SEARCHERS[variant](task.space, seed=seed)
    found: dict[str, list] = {"errors": [], "branches": []}
    for _ in range(evaluations):
        config = searcher.sample_configuration()
        found["errors"].append(float(task.errors([config])[0]))
        searcher.update(config, found["errors"][-1])
        found["branches"].append(int(config.get("branch", "b0")[1:]))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json.dumps(found).encode())
    return found


@cache
def real_scale(name: str, seeds: tuple[int, ...], evaluations: int,
               variants: tuple[str, ...]) -> tuple[float, float]:
    """Return the smallest error any search found, and how much larger that of a random one is."""
    best = {variant: [min(search(variant, name, seed, evaluations)["errors"]) for seed in seeds]
            for variant in (*variants, "random")}
    smallest = min(map(min, best.values()))
    return smallest, float(np.mean(best["random"])) - smallest


def regrets(results: Sequence[Mapping[str, list]], smallest: float, unit: float) -> np.ndarray:
    """Return the regrets of searches on one task, in parts of that of random search."""
    return np.array([min(result["errors"]) - smallest for result in results]) / unit


def row_of(variant: str, regret: np.ndarray, base: np.ndarray, more: Sequence[str]) -> list[str]:
    """Return a row of the table; both regrets have shape (tasks, seeds)."""
    difference = regret - base
    mean, low, high = over_tasks_and_seeds(difference[:, np.newaxis])[0]
    counts = [(difference < -0.02).sum(), (abs(difference) <= 0.02).sum(),
              (difference > 0.02).sum()]
    return [variant, f"{regret.mean():.2f}",
            "-" if variant == BASE else f"{mean:.2f} ({low:.2f} to {high:.2f})",
            "-" if variant == BASE else "/".join(map(str, counts)), *more]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--variants", type=names_of(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--generator", type=at_least(0), default=0)
    parser.add_argument("--spaces", type=at_least(0), default=8)
    parser.add_argument("--tasks", type=names_of(dict.fromkeys(DEVELOPMENT)), default=[])
    parser.add_argument("--first-seed", type=at_least(0), default=0)
    parser.add_argument("--seeds", type=at_least(1), default=4)
    parser.add_argument("--evaluations", type=at_least(DESIGN + 1), default=40)
    parser.add_argument("--processes", type=at_least(1), default=os.cpu_count())
    options = parser.parse_args(arguments)
    variants = [BASE, *(name for name in options.variants if name != BASE)]
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    names = {kind: [(kind, number, options.generator) for number in range(options.spaces)]
             for kind in (KINDS if options.spaces else ())}
    jobs = list(product(variants, [name for each in names.values() for name in each], seeds))
    jobs += product([*variants, "random"], options.tasks, seeds)
    results = dict(zip(jobs, run_all(search, [(*job, options.evaluations) for job in jobs],
                                     options.processes), strict=True))
    print(describe(*COMMON_PACKAGES), end="\n\n")
    rows = []
    for kind, spaces in names.items():
        found, extra = {}, {}
        for variant in variants:
            found[variant] = np.array([regrets([results[variant, name, seed] for seed in seeds],
                                               branch_task(*name).smallest, branch_task(*name).unit)
                                       for name in spaces])
            inside = np.array([[np.equal(results[variant, name, seed]["branches"][DESIGN:],
                                         branch_task(*name).best) for seed in seeds]
                               for name in spaces])
            extra[variant] = [f"{100 * (inside.sum(axis=2) <= FEW).mean():.0f} %",
                              f"{100 * inside.mean():.0f} %"]
        rows += [[kind, *row_of(variant, found[variant], found[BASE], extra[variant])]
                 for variant in variants]
    for task in options.tasks:
        smallest, unit = real_scale(task, tuple(seeds), options.evaluations, tuple(variants))
        each = {variant: regrets([results[variant, task, seed] for seed in seeds], smallest, unit)
                for variant in variants}
        rows += [[task, *row_of(variant, each[variant][np.newaxis], each[BASE][np.newaxis], "--")]
                 for variant in variants]
    print(markdown_table(["spaces", "variant", "regret", "difference", "better/equal/worse",
                          "locked in", "in the best branch"], rows))


if __name__ == "__main__":
    main()
