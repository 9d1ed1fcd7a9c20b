"""Linear algebra on one thread: on small matrices, more threads mostly wait for each other."""
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_is_limited = threading.Lock()


@functools.cache
def _controller() -> ThreadpoolController:
    """Find the libraries that are loaded now; NumPy's and SciPy's are when a model is first fitted.

    A library that is loaded later keeps its threads: no model here uses one.
    """
    return ThreadpoolController()


@contextmanager
def single_thread() -> Iterator[None]:
    """Let the linear algebra of this process use one thread, for as long as a block runs.

    Of blocks inside each other, or in several threads at once, the first one sets the number, and
    sets it back: another one would take the limit for what was there before.
    """
    if not _is_limited.acquire(blocking=False):
        yield
        return
    try:
        with _controller().limit(limits=1, user_api="blas"):
            yield
    finally:
        _is_limited.release()


def one_thread(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Make a function run in `single_thread`."""
    @functools.wraps(function)
    def limited(*arguments: _Arguments.args, **keywords: _Arguments.kwargs) -> _Result:
        with single_thread():
            return function(*arguments, **keywords)
    return limited
