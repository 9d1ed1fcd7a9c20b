"""Objects that are told what happens in a search; they cannot change or end it."""
import traceback
import warnings
from collections.abc import Iterable
from typing import Any

HOOKS = ("search_begin", "trial_begin", "report", "trial_end", "search_end")


class Callbacks:
    """The callbacks of a search; TypeError for an object without any of their methods."""

    def __init__(self, callbacks: Iterable[Any]) -> None:
        if not isinstance(callbacks, Iterable):
            raise TypeError(f"callbacks is {callbacks!r}, expected a list; put it into one")
        self.all = list(callbacks)
        for callback in self.all:
            if not any(callable(getattr(callback, hook, None)) for hook in HOOKS):
                raise TypeError(f"callback {callback!r} has none of the methods {', '.join(HOOKS)}")

    def call(self, hook: str, *arguments: Any) -> None:
        """Call a method of each callback that has it; an exception becomes a warning.

        The event has happened and is written down: an exception could only cost running trials.
        """
        for callback in self.all:
            method = getattr(callback, hook, None)
            if method is None:
                continue
            try:
                method(*arguments)
            except Exception:
                warnings.warn(f"the callback {type(callback).__name__}.{hook} failed; the search "
                              f"goes on:\n{traceback.format_exc()}", stacklevel=3)
