"""How searchers and tuners of version 0.1 were called: it still works, with a warning."""
import functools
import inspect
import warnings
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

TUNER_ATTRIBUTES = {
    "checkpoint": "checkpoints.path",
    "checkpoint_dir": "checkpoints.folder",
    "elapsed": "books.elapsed",
    "pending": "books.pending",
    "running": "books.running",
}
"""By former name, where an attribute of an `HPOTuner` is now."""


def former_attribute(tuner: Any, name: str) -> Any:
    """Return what a tuner had under a former name; AttributeError for any other."""
    if name not in TUNER_ATTRIBUTES:
        raise AttributeError(f"{type(tuner).__name__!r} object has no attribute {name!r}")
    path = TUNER_ATTRIBUTES[name]
    warnings.warn(f"tuner.{name} has moved: tuner.{path}", DeprecationWarning, stacklevel=3)
    return attrgetter(path)(tuner)


def accept_former_update(update: Callable[..., None]) -> Callable[..., None]:
    """Let a searcher's `update` be called, and be defined, with `additional_info` as in 0.1.

    That held the epoch, too.
    """
    parameters = list(inspect.signature(update).parameters.values())
    is_former = len(parameters) == 4 and parameters[3].name not in ("epoch", "info") and all(
        p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
    if is_former:
        warnings.warn(f"{update.__qualname__} is defined as in version 0.1: now it is "
                      "update(self, config, error, epoch=None, info=None)", DeprecationWarning,
                      stacklevel=3)

    @functools.wraps(update)
    def checked(self: Any, *arguments: Any, **keywords: Any) -> None:
        third = arguments[2] if len(arguments) == 3 else None
        former = keywords.pop("additional_info", third if isinstance(third, Mapping) else None)
        if former is not None:
            warnings.warn("update(config, error, additional_info) is now "
                          "update(config, error, epoch=None, info=None)", DeprecationWarning,
                          stacklevel=2)
            info = dict(former)
            arguments = arguments[:2]
            keywords |= {"epoch": info.pop("epoch", None), "info": info}
        if is_former and (len(arguments) == 4 or "epoch" in keywords or "info" in keywords):
            return update(self, *_as_formerly(*arguments, **keywords))
        return update(self, *arguments, **keywords)

    return checked


def _as_formerly(config: dict, error: float, epoch: int | None = None,
                 info: Mapping[str, Any] | None = None) -> tuple[dict, float, dict[str, Any]]:
    """Return a report's parts with the epoch among the further numbers."""
    return config, error, {**(info or {}), **({} if epoch is None else {"epoch": epoch})}
