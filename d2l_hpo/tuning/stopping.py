"""Rules that end a search before its budget is spent."""
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from d2l_hpo.tools.arguments import check_int

if TYPE_CHECKING:
    from d2l_hpo.tuning.tuner import HPOTuner

Rule = Callable[[Any], Any]
"""Called with the tuner after each trial; what is true ends the search."""


@dataclass(frozen=True)
class Patience:
    """A rule for `HPOTuner(stop=...)`: ends a search that no longer improves.

    Arguments:

    - `trials`: after so many trials in a row without an improvement the search ends; at least 1,
      else ValueError. Failed trials count.
    - `min_delta`: an improvement is larger than this, in the unit of the error; at least 0, else
      ValueError.

    A trial counts when it has first ended, also where it goes on later.

    >>> searcher = RandomSearcher({"x": stats.uniform(0, 1)}, seed=0)
    >>> tuner = HPOTuner(BasicScheduler(searcher), lambda config: 1 + config["x"],
    ...                  stop=Patience(5, min_delta=0.1))
    >>> tuner.run(number_of_trials=1000)
    >>> len(tuner.rows) < 20
    True
    """

    trials: int
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        check_int("trials", self.trials)
        if not self.min_delta >= 0:
            raise ValueError(f"min_delta is {self.min_delta!r}, expected a number of at least 0")

    def __call__(self, tuner: "HPOTuner") -> bool:
        best = tuner.books.best_by_trials
        return len(best) > self.trials and not (
            best[-1 - self.trials] - best[-1] > self.min_delta)


def rules(stop: Rule | Iterable[Rule]) -> list[Rule]:
    """Return the rules as a list; TypeError for one that cannot be called or has no name."""
    if not (callable(stop) or isinstance(stop, Iterable)):
        raise TypeError(f"stop is {stop!r}, expected a function of the tuner, or a list of them")
    found = [stop] if callable(stop) else list(stop)
    for rule in found:
        if not callable(rule):
            raise TypeError(f"stop has {rule!r}, expected a function of the tuner")
        if " at 0x" in rule_name(rule):
            raise TypeError(f"stop has {rule!r}, whose name another process does not know; give a "
                            "function, or an object with an attribute __name__")
    return found


def rule_name(rule: Rule) -> str:
    """Return by which name the journal knows a rule."""
    return getattr(rule, "__name__", repr(rule))


def apply_rules(tuner: "HPOTuner") -> None:
    """End the search if one of its rules says so."""
    if tuner.books.ended_by is not None and tuner.budget_spent():
        return
    for rule in tuner.stop:
        if rule(tuner):
            tuner.log("stopped", rule=rule_name(rule))
            tuner.books.ended_by = rule_name(rule)
            return
