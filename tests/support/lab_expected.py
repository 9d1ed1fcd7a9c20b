"""What the explorables must show, computed with the package and numpy alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import qmc

from d2l_hpo import (ASHAScheduler, GaussianProcess, HyperbandScheduler, LeNetBenchmark,
                     MLPBenchmark, RecordedSearcher, SuccessiveHalvingScheduler,
                     expected_improvement, hyperband_brackets, read_study, rung_levels, simulate)
from d2l_hpo.spaces import configurations_from_unit_cube

Z = 1.959963984540054


def uniform(seed: int) -> Iterator[float]:
    """Yield the numbers of mulberry32, a generator with 32 bits of state."""
    state = seed & 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        mixed = ((state ^ state >> 15) * (state | 1)) & 0xFFFFFFFF
        mixed ^= (mixed + (mixed ^ mixed >> 7) * (mixed | 61)) & 0xFFFFFFFF
        yield (mixed ^ mixed >> 14) / 2**32


def mean_interval(values: Any) -> list[float]:
    """Return the mean and half of the 95 % interval by the normal distribution."""
    return [np.mean(values), Z * np.std(values, ddof=1) / math.sqrt(len(values))]


@cache
def lenet() -> LeNetBenchmark:
    """Return the recorded LeNet."""
    return LeNetBenchmark()


@cache
def final_errors() -> dict[str, float]:
    """Return the error after the last epoch by configuration; nan: it failed."""
    return {repr(config): float(lenet().curve(config)[0][-1]) for config in lenet().configs}


# -- Successive halving and Hyperband -------------------------------------------------------------

ORDERS = range(1, 21)
REPEATED = 16 * 27  # epochs


@cache
def best_quarter() -> set[str]:
    """Return the configurations that end best."""
    return set(sorted(final_errors(), key=lambda config: np.nan_to_num(
        final_errors()[config], nan=math.inf))[:len(final_errors()) // 4])


def halving_scheduler(method: str, eta: int, first: int, size: int, order: int, pool: str,
                      rounds: int | None) -> Any:
    """Return the scheduler of the package that halves the recorded configurations."""
    searcher = RecordedSearcher(lenet(), seed=order)
    if pool == "best":
        searcher.left = [config for config in searcher.left if repr(config) in best_quarter()]
    if method == "hyperband":
        return HyperbandScheduler(searcher, eta, first, 27, rounds=rounds)
    smallest = eta ** (len(rung_levels(first, 27, eta)) - 1)
    return SuccessiveHalvingScheduler(searcher, eta, first, 27, n=max(size, smallest),
                                      rounds=rounds)


def halving(method: str = "halving", eta: int = 3, first: int = 1, size: int = 27,
            order: int = 7, pool: str = "all") -> dict[str, Any]:
    """Run the scheduler of the package on the recorded curves."""
    records = simulate(halving_scheduler(method, eta, first, size, order, pool, 1), lenet())
    last = records.groupby("trial_id").last()
    ends = last["config"].map(lambda config: final_errors()[repr(config)])
    complete = ends[last["max_epochs"] == 27].dropna()
    winner = complete.idxmin()
    early = last["max_epochs"][(ends < ends[winner]) & (last["max_epochs"] < 27)]
    best = last.loc[ends.idxmin()]
    return {"trials": len(last), "finished": len(complete),
            "cost": int((records["max_epochs"] - records["epoch"]).sum()), "winner": int(winner),
            "error": ends[winner], "regret": ends[winner] - ends.min(),
            "wrong": sorted(early.index.tolist()), "passed": best["epoch"] > 0
            or best["max_epochs"] == 27,
            "first_wrong": int(early.min()) if len(early) else None,
            "of_these": int((early == early.min()).sum())}


@cache
def halving_orders(method: str = "halving", eta: int = 3, first: int = 1, size: int = 27,
                   pool: str = "all") -> dict[str, Any]:
    """Return in how many orders the best trial passes, and the means of the repeated method."""
    spent, runs = np.arange(1, REPEATED + 1), []
    for order in ORDERS:
        records = simulate(halving_scheduler(method, eta, first, size, order, pool, None), lenet(),
                           max_time=REPEATED, job_time=lambda trial, worker, duration:
                           trial.max_epochs - trial.epoch)
        errors = records["error"].fillna(math.inf).cummin().to_numpy()
        reported = np.searchsorted(records["end"].to_numpy(), spent, side="right")
        runs.append(np.array([math.inf, *errors])[reported])
    return {"passed": sum(halving(method, eta, first, size, order, pool)["passed"]
                          for order in ORDERS),
            "means": [mean_interval(errors) if np.isfinite(errors).all() else None
                      for errors in np.array(runs).T]}


# -- ASHA -----------------------------------------------------------------------------------------

def asha_scheduler(mode: str, eta: int, first: int, order: int) -> Any:
    """Return ASHA, or the scheduler whose rungs wait, with one open bracket or without a limit."""
    searcher = RecordedSearcher(lenet(), seed=order)
    if mode in ("promotion", "stopping"):
        return ASHAScheduler(searcher, eta, first, 27, mode=mode)
    return SuccessiveHalvingScheduler(searcher, eta, first, 27,
                                      open_brackets=1 if mode == "bracket" else None)


@cache
def asha_search(mode: str, eta: int, first: int, workers: int, slow: int,
                order: int) -> tuple[Any, pd.DataFrame, float]:
    """Simulate a search as the package does; return its scheduler, its records and its time."""
    table = lenet().table("error")
    seconds = np.array([lenet().curve(config)[1][-1] for config in lenet().configs])
    limit = 2 * seconds[np.isfinite(table[:, -1])].mean()

    def job_time(trial: Any, worker: int, duration: float) -> float:
        number = next(uniform(order * 1000003 + trial.trial_id * 101 + trial.max_epochs))
        return duration * (10 if number < slow / 100 else 1)

    scheduler = asha_scheduler(mode, eta, first, order)
    return scheduler, simulate(scheduler, lenet(), workers, max_time=limit,
                               job_time=job_time), limit


def asha(mode: str = "promotion", eta: int = 3, first: int = 1, workers: int = 8, slow: int = 0,
         time: int = 100, order: int = 1) -> dict[str, Any]:
    """Look at a simulated search at a time."""
    table = lenet().table("error")
    scheduler, records, limit = asha_search(mode, eta, first, workers, slow, order)
    now = limit * time / 100
    begun, ended = records[records["start"] < now], records[records["end"] <= now]
    rungs = rung_levels(first, 27, eta)
    on_first = ended[ended["max_epochs"] == first]
    moved = begun[begun["epoch"] == first]["trial_id"] if first < 27 else pd.Series(dtype=int)
    promoted = on_first[on_first["trial_id"].isin(moved)]
    early = np.nan_to_num(table[:, first - 1], nan=math.inf)
    ranks = dict(zip(map(repr, lenet().configs), (early[:, None] > early).sum(axis=1),
                     strict=True))
    good = on_first["config"].map(lambda config: ranks[repr(config)] < len(table) // eta)
    stopped = on_first[:0]
    if mode == "stopping":
        waiting = {trial.trial_id for trial in scheduler.survivors}
        stopped = on_first[~on_first["trial_id"].isin(moved) & on_first["error"].notna()
                           & ~on_first["trial_id"].isin(waiting)]
    best = np.nanmin(table[:, np.array(rungs) - 1])
    return {"records": records, "trials": begun["trial_id"].nunique(), "limit": limit,
            "finished": int((ended["max_epochs"] == 27).sum()),
            "busy": (begun["end"].clip(upper=now) - begun["start"]).sum() / (workers * now)
            if now else None,
            "regret": ended["error"].min() - best, "promoted": len(promoted),
            "wrong_promotions": sorted(promoted["trial_id"][~good[promoted.index]].tolist()),
            "stopped": len(stopped),
            "wrong_stops": sorted(stopped["trial_id"][good[stopped.index]].tolist())}


@cache
def asha_orders(time: int = 100, **settings: Any) -> dict[str, Any]:
    """Return means over all orders at a time."""
    runs = [asha(time=time, order=order, **settings) for order in ORDERS]
    regrets = [run["regret"] for run in runs]
    return {"promoted": np.mean([run["promoted"] for run in runs]),
            "wrong": np.mean([len(run["wrong_promotions"]) for run in runs]),
            "regret": mean_interval(regrets) if np.isfinite(regrets).all() else None}


# -- The Gaussian process -------------------------------------------------------------------------

FIRST_TRIALS = (10, 60, 100, 180, 200)


@cache
def perceptron_axis() -> np.ndarray:
    """Return the perceptron's errors at 201 places of the learning rate's axis."""
    benchmark = MLPBenchmark(measured=False)
    winner = benchmark.configs[int(np.nanargmin(benchmark.table("error")[:, -1]))]
    axis = {"learning_rate": benchmark.config_space["learning_rate"]}
    rates = configurations_from_unit_cube(axis, np.linspace(0, 1, 201)[:, np.newaxis])
    return np.array([benchmark.curve({**winner, **rate})[0][-1] for rate in rates])


def process(trials: tuple[int, ...] = FIRST_TRIALS, length: int = 20,
            noise: int = 1) -> dict[str, Any]:
    """Return the posterior, the improvement and the likelihood by the package."""
    truth, places = perceptron_axis(), np.array(trials)
    errors = truth[places]
    center, spread = errors.mean(), errors.std() or 1.0
    targets = (errors - center) / spread
    theta = np.log([0.02 * 10 ** (length / 20), 1.0, (noise / 100) ** 2])
    model = GaussianProcess(places[:, np.newaxis] / 200, targets, theta)
    mean, deviation = model.predict(np.arange(201)[:, np.newaxis] / 200)
    gain = expected_improvement(mean, deviation, targets.min())
    return {"mean": center + spread * mean, "deviation": spread * deviation,
            "improvement": spread * gain, "likelihood": model.log_likelihood()[0],
            "best": errors.min(), "where": int(places[errors.argmin()])}


# -- Layouts --------------------------------------------------------------------------------------

def surface(points: np.ndarray, angle: float, share: float) -> np.ndarray:
    """Return the values of the turned valleys at points (n, 2)."""
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    valleys = 1 - np.exp(-0.5 * (((points - 0.5) @ turn + 0.5 - 0.43) / 0.12) ** 2)
    return valleys @ [1 - share, share]


def designs(side: int = 4, angle: int = 0, share: int = 10, seed: int = 1) -> dict[str, Any]:
    """Return regrets and projections of the three layouts; Sobol points come from SciPy."""
    n, turned = side * side, math.radians(angle)
    base = (qmc.Sobol(2, scramble=False, bits=30).random(64)[:n] * 2**30).astype(np.int64)

    def random(numbers: Iterator[float]) -> np.ndarray:
        return np.array([[next(numbers), next(numbers)] for _ in range(n)])

    def sobol(numbers: Iterator[float]) -> np.ndarray:
        shift = np.array([int(next(numbers) * 2**30) for _ in range(2)])
        return (base ^ shift) / 2**30

    cells = (np.arange(side) + 0.5) / side
    grid = np.array([[x, y] for y in cells for x in cells])
    shown, repeated = uniform(seed), uniform(7)
    layouts = {"grid": grid, "random": random(shown), "Sobol": sobol(shown)}
    axis = [math.cos(turned), math.sin(turned)]
    means = {name: mean_interval([surface(layout(repeated), turned, share / 100).min()
                                  for _ in range(200)])
             for name, layout in (("random", random), ("Sobol", sobol))}
    regrets = {name: float(surface(points, turned, share / 100).min())
               for name, points in layouts.items()}
    return {"points": layouts, "regret": regrets, "mean": {"grid": [regrets["grid"], 0], **means},
            "distinct": {name: len(np.unique(((points - 0.5) @ axis).round(9)))
                         for name, points in layouts.items()}}


# -- The winner's curse ---------------------------------------------------------------------------

def noisy_search(n: int, deviation: float, numbers: Iterator[float]) -> dict[str, float]:
    """Search once among LeNet's recorded errors, seen with noise."""
    truths = [error for error in final_errors().values() if math.isfinite(error)]
    true, seen = [], []
    for _ in range(n):
        true.append(truths[int(next(numbers) * len(truths))])
        radius = math.sqrt(-2 * math.log(1 - next(numbers)))
        seen.append(true[-1] + deviation * radius * math.cos(2 * math.pi * next(numbers)))
    winner = int(np.argmin(seen))
    return {"reported": seen[winner], "winner": true[winner], "best": min(true)}


def winner(trials: int = 32, noise: int = 10, seed: int = 1) -> dict[str, Any]:
    """Return one search, and what 400 of them have in common."""
    numbers = uniform(trials)
    runs = pd.DataFrame([noisy_search(trials, noise / 1000, numbers) for _ in range(400)])
    return {"example": noisy_search(trials, noise / 1000, uniform(seed)),
            "optimism": mean_interval(runs["winner"] - runs["reported"]),
            "wrong": (runs["winner"] > runs["best"]).mean()}


# -- Beat the optimizer ---------------------------------------------------------------------------

@cache
def predicted_lenet() -> LeNetBenchmark:
    """Return LeNet as its surrogate predicts it."""
    return LeNetBenchmark(measured=False)


def lenet_config(parts: tuple[int, ...]) -> dict[str, Any]:
    """Return the configuration of six positions of the controls."""
    rate, batch, momentum, decay, width, activation = parts
    return {"learning_rate": 1e-3 * 1000 ** (rate / 50),
            "batch_size": round(16 * 16 ** (batch / 50)), "momentum": 0.99 * momentum / 50,
            "weight_decay": 1e-6 * 1e5 ** (decay / 50), "width": 1 + width,
            "activation": ["relu", "tanh", "sigmoid"][activation]}


def duel(trials: tuple[tuple[int, ...], ...]) -> dict[str, Any]:
    """Return the reader's errors beside those of the recorded searches."""
    errors = [float(predicted_lenet().curve(lenet_config(parts))[0][-1]) for parts in trials]
    mine, study = min(errors), read_study("bayesian")
    rivals = {key: study[f"methods/lenet/{name}"][:, len(trials) - 1] for key, name in
              (("random", "RandomSearcher"), ("bayesian", "BayesianSearcher"))}
    return {"errors": errors, "best": float(study["best/lenet"]), "mine": mine,
            "rivals": {key: [*mean_interval(found), int((mine < found).sum())]
                       for key, found in rivals.items()}}


# -- What the outcome must say --------------------------------------------------------------------

def decimal(value: float, digits: int = 1) -> str:
    """Return a number as the pages write it: halves are rounded away from zero."""
    text = str(abs(Decimal(float(value)).quantize(Decimal(10) ** -digits, ROUND_HALF_UP)))
    return text if value >= 0 or not float(text) else f"\u2212{text}"


def percent(value: float, digits: int = 1) -> str:
    """Return a fraction as per cent."""
    return f"{decimal(100 * value, digits)} %"


def told(name: str, shown: dict[str, Any]) -> list[str]:
    """Return parts that the outcome of an explorable with these settings must have."""
    return TOLD[name](shown)


def _told_halving(shown: dict[str, Any]) -> list[str]:
    found = halving(**shown)
    orders = halving_orders(**{name: shown[name] for name in shown if name != "order"})
    mean, half = orders["means"][-1]
    wrong = (f"Wrongly stopped: {len(found['wrong'])} trial" if found["wrong"]
             else "No trial was wrongly stopped.")
    brackets = hyperband_brackets(rung_levels(shown["first"], 27, shown["eta"]), shown["eta"])
    return [f"{found['trials']} trial", f", {found['finished']} ",
            f"costs {found['cost']} epochs", f"error is {percent(found['error'])}",
            f"{decimal(100 * found['regret'])} points", wrong,
            f"the best trial passes the first rung in {orders['passed']};",
            f"the smallest error is {percent(mean, 2)} (\u00b1 {decimal(100 * half, 2)}).",
            *(f"{size} " + ("trials " if size > 1 and i == 0 else "") + f"from epoch {rungs[0]}"
              for i, (size, rungs) in enumerate(brackets) if shown["method"] == "hyperband"
              and size > 1),
            *([f"after {found['first_wrong']} epoch"] if found["wrong"] else []),
            *([f"{found['of_these']} of them"]
              if 0 < found["of_these"] < len(found["wrong"]) else [])]


def _told_asha(shown: dict[str, Any]) -> list[str]:
    found = asha(**shown)
    orders = asha_orders(**{name: shown[name] for name in shown if name != "order"})
    regret = found["regret"]
    stops = f"Stopped there: {found['stopped']}, wrongly: {len(found['wrong_stops'])}."
    means = (f"promotions {decimal(orders['promoted'])}, wrong ones {decimal(orders['wrong'])}."
             if shown["time"] else "simulated seconds")
    mean = orders["regret"] and (f"regret {decimal(100 * orders['regret'][0])} "
                                 f"(\u00b1 {decimal(100 * orders['regret'][1])})")
    return [f"{found['trials']} trial", f"{found['finished']} trained to the end", means,
            f"Regret: {decimal(100 * regret)} points" if regret < 1 else "No report yet.",
            f"first rung: {found['promoted']}, wrong ones: {len(found['wrong_promotions'])}.",
            *([f"busy for {percent(found['busy'], 0)} of the time"] if shown["time"] else []),
            *([mean] if mean else []), *([stops] if shown["mode"] == "stopping" else [])]


def _told_process(shown: dict[str, Any]) -> list[str]:
    trials = tuple(shown["trials"])
    found = process(trials, shown["length"], shown["noise"])
    return [f"{len(trials)} trial", f"best error is {percent(found['best'])}",
            f"{decimal(100 * found['improvement'].max(), 2)} points",
            f"likelihood: {decimal(found['likelihood'])}."]


def _told_designs(shown: dict[str, Any]) -> list[str]:
    found = designs(**shown)
    intervals = [f"{percent(mean)} (\u00b1 {decimal(100 * half)})"
                 for mean, half in (found["mean"]["random"], found["mean"]["Sobol"])]
    return [f"With {shown['side'] ** 2} points", f"grid tries {found['distinct']['grid']} place",
            f"random search {found['distinct']['random']} and Sobol {found['distinct']['Sobol']}.",
            f"grid {percent(found['regret']['grid'])};", *intervals]


def _told_winner(shown: dict[str, Any]) -> list[str]:
    found = winner(**shown)
    mean, half = found["optimism"]
    return [f"reports {percent(found['example']['reported'])};",
            f"winner has {percent(found['example']['winner'])}",
            f"{decimal(100 * mean, 2)} points (\u00b1 {decimal(100 * half, 2)})",
            f"{percent(found['wrong'], 0)} of them"]


def _told_duel(shown: dict[str, Any]) -> list[str]:
    flat = shown["trials"]
    if not flat:
        return ["No trial yet", percent(float(read_study("bayesian")["best/lenet"]))]
    found = duel(tuple(tuple(flat[i:i + 6]) for i in range(0, len(flat), 6)))
    return [f"Trial {len(flat) // 6} of 10: {percent(found['errors'][-1])}.",
            f"Your best is {percent(found['mine'])}",
            *(f"ahead of {beaten} of its 50 searches" for _, _, beaten in found["rivals"].values()),
            *(f"(\u00b1 {decimal(100 * half)})" for _, half, _ in found["rivals"].values())]


TOLD = {"halving": _told_halving, "asha": _told_asha, "process": _told_process,
        "designs": _told_designs, "winner": _told_winner, "duel": _told_duel}
