"""The searcher and the scheduler of a search, from what a user gave: a name, a class, an instance.
"""
import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from d2l_hpo.estimators.resources import Resource, innermost
from d2l_hpo.schedulers.asha import ASHAScheduler
from d2l_hpo.schedulers.base import SchedulerBase
from d2l_hpo.schedulers.brackets import BracketScheduler
from d2l_hpo.schedulers.hyperband import HyperbandScheduler, SuccessiveHalvingScheduler
from d2l_hpo.schedulers.rungs import MultiFidelityScheduler
from d2l_hpo.schedulers.scheduler import BasicScheduler
from d2l_hpo.schedulers.wrapper import SchedulerWrapper
from d2l_hpo.searchers.base import SearcherBase
from d2l_hpo.searchers.bayesian import BayesianSearcher
from d2l_hpo.searchers.designs import SobolSearcher
from d2l_hpo.searchers.evolution import RegularizedEvolutionSearcher
from d2l_hpo.searchers.grid import GridSearcher
from d2l_hpo.searchers.pool import PoolSearcher
from d2l_hpo.searchers.searcher import HPOSearcher, RandomSearcher
from d2l_hpo.searchers.tpe import TPESearcher
from d2l_hpo.spaces.space import describe_space

SEARCHERS: dict[str, Callable[..., Any]] = {
    "random": RandomSearcher, "grid": GridSearcher, "sobol": SobolSearcher,
    "bayesian": BayesianSearcher, "tpe": TPESearcher, "evolution": RegularizedEvolutionSearcher,
}
SCHEDULERS: dict[str, Callable[..., Any]] = {
    "successive_halving": SuccessiveHalvingScheduler, "hyperband": HyperbandScheduler,
    "asha": ASHAScheduler,
}


class LimitedSearcher(HPOSearcher):
    """Lets a `searcher` inside propose at most `limit` configurations, then none."""

    def __init__(self, searcher: HPOSearcher, limit: int) -> None:
        super().__init__(searcher.config_space, seed=searcher.seed)
        self.searcher, self.limit, self.proposed = searcher, limit, 0

    def sample_configuration(self) -> dict[str, Any] | None:
        """Return the next configuration of the searcher inside; None after the last one."""
        if self.proposed == self.limit:
            return None
        self.proposed += 1
        return self.searcher.sample_configuration()

    def update(self, config: dict[str, Any], error: float, epoch: int | None = None,
               info: dict[str, Any] | None = None) -> None:
        """Report to the searcher inside."""
        self.searcher.update(config, error, epoch, info)

    def check_report(self, error: float, info: dict[str, Any]) -> None:
        """Raise ValueError or TypeError where the searcher inside lacks a number."""
        self.searcher.check_report(error, info)

    def score(self, config: dict[str, Any], error: float, info: dict[str, Any]) -> float:
        """Return what a configuration counts for the searcher inside."""
        return self.searcher.score(config, error, info)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the searcher inside, and the limit."""
        return {**self.searcher.settings(), "limit": self.limit}


def make_searcher(given: Any, config_space: Mapping[str, Any], seed: int) -> Any:
    """Return a fresh searcher over a space; of an instance, a copy.

    `given` is None (Bayesian optimization), a name of `SEARCHERS`, an instance, or a class or
    function that is called with the space and a `seed`. TypeError or ValueError for anything else,
    and for an instance over another space.
    """
    if isinstance(given, SearcherBase):
        check_searcher_space("searcher", given, config_space)
        return copy.deepcopy(given)
    make = _called("searcher", given, SEARCHERS, BayesianSearcher, "TPESearcher")
    searcher = make(config_space, seed=seed)
    if not isinstance(searcher, SearcherBase):
        raise TypeError(f"searcher {given!r} returned {searcher!r}, expected a searcher")
    return searcher


def make_scheduler(given: Any, searcher: HPOSearcher, resource: Resource | None,
                   n_trials: int | None, is_timed: bool) -> Any:
    """Return a fresh scheduler of a searcher.

    `given` is None (each candidate gets everything at once; with a resource, successive halving),
    a name of `SCHEDULERS`, or a class or function that is called with the searcher and `eta`,
    `r_min` and `r_max`. At most `n_trials` candidates begin. TypeError or ValueError for anything
    else, and where the search would never end: without `n_trials`, unless it `is_timed`.
    """
    if resource is not None:
        limited = searcher if n_trials is None else LimitedSearcher(searcher, n_trials)
        scheduler = _with_rungs(given, limited, resource, n_trials, is_timed)
    elif given is None or given is BasicScheduler:
        scheduler = BasicScheduler(searcher)
    else:
        _called("scheduler", given, SCHEDULERS, BasicScheduler, "ASHAScheduler")
        raise ValueError(f"scheduler is {given!r}, which compares candidates that have a part of "
                         "a resource, but resource is None; give resource='n_samples' or the name "
                         "of a parameter such as 'n_estimators'")
    return check_scheduler_suits(scheduler, n_trials, is_timed)


def copy_scheduler(given: SchedulerBase, config_space: Mapping[str, Any],
                   resource: Resource | None, n_trials: int | None, is_timed: bool) -> Any:
    """Return a copy of a scheduler, whose searcher proposes at most `n_trials` configurations.

    ValueError where its searcher has another space, for rungs without a resource, and where the
    search would never end.
    """
    scheduler = copy.deepcopy(given)
    inner = innermost(scheduler)
    if isinstance(getattr(inner, "searcher", None), SearcherBase):
        check_searcher_space("scheduler's searcher", inner.searcher, config_space)
    if isinstance(inner, MultiFidelityScheduler) and resource is None:
        raise ValueError(f"scheduler is an instance of {type(inner).__name__} with the rungs "
                         f"{inner.rungs}, but resource is None; say of what they are: 'n_samples' "
                         "or the name of a parameter such as 'n_estimators'")
    check_scheduler_suits(scheduler, n_trials, is_timed)
    if n_trials is not None and not isinstance(inner, BasicScheduler):
        limit_searcher(scheduler, n_trials)
    return scheduler


def _with_rungs(given: Any, searcher: HPOSearcher, resource: Resource, n_trials: int | None,
                is_timed: bool) -> Any:
    """Return a scheduler that `given` names or makes, over the rungs of a resource."""
    make = _called("scheduler", given, SCHEDULERS, SuccessiveHalvingScheduler, "ASHAScheduler")
    if make is BasicScheduler:
        return BasicScheduler(searcher, max_epochs=resource.largest)
    rungs: dict[str, Any] = {"eta": resource.eta, "r_min": resource.smallest,
                             "r_max": resource.largest}
    if make is SuccessiveHalvingScheduler and n_trials is not None:  # all in one bracket
        rungs |= {"n": max(n_trials, resource.eta ** (len(resource.levels()) - 1)), "rounds": 1}
    elif inspect.isclass(make) and issubclass(make, BracketScheduler) and n_trials is None:
        rungs |= {} if is_timed else {"rounds": 1}
    scheduler = make(searcher, **rungs)
    if not isinstance(scheduler, SchedulerBase):
        raise TypeError(f"scheduler {given!r} returned {scheduler!r}, expected a scheduler")
    return scheduler


def limit_searcher(scheduler: Any, n_trials: int) -> None:
    """Let a scheduler's searcher, also within wrappers, propose at most `n_trials`."""
    inner = innermost(scheduler)
    if not isinstance(getattr(inner, "searcher", None), SearcherBase):
        raise ValueError(f"n_trials is {n_trials}, but {type(inner).__name__} has no searcher "
                         "that could be limited; give n_trials=None")
    limited = LimitedSearcher(inner.searcher, n_trials)
    while isinstance(scheduler, SchedulerWrapper):
        scheduler.searcher, scheduler = limited, scheduler.scheduler
    scheduler.searcher = limited


def check_searcher_space(name: str, searcher: Any, config_space: Mapping[str, Any]) -> None:
    """Raise ValueError where a searcher was made for another space."""
    if describe_space(searcher.config_space) != describe_space(config_space):
        raise ValueError(f"the {name}, a {type(searcher).__name__}, has another space than "
                         f"config_space: {list(searcher.config_space)} there, {list(config_space)} "
                         "here, or other domains; make it with the same space")


def check_scheduler_suits(scheduler: Any, n_trials: int | None, is_timed: bool) -> Any:
    """Return the scheduler; ValueError where it needs checkpoints or its search never ends."""
    inner = innermost(scheduler)
    if scheduler.needs_checkpoints:
        raise ValueError(f"{type(inner).__name__} lets candidates begin with what others have "
                         "learned, but an estimator begins anew in each fit; give another one")
    searcher = getattr(inner, "searcher", None)
    ends = isinstance(searcher, GridSearcher | PoolSearcher) or (
        isinstance(inner, BracketScheduler) and inner.rounds is not None)
    if n_trials is None and not is_timed and not ends:
        raise ValueError(f"n_trials and max_wallclock_time are None, and {type(inner).__name__} "
                         f"with {type(searcher).__name__} never ends; give one of them")
    return scheduler


def ends_at_once(scheduler: Any) -> bool:
    """Say whether each trial of a scheduler ends with its first report."""
    return isinstance(innermost(scheduler), BasicScheduler)


def _called(name: str, given: Any, known: dict[str, Callable[..., Any]],
            default: Callable[..., Any], example: str) -> Callable[..., Any]:
    """Return what is called to make a searcher or scheduler; TypeError or ValueError if nothing."""
    if given is None:
        return default
    if isinstance(given, str):
        if given not in known:
            raise ValueError(f"{name} is {given!r}, expected one of {sorted(known)}, or a class "
                             f"such as {example}")
        return known[given]
    if not callable(given):
        raise TypeError(f"{name} is {given!r}, expected one of {sorted(known)}, a class such as "
                        f"{example}, a function that makes one, or an instance")
    return given
