"""What candidates of a search get more of on each rung: examples, or a parameter's value."""
from dataclasses import dataclass
from typing import Any

from d2l_hpo.schedulers.rungs import MultiFidelityScheduler, rung_levels
from d2l_hpo.schedulers.wrapper import SchedulerWrapper
from d2l_hpo.tools.arguments import check_int

MOST_PROMOTIONS = 3
"""How often a candidate may be promoted at most, where no smallest resource is given."""


@dataclass(frozen=True)
class Resource:
    """A resource by its name: "n_samples", or a parameter of the estimator.

    The first rung is at `smallest`, each next one at `eta` times as much, the last at `largest`.
    """

    name: str
    smallest: int
    largest: int
    eta: int

    @property
    def is_samples(self) -> bool:
        """Whether it is the number of examples."""
        return self.name == "n_samples"

    def levels(self) -> list[int]:
        """Return the rungs."""
        return rung_levels(self.smallest, self.largest, self.eta)


def make_resource(name: str, scheduler: Any, smallest: int | None, largest: int | None, eta: int,
                  n_trials: int | None, least: int, n_samples: int | None) -> Resource:
    """Return a resource with its range, from what was given; ValueError for what cannot be.

    A scheduler with rungs of its own has the range, too. Otherwise the largest is by default
    `n_samples`, all examples (None: the resource is a parameter, which has no default). The
    smallest is by default so large that one of `n_trials` candidates can be promoted to the
    largest, at most `MOST_PROMOTIONS` times; but not below `least`.
    """
    eta, inner = check_int("eta", eta, 2), innermost(scheduler)
    if isinstance(inner, MultiFidelityScheduler):
        if smallest is not None or largest is not None:
            raise ValueError(f"min_resources is {smallest} and max_resources {largest}, but the "
                             f"scheduler has the rungs {inner.rungs}; give None for both")
        smallest, largest, eta = inner.r_min, inner.r_max, inner.eta
    if largest is None and n_samples is None:
        raise ValueError(f"max_resources is None; give the largest value of {name!r}")
    largest = check_int("max_resources", n_samples if largest is None else largest)
    if n_samples is not None and largest > n_samples:
        raise ValueError(f"max_resources is {largest}, but there are {n_samples} examples; give "
                         "at most that")
    if smallest is None:
        parts = eta ** most_promotions(n_trials, eta)
        smallest = min(max(least, -(-largest // parts)), largest)
    elif check_int("min_resources", smallest) > largest:
        raise ValueError(f"min_resources is {smallest}, above max_resources, {largest}; give at "
                         "most that")
    return Resource(name, int(smallest), largest, eta)


def most_promotions(n_trials: int | None, eta: int) -> int:
    """Return how often one of `n_trials` candidates can be promoted, at most `MOST_PROMOTIONS`."""
    promotions = 0
    while promotions < MOST_PROMOTIONS and (
            n_trials is None or eta ** (promotions + 1) <= check_int("n_trials", n_trials)):
        promotions += 1
    return promotions


def innermost(scheduler: Any) -> Any:
    """Return the scheduler within wrappers, or what was given."""
    while isinstance(scheduler, SchedulerWrapper):
        scheduler = scheduler.scheduler
    return scheduler
