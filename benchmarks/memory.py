"""What a process holds, as Linux says: memory, open files, threads, and other processes."""
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

SHARED = Path("/dev/shm")


def status(name: str) -> int:
    """Return an entry of this process's status: VmHWM, its peak memory in kB; VmRSS; Threads."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def peak() -> float:
    """Return the peak of this process's memory in MB."""
    return status("VmHWM") / 1000


def open_files() -> int:
    """Return how many files this process has open, that of this look included."""
    return len(os.listdir("/proc/self/fd"))


def children() -> int:
    """Return how many processes this one has started that have not gone."""
    return sum(len(path.read_text(encoding="utf-8").split())
               for path in Path("/proc/self/task").glob("*/children"))


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, whose memory is that of the call alone."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def folder() -> tempfile.TemporaryDirectory:
    """Return a folder in memory, where there is one: what waits for a disk takes its time."""
    return tempfile.TemporaryDirectory(dir=SHARED if SHARED.is_dir() else None)
