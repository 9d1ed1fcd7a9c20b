"""Scripts without `if __name__ == "__main__":`: new processes import them and come to `run()`, too.

A tuner's own process then ends without a word, with an exit code from which its tuner knows the
reason; it alone raises an error. Other new processes end with one line.
"""
import multiprocessing
import sys
from concurrent.futures import Executor

IMPORTS_SCRIPT, LOADS_OBJECTIVE, IS_READY = "d2l_hpo-new", "d2l_hpo-loading", "d2l_hpo-worker"
"""Names of a tuner's own process: what it is doing."""


NO_GUARD = 96
"""Exit code of a tuner's own process that came to `run()` while it imported the script."""


REMEDY = "in a script, call run() under `if __name__ == '__main__':`"


def leave_new_worker(executor: Executor | None) -> None:
    """End this process if it is a tuner's own, or one of a given pool, that imports the script.

    It has no time to lose: its pool kills it as soon as another one has ended. RuntimeError if it
    imports the objective's module: the tuner receives it.
    """
    name = multiprocessing.current_process().name
    if name == IMPORTS_SCRIPT:
        sys.exit(NO_GUARD)
    if name == LOADS_OBJECTIVE:
        raise RuntimeError(f"run() was called by a module that was only to be imported; {REMEDY}")
    pools = sys.modules.get("concurrent.futures.process")  # there is no pool without it
    if pools is not None and isinstance(executor, pools.ProcessPoolExecutor):
        leave_new_process()


def leave_new_process() -> None:
    """End this process, with one line, if it is new and imports the script."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        sys.exit(f"d2l_hpo: a new process imports the script and came to run() there; {REMEDY}")
