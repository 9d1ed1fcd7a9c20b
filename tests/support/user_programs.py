"""Programs as users of d2l_hpo write them: type checkers read them, and the tests run them.

`make check` hands this file to mypy and to pyright (basedpyright). An `assert_type` says what they
have to know, and `wrong_uses` what they have to find: an ignored error that is none is an error.
"""
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import d2l_hpo
from d2l_hpo import (
    ASHAScheduler,
    BasicScheduler,
    BayesianSearcher,
    ConstrainedSearcher,
    CrossValidation,
    DigitsBenchmark,
    FoldScheduler,
    HPOScheduler,
    HPOSearchCV,
    HPOSearcher,
    HPOTuner,
    HyperbandScheduler,
    MedianStoppingScheduler,
    NondominatedSortingSearcher,
    Patience,
    RandomSearcher,
    RecordedSearcher,
    SizedPerceptron,
    Trial,
    categorical,
    feasible,
    incumbent_errors,
    lograndint,
    mean_interval,
    pareto_front,
    plot_any_time,
    plot_search,
    plot_timeline,
    repeat_search,
    sample_configuration,
    search_report,
    simulate,
    when,
)

SPACE = {
    "learning_rate": stats.loguniform(1e-4, 1),
    "units": lograndint(8, 64),
    "optimizer": categorical(["sgd", "adam"]),
    "momentum": when(lambda config: config["optimizer"] == "sgd", stats.uniform(0, 0.99)),
}


def objective(config: dict[str, Any]) -> float:
    """Return an error; module-level, so that worker processes find it."""
    return (math.log10(config["learning_rate"]) + 2) ** 2 + 1 / config["units"]


def resumable(config: dict[str, Any], max_epochs: int = 9, checkpoint: Path | None = None,
              seed: int = 0) -> dict[str, float]:
    """Return an error and another number; train on from the checkpoint, where there is one."""
    done = 0
    if checkpoint is not None and checkpoint.exists():
        done = int(checkpoint.read_text(encoding="utf-8"))
    if checkpoint is not None:
        checkpoint.write_text(str(max_epochs), encoding="utf-8")
    noise = np.random.default_rng(seed).normal(0, 0.01)
    return {"error": objective(config) / max_epochs + noise, "new_epochs": float(max_epochs - done)}


def reporting(config: dict[str, Any], max_epochs: int, report: Callable[..., bool]) -> None:
    """Report after each epoch, and go on as long as the scheduler says so."""
    for epoch in range(1, max_epochs + 1):
        if not report(objective(config) + 1 / epoch, epoch, rate=config["learning_rate"]):
            break


class Printer:
    """A callback."""

    def report(self, trial: Trial, error: float, epoch: int, info: dict[str, float]) -> None:
        """Print each report."""
        print(trial.trial_id, epoch, error, info)


def report_and_stop() -> None:
    """Trials that report are stopped; a second search begins with what the first has found."""
    scheduler = MedianStoppingScheduler(RandomSearcher(SPACE, seed=0), max_epochs=5)
    first = HPOTuner(scheduler, reporting, max_failures=2, callbacks=[Printer()])
    first.run(number_of_trials=8)
    asha = ASHAScheduler(BayesianSearcher(SPACE), eta=2, r_min=1, r_max=4, mode="stopping")
    second = HPOTuner(asha, reporting, warm_start=first.records,
                      stop=[Patience(4), lambda tuner: tuner.incumbent_error < 0.1])
    second.run(number_of_trials=8)
    assert len(second.records) >= 8


def search_at_random() -> None:
    """The best configuration and its error."""
    searcher = RandomSearcher(SPACE, seed=0)
    tuner = HPOTuner(BasicScheduler(searcher), objective)
    tuner.run(number_of_trials=20)
    assert_type(tuner.incumbent, dict[str, Any] | None)
    assert_type(tuner.incumbent_error, float)
    assert_type(tuner.incumbent_trial, int | None)
    assert_type(tuner.incumbent_trajectory, list[float])
    if tuner.incumbent is not None:
        print(f"learning rate {tuner.incumbent['learning_rate']:.3g}: {tuner.incumbent_error:.3f}")
    assert tuner.incumbent_error == min(tuner.incumbent_trajectory)
    assert_type(d2l_hpo.__version__, str)


def read_the_records() -> None:
    """A DataFrame: one row a job."""
    tuner = HPOTuner(BasicScheduler(RandomSearcher(SPACE)), resumable)
    tuner.run(5)
    records = tuner.records
    assert_type(records, pd.DataFrame)
    completed = records[records["status"] == "completed"]
    configs = pd.DataFrame(list(completed["config"]))
    errors = completed["error"].to_numpy(float)
    assert configs["units"].between(8, 64).all() and np.isfinite(errors).all()
    assert_type(incumbent_errors(records, [0.5, 1e9]), np.ndarray)
    assert_type(mean_interval(errors), tuple[float, float, float])
    assert mean_interval([0.1, 0.2, 0.3])[0] == mean_interval(np.array([0.1, 0.2, 0.3]))[0]


class HalvingSearcher(HPOSearcher):
    """Moves from the best configuration so far to another one, half as far each time."""

    def __init__(self, config_space: dict[str, Any], seed: int = 0, **options: Any) -> None:
        super().__init__(config_space, seed=seed, **options)
        self.best: tuple[float, dict[str, Any]] = (math.inf, {})
        self.radius = 1.0

    def propose(self) -> dict[str, Any]:
        """Return a configuration near the best one."""
        config = sample_configuration(self.config_space, self.rng)
        if self.best[1]:
            rate = self.best[1]["learning_rate"] * math.exp(self.rng.normal(0, self.radius))
            config["learning_rate"] = min(max(rate, 1e-4), 1.0)
        return config

    def update(self, config: dict, error: float, epoch: int | None = None,
               info: dict | None = None) -> None:
        """Keep the best one."""
        if error < self.best[0]:
            self.best = error, dict(config)
        self.radius /= 2


def use_an_own_searcher() -> None:
    """A searcher needs `propose`, and `update` if it learns."""
    start = {"learning_rate": 0.1, "units": 32, "optimizer": "adam"}
    searcher = HalvingSearcher(SPACE, seed=1, initial_config=start, initial_configs=[start])
    assert_type(searcher.rng, np.random.Generator)
    assert_type(searcher.sample_configuration(), dict | None)
    tuner = HPOTuner(BasicScheduler(searcher, max_epochs=3), resumable)
    tuner.run(number_of_trials=8)
    assert searcher.best == (tuner.incumbent_error, tuner.incumbent)


class TwiceScheduler(HPOScheduler):
    """Trains each configuration for one epoch, and for nine where that went well."""

    def __init__(self, searcher: HPOSearcher) -> None:
        self.searcher = searcher
        self.number = 0
        self.good: list[Trial] = []

    def suggest(self) -> Trial | None:
        """Return a trial that goes on, or a new one."""
        if self.good:
            trial = self.good.pop()
            return Trial(trial.trial_id, trial.config, max_epochs=9, epoch=1)
        config = self.searcher.sample_configuration()
        if config is None:
            return None
        self.number += 1
        return Trial(self.number - 1, config, max_epochs=1)

    def update(self, trial: Trial, error: float, info: dict | None = None) -> None:
        """Let it go on, or not."""
        if trial.max_epochs == 1 and error < 1:
            self.good.append(trial)
        self.searcher.update(trial.config, error, trial.max_epochs, info)


def use_an_own_scheduler() -> None:
    """A scheduler needs `suggest` and `update`."""
    scheduler = TwiceScheduler(RandomSearcher(SPACE))
    assert_type(scheduler.suggest(), Trial | None)
    assert_type(scheduler.describe(), dict[str, Any])
    assert_type(scheduler.ended(), list[int])
    tuner = HPOTuner(TwiceScheduler(RandomSearcher(SPACE)), resumable, checkpoint_dir="own")
    tuner.run(number_of_trials=12, max_wallclock_time=60.0)
    assert set(tuner.records["max_epochs"]) == {1, 9}


def run_on_workers_with_a_journal() -> None:
    """Killed or not, the second tuner knows what the first has found."""
    errors = []
    for trials in (4, 6):
        tuner = HPOTuner(BasicScheduler(RandomSearcher(SPACE, seed=2)), objective, n_workers=2,
                         journal=Path("search.jsonl"), max_retries=2, trial_timeout=120)
        tuner.run(number_of_trials=trials)
        errors.append(tuner.incumbent_error)
    assert len(tuner.records) == 6 and errors[1] <= errors[0]


class BatchObjective:
    """An objective whose trials run in batches."""

    def __call__(self, config: dict[str, Any], seed: int = 0) -> float:
        return objective(config)

    def run_batch(self, calls: list[tuple[dict[str, Any], dict[str, Any]]],
                  ) -> list[float | Exception]:
        return [self(config, **keywords) for config, keywords in calls]


def run_in_batches() -> None:
    """Hand eight trials at a time to one call."""
    tuner = HPOTuner(BasicScheduler(RandomSearcher(SPACE)), BatchObjective(), batch_size=8)
    tuner.run(number_of_trials=12)
    assert tuner.records["worker"].max() == 7


def stop_early() -> None:
    """Hyperband: many trials for few epochs, few trials for many."""
    scheduler = HyperbandScheduler(RandomSearcher(SPACE), eta=3, r_min=1, r_max=9, rounds=1)
    assert_type(scheduler.rungs, list[int])
    tuner = HPOTuner(scheduler, resumable, checkpoint_dir=Path("checkpoints"))
    tuner.run()
    assert set(tuner.records["max_epochs"]) == {1, 3, 9}


def simulate_and_plot() -> None:
    """Asynchronous successive halving on eight simulated workers."""
    benchmark = DigitsBenchmark()
    scheduler = ASHAScheduler(RecordedSearcher(benchmark), 3, 1, 27, mode="stopping", brackets=2)
    records = simulate(scheduler, benchmark, n_workers=8, max_time=20)
    assert_type(records, pd.DataFrame)
    assert_type(benchmark.curve(benchmark.configs[0]), tuple[np.ndarray, np.ndarray])
    ax = plot_search(records, label="ASHA")
    assert_type(ax, Axes)
    plot_timeline(records, color_by="max_epochs", n_workers=8).set_title("eight workers")
    times = np.linspace(1, 20, 20)

    def random_search(seed: int) -> BasicScheduler:
        return BasicScheduler(RecordedSearcher(benchmark, seed=seed))

    errors = repeat_search(random_search, benchmark, times, seeds=3, n_workers=8)
    assert_type(errors, np.ndarray)
    plot_any_time({"random search": errors}, times, log=True)
    assert errors.shape == (3, 20)


def search_with_a_model() -> None:
    """Bayesian optimization after two given configurations and four others."""
    known = [{"learning_rate": 0.1, "units": 32, "optimizer": "adam"},
             {"learning_rate": 0.3, "units": 64, "optimizer": "sgd", "momentum": 0.9}]
    searcher = BayesianSearcher(SPACE, seed=0, initial_points=6, initial_configs=known)
    tuner = HPOTuner(BasicScheduler(searcher), objective)
    tuner.run(number_of_trials=10)
    assert_type(searcher.pending, list[str])
    assert list(tuner.records["config"][:2]) == known
    report = search_report(tuner, np.array([0.1, 0.2]), test_error=0.15, test_examples=1000)
    assert_type(report, str)
    assert "trained anew" in report


def trade_objectives() -> None:
    """A front of two objectives."""
    benchmark = SizedPerceptron()
    searcher = NondominatedSortingSearcher(benchmark.config_space, objectives=("error", "size"))
    records = simulate(BasicScheduler(searcher, max_epochs=9), benchmark, number_of_trials=24)
    points = np.array([(job["error"], job["info"]["size"]) for _, job in records.iterrows()])
    front = pareto_front(points)
    assert_type(front, np.ndarray)
    assert 1 <= len(front) <= 24


def keep_limits() -> None:
    """The best configuration among those that are small enough."""
    benchmark, limits = SizedPerceptron(), {"size": 4.2}
    searcher = ConstrainedSearcher(benchmark.config_space, seed=0, limits=limits)
    records = simulate(BasicScheduler(searcher, max_epochs=9), benchmark, number_of_trials=12)
    kept = feasible(records, limits)
    assert_type(kept, np.ndarray)
    assert kept.any() and records[kept]["error"].notna().all()


def fold_error(config: dict[str, Any], fold: int) -> float:
    """Return the error on one fold."""
    return objective(config) + 0.01 * fold


def validate_by_folds() -> None:
    """Cross-validation that drops configurations after a few folds."""
    scheduler = FoldScheduler(RandomSearcher(SPACE), folds=3)
    tuner = HPOTuner(scheduler, CrossValidation(fold_error, folds=3), checkpoint_dir="folds")
    tuner.run(number_of_trials=6)
    assert_type(scheduler.errors, dict[int, list[float]])
    assert tuner.records["max_epochs"].max() == 3


def tune_an_estimator() -> None:
    """A pipeline of scikit-learn: candidates see a part of the data first."""
    pipeline = make_pipeline(StandardScaler(), SVC())
    space = {"svc__C": stats.loguniform(1e-2, 1e3), "svc__kernel": categorical(["linear", "rbf"])}
    X, y = load_iris(return_X_y=True)
    search = HPOSearchCV(pipeline, space, searcher="tpe", scheduler="asha", resource="n_samples",
                         n_trials=9, cv=3, random_state=0)
    assert_type(search.fit(X, y), HPOSearchCV)
    assert search.best_score_ > 0.8 and search.predict(X).shape == y.shape


PROGRAMS = (search_at_random, read_the_records, use_an_own_searcher, use_an_own_scheduler,
            run_on_workers_with_a_journal, run_in_batches, stop_early, report_and_stop,
            simulate_and_plot, search_with_a_model, trade_objectives, keep_limits,
            validate_by_folds, tune_an_estimator)


def wrong_uses(tuner: HPOTuner, searcher: RandomSearcher) -> Iterator[Any]:
    """What type checkers have to find; nobody calls this."""
    from d2l_hpo import check_int  # type: ignore[attr-defined]  # a tool: from d2l_hpo.tools
    yield check_int
    yield RandomSearcher()  # type: ignore[call-arg]
    yield RandomSearcher(SPACE, seed="0")  # type: ignore[arg-type]
    yield BasicScheduler(SPACE)  # type: ignore[arg-type]
    yield HPOTuner(searcher, objective)  # type: ignore[arg-type]
    yield HPOTuner(BasicScheduler(searcher), 0.5)  # type: ignore[arg-type]
    yield HPOTuner(BasicScheduler(searcher), objective, workers=2)  # type: ignore[call-arg]
    yield HPOTuner(BasicScheduler(searcher), objective, batch_size="8")  # type: ignore[arg-type]
    yield ASHAScheduler(searcher, eta=3)  # type: ignore[call-arg]
    yield ConstrainedSearcher(SPACE, limits=4.2)  # type: ignore[arg-type]
    yield Trial("first", {})  # type: ignore[arg-type]
    yield lograndint(1, "10")  # type: ignore[arg-type]
    tuner.run("20")  # type: ignore[arg-type]
    yield tuner.incumbent["learning_rate"]  # type: ignore[index]
    yield tuner.best_config  # type: ignore[attr-defined]
    yield searcher.sample_configuration()["units"]  # type: ignore[index]
    yield simulate(BasicScheduler(searcher))  # type: ignore[call-arg]
    yield plot_search(tuner)  # type: ignore[arg-type]
    tuner.incumbent_error = 0.0  # type: ignore[misc]

    class Odd(HPOSearcher):
        def propose(self) -> list[float]:  # type: ignore[override]
            return [0.5]

    yield Odd
