"""What a call of the objective is given, and what its result means."""
import inspect
import math
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from d2l_hpo.tools.arguments import is_number


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


def accepts(function: Callable[..., Any], name: str) -> bool:
    """Say whether a function, as it is called, takes a keyword beside its first argument.

    A keyword that `functools.partial` has bound is not free, and a decorator that passes on
    `**keywords` accepts what the function inside does.
    """
    if isinstance(function, partial) and name in function.keywords:
        return False
    try:
        parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    except ValueError:  # a function of C without a signature
        return False
    if any(parameter.name == name and parameter.kind in BY_NAME for parameter in parameters[1:]):
        return True
    if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return False
    called = function.func if isinstance(function, partial) else function
    inner = getattr(called, "__wrapped__", None)
    return inner is None or accepts(inner, name)


def accepted_keywords(function: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the offered keyword arguments that a function `accepts`."""
    return {name: value for name, value in offered.items() if accepts(function, name)}


def read_result(result: Any) -> tuple[float, dict[str, Any]]:
    """Split what an objective returned into its error and a dict of further numbers.

    TypeError where it is neither a number nor a dict whose "error" is one.
    """
    info = dict(result) if isinstance(result, dict) else {"error": result}
    error = info.pop("error", None)
    if not is_number(error):
        raise TypeError(f"the objective returned {result!r}, expected a number, or a dict whose "
                        "'error' is a number")
    return float(error), info


def judge(result: Any, reason: str | None = None,
          as_stored: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> Outcome:
    """Return what a result means; with a `reason`, there is none, since the attempt failed.

    `as_stored` turns the further numbers into what a journal gives back.
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
