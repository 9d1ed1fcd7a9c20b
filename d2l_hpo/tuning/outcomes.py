"""What a call of the objective is given, and what its result means."""
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from d2l_hpo.tools.arguments import is_number
from d2l_hpo.tools.copies import copied


BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Outcome(NamedTuple):
    """How an attempt ended: its error (nan: it failed), further numbers, why it failed."""

    error: float
    info: dict[str, Any]
    reason: str | None = None

    @property
    def status(self) -> str:
        """The word for it in the records."""
        return "completed" if self.reason is None else "failed"


def accepted_names(function: Callable[..., Any], names: set[str],
                   takes_any: bool = True) -> set[str]:
    """Return which of the names a function, as it is called, takes beside its first argument.

    A keyword that `functools.partial` has bound is not free, and a decorator that passes on
    `**keywords` accepts what the function inside does. Other `**keywords` take all names, unless
    `takes_any` is False.
    """
    free = names - set(function.keywords) if isinstance(function, partial) else names
    try:
        parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    except ValueError:  # a function of C without a signature
        return set()
    named = free & {parameter.name for parameter in parameters[1:] if parameter.kind in BY_NAME}
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return named
    called = function.func if isinstance(function, partial) else function
    inner = getattr(called, "__wrapped__", None)
    if inner is None:
        return free if takes_any else named
    return named | accepted_names(inner, free, takes_any)


def objective_name(objective: Callable[..., Any]) -> str:
    """Return by which name a search knows its objective: that of the function, or of the class."""
    function = getattr(objective, "func", objective)  # functools.partial
    return getattr(function, "__qualname__", type(function).__qualname__)


def takes_report(objective: Callable[..., Any]) -> bool:
    """Say whether an objective has an argument `report` of its own; `**keywords` are none."""
    return bool(accepted_names(objective, {"report"}, takes_any=False))


def accepted_keywords(function: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the offered keyword arguments that a function accepts."""
    names = accepted_names(function, set(offered))
    return {name: value for name, value in offered.items() if name in names}


def shared_names(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same entries; a name that comes with many results is in memory once."""
    return {sys.intern(name) if type(name) is str else name: value
            for name, value in entries.items()}


def read_result(result: Any) -> tuple[float, dict[str, Any]]:
    """Split what an objective returned into its error and a dict of further numbers.

    TypeError where it is neither a number nor a dict whose "error" is one.
    """
    info = shared_names(result) if isinstance(result, dict) else {"error": result}
    error = info.pop("error", None)
    if not is_number(error):
        raise TypeError(f"the objective returned {result!r}, expected a number, or a dict whose "
                        "'error' is a number")
    return float(error), info


def judge(result: Any, reason: str | None = None,
          as_stored: Callable[[dict[str, Any]], dict[str, Any]] = copied) -> Outcome:
    """Return what a result means; with a `reason`, there is none, since the attempt failed.

    `as_stored` turns the further numbers into what a journal gives back; by default they are a
    copy, since the objective may go on with its own.
    """
    if reason is not None:
        return Outcome(math.nan, {}, reason)
    try:
        error, info = read_result(result)
        info = as_stored(info)
    except Exception:  # the objective returned something odd
        return Outcome(math.nan, {}, traceback.format_exc())
    if not math.isfinite(error):
        return Outcome(math.nan, info, f"the objective returned {result!r}: no finite error")
    return Outcome(error, info)
