"""Ray on this machine, for as long as a block of code runs."""
import logging
import os
import secrets
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from d2l_hpo.arguments import check_int

PATIENCE = 30
"""Seconds that Ray's processes are given to end by themselves."""


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment, for as long as a block runs."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def local_ray(n_workers: int = 2) -> Iterator[Path]:
    """Start Ray with `n_workers` CPUs here; yield a folder for results that goes with it.

    At the end all processes and files of this Ray are gone. It has no dashboard, sends no usage
    statistics, and takes commands only from those who know a random password. ImportError without
    Ray; ValueError if `n_workers` is no positive integer, RuntimeError if Ray is running already.
    """
    n_workers = check_int("n_workers", n_workers)
    try:
        import psutil
        import ray
        import ray.tune
    except ImportError as error:
        raise ImportError("local_ray needs Ray Tune and psutil; run: python -m pip install "
                          "'ray[tune]==2.60.0' psutil") from error

    if ray.is_initialized():
        raise RuntimeError("Ray is running in this process already; call ray.shutdown() first")

    def descendants() -> set[psutil.Process]:
        return set(psutil.Process().children(recursive=True))

    # Ray 2.60 hands Python's path to a shell as it is; where it holds a space, quote it
    quoted = {"py_executable": shlex.quote(sys.executable)} if " " in sys.executable else None
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else it is left in ~/.ray
    handler, before = signal.getsignal(signal.SIGTERM), descendants()
    with tempfile.TemporaryDirectory(prefix="ray-") as folder, _variable("RAY_TMPDIR", folder):
        try:
            ray.init("local", num_cpus=n_workers, include_dashboard=False, _temp_dir=folder,
                     log_to_driver=False, logging_level=logging.ERROR, runtime_env=quoted)
            yield Path(folder, "results")
        finally:
            started = descendants() - before
            ray.shutdown()
            for process in psutil.wait_procs(started, PATIENCE)[1]:
                process.kill()
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)  # ray.init has set its own
